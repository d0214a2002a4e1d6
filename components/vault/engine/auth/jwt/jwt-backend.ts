import { createPublicKey, type KeyObject } from 'node:crypto'
import type { BackendRequest } from '../../backend.ts'
import type { ActiveFactory } from '../../core/active.ts'
import { flag, has, isRecord, list, pairs, record, seconds, text, type Data } from '../../fields.ts'
import { badRequest, VaultError } from '../../vault-error.ts'
import { loginOf, noTokenFields, tokenFields, type TokenFields } from '../token-fields.ts'
import { verifySignature, type SigningKey } from './verify-signature.ts'

interface Config {
  readonly oidc_discovery_url: string
  readonly oidc_discovery_ca_pem: string
  readonly oidc_client_id: string
  readonly oidc_client_secret: string
  readonly jwks_url: string
  readonly jwks_ca_pem: string
  readonly jwt_validation_pubkeys: readonly string[]
  readonly jwt_supported_algs: readonly string[]
  readonly bound_issuer: string
  readonly default_role: string
}

interface Role extends TokenFields {
  readonly role_type: string
  readonly user_claim: string
  readonly groups_claim: string
  readonly bound_audiences: readonly string[]
  readonly bound_subject: string
  readonly bound_claims: Readonly<Record<string, unknown>> | null
  readonly bound_claims_type: string
  readonly claim_mappings: Readonly<Record<string, string>> | null
  readonly clock_skew_leeway: number
  readonly expiration_leeway: number
  readonly not_before_leeway: number
  readonly allowed_redirect_uris: readonly string[]
  readonly oidc_scopes: readonly string[]
  readonly verbose_oidc_logging: boolean
}

const noConfig: Config = { oidc_discovery_url: '', oidc_discovery_ca_pem: '', oidc_client_id: '', oidc_client_secret: '', jwks_url: '', jwks_ca_pem: '', jwt_validation_pubkeys: [], jwt_supported_algs: [], bound_issuer: '', default_role: '' }

