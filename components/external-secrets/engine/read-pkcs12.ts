import { createDecipheriv, createHash, createHmac, createPrivateKey, pbkdf2Sync, timingSafeEqual } from 'node:crypto'

/** What a PKCS #12 file (RFC 7292) holds, in PEM: its first key, and its certificates in the order of the file. */
export interface Pkcs12Contents { readonly key: string | undefined; readonly certificates: readonly string[] }

interface Der { readonly tag: number; readonly body: Buffer; readonly whole: Buffer }

const ids = {
  data: '1.2.840.113549.1.7.1', encryptedData: '1.2.840.113549.1.7.6', keyBag: '1.2.840.113549.1.12.10.1.1', shroudedKeyBag: '1.2.840.113549.1.12.10.1.2', certBag: '1.2.840.113549.1.12.10.1.3',
  pbes2: '1.2.840.113549.1.5.13', tripleDes: '1.2.840.113549.1.12.1.3',
} as const
const hashes: Readonly<Record<string, string>> = { '1.3.14.3.2.26': 'sha1', '2.16.840.1.101.3.4.2.1': 'sha256', '2.16.840.1.101.3.4.2.2': 'sha384', '2.16.840.1.101.3.4.2.3': 'sha512' }
const hmacs: Readonly<Record<string, string>> = { '1.2.840.113549.2.7': 'sha1', '1.2.840.113549.2.9': 'sha256', '1.2.840.113549.2.10': 'sha384', '1.2.840.113549.2.11': 'sha512' }
const ciphers: Readonly<Record<string, readonly [name: string, keyBytes: number]>> = { '2.16.840.1.101.3.4.1.2': ['aes-128-cbc', 16], '2.16.840.1.101.3.4.1.22': ['aes-192-cbc', 24], '2.16.840.1.101.3.4.1.42': ['aes-256-cbc', 32], '1.2.840.113549.3.7': ['des-ede3-cbc', 24] }
/** A file may ask for so many rounds of key derivation; more would only cost time. */
const mostIterations = 2_000_000

/** @throws Error that names what is wrong, and quotes nothing of the file */
export function readPkcs12(file: Uint8Array, password: string): Pkcs12Contents {
  const [, authSafe, mac] = children(only(Buffer.from(file)))
  const content = octets(unwrapped(authSafe))
  if (mac !== undefined) checkMac(mac, content, password)
  let key: string | undefined
  const certificates: string[] = []
  for (const info of children(only(content))) {
    const type = oid(children(info)[0])
    const bags = type === ids.data ? octets(unwrapped(info)) : type === ids.encryptedData ? decryptContent(unwrapped(info), password) : unknown(type)
    for (const bag of children(only(bags))) {
      const [kind, value] = children(bag)
      const inside = only(value?.body ?? Buffer.alloc(0))
      switch (oid(kind)) {
        case ids.keyBag:
          key ??= keyPem(inside.whole)
          break
        case ids.shroudedKeyBag: {
          const [algorithm, data] = children(inside)
          key ??= keyPem(decrypt(algorithm, data?.body ?? Buffer.alloc(0), password))
          break
        }
        case ids.certBag:
          certificates.push(`-----BEGIN CERTIFICATE-----\n${(octets(children(inside)[1]).toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`)
          break
        default: // names and lists of revocation, of which nobody asks
      }
    }
  }
  return { key, certificates }
}

const broken = (): Error => new Error('it is no PKCS #12 file')
const unknown = (id: string): never => { throw new Error(`it is encrypted in a way that is not supported by this stand-in (${id})`) }

function parse(bytes: Buffer): Der[] {
  const found: Der[] = []
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at + 1] ?? 0
    const wide = first < 0x80 ? 0 : first & 0x7f
    if (wide > 4 || first === 0x80 || at + 2 + wide > bytes.length) throw broken()
    const length = wide === 0 ? first : bytes.readUIntBE(at + 2, wide)
    const begin = at + 2 + wide
    if (begin + length > bytes.length) throw broken()
    found.push({ tag: bytes[at] ?? 0, body: bytes.subarray(begin, begin + length), whole: bytes.subarray(at, begin + length) })
    at = begin + length
  }
  return found
}

function only(bytes: Buffer): Der {
  const [first] = parse(bytes)
  if (first === undefined) throw broken()
  return first
}

function children(value: Der | undefined): Der[] {
  if (value === undefined || (value.tag & 0x20) === 0) throw broken()
  return parse(value.body)
}

/** The content of a ContentInfo, below its explicit tag. */
const unwrapped = (info: Der | undefined): Der => only(children(info)[1]?.body ?? Buffer.alloc(0))
/** An octet string, also below an explicit tag. */
function octets(value: Der | undefined): Buffer {
  if (value === undefined) throw broken()
  return value.tag === 0x04 ? value.body : octets(only(value.body))
}
const number = (value: Der | undefined): number => (value === undefined || value.body.length > 6 || value.body.length === 0 ? NaN : value.body.readUIntBE(0, value.body.length))

