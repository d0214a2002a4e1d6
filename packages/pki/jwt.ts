import { createHash, sign, verify, type KeyObject } from 'node:crypto'
import { CodedError } from '@idp/kit'
import { publicKeyOf, spkiOf } from './keys.ts'

export type JwtClaims = Readonly<Record<string, unknown>>

/** A token whose signature has been checked. Times, issuer and audience are the reader's business. */
export interface Jwt { readonly header: Readonly<Record<string, unknown>>; readonly claims: JwtClaims }

/** Identifies a key in token headers: base64url of the SHA-256 of its public part, as Kubernetes does it. */
export function jwtKeyId(key: KeyObject): string {
  return createHash('sha256').update(spkiOf(key)).digest('base64url')
}

/** A compact token (RFC 7519): RS256 with an RSA key, ES256 with a P-256 key. */
export function signJwt(claims: JwtClaims, key: KeyObject, kid = jwtKeyId(key)): string {
  const text = `${encode({ alg: algorithm(key), kid })}.${encode(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/**
 * Checks a token's signature with the key its header names; a token without `kid` is tried with every key.
 * @param keys public keys by their id
 * @throws CodedError `InvalidToken`; the message never holds the token
 */
export function verifyJwt(token: string, keys: ReadonlyMap<string, KeyObject>): Jwt {
  const [head = '', body = '', signature = '', extra] = token.split('.')
  if (signature === '' || extra !== undefined) throw invalid('it has not three parts')
  const header = decode(head)
  const candidates = typeof header['kid'] === 'string' ? [keys.get(header['kid'])] : [...keys.values()]
  const valid = candidates.some((key) => key !== undefined && header['alg'] === algorithm(key)
    && verify('sha256', Buffer.from(`${head}.${body}`), { key: publicKeyOf(key), dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
  if (!valid) throw invalid('its signature does not fit a known key')
  return { header, claims: decode(body) }
}

/** What a token claims, unchecked: for finding out whom to ask. @throws CodedError `InvalidToken` */
export function readJwt(token: string): Jwt {
  const [head = '', body = '', signature] = token.split('.')
  if (signature === undefined) throw invalid('it has not three parts')
  return { header: decode(head), claims: decode(body) }
}

function algorithm(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS256'
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256'
  throw new CodedError({ code: 'InvalidKey', message: 'tokens are signed with RSA or ECDSA P-256 keys only' })
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(part: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    throw invalid('a part is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('a part is not a JSON object')
  return value as Record<string, unknown>
}

function invalid(why: string): CodedError {
  return new CodedError({ code: 'InvalidToken', message: `the token is not valid: ${why}` })
}
