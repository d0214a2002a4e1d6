import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { verifySignature } from '../auth/jwt/verify-signature.ts'
import type { Answer, BackendContext, BackendRequest, Route } from '../backend.ts'
import type { Active } from '../core/active.ts'
import { has, isRecord, list, parseJson, seconds, text } from '../fields.ts'
import { base62 } from '../random-text.ts'
import { badRequest, VaultError } from '../vault-error.ts'
import { createOidcKeys, signingAlgorithms, type OidcKeys } from './oidc-keys.ts'
import { fillTemplate } from './token-template.ts'

interface Role { readonly key: string; readonly ttl: number; readonly template: string; readonly client_id: string }

const DAY = 86_400

/** `identity/oidc`: signed tokens that say who the caller is, and the keys to verify them (OpenID Connect Discovery). */
export function oidcRoutes({ storage, clock, random }: BackendContext, active: Active): Route[] {
  const keys = createOidcKeys(storage, clock, random)
  const issuer = (): string => `${storage.get<{ issuer: string }>('oidc/config')?.issuer || active.surroundings.apiAddress || 'http://127.0.0.1:8200'}/v1/identity/oidc`
  const roleOf = (name: string): Role | undefined => storage.get<Role>(`oidc/role/${name}`)
  const nameOf = ({ params }: BackendRequest): string => params['name'] ?? ''

  async function token(request: BackendRequest): Promise<Answer> {
    const name = nameOf(request)
    const role = roleOf(name)
    if (role === undefined) throw badRequest(`role ${JSON.stringify(name)} not found`)
    const entity = active.identity.entities.get(request.token?.entityId ?? '')
    if (entity === undefined) throw badRequest("no entity associated with the request's token")
    const key = keys.find(role.key)
    if (key === undefined) throw badRequest(`key ${JSON.stringify(role.key)} not found`)
    if (!key.allowed_client_ids.includes('*') && !key.allowed_client_ids.includes(role.client_id)) throw badRequest(`the key ${JSON.stringify(role.key)} does not list the client ID of the role ${JSON.stringify(name)} as an allowed client ID`)
    const now = Math.floor(clock.now() / 1000)
    const ttl = Math.min(role.ttl, key.verification_ttl)
    const claims = { ...fillTemplate(role.template, active.identity, entity, now), iss: issuer(), sub: entity.id, aud: role.client_id, iat: now, exp: now + ttl, namespace: 'root' }
    return { data: { client_id: role.client_id, token: await keys.sign(role.key, claims), ttl } }
  }
  return [
    {
      path: 'oidc/config',
      read: () => ({ data: { issuer: storage.get<{ issuer: string }>('oidc/config')?.issuer ?? '' } }),
      write: ({ data }) => {
        const given = text(data, 'issuer').replace(/\/$/, '')
        if (given !== '' && (!URL.canParse(given) || !/^https?:/.test(given))) throw badRequest("invalid issuer, which must include only a scheme, host, and optional port (e.g. https://example.com:8200)")
        storage.put('oidc/config', { issuer: given })
        return given === '' ? undefined : { warnings: ['If "issuer" is set explicitly, all tokens must be validated against that address, including those issued by secondary clusters. Setting issuer to "" will restore the default behavior of using the cluster\'s api_addr as the issuer.'] }
      },
    },
    ...keyRoutes(keys, () => storage.list('oidc/role/').filter((role) => roleOf(role) !== undefined).map((name) => ({ name, key: roleOf(name)?.key ?? '' }))),
    { path: 'oidc/role', list: () => ({ data: { keys: storage.list('oidc/role/') } }) },
    {
      path: 'oidc/role/:name',
      exists: (request) => roleOf(nameOf(request)) !== undefined,
      read: (request) => {
        const role = roleOf(nameOf(request))
        return role === undefined ? undefined : { data: role }
      },
      write: (request) => {
        const { data } = request
        const known = roleOf(nameOf(request))
        const role: Role = { key: text(data, 'key', known?.key), ttl: seconds(data, 'ttl', known?.ttl ?? DAY), template: templateText(text(data, 'template', known?.template)), client_id: text(data, 'client_id', known?.client_id ?? base62(random, 26)) }
        if (role.key === '') throw badRequest('the key parameter is required')
        const key = keys.find(role.key)
        if (key !== undefined && role.ttl > key.verification_ttl) throw badRequest('a role\'s token ttl cannot be longer than the verification_ttl of the key it references')
        storage.put(`oidc/role/${nameOf(request)}`, role)
        return undefined
      },
      delete: (request) => void storage.delete(`oidc/role/${nameOf(request)}`),
    },
    { path: 'oidc/token/:name', read: token },
    { path: 'oidc/introspect', write: ({ data }) => ({ body: introspect(keys, text(data, 'token'), { issuer: issuer(), clientId: text(data, 'client_id'), now: clock.now() / 1000, active }) }) },
    {
      path: 'oidc/.well-known/openid-configuration', open: true,
      read: () => ({ body: { issuer: issuer(), jwks_uri: `${issuer()}/.well-known/keys`, response_types_supported: ['id_token'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: signingAlgorithms } }),
    },
    { path: 'oidc/.well-known/keys', open: true, read: () => ({ body: { keys: keys.publicKeys() } }) },
    ...['client', 'assignment', 'scope', 'provider'].map((kind): Route => ({ path: `oidc/${kind}/*rest`, read: notServed, write: notServed, list: notServed, delete: notServed })),
  ]
}

/** A provider for browsers is another thing than tokens for programs. */
const notServed = (): never => { throw new VaultError(404, 'unsupported path: the OIDC provider for browsers is not served by this server') }

function keyRoutes(keys: OidcKeys, roles: () => { readonly name: string; readonly key: string }[]): Route[] {
  const nameOf = ({ params }: BackendRequest): string => params['name'] ?? ''
  return [
    { path: 'oidc/key', list: () => ({ data: { keys: keys.names() } }) },
    {
      path: 'oidc/key/:name',
      exists: (request) => keys.find(nameOf(request)) !== undefined,
      read: (request) => {
        const key = keys.find(nameOf(request))
        return key === undefined ? undefined : { data: { algorithm: key.algorithm, allowed_client_ids: key.allowed_client_ids, rotation_period: key.rotation_period, verification_ttl: key.verification_ttl } }
      },
      write: async (request) => {
        const { data } = request
        const known = keys.find(nameOf(request))
        await keys.save(nameOf(request), {
          rotation_period: seconds(data, 'rotation_period', known?.rotation_period ?? DAY), verification_ttl: seconds(data, 'verification_ttl', known?.verification_ttl ?? DAY),
          algorithm: text(data, 'algorithm', known?.algorithm ?? 'RS256'), allowed_client_ids: list(data, 'allowed_client_ids', known?.allowed_client_ids),
        })
        return undefined
      },
      delete: (request) => {
        const users = roles().filter(({ key }) => key === nameOf(request)).map(({ name }) => name)
        if (users.length > 0) throw badRequest(`unable to delete key ${JSON.stringify(nameOf(request))} because it is currently referenced by these roles: ${users.join(', ')}`)
        keys.remove(nameOf(request))
        return undefined
      },
    },
    {
      path: 'oidc/key/:name/rotate',
      write: async (request) => {
        const known = keys.find(nameOf(request))
        const ttl = seconds(request.data, 'verification_ttl', known?.verification_ttl)
        if (has(request.data, 'verification_ttl') && known !== undefined && ttl > known.verification_ttl) throw badRequest('verification_ttl provided is longer than the key\'s')
        await keys.rotate(nameOf(request), ttl)
        return undefined
      },
    },
  ]
}

/** JSON, or JSON in base64. */
function templateText(given: string): string {
  const decoded = given.trimStart().startsWith('{') || given === '' ? given : Buffer.from(given, 'base64').toString()
  if (decoded !== '' && !isRecord(parseJson(decoded.replaceAll(/\{\{[^}]*\}\}/g, 'null')))) throw badRequest('error parsing template JSON')
  return decoded
}

function introspect(keys: OidcKeys, token: string, { issuer, clientId, now, active }: { readonly issuer: string; readonly clientId: string; readonly now: number; readonly active: Active }): object {
  const inactive = (error: string): object => ({ active: false, error })
  let claims: Readonly<Record<string, unknown>>
  try {
    claims = verifySignature(token, keys.publicKeys().map((jwk) => ({ key: createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }), kid: String(jwk['kid']) })), [])
  } catch {
    return inactive('unable to validate the token signature')
  }
  if (claims['iss'] !== issuer) return inactive('token is not issued by this server')
  if (Number(claims['exp']) < now) return inactive('token is expired')
  if (clientId !== '' && claims['aud'] !== clientId) return inactive('token is not for this client')
  const entity = active.identity.entities.get(String(claims['sub']))
  return entity === undefined || entity.disabled ? inactive('entity was not found, or is disabled') : { active: true }
}
