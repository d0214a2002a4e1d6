import { createHash, createPublicKey } from 'node:crypto'
import type { JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { RekorOptions } from '../../kinds/image-verification.ts'
import type { CosignSignature } from './cosign-signatures.ts'
import { signedByKey } from './signed-by.ts'

/**
 * When the transparency log says that a signature was made, in milliseconds since the epoch; undefined where the policy does not ask the log (`ignoreTlog`).
 * The log's word is the bundle beside the signature, signed with the key that the policy gives (`rekor.pubkey`). Without a key nothing is trusted. Throws CodedError `TlogMissing`, `TlogInvalid`.
 */
export function loggedAt(signature: CosignSignature, rekor: RekorOptions | undefined): number | undefined {
  if (rekor?.ignoreTlog === true) return undefined
  if (rekor?.pubkey === undefined || rekor.pubkey === '') throw new CodedError({ code: 'TlogMissing', message: 'the transparency log cannot be asked from here: set rekor.pubkey, or rekor.ignoreTlog' })
  const { SignedEntryTimestamp: stamp, Payload: payload } = (signature.bundle ?? {}) as { SignedEntryTimestamp?: string; Payload?: { body: string; integratedTime: number; logIndex: number; logID: string } }
  if (stamp === undefined || payload === undefined) throw new CodedError({ code: 'TlogMissing', message: 'no entry of the transparency log is attached' })
  const { body, integratedTime, logID, logIndex } = payload
  const canonical = Buffer.from(JSON.stringify({ body, integratedTime, logID, logIndex }))
  if (!signedByKey(canonical, Buffer.from(stamp, 'base64'), createPublicKey(rekor.pubkey))) throw new CodedError({ code: 'TlogInvalid', message: 'the entry of the transparency log is not signed by its key' })
  if (!isAbout(JSON.parse(Buffer.from(body, 'base64').toString()) as JsonObject, signature)) throw new CodedError({ code: 'TlogInvalid', message: 'the entry of the transparency log is about something else' })
  return integratedTime * 1000
}

/** Whether a log entry is about this very signature: what was signed, and how (`hashedrekord`, `dsse`) or by whom (`intoto`). */
function isAbout(entry: JsonObject, { data, signatures, certificate }: CosignSignature): boolean {
  const spec = (entry['spec'] ?? {}) as LogEntry
  const has = (text: string | undefined): boolean => signatures.some((one) => one.toString('base64') === text)
  const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
  switch (entry['kind']) {
    case 'hashedrekord': return spec.data?.hash?.value === hash(data) && has(spec.signature?.content)
    case 'dsse': return spec.payloadHash?.value === hash(payloadIn(data)) && (spec.signatures ?? []).some(({ signature }) => has(signature))
    case 'intoto': return spec.content?.payloadHash?.value === hash(payloadIn(data)) && (certificate === '' || Buffer.from(spec.publicKey ?? '', 'base64').toString().trim() === certificate.trim())
    default: return false
  }
}

interface LogEntry {
  readonly data?: { readonly hash?: { readonly value?: string } }; readonly signature?: { readonly content?: string }; readonly payloadHash?: { readonly value?: string }
  readonly signatures?: readonly { readonly signature?: string }[]; readonly content?: { readonly payloadHash?: { readonly value?: string } }; readonly publicKey?: string
}

/** The payload inside a pre-authentication encoding. */
function payloadIn(data: Buffer): Buffer {
  const [, typeLength = '0'] = /^DSSEv1 (\d+) /.exec(data.toString('latin1')) ?? []
  const afterType = `DSSEv1 ${typeLength} `.length + Number(typeLength) + 1
  return data.subarray(data.indexOf(0x20, afterType) + 1)
}