function oid(value: Der | undefined): string {
  if (value?.tag !== 0x06) throw broken()
  const parts: number[] = []
  let part = 0
  for (const byte of value.body) {
    part = part * 128 + (byte & 0x7f)
    if (byte < 0x80) {
      parts.push(part)
      part = 0
    }
  }
  const [first = 0, ...rest] = parts
  return [Math.min(2, Math.floor(first / 40)), first - 40 * Math.min(2, Math.floor(first / 40)), ...rest].join('.')
}

function iterationsOf(value: Der | undefined): number {
  const count = value === undefined ? 1 : number(value)
  if (!(count >= 1 && count <= mostIterations)) throw broken()
  return count
}

function checkMac(mac: Der, content: Buffer, password: string): void {
  const [info, salt, iterations] = children(mac)
  const [algorithm, digest] = children(info)
  const hash = hashes[oid(children(algorithm)[0])]
  if (hash === undefined) throw new Error('its checksum is of a kind that is not supported by this stand-in')
  const key = derive(hash, { id: 3, password, salt: octets(salt), iterations: iterationsOf(iterations), length: createHash(hash).digest().length })
  const made = createHmac(hash, key).update(content).digest()
  const given = octets(digest)
  if (made.length !== given.length || !timingSafeEqual(made, given)) throw new Error('pkcs12: decryption password incorrect')
}

function decryptContent(encrypted: Der, password: string): Buffer {
  const [, algorithm, data] = children(children(encrypted)[1])
  return decrypt(algorithm, data === undefined ? Buffer.alloc(0) : (data.tag & 0x20) === 0 ? data.body : Buffer.concat(parse(data.body).map(octets)), password)
}

function decrypt(algorithm: Der | undefined, data: Buffer, password: string): Buffer {
  const [id, parameters] = children(algorithm)
  const name = oid(id)
  const [cipher, key, iv] = name === ids.pbes2 ? pbes2(parameters, password) : name === ids.tripleDes ? legacy(parameters, password) : unknown(name)
  try {
    const decipher = createDecipheriv(cipher, key, iv)
    return Buffer.concat([decipher.update(data), decipher.final()])
  } catch {
    throw new Error('pkcs12: decryption password incorrect')
  }
}

type CipherKey = readonly [cipher: string, key: Buffer, iv: Buffer]

function pbes2(parameters: Der | undefined, password: string): CipherKey {
  const [derivation, scheme] = children(parameters)
  const [salt, iterations, ...more] = children(children(derivation)[1])
  const [schemeId, iv] = children(scheme)
  const [cipher, keyBytes] = ciphers[oid(schemeId)] ?? unknown(oid(schemeId))
  const prf = more.find(({ tag }) => tag === 0x30)
  const hash = prf === undefined ? 'sha1' : hmacs[oid(children(prf)[0])] ?? unknown(oid(children(prf)[0]))
  return [cipher, pbkdf2Sync(password, octets(salt), iterationsOf(iterations), keyBytes, hash), octets(iv)]
}

function legacy(parameters: Der | undefined, password: string): CipherKey {
  const [salt, iterations] = children(parameters)
  const given = { password, salt: octets(salt), iterations: iterationsOf(iterations) }
  return ['des-ede3-cbc', derive('sha1', { ...given, id: 1, length: 24 }), derive('sha1', { ...given, id: 2, length: 8 })]
}

/** Key derivation of PKCS #12 itself (RFC 7292, appendix B). `id` is 1 for keys, 2 for initialisation vectors, 3 for MACs. */
function derive(hash: string, { id, password, salt, iterations, length }: { readonly id: number; readonly password: string; readonly salt: Buffer; readonly iterations: number; readonly length: number }): Buffer {
  const block = hash === 'sha384' || hash === 'sha512' ? 128 : 64
  const filled = (bytes: Buffer): Buffer => (bytes.length === 0 ? bytes : Buffer.alloc(Math.ceil(bytes.length / block) * block, bytes))
  const words = Buffer.from(`${password}\0`, 'utf16le').swap16()
  const input = Buffer.concat([filled(salt), filled(words)])
  const out: Buffer[] = []
  for (let made = 0; made < length;) {
    let digest = createHash(hash).update(Buffer.alloc(block, id)).update(input).digest()
    for (let round = 1; round < iterations; round++) digest = createHash(hash).update(digest).digest()
    out.push(digest)
    made += digest.length
    const sum = filled(digest)
    for (let at = 0; at < input.length; at += block) {
      let carry = 1
      for (let index = block - 1; index >= 0; index--) {
        carry += (input[at + index] ?? 0) + (sum[index] ?? 0)
        input[at + index] = carry & 0xff
        carry >>= 8
      }
    }
  }
  return Buffer.concat(out).subarray(0, length)
}

function keyPem(pkcs8: Buffer): string {
  try {
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }).toString()
  } catch {
    throw new Error('its key cannot be read')
  }
}
