import { createHash, createPrivateKey, createPublicKey, generateKeyPair, sign, verify, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { CodedError, messageOf } from '@idp/kit'
import { children, nothing, oid, readOne, seq } from './der.ts'

export type KeyAlgorithm =
  | { readonly type: 'ECDSA'; readonly size?: 256 | 384 | 521 }
  | { readonly type: 'RSA'; readonly size?: number }
  | { readonly type: 'Ed25519' }

const curves = { 256: 'P-256', 384: 'P-384', 521: 'P-521' } as const
const generate = promisify(generateKeyPair)

/** A new private key; ECDSA P-256 unless told otherwise. RSA takes 2048 to 8192 bits and is made outside the event loop. */
export async function generateKey(algorithm: KeyAlgorithm = { type: 'ECDSA' }): Promise<KeyObject> {
  if (algorithm.type === 'RSA') {
    const { size = 2048 } = algorithm
    if (size < 2048 || size > 8192) throw new CodedError({ code: 'InvalidKeySize', message: `an RSA key of ${size} bits is not supported`, remedy: 'use 2048 to 8192 bits' })
    return (await generate('rsa', { modulusLength: size })).privateKey
  }
  if (algorithm.type === 'Ed25519') return (await generate('ed25519')).privateKey
  return (await generate('ec', { namedCurve: curves[algorithm.size ?? 256] })).privateKey
}

/** PEM of a private key: `PKCS8`, or the older form of its type (`RSA PRIVATE KEY`, `EC PRIVATE KEY`; Ed25519 has none). */
export function exportKey(key: KeyObject, encoding: 'PKCS1' | 'PKCS8' = 'PKCS8'): string {
  const old = encoding === 'PKCS8' ? undefined : key.asymmetricKeyType === 'rsa' ? 'pkcs1' : key.asymmetricKeyType === 'ec' ? 'sec1' : undefined
  return String(key.export({ type: old ?? 'pkcs8', format: 'pem' }))
}

/** @throws CodedError `InvalidKey` */
export function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    throw new CodedError({ code: 'InvalidKey', message: `this is not a private key in PEM: ${messageOf(cause)}`, cause })
  }
}

/** What kind of key it is. */
export function algorithmOf(key: KeyObject): KeyAlgorithm {
  if (key.asymmetricKeyType === 'rsa') return { type: 'RSA', size: key.asymmetricKeyDetails?.modulusLength ?? 0 }
  if (key.asymmetricKeyType === 'ed25519') return { type: 'Ed25519' }
  const curve = key.asymmetricKeyDetails?.namedCurve
  return { type: 'ECDSA', size: curve === 'secp521r1' ? 521 : curve === 'secp384r1' ? 384 : 256 }
}

export const publicKeyOf = (key: KeyObject): KeyObject => (key.type === 'public' ? key : createPublicKey(key))
export const spkiOf = (key: KeyObject): Buffer => publicKeyOf(key).export({ type: 'spki', format: 'der' })

/** SHA-1 of the public key's bits (RFC 5280 §4.2.1.2, method 1). */
export function keyIdOf(spki: Buffer): Buffer {
  const bits = children(readOne(spki))[1]
  return createHash('sha1').update(bits?.content.subarray(1) ?? spki).digest()
}

interface SignatureAlgorithm { readonly id: Buffer; readonly hash: string | undefined }

export type Hash = 'sha256' | 'sha384' | 'sha512'
const rsaOids: Readonly<Record<Hash, number>> = { sha256: 11, sha384: 12, sha512: 13 }
const ecdsaOids: Readonly<Record<Hash, number>> = { sha256: 2, sha384: 3, sha512: 4 }

/** The signature a key makes: hash as strong as the key unless one is asked for. */
export function signatureAlgorithm(key: KeyObject, hash?: Hash): SignatureAlgorithm {
  const algorithm = algorithmOf(key)
  if (algorithm.type === 'Ed25519') return { id: seq(oid('1.3.101.112')), hash: undefined }
  const { type, size = 0 } = algorithm
  if (type === 'RSA') {
    const chosen = hash ?? (size >= 4096 ? 'sha512' : size >= 3072 ? 'sha384' : 'sha256')
    return { id: seq(oid(`1.2.840.113549.1.1.${rsaOids[chosen]}`), nothing()), hash: chosen }
  }
  const chosen = hash ?? (size === 521 ? 'sha512' : size === 384 ? 'sha384' : 'sha256')
  return { id: seq(oid(`1.2.840.10045.4.3.${ecdsaOids[chosen]}`)), hash: chosen }
}

export function signWith(key: KeyObject, data: Uint8Array, hash?: Hash): Buffer {
  return sign(signatureAlgorithm(key, hash).hash, data, key)
}

/** Hash of each signature algorithm that is accepted. SHA-1 and MD5 are not. */
const hashes: Readonly<Record<string, string | undefined>> = {
  '1.2.840.113549.1.1.11': 'sha256', '1.2.840.113549.1.1.12': 'sha384', '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256', '1.2.840.10045.4.3.3': 'sha384', '1.2.840.10045.4.3.4': 'sha512', '1.3.101.112': undefined,
}

export function verifySignature(algorithm: string, key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  return algorithm in hashes && verify(hashes[algorithm], data, key, signature)
}
