import { createHash, createHmac, sign, type KeyObject } from 'node:crypto'
import { CodedError } from '@idp/kit'
import { publicKeyOf } from '@idp/pki'

// JSON Web Signatures as ACME sends them (RFC 7515, RFC 8555 §6.2).

export interface Jws { readonly protected: string; readonly payload: string; readonly signature: string }
export type MacAlgorithm = 'HS256' | 'HS384' | 'HS512'

const encode = (value: string | Uint8Array): string => Buffer.from(value).toString('base64url')

/** RS256 or ES256. @throws CodedError `InvalidKey` for others */
function algorithmOf(key: KeyObject): 'RS256' | 'ES256' {
  if (key.asymmetricKeyType === 'rsa') return 'RS256'
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256'
  throw new CodedError({ code: 'InvalidKey', message: 'ACME accounts have RSA or ECDSA P-256 keys' })
}

/** The public key, members in the order of RFC 7638. */
export function jwkOf(key: KeyObject): Readonly<Record<string, string>> {
  const { kty = '', n = '', e = '', crv = '', x = '', y = '' } = publicKeyOf(key).export({ format: 'jwk' })
  return kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y }
}

/** RFC 7638, SHA-256. */
export function thumbprint(key: KeyObject): string {
  return createHash('sha256').update(JSON.stringify(jwkOf(key))).digest('base64url')
}

/** What proves control over an identifier (RFC 8555 §8.1). */
export function keyAuthorization(token: string, key: KeyObject): string {
  return `${token}.${thumbprint(key)}`
}

export interface Envelope { readonly url: string; readonly nonce: string; /** URL of the account; the key itself is named without it. */ readonly kid?: string }

/** @param payload undefined for POST-as-GET */
export function signJws(payload: unknown, key: KeyObject, { url, nonce, kid }: Envelope): Jws {
  const head = encode(JSON.stringify({ alg: algorithmOf(key), nonce, url, ...(kid === undefined ? { jwk: jwkOf(key) } : { kid }) }))
  const body = payload === undefined ? '' : encode(JSON.stringify(payload))
  return { protected: head, payload: body, signature: encode(sign('sha256', Buffer.from(`${head}.${body}`), { key, dsaEncoding: 'ieee-p1363' })) }
}

/** External account binding (RFC 8555 §7.3.4): the account's key under the MAC key that the CA gave out. */
export function bindAccount(key: KeyObject, binding: { readonly keyId: string; readonly macKey: Uint8Array; readonly algorithm: MacAlgorithm }, url: string): Jws {
  const head = encode(JSON.stringify({ alg: binding.algorithm, kid: binding.keyId, url }))
  const body = encode(JSON.stringify(jwkOf(key)))
  return { protected: head, payload: body, signature: createHmac(`sha${binding.algorithm.slice(2)}`, binding.macKey).update(`${head}.${body}`).digest('base64url') }
}
