import { createHash, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { CodedError, messageOf, systemRandom, type Random } from '@idp/kit'
import { bitString, boolean, children, explicit, implicit, integer, namedBits, octets, oid, readBits, readOid, readOne, readTime, seq, time, type DerValue } from './der.ts'
import { keyIdOf, publicKeyOf, signatureAlgorithm, signWith, spkiOf } from './keys.ts'
import { decodeNames, encodeNames, type AlternativeNames } from './names.ts'
import { decodePem, encodePem } from './pem.ts'
import { decodeSubject, encodeSubject, type Subject } from './subject.ts'
import { joinUsages, splitUsages, type KeyUsage } from './usages.ts'

/** What a certificate says (RFC 5280). */
export interface Certificate extends Required<AlternativeNames> {
  readonly pem: string
  readonly der: Buffer
  /** Lower-case hex without leading zeros. */
  readonly serial: string
  readonly subject: Subject
  readonly issuer: Subject
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  readonly publicKey: KeyObject
  readonly isCa: boolean
  readonly maxPathLength?: number
  readonly usages: readonly KeyUsage[]
  readonly subjectKeyId?: string
  readonly authorityKeyId?: string
  /** The whole extension, encoded. */
  readonly nameConstraints?: Buffer
  /** Encoded names, for comparing and copying exactly. */
  readonly rawSubject: Buffer
  readonly rawIssuer: Buffer
  /** SHA-256 of the whole, hex. */
  readonly fingerprint: string
}

export interface CertificateTemplate extends AlternativeNames {
  readonly subject?: Subject
  /** Encoded name in place of `subject`. */
  readonly rawSubject?: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
  readonly usages?: readonly KeyUsage[]
  readonly isCa?: boolean
  readonly maxPathLength?: number
  readonly publicKey: KeyObject
  readonly random?: Random
  /** Further extensions, encoded. */
  readonly extensions?: readonly Buffer[]
}

/** Who signs: `certificate` is absent when the certificate signs itself. */
export interface Signer { readonly key: KeyObject; readonly certificate?: Certificate }

export const extensionOids = { subjectKeyId: '2.5.29.14', keyUsage: '2.5.29.15', alternativeNames: '2.5.29.17', basicConstraints: '2.5.29.19', nameConstraints: '2.5.29.30', crlDistributionPoints: '2.5.29.31', authorityKeyId: '2.5.29.35', extendedKeyUsage: '2.5.29.37', authorityInfo: '1.3.6.1.5.5.7.1.1' } as const

export function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return seq(oid(id), ...(critical ? [boolean(true)] : []), octets(value))
}

/** Signs a certificate and returns it as PEM. */
export function signCertificate(template: CertificateTemplate, signer: Signer): string {
  const algorithm = signatureAlgorithm(signer.key)
  const subject = template.rawSubject ?? encodeSubject(template.subject ?? {})
  const spki = spkiOf(template.publicKey)
  const body = seq(
    explicit(0, integer(2)),
    integer(serialNumber(template.random ?? systemRandom)),
    algorithm.id,
    signer.certificate?.rawSubject ?? subject,
    seq(time(template.notBefore), time(template.notAfter)),
    subject,
    spki,
    explicit(3, seq(...extensionsOf(template, spki, signer, subject))),
  )
  return encodePem('CERTIFICATE', seq(body, algorithm.id, bitString(signWith(signer.key, body))))
}

function extensionsOf(template: CertificateTemplate, spki: Buffer, signer: Signer, subject: Uint8Array): Buffer[] {
  const { bits, oids } = splitUsages(template.usages ?? [])
  const names = encodeNames(template)
  const authority = signer.certificate === undefined ? keyIdOf(spki) : Buffer.from(signer.certificate.subjectKeyId ?? keyIdOf(spkiOf(signer.certificate.publicKey)).toString('hex'), 'hex')
  const emptySubject = Buffer.from(subject).equals(seq())
  return [
    ...(bits.length === 0 ? [] : [extension(extensionOids.keyUsage, true, namedBits(bits))]),
    ...(oids.length === 0 ? [] : [extension(extensionOids.extendedKeyUsage, false, seq(...oids.map(oid)))]),
    extension(extensionOids.basicConstraints, true, seq(...(template.isCa === true ? [boolean(true), ...(template.maxPathLength === undefined ? [] : [integer(template.maxPathLength)])] : []))),
    ...(template.isCa === true ? [extension(extensionOids.subjectKeyId, false, octets(keyIdOf(spki)))] : []),
    ...(template.isCa === true && signer.certificate === undefined ? [] : [extension(extensionOids.authorityKeyId, false, seq(implicit(0, authority)))]),
    ...(names === undefined ? [] : [extension(extensionOids.alternativeNames, emptySubject, names)]),
    ...(template.extensions ?? []),
  ]
}

