import { timingSafeEqual, createHash } from 'node:crypto'
import type { Peer } from '@idp/http'
import type { User } from '../server-context.ts'
import type { ServiceAccountUsers } from './service-account-user.ts'

/** A token that is known in advance, e.g. for bootstrapping. Secret. */
export interface StaticToken { readonly token: string; readonly user: User }

export interface AuthenticatorOptions {
  readonly serviceAccounts?: ServiceAccountUsers
  readonly staticTokens?: readonly StaticToken[]
  /** Audiences of this server: a ServiceAccount token must name one. */
  readonly audiences: readonly string[]
}

/** Who a token speaks for, and the audiences it may be shown to. */
export interface TokenIdentity { readonly user: User; readonly audiences: readonly string[] }

export interface Authenticator {
  /** By bearer token first, then by client certificate. */
  authenticate(request: Request, peer: Peer): User | undefined
  token(token: string): TokenIdentity | undefined
}

/** Header, claims and signature. */
const isJwt = /^[^.]+\.[^.]+\.[^.]+$/

export function authenticator({ serviceAccounts, staticTokens = [], audiences }: AuthenticatorOptions): Authenticator {
  const known = staticTokens.map(({ token, user }) => ({ digest: digest(token), user: authenticated(user) }))
  /** One user for one connection's certificate. */
  const certified = new WeakMap<object, User>()
  /** Static tokens that were shown and found right; as many as there are at most. */
  const fixed = new Map<string, TokenIdentity>()
  const token = (text: string): TokenIdentity | undefined => {
    const account = isJwt.test(text) ? serviceAccounts?.(text) : undefined
    if (account !== undefined) return account
    const recognized = fixed.get(text)
    if (recognized !== undefined) return recognized
    const wanted = digest(text)
    const found = known.find((item) => timingSafeEqual(item.digest, wanted))
    if (found === undefined) return undefined
    const identity = { user: found.user, audiences }
    fixed.set(text, identity)
    return identity
  }
  return {
    token,
    authenticate(request, peer) {
      const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? webSocketToken(request)
      if (bearer !== undefined) {
        const identity = token(bearer)
        return identity !== undefined && identity.audiences.some((audience) => audiences.includes(audience)) ? identity.user : undefined
      }
      const { certificate } = peer
      if (certificate === undefined || certificate.commonName === '') return undefined
      let user = certified.get(certificate)
      if (user === undefined) certified.set(certificate, (user = authenticated({ name: certificate.commonName, groups: certificate.organizations })))
      return user
    },
  }
}

/** Browsers cannot set headers on a WebSocket; upstream takes the token from a subprotocol. */
function webSocketToken(request: Request): string | undefined {
  const found = /base64url\.bearer\.authorization\.k8s\.io\.([A-Za-z0-9_-]+)/.exec(request.headers.get('sec-websocket-protocol') ?? '')?.[1]
  return found === undefined ? undefined : Buffer.from(found, 'base64url').toString()
}

function authenticated(user: User): User {
  return user.groups.includes('system:authenticated') ? user : { ...user, groups: [...user.groups, 'system:authenticated'] }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
