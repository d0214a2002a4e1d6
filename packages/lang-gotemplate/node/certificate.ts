import { createHash, createPrivateKey, createPublicKey, sign, X509Certificate, type KeyObject } from 'node:crypto'
import type { Random } from '@idp/kit'
import { GoError } from '../go-error.ts'

/** What a certificate says. */
export interface CertificateSpec {
  readonly commonName: string
  readonly ips: readonly string[]
  readonly dnsNames: readonly string[]
  readonly days: number
  readonly isCa: boolean
  readonly key: KeyObject
  /** Who signs; absent signs itself. */
  readonly issuer?: { readonly certificate: X509Certificate; readonly key: KeyObject }
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly random: Random
}

/** An X.509 certificate (RFC 5280) for TLS servers and clients, or a CA, as PEM. */
export function makeCertificate(spec: CertificateSpec): string {
  const signingKey = spec.issuer?.key ?? spec.key
  const algorithm = signatureAlgorithm(signingKey)
  const subject = name(spec.commonName)
  const serial = Buffer.from(spec.random(16))
  serial[0] = (serial[0] ?? 0) & 0x7f || 1
  const publicKey = createPublicKey(spec.key).export({ type: 'spki', format: 'der' })
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))), integer(serial), algorithm.id, spec.issuer === undefined ? subject : subjectOf(spec.issuer.certificate.raw),
    sequence(time(spec.now), time(spec.now + spec.days * 86_400_000)), subject, publicKey, tagged(0xa3, sequence(...extensions(spec, publicKey))),
  )
  const signature = sign(algorithm.digest, body, signingKey)
  return pem('CERTIFICATE', sequence(body, algorithm.id, bitString(signature)))
}

/** Reads a private key in PEM; throws GoError. */
export function readPrivateKey(text: string): KeyObject {
  if (!text.includes('-----BEGIN')) throw new GoError('no PEM data in input')
  const type = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1] ?? ''
  if (!type.endsWith('PRIVATE KEY')) throw new GoError(`no private key data in PEM block of type ${type}`)
  try {
    return createPrivateKey(text)
  } catch (error) {
    throw new GoError(`parsing private key from PEM: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Reads a certificate in PEM; throws GoError. */
export function readCertificate(text: string): X509Certificate {
  if (!text.includes('-----BEGIN')) throw new GoError('unable to decode certificate')
  try {
    return new X509Certificate(text)
  } catch (error) {
    throw new GoError(`error parsing certificate: decodedCert.Bytes: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** A private key as Go writes it: PKCS #1 for RSA, SEC 1 for elliptic curves, PKCS #8 for the rest. */
export function writePrivateKey(key: KeyObject): string {
  const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs8'
  return key.export({ type, format: 'pem' }) as string
}

export function pem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}

// DER (X.690).

export function tagged(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content])
  const size = Buffer.from(content.length.toString(16).padStart(content.length > 0xffff ? 6 : content.length > 0xff ? 4 : 2, '0'), 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | size.length]), size, content])
}

export function sequence(...parts: Uint8Array[]): Buffer {
  return tagged(0x30, ...parts)
}

export function integer(bytes: Buffer): Buffer {
  return tagged(0x02, (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
}

function bitString(bytes: Uint8Array, unused = 0): Buffer {
  return tagged(0x03, Buffer.from([unused]), bytes)
}

function objectId(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const part of rest) {
    const groups = [part & 0x7f]
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return tagged(0x06, Buffer.from(bytes))
}

function name(commonName: string): Buffer {
  const printable = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(commonName)
  return commonName === '' ? sequence() : sequence(tagged(0x31, sequence(objectId('2.5.4.3'), tagged(printable ? 0x13 : 0x0c, Buffer.from(commonName)))))
}

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return Number(text.slice(0, 4)) < 2050 ? tagged(0x17, Buffer.from(text.slice(2))) : tagged(0x18, Buffer.from(text))
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  return sequence(objectId(id), ...(critical ? [tagged(0x01, Buffer.from([0xff]))] : []), tagged(0x04, value))
}

function keyId(spki: Uint8Array): Buffer {
  const bits = children(spki)[1]
  return createHash('sha1').update(bits?.content.subarray(1) ?? spki).digest()
}

function extensions(spec: CertificateSpec, spki: Uint8Array): Buffer[] {
  const usage = spec.isCa ? bitString(Buffer.from([0b10100100]), 2) : bitString(Buffer.from([0b10100000]), 5)
  const names = [
    ...spec.dnsNames.map((dns) => tagged(0x82, Buffer.from(dns))),
    ...spec.ips.map((ip) => tagged(0x87, addressBytes(ip))),
  ]
  const issuerSpki = spec.issuer?.certificate.publicKey.export({ type: 'spki', format: 'der' })
  return [
    extension('2.5.29.15', true, usage),
    extension('2.5.29.37', false, sequence(objectId('1.3.6.1.5.5.7.3.1'), objectId('1.3.6.1.5.5.7.3.2'))),
    extension('2.5.29.19', true, spec.isCa ? sequence(tagged(0x01, Buffer.from([0xff]))) : sequence()),
    ...(spec.isCa ? [extension('2.5.29.14', false, tagged(0x04, keyId(spki)))] : []),
    ...(issuerSpki === undefined ? [] : [extension('2.5.29.35', false, sequence(tagged(0x80, keyId(issuerSpki))))]),
    ...(names.length === 0 ? [] : [extension('2.5.29.17', spec.commonName === '', sequence(...names))]),
  ]
}

function addressBytes(ip: string): Buffer {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(ip)) return Buffer.from(ip.split('.').map(Number))
  const [head = '', tail] = ip.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - left.length - right.length }, () => '0')
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex')
}

interface Element { readonly tag: number; readonly content: Buffer; readonly whole: Buffer }

/** The elements inside a DER element. */
function children(der: Uint8Array): Element[] {
  const outer = elementAt(Buffer.from(der), 0)
  const found: Element[] = []
  for (let at = 0; at < outer.content.length;) {
    const element = elementAt(outer.content, at)
    found.push(element)
    at += element.whole.length
  }
  return found
}

function elementAt(der: Buffer, at: number): Element {
  let size = der[at + 1] ?? 0
  let header = 2
  if (size & 0x80) {
    const count = size & 0x7f
    size = der.readUIntBE(at + 2, count)
    header += count
  }
  return { tag: der[at] ?? 0, content: der.subarray(at + header, at + header + size), whole: der.subarray(at, at + header + size) }
}

/** The subject of a certificate as it is written there: what its children name as issuer. */
function subjectOf(certificate: Uint8Array): Buffer {
  const body = children(certificate)[0]
  const parts = body === undefined ? [] : children(body.whole)
  const offset = parts[0]?.tag === 0xa0 ? 1 : 0
  return parts[offset + 4]?.whole ?? sequence()
}

function signatureAlgorithm(key: KeyObject): { id: Buffer; digest: string | null } {
  switch (key.asymmetricKeyType) {
    case 'rsa': return { id: sequence(objectId('1.2.840.113549.1.1.11'), Buffer.from([5, 0])), digest: 'sha256' }
    case 'ec': return { id: sequence(objectId('1.2.840.10045.4.3.2')), digest: 'sha256' }
    case 'ed25519': return { id: sequence(objectId('1.3.101.112')), digest: null }
    default: throw new GoError('x509: only RSA, ECDSA and Ed25519 keys supported')
  }
}