/** `auth/jwt` (and the JWT part of `auth/oidc`; its browser flow is not served). */
export const jwtAuth: ActiveFactory = ({ storage, clock }, active) => {
  const configOf = (): Config | undefined => storage.get<Config>('config')
  const roleOf = (name: string): Role | undefined => storage.get<Role>(`role/${name}`)
  const nameOf = ({ params }: BackendRequest): string => (params['name'] ?? '').toLowerCase()

  async function fetchJson(url: string, ca: string): Promise<Record<string, unknown>> {
    const { fetch } = active.surroundings
    if (fetch === undefined) throw new VaultError(500, 'the server cannot reach other servers')
    let answer: unknown
    try {
      answer = await (await fetch(url, ca === '' ? {} : { ca })).json()
    } catch {
      throw badRequest(`error checking ${url}: it cannot be read`)
    }
    if (!isRecord(answer)) throw badRequest(`error checking ${url}: it is not a JSON object`)
    return answer
  }
  async function keysOf(config: Config): Promise<SigningKey[]> {
    if (config.jwt_validation_pubkeys.length > 0) return config.jwt_validation_pubkeys.map((pem) => ({ key: publicKey(pem) }))
    const url = config.jwks_url !== '' ? config.jwks_url : String((await fetchJson(`${config.oidc_discovery_url.replace(/\/$/, '')}/.well-known/openid-configuration`, config.oidc_discovery_ca_pem))['jwks_uri'] ?? '')
    const { keys } = await fetchJson(url, config.jwks_url !== '' ? config.jwks_ca_pem : config.oidc_discovery_ca_pem)
    return (Array.isArray(keys) ? keys : []).filter(isRecord).map((jwk) => ({ key: createPublicKey({ key: jwk, format: 'jwk' }), ...(typeof jwk['kid'] === 'string' ? { kid: jwk['kid'] } : {}) }))
  }
  async function login({ data }: BackendRequest) {
    const config = configOf()
    if (config === undefined) throw badRequest('could not load configuration')
    const name = text(data, 'role', config.default_role).toLowerCase()
    if (name === '') throw badRequest('missing role')
    const role = roleOf(name)
    if (role === undefined) throw badRequest(`role ${JSON.stringify(name)} could not be found`)
    if (role.role_type === 'oidc') throw badRequest('role with oidc role_type is not allowed')
    if (text(data, 'jwt') === '') throw badRequest('missing token')
    const claims = verifySignature(text(data, 'jwt'), await keysOf(config), config.jwt_supported_algs)
    checkClaims(claims, role, config, clock.now() / 1000)
    const user = claimAt(claims, role.user_claim)
    if (typeof user !== 'string') throw badRequest(`claim ${JSON.stringify(role.user_claim)} not found in token`)
    const groups = role.groups_claim === '' ? undefined : claimAt(claims, role.groups_claim)
    if (role.groups_claim !== '' && groups === undefined) throw badRequest(`${JSON.stringify(role.groups_claim)} claim not found in token`)
    const mapped = Object.fromEntries(Object.entries(role.claim_mappings ?? {}).flatMap(([claim, key]) => { const value = claimAt(claims, claim); return value === undefined ? [] : [[key, String(value)]] }))
    return { login: { ...loginOf(role), displayName: user, metadata: { role: name, ...mapped }, alias: { name: user, metadata: mapped }, ...(groups === undefined ? {} : { groupAliases: [groups].flat().map(String) }), internal: { role: name } } }
  }
  return {
    routes: [
      { path: 'login', open: true, write: login },
      {
        path: 'config',
        read: () => {
          const config = configOf()
          if (config === undefined) return undefined
          const { oidc_client_secret: _secret, ...shown } = config
          return { data: shown }
        },
        write: async ({ data }) => {
          const config = readConfig(data)
          if (config.oidc_discovery_url !== '' && flag(data, 'skip_jwks_validation') === false) await keysOf(config)
          storage.put('config', config)
          return undefined
        },
      },
      { path: 'role', list: () => ({ data: { keys: storage.list('role/') } }) },
      {
        path: 'role/:name',
        exists: (request) => roleOf(nameOf(request)) !== undefined,
        read: (request) => {
          const role = roleOf(nameOf(request))
          return role === undefined ? undefined : { data: role }
        },
        write: (request) => void storage.put(`role/${nameOf(request)}`, readRole(request.data, roleOf(nameOf(request)))),
        delete: (request) => void storage.delete(`role/${nameOf(request)}`),
      },
      ...['oidc/auth_url', 'oidc/callback'].map((path) => ({ path, open: true, read: notServed, write: notServed })),
    ],
    renewLogin(token) {
      const role = roleOf(token.internal['role'] ?? '')
      if (role === undefined) throw badRequest('role no longer exists')
      return { ttl: role.token_ttl, maxTtl: role.token_max_ttl, period: role.token_period }
    },
  }
}

const notServed = (): never => { throw badRequest('the OIDC flow through a browser is not served by this server') }

function publicKey(pem: string): KeyObject {
  try {
    return createPublicKey(pem)
  } catch {
    throw badRequest('error parsing public key: it is not one in PEM')
  }
}

function readConfig(data: Data): Config {
  const config: Config = { ...noConfig, ...Object.fromEntries(Object.entries(noConfig).map(([name, before]) => [name, Array.isArray(before) ? keyList(data, name) : text(data, name)])) }
  const sources = [config.oidc_discovery_url !== '', config.jwks_url !== '', config.jwt_validation_pubkeys.length > 0].filter(Boolean).length
  if (sources !== 1) throw badRequest("exactly one of 'jwt_validation_pubkeys', 'jwks_url' or 'oidc_discovery_url' must be set")
  for (const pem of config.jwt_validation_pubkeys) publicKey(pem)
  return config
}

/** PEM texts hold no commas, but a single one may come as a string. */
const keyList = (data: Data, name: string): string[] => list(data, name)

