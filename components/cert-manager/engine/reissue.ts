import type { KeyObject } from 'node:crypto'
import type { Secret } from '@idp/api'
import { isCoded, rfc3339 } from '@idp/kit'
import { addressBytes, algorithmOf, keyMatches, parseCertificate, parseCertificates, parseCsr, parseKey, signedBy, type Certificate as X509, type Csr } from '@idp/pki'
import { names, type Certificate, type CertificateRequest } from '../kinds/cert-manager.ts'
import { constraintsOf, durationOf, keyAlgorithmOf, renewalTime, requestTemplate, usagesOf } from './certificate-spec.ts'

/** Why a certificate is issued (again): reason and message of the condition `Issuing`. */
export interface Reissue { readonly reason: string; readonly message: string }

/** What a Secret holds, as far as it can be read. */
export interface Held { readonly certificate: X509; readonly key: KeyObject }

/** By object: what the cache holds is never changed in place, and is looked at by every pass over its Certificate. */
const read = new WeakMap<Secret, Held | { readonly certificate?: undefined }>()

export function readSecret(secret: Secret | undefined): Held | undefined {
  if (secret === undefined) return undefined
  let held = read.get(secret)
  if (held === undefined) read.set(secret, (held = parseSecret(secret) ?? {}))
  return held.certificate === undefined ? undefined : held
}

function parseSecret(secret: Secret): Held | undefined {
  const [cert, key] = [dataOf(secret, 'tls.crt'), dataOf(secret, 'tls.key')]
  if (cert === undefined || key === undefined) return undefined
  try {
    return { certificate: parseCertificate(cert), key: parseKey(key) }
  } catch {
    return undefined // the caller issues anew and says why
  }
}

/** The private key of a Secret, if it can be read. */
export function keyIn(secret: Secret | undefined): KeyObject | undefined {
  const key = dataOf(secret, 'tls.key')
  try {
    return key === undefined ? undefined : parseKey(key)
  } catch (error) {
    if (!isCoded(error)) throw error
    return undefined
  }
}

export function dataOf(secret: Secret | undefined, name: string): string | undefined {
  const value = secret?.data?.[name]
  return value === undefined || value === '' ? undefined : Buffer.from(value, 'base64').toString()
}

/** The reason to issue a certificate now; undefined when the Secret holds what is asked for. @param request the request of the current revision; @param ca the CA that its issuer signs with now, where the issuer asks that certificates follow it */
export function reasonToIssue(certificate: Certificate, secret: Secret | undefined, request: CertificateRequest | undefined, now: number, ca?: readonly X509[]): Reissue | undefined {
  const { spec } = certificate
  if (secret === undefined) return { reason: 'DoesNotExist', message: 'Issuing certificate as Secret does not exist' }
  if (dataOf(secret, 'tls.key') === undefined) return { reason: 'MissingData', message: 'Issuing certificate as Secret does not contain a private key' }
  if (dataOf(secret, 'tls.crt') === undefined) return { reason: 'MissingData', message: 'Issuing certificate as Secret does not contain a certificate' }
  const held = readSecret(secret)
  if (held === undefined) return { reason: 'InvalidKeyPair', message: 'Issuing certificate as Secret contains an invalid key-pair' }
  if (!keyMatches(held.certificate, held.key)) return { reason: 'InvalidKeyPair', message: 'Issuing certificate as Secret contains an invalid key-pair: private key does not match certificate' }
  const changed = keyChanges(certificate, held.key)
  if (changed !== undefined) return { reason: 'SecretMismatch', message: `Existing private key is not up to date for spec: ${changed}` }
  const issued = secret.metadata.annotations ?? {}
  const { issuerRef } = spec
  if (issued[names.issuerName] !== issuerRef.name || (issued[names.issuerKind] ?? 'Issuer') !== (issuerRef.kind ?? 'Issuer') || (issued[names.issuerGroup] || 'cert-manager.io') !== (issuerRef.group ?? 'cert-manager.io')) {
    return { reason: 'IncorrectIssuer', message: `Issuing certificate as Secret was previously issued by "${issued[names.issuerKind] ?? ''}.${issued[names.issuerGroup] ?? ''}/${issued[names.issuerName] ?? ''}"` }
  }
  const fields = request === undefined ? certificateChanges(certificate, held.certificate) : requestChanges(certificate, request)
  if (fields.length > 0) return { reason: request === undefined ? 'SecretMismatch' : 'RequestChanged', message: `Fields on existing ${request === undefined ? 'Secret' : 'CertificateRequest resource'} not up to date: [${fields.join(' ')}]` }
  if (held.certificate.notAfter <= now) return { reason: 'Expired', message: 'Issuing certificate as existing certificate has expired' }
  if (ca !== undefined && !isOf(held.certificate, dataOf(secret, 'ca.crt'), ca)) return { reason: 'CAReplaced', message: 'Issuing certificate as the CA of its issuer was replaced' }
  const renew = renewalTime(spec, held.certificate)
  if (renew <= now) return { reason: 'Renewing', message: `Renewing certificate as renewal was scheduled at ${rfc3339(renew)}` }
  return undefined
}

