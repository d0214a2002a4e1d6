import type { Random } from '@idp/kit'
import { parseCertificate, signCertificate } from './certificate.ts'
import { exportKey, generateKey, parseKey, publicKeyOf, type KeyAlgorithm } from './keys.ts'
import type { AlternativeNames } from './names.ts'
import type { Subject } from './subject.ts'
import type { KeyUsage } from './usages.ts'

/** Certificate (leaf first, then intermediates) and private key, both PEM. */
export interface KeyPair { readonly cert: string; readonly key: string }

interface Lifetime {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** How long it is valid. */
  readonly days: number
  readonly algorithm?: KeyAlgorithm
  readonly random?: Random
}

export interface CaOptions extends Lifetime {
  readonly subject: Subject
  /** Signs the new CA; it signs itself when absent. */
  readonly parent?: KeyPair
  readonly maxPathLength?: number
}

export interface IssueOptions extends Lifetime, AlternativeNames {
  readonly ca: KeyPair
  readonly subject?: Subject
  /** `server`, `client` or both. */
  readonly for: 'server' | 'client' | 'both'
}

const DAY = 86_400_000
/** Certificates are valid from a little before now, for clocks that are behind. */
const BEFORE = 60_000

/** A certificate authority. */
export async function createCa(options: CaOptions): Promise<KeyPair> {
  const key = await generateKey(options.algorithm)
  const { now, days, subject, parent, random, maxPathLength } = options
  const cert = signCertificate({
    subject, notBefore: now - BEFORE, notAfter: now + days * DAY, publicKey: publicKeyOf(key), isCa: true, usages: ['digital signature', 'key encipherment', 'cert sign', 'crl sign'],
    ...(random === undefined ? {} : { random }), ...(maxPathLength === undefined ? {} : { maxPathLength }),
  }, parent === undefined ? { key } : { key: parseKey(parent.key), certificate: parseCertificate(parent.cert) })
  return { cert: parent === undefined ? cert : cert + intermediates(parent.cert), key: exportKey(key) }
}

/** A certificate with a new key, signed by `ca`. Host names belong in `dnsNames` and `ipAddresses`; the common name is not looked at by clients. */
export async function issueCertificate(options: IssueOptions): Promise<KeyPair> {
  const key = await generateKey(options.algorithm)
  const { now, days, ca, subject = {}, random } = options
  const usages: KeyUsage[] = ['digital signature', 'key encipherment']
  if (options.for !== 'client') usages.push('server auth')
  if (options.for !== 'server') usages.push('client auth')
  const { dnsNames = [], ipAddresses = [], uris = [], emails = [] } = options
  const cert = signCertificate({
    subject, dnsNames, ipAddresses, uris, emails, usages, notBefore: now - BEFORE, notAfter: now + days * DAY, publicKey: publicKeyOf(key),
    ...(random === undefined ? {} : { random }),
  }, { key: parseKey(ca.key), certificate: parseCertificate(ca.cert) })
  return { cert: cert + intermediates(ca.cert), key: exportKey(key) }
}

/** What of a CA's chain a server must send: all but a root, which signs itself. */
function intermediates(chain: string): string {
  const ca = parseCertificate(chain)
  return ca.rawIssuer.equals(ca.rawSubject) ? '' : chain
}
