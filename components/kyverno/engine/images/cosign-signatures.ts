import type { Json, JsonObject } from '@idp/formats'
import type { Repository, RegistryClient } from './registry-client.ts'

/** One signature as cosign keeps it beside an image: what was signed, by whom it says it was. */
export interface CosignSignature {
  /** The bytes that were signed: the payload, or the pre-authentication encoding of an envelope. */
  readonly data: Buffer
  /** The signatures over them; one is enough. */
  readonly signatures: readonly Buffer[]
  /** The simple signing document, or the in-toto statement. */
  readonly document: JsonObject
  /** PEM, of signers without a key of their own. */
  readonly certificate: string
  readonly chain: string
  /** The transparency log's word, as cosign attaches it. */
  readonly bundle: JsonObject | undefined
}

const tagOf = (digest: string, suffix: 'sig' | 'att'): string => `${digest.replace(':', '-')}.${suffix}`
const prefix = 'dev.sigstore.cosign'

interface Layer { readonly mediaType?: string; readonly digest: string; readonly annotations?: Readonly<Record<string, string>> }

/** Most signatures of one image that are looked at, as cosign's own limit. */
const maxSignatures = 100

async function layersAt(client: RegistryClient, repository: Repository, tag: string): Promise<readonly Layer[]> {
  const manifest = await client.manifest(repository, tag)
  return ((manifest?.content['layers'] ?? []) as unknown as readonly Layer[]).slice(0, maxSignatures)
}

/** The signatures of an image (tag `sha256-….sig`); none where there is no such tag. */
export async function signaturesOf(client: RegistryClient, repository: Repository, digest: string): Promise<CosignSignature[]> {
  const found: CosignSignature[] = []
  for (const { digest: blob, annotations = {} } of await layersAt(client, repository, tagOf(digest, 'sig'))) {
    const signature = annotations['dev.cosignproject.cosign/signature']
    if (signature === undefined) continue
    const data = await client.blob(repository, blob)
    found.push({ data, signatures: [Buffer.from(signature, 'base64')], document: parse(data), ...attached(annotations) })
  }
  return found
}

/** The attestations of an image (tag `sha256-….att`): DSSE envelopes around in-toto statements. */
export async function attestationsOf(client: RegistryClient, repository: Repository, digest: string): Promise<CosignSignature[]> {
  const found: CosignSignature[] = []
  for (const { digest: blob, annotations = {} } of await layersAt(client, repository, tagOf(digest, 'att'))) {
    const envelope = parse(await client.blob(repository, blob)) as { payloadType?: string; payload?: string; signatures?: readonly { sig?: string }[] }
    if (envelope.payload === undefined || envelope.payloadType === undefined) continue
    const payload = Buffer.from(envelope.payload, 'base64')
    found.push({ data: preAuthentication(envelope.payloadType, payload), signatures: (envelope.signatures ?? []).map(({ sig = '' }) => Buffer.from(sig, 'base64')), document: parse(payload), ...attached(annotations) })
  }
  return found
}

/** What a DSSE envelope's signatures are over (github.com/secure-systems-lab/dsse). */
export function preAuthentication(type: string, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload])
}

function attached(annotations: Readonly<Record<string, string>>): Pick<CosignSignature, 'certificate' | 'chain' | 'bundle'> {
  const bundle = annotations[`${prefix}/bundle`]
  return { certificate: annotations[`${prefix}/certificate`] ?? '', chain: annotations[`${prefix}/chain`] ?? '', bundle: bundle === undefined ? undefined : parse(Buffer.from(bundle)) }
}

function parse(bytes: Buffer): JsonObject {
  const read = JSON.parse(bytes.toString()) as Json
  return typeof read === 'object' && read !== null && !Array.isArray(read) ? read : {}
}