function readRole(data: Data, known: Role | undefined): Role {
  const role: Role = {
    ...tokenFields(data, known ?? noTokenFields), role_type: text(data, 'role_type', known?.role_type ?? 'jwt'), user_claim: text(data, 'user_claim', known?.user_claim), groups_claim: text(data, 'groups_claim', known?.groups_claim),
    bound_audiences: list(data, 'bound_audiences', known?.bound_audiences), bound_subject: text(data, 'bound_subject', known?.bound_subject), bound_claims: record(data, 'bound_claims') ?? known?.bound_claims ?? null,
    bound_claims_type: text(data, 'bound_claims_type', known?.bound_claims_type ?? 'string'), claim_mappings: has(data, 'claim_mappings') ? pairs(data, 'claim_mappings') : known?.claim_mappings ?? null,
    clock_skew_leeway: seconds(data, 'clock_skew_leeway', known?.clock_skew_leeway), expiration_leeway: seconds(data, 'expiration_leeway', known?.expiration_leeway), not_before_leeway: seconds(data, 'not_before_leeway', known?.not_before_leeway),
    allowed_redirect_uris: list(data, 'allowed_redirect_uris', known?.allowed_redirect_uris), oidc_scopes: list(data, 'oidc_scopes', known?.oidc_scopes), verbose_oidc_logging: flag(data, 'verbose_oidc_logging', known?.verbose_oidc_logging),
  }
  if (role.user_claim === '') throw badRequest('a user claim must be defined on the role')
  if (role.role_type !== 'jwt' && role.role_type !== 'oidc') throw badRequest(`invalid 'role_type': ${role.role_type}`)
  if (role.role_type === 'oidc' && role.allowed_redirect_uris.length === 0) throw badRequest("'allowed_redirect_uris' must be set if 'role_type' is 'oidc' or unspecified.")
  if (role.role_type === 'jwt' && role.bound_audiences.length === 0 && role.bound_subject === '' && role.bound_claims === null && role.token_bound_cidrs.length === 0) throw badRequest('must have at least one bound constraint when creating/updating a role')
  if (role.bound_claims_type !== 'string' && role.bound_claims_type !== 'glob') throw badRequest(`invalid 'bound_claims_type': ${role.bound_claims_type}`)
  return role
}

function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (!path.startsWith('/')) return claims[path]
  return path.slice(1).split('/').reduce<unknown>((value, part) => (isRecord(value) ? value[part.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined), claims)
}

function checkClaims(claims: Readonly<Record<string, unknown>>, role: Role, config: Config, now: number): void {
  const fail = (message: string): VaultError => badRequest(`error validating token: ${message}`)
  const number = (name: string): number | undefined => (typeof claims[name] === 'number' ? claims[name] : undefined)
  const [exp, nbf, iat] = [number('exp'), number('nbf'), number('iat')]
  if (exp === undefined && nbf === undefined && iat === undefined) throw fail('no issued at (iat), not before (nbf), or expiration time (exp) claims in token')
  const skew = role.clock_skew_leeway < 0 ? 0 : role.clock_skew_leeway || 60
  const leeway = (value: number): number => (value < 0 ? 0 : value || 150)
  if ((exp ?? Math.max(nbf ?? 0, iat ?? 0) + leeway(role.expiration_leeway)) + skew < now) throw fail('token is expired')
  if ((nbf ?? iat ?? (exp ?? 0) - leeway(role.not_before_leeway)) - skew > now || (iat !== undefined && iat - skew > now)) throw fail('token is not valid yet')
  if (config.bound_issuer !== '' && claims['iss'] !== config.bound_issuer) throw fail('invalid issuer (iss) claim')
  if (role.bound_subject !== '' && claims['sub'] !== role.bound_subject) throw fail('invalid subject (sub) claim')
  const audiences = [claims['aud'] ?? []].flat().map(String)
  if (role.bound_audiences.length > 0 && !audiences.some((audience) => role.bound_audiences.includes(audience))) throw fail('invalid audience (aud) claim: audience claim does not match any expected audience')
  if (role.bound_audiences.length === 0 && audiences.length > 0) throw fail('audience claim found in JWT but no audiences bound to the role')
  for (const [claim, wanted] of Object.entries(role.bound_claims ?? {})) {
    const actual = [claimAt(claims, claim) ?? []].flat()
    const matches = (value: unknown, want: unknown): boolean => (role.bound_claims_type === 'glob' && typeof want === 'string' ? new RegExp(`^${want.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)).join('.*')}$`, 's').test(String(value)) : value === want)
    if (!actual.some((value) => [wanted].flat().some((want) => matches(value, want)))) throw badRequest(`error validating claims: claim ${JSON.stringify(claim)} does not match any associated bound claim values`)
  }
}
