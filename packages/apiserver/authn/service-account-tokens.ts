import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { uuid, type Clock, type Random } from '@idp/kit'
import { isRecord } from '../json-value.ts'

/** What a ServiceAccount token says. Times are seconds since the epoch. */
export interface TokenClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: readonly string[]
  readonly exp: number
  readonly iat: number
  readonly nbf: number
  readonly jti: string
  readonly 'kubernetes.io': {
    readonly namespace: string
    readonly serviceaccount: { readonly name: string; readonly uid: string }
    readonly pod?: { readonly name: string; readonly uid: string }
    readonly node?: { readonly name: string; readonly uid: string }
    readonly secret?: { readonly name: string; readonly uid: string }
    readonly warnafter?: number
  }
}

export interface TokenSigner {
  readonly issuer: string
  issue(claims: Omit<TokenClaims, 'iss' | 'iat' | 'nbf' | 'jti'>): string
  /** The claims of a token that this signer made and that has not expired; undefined for any other. Says nothing about its audience. */
  read(token: string): TokenClaims | undefined
  /** The public key as JWKS, for OIDC discovery. */
  readonly jwks: { readonly keys: readonly object[] }
}

export interface TokenSignerOptions {
  readonly issuer: string
  /** EC P-256 private key, PEM (PKCS#8). */
  readonly privateKey: string
  readonly clock: Clock
  readonly random: Random
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const verifiedLimit = 4096

/** Signs and reads ServiceAccount tokens: JWTs (RFC 7519) with ES256. */
export function tokenSigner({ issuer, privateKey, clock, random }: TokenSignerOptions): TokenSigner {
  const key = createPrivateKey(privateKey)
  const publicKey = createPublicKey(key)
  const kid = keyId(publicKey)
  const verified = new Map<string, TokenClaims>()
  const check = (token: string): TokenClaims | undefined => {
    const [head = '', body = '', signature = '', ...rest] = token.split('.')
    if (rest.length > 0 || signature === '') return undefined
    const header = parse(head)
    if (header?.['alg'] !== 'ES256' || header['kid'] !== kid) return undefined
    const valid = verify('sha256', Buffer.from(`${head}.${body}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
    const claims = valid ? parse(body) : undefined
    return claims?.['iss'] === issuer ? (claims as unknown as TokenClaims) : undefined
  }
  return {
    issuer,
    issue(claims) {
      const now = Math.floor(clock.now() / 1000)
      const signed = `${encode({ alg: 'ES256', kid })}.${encode({ ...claims, iat: now, iss: issuer, jti: uuid(random), nbf: now })}`
      return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
    },
    read(token) {
      let claims = verified.get(token)
      if (claims === undefined) {
        claims = check(token)
        if (claims === undefined) return undefined
        if (verified.size >= verifiedLimit) verified.clear()
        verified.set(token, claims)
      }
      const now = clock.now() / 1000
      return claims.exp > now && claims.nbf <= now + 60 ? claims : undefined
    },
    jwks: { keys: [{ use: 'sig', kty: 'EC', kid, crv: 'P-256', alg: 'ES256', ...publicPoint(publicKey) }] },
  }
}

function publicPoint(key: KeyObject): { x: unknown; y: unknown } {
  const { x, y } = key.export({ format: 'jwk' })
  return { x, y }
}

function keyId(key: KeyObject): string {
  return createHash('sha256').update(key.export({ type: 'spki', format: 'der' })).digest('base64url')
}

function parse(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return isRecord(value) ? value : undefined
  } catch {
    // Not JSON: not one of ours.
    return undefined
  }
}
