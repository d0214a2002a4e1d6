import { createHmac, createPublicKey, generateKeyPairSync, sign, timingSafeEqual, verify } from 'node:crypto'
import type { JsonObject } from '@idp/formats'
import type { Clock } from '@idp/kit'
import { configAt, configList, configText } from './app-config.ts'
import { isObject } from './json-schema.ts'

/** Who calls. Guests read; what changes the catalog, the repository or the cluster needs `mayWrite`. */
export interface Caller { readonly type: 'user' | 'service'; readonly ref: string; readonly mayWrite: boolean }

export interface Tokens {
  caller(request: Request): Caller | undefined
  /** A token for a person who signs in as guest, or with the access token. Undefined where that is not allowed. */
  signIn(provider: 'guest' | 'accessToken', secret?: string): { readonly token: string; readonly ref: string; readonly expiresInSeconds: number } | undefined
  readonly providers: readonly string[]
  jwks(): JsonObject
}

const lifetimeSeconds = 3600
const encode = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const equal = (a: string, b: string): boolean => { const [x, y] = [Buffer.from(a), Buffer.from(b)]; return x.length === y.length && timingSafeEqual(x, y) }

/**
 * Bearer tokens: static ones and those signed with a shared secret (`backend.auth.externalAccess`, upstream's types `static` and `legacy`), and user
 * tokens (ES256) made here, whose key lives as long as the process.
 */
export function createTokens({ config, clock }: { readonly config: JsonObject; readonly clock: Clock }): Tokens {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const access = configList(config, 'backend.auth.externalAccess')
  const option = (one: JsonObject, key: string): string => configText(one, `options.${key}`) ?? ''
  const statics = access.filter((one) => one['type'] === 'static' && option(one, 'token').length >= 8)
  const secrets = [...access.filter((one) => one['type'] === 'legacy').map((one) => ({ secret: option(one, 'secret'), subject: option(one, 'subject') })), ...configList(config, 'backend.auth.keys').map((one) => ({ secret: configText(one, 'secret') ?? '', subject: '' }))].filter(({ secret }) => secret !== '')
  const guest = configAt(config, 'auth.providers.guest')
  const guestRef = (configText(config, 'auth.providers.guest.userEntityRef') ?? 'user:development/guest').toLowerCase()
  const accessToken = configText(config, 'auth.providers.accessToken.token') ?? ''
  const userRef = (configText(config, 'auth.providers.accessToken.userEntityRef') ?? 'user:default/admin').toLowerCase()
  const now = (): number => Math.floor(clock.now() / 1000)

  const userOf = (token: string): Caller | undefined => {
    const [head = '', body = '', signature = ''] = token.split('.')
    if (!verify('sha256', Buffer.from(`${head}.${body}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))) return undefined
    const claims = claimsOf(body)
    if (typeof claims?.['sub'] !== 'string' || typeof claims['exp'] !== 'number' || claims['exp'] <= now()) return undefined
    return { type: 'user', ref: claims['sub'], mayWrite: claims['write'] === true }
  }
  const serviceOf = (token: string): Caller | undefined => {
    const found = statics.find((one) => equal(option(one, 'token'), token))
    if (found !== undefined) return { type: 'service', ref: option(found, 'subject') === '' ? 'external:static' : `external:${option(found, 'subject')}`, mayWrite: true }
    const [head = '', body = '', signature = ''] = token.split('.')
    if (claimsOf(head)?.['alg'] !== 'HS256') return undefined
    for (const { secret, subject } of secrets) {
      if (!equal(createHmac('sha256', Buffer.from(secret, 'base64')).update(`${head}.${body}`).digest('base64url'), signature)) continue
      const claims = claimsOf(body)
      if (claims?.['sub'] === 'backstage-server' && typeof claims['exp'] === 'number' && claims['exp'] > now()) return { type: 'service', ref: subject === '' ? 'external:backstage-plugin' : `external:${subject}`, mayWrite: true }
    }
    return undefined
  }
  return {
    caller(request) {
      const [, token] = /^Bearer (\S+)$/i.exec(request.headers.get('authorization') ?? '') ?? []
      return token === undefined ? undefined : serviceOf(token) ?? userOf(token)
    },
    providers: [...(isObject(guest) ? ['guest'] : []), ...(accessToken === '' ? [] : ['accessToken'])],
    signIn(provider, secret = '') {
      if (provider === 'guest' ? !isObject(guest) : accessToken === '' || !equal(accessToken, secret)) return undefined
      const ref = provider === 'guest' ? guestRef : userRef
      const text = `${encode({ typ: 'vnd.backstage.user', alg: 'ES256', kid: 'idp' })}.${encode({ iss: 'backstage', sub: ref, ent: [ref], aud: 'backstage', iat: now(), exp: now() + lifetimeSeconds, write: provider === 'accessToken' })}`
      return { token: `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`, ref, expiresInSeconds: lifetimeSeconds }
    },
    jwks: () => ({ keys: [{ ...createPublicKey(publicKey).export({ format: 'jwk' }) as JsonObject, kid: 'idp', alg: 'ES256', use: 'sig' }] }),
  }
}

function claimsOf(part: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return isObject(value) ? value : undefined
  } catch { return undefined }
}
