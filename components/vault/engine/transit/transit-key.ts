import { createCipheriv, createDecipheriv, createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, hkdfSync, privateDecrypt, publicEncrypt, constants, type KeyObject } from 'node:crypto'
import type { Random } from '@idp/kit'
import { badRequest } from '../vault-error.ts'

export type KeyType = 'aes128-gcm96' | 'aes256-gcm96' | 'chacha20-poly1305' | 'ed25519' | 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'hmac'

export const keyTypes: readonly string[] = ['aes128-gcm96', 'aes256-gcm96', 'chacha20-poly1305', 'ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa-2048', 'rsa-3072', 'rsa-4096', 'hmac'] satisfies KeyType[]

/** One version's material: a symmetric key in base64, or a private (or only a public) key in PEM. */
export interface KeyVersion { readonly created: number; readonly key: string; readonly hmac: string; readonly publicOnly?: boolean }

export interface TransitKey {
  readonly name: string
  readonly type: KeyType
  readonly versions: Readonly<Record<string, KeyVersion>>
  readonly latest: number
  readonly minDecryption: number
  readonly minEncryption: number
  readonly minAvailable: number
  readonly deletionAllowed: boolean
  readonly derived: boolean
  readonly convergent: boolean
  readonly exportable: boolean
  readonly plaintextBackup: boolean
  readonly autoRotate: number
  readonly imported: boolean
}

const curves: Readonly<Record<string, string>> = { 'ecdsa-p256': 'P-256', 'ecdsa-p384': 'P-384', 'ecdsa-p521': 'P-521' }
const symmetricBytes: Readonly<Record<string, number>> = { 'aes128-gcm96': 16, 'aes256-gcm96': 32, 'chacha20-poly1305': 32, hmac: 32 }

export const isSymmetric = (type: KeyType): boolean => type in symmetricBytes && type !== 'hmac'
export const canEncrypt = (type: KeyType): boolean => isSymmetric(type) || type.startsWith('rsa-')
export const canSign = (type: KeyType): boolean => type === 'ed25519' || type.startsWith('ecdsa-') || type.startsWith('rsa-')
export const canDerive = (type: KeyType): boolean => isSymmetric(type) || type === 'ed25519'

export function newVersion(type: KeyType, random: Random, now: number, keySize = 32): KeyVersion {
  const hmac = Buffer.from(random(32)).toString('base64')
  const bytes = type === 'hmac' ? keySize : symmetricBytes[type]
  if (bytes !== undefined) return { created: now, key: Buffer.from(random(bytes)).toString('base64'), hmac }
  const curve = curves[type]
  const { privateKey } = curve !== undefined ? generateKeyPairSync('ec', { namedCurve: curve }) : type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('rsa', { modulusLength: Number(type.slice(4)) })
  return { created: now, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), hmac }
}

export const publicKeyOf = (version: KeyVersion): KeyObject => createPublicKey(version.key)
export const privateKeyOf = (version: KeyVersion): KeyObject => createPrivateKey(version.key)

/** The key of a version, derived from the context where the key wants that (HKDF-SHA256). */
export function symmetricKey(key: TransitKey, version: KeyVersion, context: Buffer | undefined): Buffer {
  const raw = Buffer.from(version.key, 'base64')
  if (!key.derived) return raw
  if (context === undefined || context.length === 0) throw badRequest("missing 'context' for key derivation; the key was created using a derived key, which means additional, per-request information must be included in order to perform operations with the key")
  return Buffer.from(hkdfSync('sha256', raw, Buffer.alloc(0), context, raw.length))
}

const cipherOf: Readonly<Record<string, 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'>> = { 'aes128-gcm96': 'aes-128-gcm', 'aes256-gcm96': 'aes-256-gcm', 'chacha20-poly1305': 'chacha20-poly1305' }

export interface CipherOptions { readonly context?: Buffer; readonly nonce?: Buffer; readonly associated?: Buffer; readonly padding?: string }

/** Nonce, ciphertext and tag; convergent keys take their nonce from the plaintext. */
export function encrypt(key: TransitKey, version: KeyVersion, plain: Buffer, random: Random, { context, nonce, associated, padding }: CipherOptions): Buffer {
  if (key.type.startsWith('rsa-')) return publicEncrypt({ key: publicKeyOf(version), padding: padding === 'pkcs1v15' ? constants.RSA_PKCS1_PADDING : constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, plain)
  const secret = symmetricKey(key, version, context)
  const iv = key.convergent ? createHmac('sha256', Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'convergent-nonce', 32))).update(plain).digest().subarray(0, 12) : nonce ?? Buffer.from(random(12))
  const cipher = createCipheriv(cipherOf[key.type] as 'aes-256-gcm', secret, iv, { authTagLength: 16 })
  if (associated !== undefined) cipher.setAAD(associated, { plaintextLength: plain.length })
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** @throws VaultError 400 for a ciphertext that was not made with this key */
export function decrypt(key: TransitKey, version: KeyVersion, sealed: Buffer, { context, associated, padding }: CipherOptions): Buffer {
  try {
    if (key.type.startsWith('rsa-')) return privateDecrypt({ key: privateKeyOf(version), padding: padding === 'pkcs1v15' ? constants.RSA_PKCS1_PADDING : constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, sealed)
    const cipher = createDecipheriv(cipherOf[key.type] as 'aes-256-gcm', symmetricKey(key, version, context), sealed.subarray(0, 12), { authTagLength: 16 })
    if (associated !== undefined) cipher.setAAD(associated, { plaintextLength: sealed.length - 28 })
    cipher.setAuthTag(sealed.subarray(sealed.length - 16))
    return Buffer.concat([cipher.update(sealed.subarray(12, sealed.length - 16)), cipher.final()])
  } catch (error) {
    if (error instanceof Error && error.name === 'VaultError') throw error
    throw badRequest('cipher: message authentication failed')
  }
}
