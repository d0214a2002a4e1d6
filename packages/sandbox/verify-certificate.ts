import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { CodedError } from '@idp/kit'

const pemBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g
const parsed = new Map<string, readonly X509Certificate[]>()
const mostParsed = 500
const serverAuth = '1.3.6.1.5.5.7.3.1'
const clientAuth = '1.3.6.1.5.5.7.3.2'

/** The certificates of a PEM text, in order. Remembers texts it has read. Throws CodedError `CertificateInvalid`. */
export function readCertificates(pem: string): readonly X509Certificate[] {
  const known = parsed.get(pem)
  if (known !== undefined) return known
  let certificates: readonly X509Certificate[]
  try {
    certificates = (pem.match(pemBlock) ?? []).map((block) => new X509Certificate(block))
  } catch (cause) {
    throw invalid('the PEM text holds no readable certificate', '', cause)
  }
  if (parsed.size >= mostParsed) parsed.clear()
  parsed.set(pem, certificates)
  return certificates
}

export interface VerifyOptions {
  /** Trusted certificates in PEM. */
  readonly ca: string
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly purpose: 'server' | 'client'
  /** Host name or address that a server's certificate must name. */
  readonly host?: string
}

/**
 * Checks a certificate chain as a TLS peer would (RFC 5280, RFC 6125): validity, purpose, subject alternative name, and a
 * path to a trusted certificate. Throws CodedError `CertificateInvalid` with the reason. Returns the end-entity certificate.
 */
export function verifyCertificate(chainPem: string, options: VerifyOptions): X509Certificate {
  const [leaf, ...intermediates] = readCertificates(chainPem)
  const where = options.host ?? leaf?.subject ?? ''
  if (leaf === undefined) throw invalid('the peer presented no certificate', where)
  const { keyUsage: purposes } = leaf as { keyUsage?: string[] | undefined }
  const wanted = options.purpose === 'server' ? serverAuth : clientAuth
  if (purposes !== undefined && purposes.length > 0 && !purposes.includes(wanted)) throw invalid(`the certificate may not be used by a ${options.purpose}`, where)
  if (options.host !== undefined && !names(leaf, options.host)) {
    throw invalid(`the certificate is valid for ${leaf.subjectAltName ?? 'no name'}, not for ${options.host}`, where)
  }
  verifyPath(leaf, intermediates, options, where)
  return leaf
}

function names(leaf: X509Certificate, host: string): boolean {
  return isIP(host) !== 0 ? leaf.checkIP(host) !== undefined : leaf.checkHost(host, { subject: 'never' }) !== undefined
}

function verifyPath(leaf: X509Certificate, intermediates: readonly X509Certificate[], options: VerifyOptions, where: string): void {
  const trusted = readCertificates(options.ca)
  let current = leaf
  for (let depth = 0; depth <= intermediates.length; depth++) {
    checkValidity(current, options.now, where)
    if (trusted.some((t) => t.fingerprint256 === current.fingerprint256)) return
    const anchor = trusted.find((t) => issued(t, current))
    if (anchor !== undefined) return checkValidity(anchor, options.now, where)
    const next = intermediates.find((i) => i.ca && i !== current && issued(i, current))
    if (next === undefined) break
    current = next
  }
  throw invalid(`the certificate is signed by an unknown authority (issuer ${leaf.issuer.replaceAll('\n', ', ')})`, where)
}

function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return subject.checkIssued(issuer) && subject.verify(issuer.publicKey)
}

function checkValidity(certificate: X509Certificate, now: number, where: string): void {
  if (now < Date.parse(certificate.validFrom)) throw invalid(`the certificate is not valid before ${certificate.validFrom}`, where)
  if (now > Date.parse(certificate.validTo)) throw invalid(`the certificate has expired on ${certificate.validTo}`, where)
}

function invalid(message: string, where: string, cause?: unknown): CodedError {
  return new CodedError({
    code: 'CertificateInvalid', message, where,
    remedy: 'check which authority signed the certificate, the names in it and its validity; trust another authority with `ca`', cause,
  })
}
