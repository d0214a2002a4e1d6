import type { BackendRequest } from '../../backend.ts'
import type { ActiveFactory, TokenReviewResult } from '../../core/active.ts'
import { flag, has, list, text, type Data } from '../../fields.ts'
import { badRequest, permissionDenied, VaultError } from '../../vault-error.ts'
import { readClaims } from '../jwt-claims.ts'
import { loginOf, noTokenFields, tokenFields, type TokenFields } from '../token-fields.ts'
import { reviewAt } from './review-at.ts'

interface Config { readonly kubernetes_host: string; readonly kubernetes_ca_cert: string; readonly token_reviewer_jwt: string; readonly pem_keys: readonly string[]; readonly disable_local_ca_jwt: boolean; readonly disable_iss_validation: boolean; readonly issuer: string }

interface Role extends TokenFields {
  readonly bound_service_account_names: readonly string[]
  readonly bound_service_account_namespaces: readonly string[]
  readonly bound_service_account_namespace_selector: string
  readonly audience: string
  readonly alias_name_source: 'serviceaccount_uid' | 'serviceaccount_name'
}

const globbed = (patterns: readonly string[], name: string): boolean => patterns.some((pattern) => pattern === '*' || new RegExp(`^${pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)).join('.*')}$`).test(name))

/** `auth/kubernetes`: a pod's ServiceAccount token, checked by the API server's TokenReview, becomes a Vault token. */
export const kubernetesAuth: ActiveFactory = ({ storage }, active) => {
  const configOf = (): Config | undefined => storage.get<Config>('config')
  const roleOf = (name: string): Role | undefined => storage.get<Role>(`role/${name.toLowerCase()}`)
  const name = ({ params }: BackendRequest): string => (params['name'] ?? '').toLowerCase()

  async function login({ data }: BackendRequest) {
    const role = text(data, 'role')
    const jwt = text(data, 'jwt')
    if (role === '') throw badRequest('missing role')
    if (jwt === '') throw badRequest('missing jwt')
    const found = roleOf(role)
    if (found === undefined) throw badRequest(`invalid role name ${JSON.stringify(role)}`)
    const config = configOf()
    if (config === undefined) throw badRequest('could not load backend configuration')
    const claims = readClaims(jwt)
    const account = accountOf(claims)
    if (!globbed(found.bound_service_account_names, account.name)) throw new VaultError(403, 'service account name not authorized')
    if (!globbed(found.bound_service_account_namespaces, account.namespace)) throw new VaultError(403, 'namespace not authorized')
    const audiences = typeof claims['aud'] === 'string' ? [claims['aud']] : Array.isArray(claims['aud']) ? claims['aud'].map(String) : []
    if (found.audience !== '' && !audiences.includes(found.audience)) throw new VaultError(403, 'invalid audience (aud) claim: audience claim does not match any expected audience')
    const review = await reviewed(config, jwt, found.audience === '' ? audiences : [found.audience])
    const [, , namespace = '', accountName = ''] = review.username.split(':')
    if (!review.authenticated || !review.username.startsWith('system:serviceaccount:') || namespace !== account.namespace || accountName !== account.name) {
      active.log.warn('a login was refused', { role, reason: review.error ?? 'the API server does not know the token' })
      throw permissionDenied()
    }
    const aliasName = found.alias_name_source === 'serviceaccount_name' ? `${namespace}/${accountName}` : review.uid
    const metadata = { role: role.toLowerCase(), service_account_name: accountName, service_account_namespace: namespace, service_account_secret_name: '', service_account_uid: review.uid }
    return { login: { ...loginOf(found), displayName: `${namespace}-${accountName}`, metadata, alias: { name: aliasName, metadata }, internal: { role: role.toLowerCase() } } }
  }
  /** By a configured reviewer, or with Vault's own account. */
  async function reviewed(config: Config, jwt: string, audiences: readonly string[]): Promise<TokenReviewResult> {
    const { reviewToken, fetch } = active.surroundings
    if (config.token_reviewer_jwt === '' && !config.disable_local_ca_jwt && reviewToken !== undefined) return await reviewToken(jwt, audiences)
    if (fetch === undefined) throw new VaultError(500, 'the server cannot reach a Kubernetes API')
    return await reviewAt(fetch, config, jwt, audiences)
  }
  return {
    routes: [
      { path: 'login', open: true, write: login },
      {
        path: 'config',
        read: () => {
          const config = configOf()
          if (config === undefined) return undefined
          const { token_reviewer_jwt: secret, ...shown } = config
          return { data: { ...shown, token_reviewer_jwt_set: secret !== '' } }
        },
        write: ({ data }) => {
          if (text(data, 'kubernetes_host') === '') throw badRequest('no host provided')
          if (flag(data, 'disable_local_ca_jwt') && text(data, 'kubernetes_ca_cert') === '') throw badRequest('kubernetes_ca_cert must be given when disable_local_ca_jwt is true')
          storage.put('config', readConfig(data))
          return undefined
        },
      },
      { path: 'role', list: () => ({ data: { keys: storage.list('role/') } }) },
      {
        path: 'role/:name',
        exists: (request) => roleOf(name(request)) !== undefined,
        read: (request) => {
          const role = roleOf(name(request))
          return role === undefined ? undefined : { data: shownRole(role) }
        },
        write: (request) => {
          const { role, warnings } = readRole(request.data, roleOf(name(request)))
          storage.put(`role/${name(request)}`, role)
          return warnings.length === 0 ? undefined : { warnings }
        },
        delete: (request) => void storage.delete(`role/${name(request)}`),
      },
    ],
    renewLogin(token) {
      const role = roleOf(token.internal['role'] ?? '')
      if (role === undefined) throw badRequest('role no longer exists')
      return { ttl: role.token_ttl, maxTtl: role.token_max_ttl, period: role.token_period }
    },
  }
}

