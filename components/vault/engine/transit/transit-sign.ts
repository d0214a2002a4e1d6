import { constants, createHmac, hkdfSync, sign, timingSafeEqual, verify, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { badRequest } from '../vault-error.ts'
import { privateKeyOf, publicKeyOf, type KeyVersion, type TransitKey } from './transit-key.ts'

const hashNames: Readonly<Record<string, string>> = { 'sha1': 'sha1', 'sha2-224': 'sha224', 'sha2-256': 'sha256', 'sha2-384': 'sha384', 'sha2-512': 'sha512', 'sha3-224': 'sha3-224', 'sha3-256': 'sha3-256', 'sha3-384': 'sha3-384', 'sha3-512': 'sha3-512' }

export interface SignOptions { readonly hash: string; readonly prehashed: boolean; readonly algorithm: string; readonly marshaling: string; readonly saltLength: string; readonly context?: Buffer }

/** OpenSSL's name of a hash. @throws VaultError 400 */
export function hashName(name: string): string {
  const found = hashNames[name]
  if (found === undefined) throw badRequest(`invalid hash algorithm ${name}`)
  return found
}

/** The hash's name and, for data hashed by the caller, what stands before it inside an RSA signature. */
function rsaOptions(key: KeyObject, { algorithm, saltLength }: SignOptions) {
  if (algorithm === 'pkcs1v15') return { key, padding: constants.RSA_PKCS1_PADDING }
  const salt = saltLength === 'hash' ? constants.RSA_PSS_SALTLEN_DIGEST : saltLength === '' || saltLength === 'auto' ? constants.RSA_PSS_SALTLEN_AUTO : Number(saltLength)
  if (!Number.isInteger(salt)) throw badRequest(`failed to parse salt_length ${saltLength}`)
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: salt === constants.RSA_PSS_SALTLEN_AUTO ? constants.RSA_PSS_SALTLEN_MAX_SIGN : salt }
}

function keyFor(key: TransitKey, version: KeyVersion, context: Buffer | undefined): { readonly private: () => KeyObject; readonly public: () => KeyObject } {
  if (!key.derived) return { private: () => privateKeyOf(version), public: () => publicKeyOf(version) }
  if (context === undefined || context.length === 0) throw badRequest("missing 'context' for key derivation")
  const seed = privateKeyOf(version).export({ type: 'pkcs8', format: 'der' }).subarray(-32)
  const derived = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(hkdfSync('sha256', seed, Buffer.alloc(0), context, 32))]), format: 'der', type: 'pkcs8' })
  return { private: () => derived, public: () => createPublicKey(derived) }
}

const needsHash = (type: string): boolean => type !== 'ed25519'

export function signData(key: TransitKey, version: KeyVersion, input: Buffer, options: SignOptions): Buffer {
  const { private: secret } = keyFor(key, version, options.context)
  if (options.prehashed && needsHash(key.type)) throw badRequest('prehashed input is served for ed25519 keys only by this server')
  if (key.type === 'ed25519') return sign(null, input, secret())
  if (key.type.startsWith('rsa-')) return sign(hashName(options.hash), input, rsaOptions(secret(), options))
  return sign(hashName(options.hash), input, { key: secret(), dsaEncoding: options.marshaling === 'jws' ? 'ieee-p1363' : 'der' })
}

export function verifyData(key: TransitKey, version: KeyVersion, input: Buffer, signature: Buffer, options: SignOptions): boolean {
  const { public: open } = keyFor(key, version, options.context)
  if (options.prehashed && needsHash(key.type)) throw badRequest('prehashed input is served for ed25519 keys only by this server')
  if (key.type === 'ed25519') return verify(null, input, open(), signature)
  if (key.type.startsWith('rsa-')) {
    const given = rsaOptions(open(), options)
    return verify(hashName(options.hash), input, 'saltLength' in given ? { ...given, saltLength: constants.RSA_PSS_SALTLEN_AUTO } : given, signature)
  }
  return verify(hashName(options.hash), input, { key: open(), dsaEncoding: options.marshaling === 'jws' ? 'ieee-p1363' : 'der' }, signature)
}

export function hmacData(version: KeyVersion, type: string, input: Buffer, hash: string): Buffer {
  return createHmac(hashName(hash), Buffer.from(type === 'hmac' ? version.key : version.hmac, 'base64')).update(input).digest()
}

export const sameBytes = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)
