import type { KeyObject } from 'node:crypto'
import { RE2JS } from 're2js'
import type { JsonObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { AttestorEntry, AttestorSet } from '../../kinds/image-verification.ts'
import { wildcardTest } from '../wildcard.ts'
import { certificatesIn, verifyChain } from './certificate-chain.ts'
import type { CosignSignature } from './cosign-signatures.ts'
import { fulcioExtensions } from './fulcio-extensions.ts'
import { publicKeysIn, signedByKey, type HashName } from './signed-by.ts'
import { loggedAt } from './transparency-log.ts'

/** What verifying needs besides the signatures. */
export interface TrustOptions {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** PEM text of a key that a policy names by `k8s://namespace/name` or by a Secret. */
  secretKey(namespace: string, name: string): Promise<string>
  /** Certificates of a local trust root for keyless signatures, PEM; those of the policy come before. */
  readonly roots?: string
}

/** A signature's document says what it is about; throws with the reason when that is something else. */
export type Claim = (document: JsonObject) => void

/** Signatures that were made for one image (or of one type of attestation), from the repository that an attestor names or the image's own. */
export type SignatureSource = (repository: string | undefined) => Promise<readonly CosignSignature[]>

/** Holds signatures against a set of attestors: `count` of its entries (all without one) must have signed. Gives the documents they signed. Throws CodedError `NotVerified` with each entry's reason and its path. */
export async function verifySet(set: AttestorSet, source: SignatureSource, { claim, trust, path }: { readonly claim: Claim; readonly trust: TrustOptions; readonly path: string }): Promise<JsonObject[]> {
  const entries = await expanded(set.entries ?? [], trust)
  const needed = set.count ?? entries.length
  const documents: JsonObject[] = []
  const reasons: string[] = []
  let verified = 0
  for (const { entry, at } of entries) {
    try {
      const found = entry.attestor === undefined ? await verifyEntry(entry, await source(entry.repository), claim, trust) : await verifySet(entry.attestor, source, { claim, trust, path: `${path}.entries[${at}].attestor` })
      documents.push(...found)
      verified++
    } catch (error) {
      reasons.push(`${path}.entries[${at}]${kindOf(entry)}: ${messageOf(error)}`)
    }
    if (verified >= needed) return documents
  }
  throw new CodedError({ code: 'NotVerified', message: `${reasons.join('; ') || `${path}: there are no attestors`}${needed < entries.length ? ` (${verified} of ${needed} needed)` : ''}` })
}

const kindOf = (entry: AttestorEntry): string => (['keys', 'certificates', 'keyless', 'attestor'] as const).filter((kind) => entry[kind] !== undefined).map((kind) => `.${kind}`).join('')

/** Several keys in one text are an entry each. */
async function expanded(entries: readonly AttestorEntry[], trust: TrustOptions): Promise<{ readonly entry: AttestorEntry; readonly at: number }[]> {
  const found: { entry: AttestorEntry; at: number }[] = []
  for (const [at, entry] of entries.entries()) {
    const { keys } = entry
    if (keys?.kms !== undefined || /^(aws|gcp|azure|hashi)kms:/.test(keys?.publicKeys ?? '')) throw new CodedError({ code: 'Unsupported', message: 'unsupported: keys.kms is not supported by this engine' })
    const named = /^k8s:\/\/([^/]+)\/(.+)$/.exec((keys?.publicKeys ?? '').trim())
    const text = keys?.secret !== undefined ? await trust.secretKey(keys.secret.namespace, keys.secret.name) : named === null ? keys?.publicKeys : await trust.secretKey(named[1] ?? '', named[2] ?? '')
    const blocks = text?.match(/-----BEGIN ([A-Z ]*PUBLIC KEY)-----[\s\S]+?-----END \1-----/g) ?? []
    if (keys === undefined || blocks.length === 0) found.push({ entry, at })
    else for (const block of blocks) found.push({ at, entry: { ...entry, keys: { ...keys, publicKeys: block } } })
  }
  return found
}

function verifyEntry(entry: AttestorEntry, signatures: readonly CosignSignature[], claim: Claim, trust: TrustOptions): JsonObject[] {
  if (signatures.length === 0) throw new CodedError({ code: 'NotVerified', message: 'no signatures found' })
  const reasons = new Set<string>()
  const documents: JsonObject[] = []
  for (const signature of signatures) {
    try {
      verifyOne(entry, signature, trust)
      claim(signature.document)
      hasAnnotations(entry.annotations, signature.document)
      documents.push(signature.document)
    } catch (error) {
      reasons.add(messageOf(error))
    }
  }
  if (documents.length === 0) throw new CodedError({ code: 'NotVerified', message: `no matching signatures: ${[...reasons].join(', ')}` })
  return documents
}

/** Annotations that a policy asks for are in what was signed. */
export function hasAnnotations(wanted: Readonly<Record<string, string>> | undefined, document: JsonObject): void {
  const have = (document['optional'] ?? {}) as Readonly<Record<string, unknown>>
  for (const [key, value] of Object.entries(wanted ?? {})) {
    if (typeof have[key] !== 'string' || !wildcardTest(value)(have[key])) throw new CodedError({ code: 'NotVerified', message: `annotation mismatch: ${key} is ${JSON.stringify(have[key] ?? null)}, not ${value}` })
  }
}

function verifyOne({ keys, certificates, keyless, signatureAlgorithm }: AttestorEntry, signature: CosignSignature, trust: TrustOptions): void {
  const hash = (signatureAlgorithm ?? keys?.signatureAlgorithm ?? 'sha256') as HashName
  const signed = (key: KeyObject): void => {
    if (!signature.signatures.some((one) => signedByKey(signature.data, one, key, hash))) throw new CodedError({ code: 'NotVerified', message: 'invalid signature' })
  }
  if (keys !== undefined) {
    const [key] = publicKeysIn(keys.publicKeys ?? '')
    if (key === undefined) throw new CodedError({ code: 'InvalidKey', message: 'publicKeys holds no public key in PEM' })
    signed(key)
    loggedAt(signature, keys.rekor)
    return
  }
  if (certificates !== undefined) return verifyCertified(certificates, signature, trust, signed)
  if (keyless !== undefined) return verifyKeyless(keyless, signature, trust, signed)
  throw new CodedError({ code: 'Unsupported', message: 'an attestor has one of keys, certificates, keyless, attestor' })
}

type Signed = (key: KeyObject) => void

/** The policy's own certificate, or the signature's under the policy's chain. */
function verifyCertified({ cert = '', certChain = '', rekor }: NonNullable<AttestorEntry['certificates']>, signature: CosignSignature, trust: TrustOptions, signed: Signed): void {
  const [leaf] = certificatesIn(cert === '' ? signature.certificate : cert)
  if (leaf === undefined) throw new CodedError({ code: 'CertificateInvalid', message: 'there is no certificate, neither in the policy nor beside the signature' })
  signed(leaf.publicKey)
  const at = loggedAt(signature, rekor) ?? trust.now
  const chain = certificatesIn(certChain)
  if (chain.length > 0) verifyChain(leaf, { between: chain, roots: chain.slice(-1), at })
  else if (cert === '') throw new CodedError({ code: 'CertificateInvalid', message: 'without a certificate of the policy a certChain is needed' })
  else verifyChain(leaf, { between: [], roots: [leaf], at })
}

/** A short-lived certificate of a CA that knows who asked for it: who that was, the policy says. */
function verifyKeyless({ issuer, issuerRegExp, subject, subjectRegExp, roots = '', additionalExtensions = {}, rekor, ctlog }: NonNullable<AttestorEntry['keyless']>, signature: CosignSignature, trust: TrustOptions, signed: Signed): void {
  if (ctlog?.ignoreSCT !== true) throw new CodedError({ code: 'Unsupported', message: 'unsupported: certificate timestamps (ctlog) are not verified by this engine: set ctlog.ignoreSCT' })
  const trusted = certificatesIn(roots === '' ? trust.roots ?? '' : roots)
  if (trusted.length === 0) throw new CodedError({ code: 'CertificateInvalid', message: 'there is no trust root for keyless signatures: set roots' })
  const [leaf] = certificatesIn(signature.certificate)
  if (leaf === undefined) throw new CodedError({ code: 'CertificateInvalid', message: 'no certificate found on signature' })
  signed(leaf.publicKey)
  verifyChain(leaf, { between: certificatesIn(signature.chain), roots: trusted, at: loggedAt(signature, rekor) ?? trust.now })
  const extensions = fulcioExtensions(leaf.raw)
  const names = (leaf.subjectAltName ?? '').split(', ').map((one) => one.replace(/^(email|URI|DNS|othername):/, ''))
  const require = (what: string, wanted: string | undefined, pattern: string | undefined, have: readonly string[]): void => {
    if (wanted !== undefined && wanted !== '' && !have.some((one) => wildcardTest(wanted)(one))) throw new CodedError({ code: 'NotVerified', message: `${what} mismatch: expected ${wanted}, received ${have.join(', ')}` })
    if (pattern !== undefined && pattern !== '' && !have.some((one) => RE2JS.compile(pattern).matcher(one).find())) throw new CodedError({ code: 'NotVerified', message: `${what} mismatch: expected ${pattern}, received ${have.join(', ')}` })
  }
  require('subject', subject, subjectRegExp, names)
  require('issuer', issuer, issuerRegExp, [extensions.get('issuer') ?? ''])
  for (const [name, wanted] of Object.entries(additionalExtensions)) require(`extension ${name}`, wanted, undefined, [extensions.get(name) ?? ''])
}
