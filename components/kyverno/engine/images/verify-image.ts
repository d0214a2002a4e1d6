import type { Json, JsonObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { Attestation, AttestorEntry, AttestorSet, ImageVerification } from '../../kinds/image-verification.ts'
import { conditionsHold } from '../conditions.ts'
import type { Scope } from '../variables.ts'
import { hasAnnotations, verifySet, type SignatureSource, type TrustOptions } from './attestors.ts'
import { attestationsOf, signaturesOf, type CosignSignature } from './cosign-signatures.ts'
import { locate, type RegistryClient, type Repository } from './registry-client.ts'

/** What verifying images needs. */
export interface ImageTrust extends TrustOptions {
  /** The registry with what a policy says about logging in. */
  registry(credentials: ImageVerification['imageRegistryCredentials']): RegistryClient
}

/** An image that was verified: the digest that its tag stands for, and statements about it by the names of their attestations. */
export interface VerifiedImage { readonly digest: string; readonly statements: Readonly<Record<string, Json>> }

/** Verifies one image as an entry of `verifyImages` asks: each set of attestors, each attestation with its conditions. Throws CodedError `NotVerified` (or `RegistryFailed`) with the path of what was not met. */
export async function verifyImage(asked: ImageVerification, image: string, { scope, trust }: { readonly scope: Scope; readonly trust: ImageTrust }): Promise<VerifiedImage> {
  if (asked.type !== undefined && asked.type !== 'Cosign') throw new CodedError({ code: 'Unsupported', message: `unsupported: type ${asked.type} is not supported by this engine` })
  if (asked.cosignOCI11 === true) throw new CodedError({ code: 'Unsupported', message: 'unsupported: cosignOCI11 is not supported by this engine' })
  const { repository, tag, digest: given } = locate(image)
  const registry = trust.registry(asked.imageRegistryCredentials)
  const digest = given === '' ? (await registry.manifest(repository, tag))?.digest : given
  if (digest === undefined) throw new CodedError({ code: 'NotVerified', message: `failed to fetch image descriptor: ${image} not found`, where: image })
  const isAbout = (document: JsonObject): void => {
    const of = (document['critical'] as { image?: Readonly<Record<string, string>> } | undefined)?.image?.['docker-manifest-digest']
    if (of !== digest) throw new CodedError({ code: 'NotVerified', message: 'the signature is about another image' })
    hasAnnotations(asked.annotations, document)
  }
  const at = (read: typeof signaturesOf): SignatureSource => remembered((other) => read(registry, repositoryOf(other ?? asked.repository, repository), digest))
  const signatures = at(signaturesOf)
  for (const [index, set] of attestorSets(asked).entries()) await verifySet(set, signatures, { claim: isAbout, trust, path: `.attestors[${index}]` })
  const statements: Record<string, Json> = {}
  const attested = at(attestationsOf)
  for (const [index, attestation] of (asked.attestations ?? []).entries()) {
    const found = await verifyAttestation(attestation, attested, { digest, scope, trust, path: `.attestations[${index}]` })
    if (attestation.name !== undefined) statements[attestation.name] = found as unknown as Json
  }
  return { digest, statements }
}

/** The sets of an entry; older forms name one attestor beside the images. */
export function attestorSets({ attestors = [], key, roots, issuer, subject, additionalExtensions }: ImageVerification): readonly AttestorSet[] {
  if (attestors.length > 0) return attestors
  const entry: AttestorEntry | undefined = key !== undefined ? { keys: { publicKeys: key } }
    : issuer !== undefined || subject !== undefined ? { keyless: { ...(issuer === undefined ? {} : { issuer }), ...(subject === undefined ? {} : { subject }), ...(roots === undefined ? {} : { roots }), ...(additionalExtensions === undefined ? {} : { additionalExtensions }) } }
    : roots !== undefined ? { certificates: { certChain: roots } } : undefined
  return entry === undefined ? [] : [{ entries: [entry] }]
}

const repositoryOf = (named: string | undefined, own: Repository): Repository => (named === undefined || named === '' ? own : locate(named).repository)

function remembered(read: (repository: string | undefined) => Promise<readonly CosignSignature[]>): SignatureSource {
  const known = new Map<string | undefined, Promise<readonly CosignSignature[]>>()
  return (repository) => {
    const found = known.get(repository) ?? read(repository)
    known.set(repository, found)
    return found
  }
}

interface Attesting { readonly digest: string; readonly scope: Scope; readonly trust: ImageTrust; readonly path: string }

/** One statement of the type that its attestors signed and whose conditions hold; attestations without attestors are only looked at, as upstream. */
async function verifyAttestation({ type, predicateType, attestors = [], conditions }: Attestation, source: SignatureSource, { digest, scope, trust, path }: Attesting): Promise<JsonObject> {
  const wanted = type ?? predicateType ?? ''
  const isAbout = (statement: JsonObject): void => {
    if (statement['predicateType'] !== wanted) throw new CodedError({ code: 'NotVerified', message: `predicate type mismatch, expected ${wanted}, received ${String(statement['predicateType'])}` })
    const subjects = (statement['subject'] ?? []) as unknown as readonly { readonly digest?: Readonly<Record<string, string>> }[]
    if (!subjects.some((one) => `sha256:${one.digest?.['sha256'] ?? ''}` === digest)) throw new CodedError({ code: 'NotVerified', message: 'the attestation is about another image' })
  }
  let statements: readonly JsonObject[]
  if (attestors.length === 0) statements = (await source(undefined)).map(({ document }) => document).filter((document) => passes(() => isAbout(document)))
  else {
    const sets = []
    for (const [index, set] of attestors.entries()) sets.push(await verifySet(set, source, { claim: isAbout, trust, path: `${path}.attestors[${index}]` }))
    // What every set signed: a statement that one set vouches for says nothing for another.
    const [first = [], ...others] = sets
    statements = first.filter((one) => others.every((set) => set.some((other) => JSON.stringify(other) === JSON.stringify(one))))
  }
  if (statements.length === 0) throw new CodedError({ code: 'NotVerified', message: `${path}: no attestation of type ${wanted} found`, where: path })
  const met = statements.find((statement) => (conditions ?? []).length === 0 || conditionsHold(conditions as Parameters<typeof conditionsHold>[0], { ...(statement['predicate'] as JsonObject | undefined), ...scope }, 'null'))
  if (met === undefined) throw new CodedError({ code: 'NotVerified', message: `${path}.conditions: attestation checks failed for predicate ${wanted}`, where: path })
  return met
}

function passes(check: () => void): boolean {
  try {
    check()
    return true
  } catch (error) {
    if (error instanceof CodedError) return false
    throw new CodedError({ code: 'NotVerified', message: messageOf(error) })
  }
}