/** Whether the CA signed a certificate, and its root is the one beside it. */
function isOf(leaf: X509, root: string | undefined, ca: readonly X509[]): boolean {
  const [issuer] = ca
  if (issuer === undefined) return true
  return signedBy(leaf, issuer) && root !== undefined && ca.some(({ fingerprint }) => fingerprint === parseCertificate(root).fingerprint)
}

/** Reasons for which a certificate that is in use stays good until the next one is there. */
export const isRoutine = ({ reason }: Reissue): boolean => reason === 'Renewing' || reason === 'CAReplaced'

/** How a key differs from the one that is asked for; undefined when it does not. */
export function keyChanges({ spec }: Certificate, key: KeyObject): string | undefined {
  const [wanted, found] = [keyAlgorithmOf(spec), algorithmOf(key)]
  if (wanted.type !== found.type) return '[spec.privateKey.algorithm]'
  return 'size' in wanted && 'size' in found && wanted.size !== found.size ? '[spec.privateKey.size]' : undefined
}

/** Fields of the spec that a request does not ask for. */
export function requestChanges(certificate: Certificate, request: CertificateRequest): string[] {
  const { spec } = certificate
  let csr: Csr
  try {
    csr = parseCsr(Buffer.from(request.spec.request, 'base64').toString())
  } catch {
    return ['spec.request']
  }
  const changed = nameChanges(certificate, csr)
  if (durationOf(spec) !== durationOf(request.spec as Pick<Certificate['spec'], 'duration'>)) changed.push('spec.duration')
  if ((spec.isCA ?? false) !== (request.spec.isCA ?? false)) changed.push('spec.isCA')
  if (usagesOf(spec).toSorted().join() !== usagesOf({ usages: request.spec.usages as never, isCA: spec.isCA as never }).toSorted().join()) changed.push('spec.usages')
  if (!Buffer.from(constraintsOf(spec) ?? []).equals(csr.nameConstraints ?? Buffer.alloc(0))) changed.push('spec.nameConstraints')
  const [a, b] = [spec.issuerRef, request.spec.issuerRef]
  if (a.name !== b.name || (a.kind ?? 'Issuer') !== (b.kind ?? 'Issuer')) changed.push('spec.issuerRef')
  return changed
}

function certificateChanges(certificate: Certificate, found: X509): string[] {
  return nameChanges(certificate, found)
}

function nameChanges({ spec }: Certificate, found: Pick<Csr, 'subject' | 'dnsNames' | 'ipAddresses' | 'uris' | 'emails' | 'otherNames' | 'rawSubject'>): string[] {
  const wanted = requestTemplate(spec)
  const same = (a: readonly string[] | undefined, b: readonly string[]): boolean => [...a ?? []].sort().join() === [...b].sort().join()
  const changed: string[] = []
  if (spec.literalSubject !== undefined && spec.literalSubject !== '') {
    if (!Buffer.from(wanted.rawSubject ?? []).equals(found.rawSubject)) changed.push('spec.literalSubject')
  } else {
    if ((wanted.subject?.commonName ?? '') !== (found.subject.commonName ?? '')) changed.push('spec.commonName')
    if ((['countries', 'organizations', 'organizationalUnits', 'localities', 'provinces', 'streetAddresses', 'postalCodes'] as const).some((part) => !same(wanted.subject?.[part], found.subject[part] ?? []))) changed.push('spec.subject')
  }
  if (!same(wanted.dnsNames, found.dnsNames)) changed.push('spec.dnsNames')
  if (!same(wanted.ipAddresses?.map(canonicalAddress), found.ipAddresses.map(canonicalAddress))) changed.push('spec.ipAddresses')
  if (!same(wanted.uris, found.uris)) changed.push('spec.uris')
  if (!same(wanted.emails, found.emails)) changed.push('spec.emailAddresses')
  const flat = (names: Csr['otherNames'] | undefined): string[] => (names ?? []).map(({ oid, utf8 }) => `${oid}=${utf8}`)
  if (!same(flat(wanted.otherNames), flat(found.otherNames))) changed.push('spec.otherNames')
  return changed
}

const canonicalAddress = (address: string): string => addressBytes(address).toString('hex')

/** Leaf first, without the root: what `tls.crt` holds; and the root as far as it is known. */
export function splitChain(pem: string): { chain: string; root: string | undefined } {
  const all = parseCertificates(pem)
  const isRoot = (certificate: X509): boolean => certificate.isCa && certificate.rawIssuer.equals(certificate.rawSubject)
  const [leaf, ...rest] = all
  const root = all.find(isRoot)
  return { chain: [leaf, ...rest.filter((certificate) => !isRoot(certificate))].flatMap((certificate) => certificate?.pem ?? []).join(''), root: root?.pem }
}
