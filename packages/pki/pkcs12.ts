import { createCipheriv, createHash, createHmac, pbkdf2Sync, type KeyObject } from 'node:crypto'
import type { Random } from '@idp/kit'
import { systemRandom } from '@idp/kit'
import { explicit, implicit, integer, nothing, octets, oid, seq, set, tlv } from './der.ts'
import { encryptRc2 } from './rc2.ts'

/** Ciphers of a PKCS #12 file (RFC 7292): RC2 and triple DES for old readers, AES-256 with PBKDF2 for those of today. */
export type Pkcs12Profile = 'LegacyRC2' | 'LegacyDES' | 'Modern2023'

export interface Pkcs12Options { readonly password: string; readonly profile?: Pkcs12Profile; readonly random?: Random }
interface Sealing extends Required<Pkcs12Options> {}

const ids = {
  data: '1.2.840.113549.1.7.1', encryptedData: '1.2.840.113549.1.7.6', keyBag: '1.2.840.113549.1.12.10.1.2', certBag: '1.2.840.113549.1.12.10.1.3', x509: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20', localKeyId: '1.2.840.113549.1.9.21', trustedKeyUsage: '2.16.840.1.113894.746875.1.1', anyUsage: '2.5.29.37.0',
  rc2: '1.2.840.113549.1.12.1.6', des: '1.2.840.113549.1.12.1.3', pbes2: '1.2.840.113549.1.5.13', pbkdf2: '1.2.840.113549.1.5.12', hmacSha256: '1.2.840.113549.2.9', aes256: '2.16.840.1.101.3.4.1.42',
  sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1',
} as const
const ITERATIONS = 2048

/** A key with its certificate and those above it. @param certificates DER, leaf first */
export function encodePkcs12(entry: { readonly key: KeyObject; readonly certificates: readonly Uint8Array[] }, options: Pkcs12Options): Buffer {
  const sealing = withDefaults(options)
  const [leaf, ...above] = entry.certificates
  if (leaf === undefined) throw new Error('a key store needs a certificate')
  const local = attribute(ids.localKeyId, octets(createHash('sha1').update(leaf).digest()))
  const bags = [certBag(leaf, [local]), ...above.map((certificate) => certBag(certificate, []))]
  const key = encrypt(sealing, sealing.profile === 'LegacyRC2' ? 'LegacyDES' : sealing.profile, entry.key.export({ type: 'pkcs8', format: 'der' }))
  const keyBag = seq(oid(ids.keyBag), explicit(0, seq(key.algorithm, octets(key.data))), set(local))
  return seal([encryptedContent(sealing, seq(...bags)), plainContent(seq(keyBag))], sealing)
}

/** Certificates to trust, each under a name, marked as Java's key stores want it. */
export function encodePkcs12Trust(entries: readonly { readonly name: string; readonly certificate: Uint8Array }[], options: Pkcs12Options): Buffer {
  const sealing = withDefaults(options)
  const bags = entries.map(({ name, certificate }) => certBag(certificate, [attribute(ids.friendlyName, tlv(0x1e, bmp(name))), attribute(ids.trustedKeyUsage, oid(ids.anyUsage))]))
  return seal([encryptedContent(sealing, seq(...bags))], sealing)
}

const withDefaults = ({ password, profile = 'Modern2023', random = systemRandom }: Pkcs12Options): Sealing => ({ password, profile, random })
const attribute = (id: string, value: Buffer): Buffer => seq(oid(id), set(value))
const certBag = (certificate: Uint8Array, attributes: readonly Buffer[]): Buffer => seq(oid(ids.certBag), explicit(0, seq(oid(ids.x509), explicit(0, octets(certificate)))), ...(attributes.length === 0 ? [] : [set(...attributes)]))
const plainContent = (content: Buffer): Buffer => seq(oid(ids.data), explicit(0, octets(content)))

function encryptedContent(sealing: Sealing, content: Buffer): Buffer {
  const { algorithm, data } = encrypt(sealing, sealing.profile, content)
  return seq(oid(ids.encryptedData), explicit(0, seq(integer(0), seq(oid(ids.data), algorithm, implicit(0, data)))))
}

/** All contents under one MAC. */
function seal(contents: readonly Buffer[], { profile, password, random }: Sealing): Buffer {
  const safe = seq(...contents)
  const modern = profile === 'Modern2023'
  const [hash, iterations, salt] = [modern ? 'sha256' : 'sha1', modern ? ITERATIONS : 1, Buffer.from(random(modern ? 16 : 8))] as const
  const key = deriveKey(hash, { id: 3, password, salt, iterations, length: modern ? 32 : 20 })
  const digest = createHmac(hash, key).update(safe).digest()
  return seq(integer(3), plainContent(safe), seq(seq(seq(oid(ids[hash]), nothing()), octets(digest)), octets(salt), integer(iterations)))
}

function encrypt({ password, random }: Sealing, profile: Pkcs12Profile, data: Uint8Array): { readonly algorithm: Buffer; readonly data: Buffer } {
  if (profile === 'Modern2023') {
    const [salt, iv] = [Buffer.from(random(16)), Buffer.from(random(16))]
    const cipher = createCipheriv('aes-256-cbc', pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256'), iv)
    const derivation = seq(oid(ids.pbkdf2), seq(octets(salt), integer(ITERATIONS), seq(oid(ids.hmacSha256), nothing())))
    return { algorithm: seq(oid(ids.pbes2), seq(derivation, seq(oid(ids.aes256), octets(iv)))), data: Buffer.concat([cipher.update(data), cipher.final()]) }
  }
  const salt = Buffer.from(random(8))
  const derive = (id: number, length: number): Buffer => deriveKey('sha1', { id, password, salt, iterations: ITERATIONS, length })
  const algorithm = seq(oid(profile === 'LegacyRC2' ? ids.rc2 : ids.des), seq(octets(salt), integer(ITERATIONS)))
  if (profile === 'LegacyRC2') return { algorithm, data: encryptRc2(derive(1, 5), derive(2, 8), data) }
  const cipher = createCipheriv('des-ede3-cbc', derive(1, 24), derive(2, 8))
  return { algorithm, data: Buffer.concat([cipher.update(data), cipher.final()]) }
}

function bmp(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

/** Keys from passwords (RFC 7292 appendix B.2). @param id 1 for a key, 2 for an initial vector, 3 for a MAC key */
function deriveKey(hash: 'sha1' | 'sha256', { id, password, salt, iterations, length }: { id: number; password: string; salt: Buffer; iterations: number; length: number }): Buffer {
  const block = 64
  const fill = (bytes: Buffer): Buffer => (bytes.length === 0 ? bytes : Buffer.alloc(block * Math.ceil(bytes.length / block), bytes))
  const input = Buffer.concat([fill(salt), fill(Buffer.concat([bmp(password), Buffer.alloc(2)]))])
  const parts: Buffer[] = []
  for (let have = 0; have < length;) {
    let digest = createHash(hash).update(Buffer.alloc(block, id)).update(input).digest()
    for (let i = 1; i < iterations; i++) digest = createHash(hash).update(digest).digest()
    parts.push(digest)
    have += digest.length
    const add = Buffer.alloc(block, digest)
    for (let at = 0; at < input.length; at += block) {
      let carry = 1
      for (let i = block - 1; i >= 0; i--) {
        carry += (input[at + i] ?? 0) + (add[i] ?? 0)
        input[at + i] = carry & 0xff
        carry >>= 8
      }
    }
  }
  return Buffer.concat(parts).subarray(0, length)
}