function readConfig(data: Data): Config {
  return {
    kubernetes_host: text(data, 'kubernetes_host'), kubernetes_ca_cert: text(data, 'kubernetes_ca_cert'), token_reviewer_jwt: text(data, 'token_reviewer_jwt'), pem_keys: list(data, 'pem_keys'),
    disable_local_ca_jwt: flag(data, 'disable_local_ca_jwt'), disable_iss_validation: flag(data, 'disable_iss_validation', true), issuer: text(data, 'issuer'),
  }
}

function readRole(data: Data, known: Role | undefined): { role: Role; warnings: string[] } {
  const role: Role = {
    ...tokenFields(data, known ?? noTokenFields),
    bound_service_account_names: list(data, 'bound_service_account_names', known?.bound_service_account_names), bound_service_account_namespaces: list(data, 'bound_service_account_namespaces', known?.bound_service_account_namespaces),
    bound_service_account_namespace_selector: text(data, 'bound_service_account_namespace_selector', known?.bound_service_account_namespace_selector),
    audience: text(data, 'audience', known?.audience), alias_name_source: text(data, 'alias_name_source', known?.alias_name_source ?? 'serviceaccount_uid') as Role['alias_name_source'],
  }
  if (role.bound_service_account_names.length === 0) throw badRequest('"bound_service_account_names" can not be empty')
  if (role.bound_service_account_namespace_selector !== '') throw badRequest('"bound_service_account_namespace_selector" is not served by this server; name the namespaces')
  if (role.bound_service_account_namespaces.length === 0) throw badRequest('"bound_service_account_namespaces" can not be empty if "bound_service_account_namespace_selector" is not set')
  if (!['serviceaccount_uid', 'serviceaccount_name', 'default'].includes(role.alias_name_source)) throw badRequest(`invalid alias_name_source: must be one of: serviceaccount_uid, serviceaccount_name, but got ${JSON.stringify(role.alias_name_source)}`)
  return { role, warnings: has(data, 'audience') || role.audience !== '' ? [] : ['Role does not have an audience configured. While audiences are not required, consider specifying one if your use case would benefit from additional JWT claim verification.'] }
}

function shownRole(role: Role): object {
  return { ...role, ...(role.audience === '' ? { audience: '' } : {}) }
}

function accountOf(claims: Readonly<Record<string, unknown>>): { name: string; namespace: string } {
  const [, , namespace = '', name = ''] = String(claims['sub'] ?? '').split(':')
  if (name === '') throw permissionDenied()
  return { name, namespace }
}
