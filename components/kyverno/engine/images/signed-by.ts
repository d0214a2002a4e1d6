import { createPublicKey, verify, type KeyObject } from 'node:crypto'

export type HashName = 'sha224' | 'sha256' | 'sha384' | 'sha512'

/** Whether a key signed data: ECDSA (DER), RSA (PKCS #1 v1.5) with the hash, Ed25519 without one. */
export function signedByKey(data: Buffer, signature: Buffer, key: KeyObject, hash: HashName = 'sha256'): boolean {
  try {
    return verify(key.asymmetricKeyType === 'ed25519' || key.asymmetricKeyType === 'ed448' ? null : hash, data, key, signature)
  } catch {
    return false // a signature that is none of the key's kind
  }
}

/** The public keys in PEM text. */
export function publicKeysIn(pem: string): KeyObject[] {
  return [...pem.matchAll(/-----BEGIN ([A-Z ]*PUBLIC KEY)-----[\s\S]+?-----END \1-----/g)].map(([block]) => createPublicKey(block))
}
