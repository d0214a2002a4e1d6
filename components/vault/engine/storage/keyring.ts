import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { CodedError, type Random } from '@idp/kit'

/** The keys that encrypt the storage; entries name their key by its term, so that a rotation leaves old entries readable. */
export interface Keyring {
  readonly term: number
  readonly keys: Readonly<Record<number, { readonly key: string; readonly installed: string }>>
  readonly rootKey: string
}

const nonceBytes = 12
const tagBytes = 16

/** AES-256-GCM; the context (a storage path) is authenticated, so that entries cannot be swapped. Layout: nonce, ciphertext, tag. */
export function seal(key: Uint8Array | KeyObject, plain: Uint8Array, context: string, random: Random): Buffer {
  const nonce = random(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(context))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** @throws CodedError `DecryptionFailed` */
export function open(key: Uint8Array | KeyObject, sealed: Uint8Array, context: string): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes))
    decipher.setAAD(Buffer.from(context))
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes))
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, bytes.length - tagBytes)), decipher.final()])
  } catch (cause) {
    throw new CodedError({ code: 'DecryptionFailed', message: 'an entry of the storage does not fit its key', where: context, remedy: 'restore the storage from a snapshot', cause })
  }
}

/** A new key for everything written from now on. */
export function rotated(keyring: Keyring, random: Random, now: number): Keyring {
  const term = keyring.term + 1
  return { ...keyring, term, keys: { ...keyring.keys, [term]: newKey(random, now) } }
}

export function newKeyring(rootKey: Uint8Array, random: Random, now: number): Keyring {
  return { term: 1, keys: { 1: newKey(random, now) }, rootKey: Buffer.from(rootKey).toString('base64') }
}

const newKey = (random: Random, now: number) => ({ key: Buffer.from(random(32)).toString('base64'), installed: new Date(now).toISOString() })