/** 127 random bits, never zero. */
function serialNumber(random: Random): Uint8Array {
  const bytes = random(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes
}

/** Reads the first certificate of a PEM text. @throws CodedError `InvalidCertificate` */
export function parseCertificate(pem: string): Certificate {
  const block = decodePem(pem).find(({ label }) => label === 'CERTIFICATE')
  if (block === undefined) throw new CodedError({ code: 'InvalidCertificate', message: 'the text holds no certificate in PEM' })
  try {
    return readCertificate(block.der)
  } catch (cause) {
    throw new CodedError({ code: 'InvalidCertificate', message: `the certificate cannot be read: ${messageOf(cause)}`, cause })
  }
}

/** Reads every certificate of a bundle. @throws CodedError `InvalidCertificate` */
export function parseCertificates(pem: string): Certificate[] {
  return decodePem(pem).filter(({ label }) => label === 'CERTIFICATE').map(({ der }) => parseCertificate(encodePem('CERTIFICATE', der)))
}

function readCertificate(der: Buffer): Certificate {
  const [body] = children(readOne(der))
  const [, serial, , issuer, validity, subject, spki, ...rest] = body === undefined ? [] : children(body)
  if (serial === undefined || issuer === undefined || validity === undefined || subject === undefined || spki === undefined) throw new Error('parts are missing')
  const [notBefore, notAfter] = children(validity)
  if (notBefore === undefined || notAfter === undefined) throw new Error('the validity is missing')
  return {
    pem: encodePem('CERTIFICATE', der), der,
    serial: serial.content.toString('hex').replace(/^0+(?=.)/, ''),
    subject: decodeSubject(subject), issuer: decodeSubject(issuer), rawSubject: subject.der, rawIssuer: issuer.der,
    notBefore: readTime(notBefore), notAfter: readTime(notAfter),
    publicKey: createPublicKey({ key: spki.der, format: 'der', type: 'spki' }),
    fingerprint: createHash('sha256').update(der).digest('hex'),
    ...readExtensions(rest.find((value) => value.tag === 0xa3)),
  }
}

type Extended = Required<AlternativeNames> & Pick<Certificate, 'isCa' | 'maxPathLength' | 'usages' | 'subjectKeyId' | 'authorityKeyId' | 'nameConstraints'>

/** @param wrapper the explicit tag around the list of extensions */
export function readExtensions(wrapper: DerValue | undefined): Extended {
  const found = new Map<string, DerValue>()
  const whole = new Map<string, Buffer>()
  const list = wrapper === undefined ? undefined : children(wrapper)[0]
  for (const item of list === undefined ? [] : children(list)) {
    const parts = children(item)
    const [id, value] = [parts[0], parts.at(-1)]
    if (id === undefined || value === undefined) continue
    found.set(readOid(id), readOne(value.content))
    whole.set(readOid(id), item.der)
  }
  const basic = found.get(extensionOids.basicConstraints)
  const [ca, length] = basic === undefined ? [] : children(basic)
  const isCa = ca?.tag === 1 && ca.content[0] !== 0
  const names = found.get(extensionOids.alternativeNames)
  const usage = found.get(extensionOids.keyUsage)
  const extended = found.get(extensionOids.extendedKeyUsage)
  const authority = found.get(extensionOids.authorityKeyId)
  const authorityId = authority === undefined ? undefined : children(authority).find(({ tag }) => tag === 0x80)
  return {
    ...(names === undefined ? { dnsNames: [], ipAddresses: [], uris: [], emails: [], otherNames: [] } : decodeNames(names)),
    isCa,
    ...(isCa && length !== undefined ? { maxPathLength: Number.parseInt(length.content.toString('hex'), 16) } : {}),
    usages: joinUsages(usage === undefined ? [] : readBits(usage), extended === undefined ? [] : children(extended).map(readOid)),
    ...(found.has(extensionOids.subjectKeyId) ? { subjectKeyId: found.get(extensionOids.subjectKeyId)?.content.toString('hex') ?? '' } : {}),
    ...(whole.has(extensionOids.nameConstraints) ? { nameConstraints: whole.get(extensionOids.nameConstraints) ?? Buffer.alloc(0) } : {}),
    ...(authorityId === undefined ? {} : { authorityKeyId: authorityId.content.toString('hex') }),
  }
}

/** Whether `issuer` signed `certificate` (names and signature; not its validity in time). */
export function signedBy(certificate: Certificate, issuer: Certificate): boolean {
  return certificate.rawIssuer.equals(issuer.rawSubject) && new X509Certificate(certificate.der).verify(issuer.publicKey)
}

/** Whether a private key belongs to a certificate. */
export function keyMatches(certificate: Certificate, key: KeyObject): boolean {
  return publicKeyOf(key).equals(certificate.publicKey)
}
