import { createCipheriv, createDecipheriv } from 'node:crypto'
import { CodedError, type Random } from '@idp/kit'
import type { AtRest } from './object-codec.ts'

const magic = Buffer.from('idp:enc:aesgcm:v1:')
const nonceBytes = 12
const tagBytes = 16

/**
 * Encrypts values under some keys with AES-256-GCM; the store key is authenticated with them, so that a value cannot be moved to
 * another object. Values written before encryption are read as they are.
 * @param key 32 secret bytes
 */
export function encryptedAtRest(key: Uint8Array, random: Random, prefixes: readonly string[] = ['/registry/core/secrets/']): AtRest {
  if (key.byteLength !== 32) throw new CodedError({ code: 'InvalidKey', message: `the encryption key has ${key.byteLength} bytes, 32 are needed` })
  const concerned = (storeKey: string) => prefixes.some((prefix) => storeKey.startsWith(prefix))
  return {
    seal(storeKey, plain) {
      if (!concerned(storeKey)) return plain
      const nonce = random(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(storeKey))
      return Buffer.concat([magic, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    },
    open(storeKey, sealed) {
      if (!concerned(storeKey) || !Buffer.from(sealed.buffer, sealed.byteOffset, magic.length).equals(magic)) return sealed
      const nonce = sealed.subarray(magic.length, magic.length + nonceBytes)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(storeKey)).setAuthTag(sealed.subarray(-tagBytes))
      try {
        return Buffer.concat([decipher.update(sealed.subarray(magic.length + nonceBytes, -tagBytes)), decipher.final()])
      } catch (cause) {
        throw new CodedError({ code: 'CannotDecrypt', message: 'a stored Secret cannot be decrypted', where: storeKey, remedy: 'the data directory belongs to another encryption key; restore the key it was written with', cause })
      }
    },
  }
}
