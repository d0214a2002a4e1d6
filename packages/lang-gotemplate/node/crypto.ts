import { createCipheriv, createDecipheriv, createHmac, generateKeyPairSync, scryptSync, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { encodeBase64, hashSync } from 'bcryptjs'
import type { Random } from '@idp/kit'
import { GoError } from '../go-error.ts'
import { bytesOf, stringOf } from '../go-string.ts'
import { fn, Struct, typeOf, type GoFunction } from '../value.ts'
import { sprintV } from '../format.ts'
import { integer, makeCertificate, pem, readCertificate, readPrivateKey, sequence, writePrivateKey, type CertificateSpec } from './certificate.ts'
import { derivePassword } from './derive-password.ts'
import { toInt64 } from '../sprig/conversion.ts'

/** Sprig's cryptography. Certificates and keys are as its documentation describes them; `used` is told of each random result. */
export function cryptoFunctions(random: Random, now: () => number, used: () => void): readonly (readonly [string, GoFunction])[] {
  const issue = (spec: Omit<CertificateSpec, 'now' | 'random'>): Struct => {
    used()
    return certificateValue(makeCertificate({ ...spec, now: now(), random }), writePrivateKey(spec.key))
  }
  const leaf = (cn: string, ips: unknown[] | null, dns: unknown[] | null, days: number, key: KeyObject, ca?: unknown) => {
    const base = { commonName: cn, ips: addresses(ips), dnsNames: names(dns), days, isCa: false, key }
    return issue(ca === undefined ? base : { ...base, issuer: issuerOf(ca) })
  }
  const authority = (cn: string, days: number, key: KeyObject) => issue({ commonName: cn, ips: [], dnsNames: [], days, isCa: true, key })
  const bcrypt = (password: string): string => {
    used()
    if (bytesOf(password).length > 72) return 'failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes'
    return hashSync(password, `$2a$10$${encodeBase64([...random(16)] as never, 16)}`)
  }
  return [
    ['bcrypt', fn('string', bcrypt)],
    ['htpasswd', fn('string string', (user: string, password: string) => (user.includes(':') ? `invalid username: ${user}` : `${user}:${bcrypt(password)}`))],
    ['genPrivateKey', fn('string', (type: string) => {
      used()
      return privateKey(type)
    })],
    ['derivePassword', fn('any string string string string', (counter: unknown, type: string, password: string, user: string, site: string) => (
      derivePassword({ counter: Number(toInt64(counter)), type, password, user, site, scrypt: scryptSync, hmac: (key, data) => createHmac('sha256', key).update(data).digest() })))],
    ['genCA', fn('string int', (cn: string, days: number) => authority(cn, days, rsaKey()))],
    ['genCAWithKey', fn('string int string', (cn: string, days: number, key: string) => authority(cn, days, readPrivateKey(key)))],
    ['genSelfSignedCert', fn('string list list int', (cn: string, ips: unknown[] | null, dns: unknown[] | null, days: number) => leaf(cn, ips, dns, days, rsaKey()))],
    ['genSelfSignedCertWithKey', fn('string list list int string', (cn: string, ips: unknown[] | null, dns: unknown[] | null, days: number, key: string) => leaf(cn, ips, dns, days, readPrivateKey(key)))],
    ['genSignedCert', fn('string list list int any', (cn: string, ips: unknown[] | null, dns: unknown[] | null, days: number, ca: unknown) => leaf(cn, ips, dns, days, rsaKey(), ca))],
    ['genSignedCertWithKey', fn('string list list int any string', (cn: string, ips: unknown[] | null, dns: unknown[] | null, days: number, ca: unknown, key: string) => leaf(cn, ips, dns, days, readPrivateKey(key), ca))],
    ['buildCustomCert', fn('string string', buildCustomCert)],
    ['encryptAES', fn('string string', (password: string, text: string) => {
      used()
      return encryptAes(password, text, random)
    })],
    ['decryptAES', fn('string string', decryptAes)],
  ]
}

function rsaKey(bits = 2048): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: bits }).privateKey
}

function certificateValue(cert: string, key: string): Struct {
  return new Struct({ type: 'sprig.certificate', fields: { Cert: cert, Key: key } })
}

function issuerOf(value: unknown): NonNullable<CertificateSpec['issuer']> {
  const fields = value instanceof Struct && value.shape.type === 'sprig.certificate' ? value.shape.fields : undefined
  if (fields === undefined) throw new GoError(`wrong type for value; expected sprig.certificate; got ${typeOf(value)}`)
  return { certificate: readCertificate(String(fields['Cert'])), key: readPrivateKey(String(fields['Key'])) }
}

function addresses(list: unknown[] | null): string[] {
  return (list ?? []).map((ip) => {
    if (typeof ip !== 'string') throw new GoError(`error parsing ip: ${sprintV(ip)} is not a string`)
    if (isIP(ip) === 0) throw new GoError(`error parsing ip: ${ip}`)
    return ip
  })
}

function names(list: unknown[] | null): string[] {
  return (list ?? []).map((dns) => {
    if (typeof dns !== 'string') throw new GoError(`error processing alternate dns name: ${sprintV(dns)} is not a string`)
    return dns
  })
}

function privateKey(type: string): string {
  switch (type) {
    case '': case 'rsa': return writePrivateKey(rsaKey(4096))
    case 'ecdsa': return writePrivateKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
    case 'ed25519': return writePrivateKey(generateKeyPairSync('ed25519').privateKey)
    case 'dsa': return dsaKey()
    default: return `Unknown type ${type}`
  }
}

/** A DSA key in the form OpenSSL used: version, p, q, g, y, x. */
function dsaKey(): string {
  const { privateKey: key, publicKey } = generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 })
  const read = (der: Buffer) => integers(der)
  const [p, q, g, y] = read(publicKey.export({ type: 'spki', format: 'der' }))
  const x = read(key.export({ type: 'pkcs8', format: 'der' })).at(-1)
  return pem('DSA PRIVATE KEY', sequence(...[Buffer.from([0]), p, q, g, y, x].map((bytes) => integer(bytes ?? Buffer.from([0])))))
}

/** All integers inside a DER text, in order, those within bit and octet strings too; a version of zero is left out. */
function integers(der: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < der.length;) {
    const tag = der[at] ?? 0
    let size = der[at + 1] ?? 0
    let header = 2
    if (size & 0x80) {
      header += size & 0x7f
      size = der.readUIntBE(at + 2, size & 0x7f)
    }
    const content = der.subarray(at + header, at + header + size)
    if (tag === 0x30) found.push(...integers(content))
    else if (tag === 0x03) found.push(...integers(content.subarray(1)))
    else if (tag === 0x04) found.push(...integers(content))
    else if (tag === 0x02 && content.length > 1) found.push(content[0] === 0 ? content.subarray(1) : content)
    at += header + size
  }
  return found
}

function buildCustomCert(cert64: string, key64: string): Struct {
  const decode = (text: string, what: string): string => {
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text.replace(/[\r\n]/g, ''))) throw new GoError(`unable to decode base64 ${what}`)
    return Buffer.from(text, 'base64').toString('utf8')
  }
  const cert = decode(cert64, 'certificate')
  const key = decode(key64, 'private key')
  readCertificate(cert)
  try {
    readPrivateKey(key)
  } catch (error) {
    if (error instanceof GoError) throw new GoError(`error parsing private key: ${error.message}`)
    throw error
  }
  return certificateValue(cert, key)
}

function aesKey(password: string): Buffer {
  const key = Buffer.alloc(32)
  Buffer.from(bytesOf(password)).copy(key)
  return key
}

function encryptAes(password: string, text: string, random: Random): string {
  if (text === '') return ''
  const iv = Buffer.from(random(16))
  const cipher = createCipheriv('aes-256-cbc', aesKey(password), iv)
  return Buffer.concat([iv, cipher.update(bytesOf(text)), cipher.final()]).toString('base64')
}

function decryptAes(password: string, text: string): string {
  if (text === '') return ''
  const bytes = Buffer.from(text, 'base64')
  const decipher = createDecipheriv('aes-256-cbc', aesKey(password), bytes.subarray(0, 16)).setAutoPadding(false)
  const plain = Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()])
  return stringOf(plain.subarray(0, plain.length - (plain.at(-1) ?? 0)))
}

