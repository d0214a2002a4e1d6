import type { BackendRequest, Route } from '../backend.ts'
import { flag, has, integer, list, seconds, text } from '../fields.ts'
import type { Storage } from '../storage/storage.ts'
import { badRequest } from '../vault-error.ts'

/** What tokens made through `auth/token/create/:role` may be. */
export interface TokenRole {
  readonly name: string
  readonly allowed_policies: readonly string[]
  readonly disallowed_policies: readonly string[]
  readonly allowed_policies_glob: readonly string[]
  readonly disallowed_policies_glob: readonly string[]
  readonly allowed_entity_aliases: readonly string[] | null
  readonly orphan: boolean
  readonly renewable: boolean
  readonly path_suffix: string
  readonly explicit_max_ttl: number
  readonly token_explicit_max_ttl: number
  readonly token_period: number
  readonly period: number
  readonly token_bound_cidrs: readonly string[]
  readonly token_type: string
  readonly token_no_default_policy: boolean
  readonly token_num_uses: number
}

const blank: Omit<TokenRole, 'name'> = {
  allowed_policies: [], disallowed_policies: [], allowed_policies_glob: [], disallowed_policies_glob: [], allowed_entity_aliases: null, orphan: false, renewable: true, path_suffix: '',
  explicit_max_ttl: 0, token_explicit_max_ttl: 0, token_period: 0, period: 0, token_bound_cidrs: [], token_type: 'default-service', token_no_default_policy: false, token_num_uses: 0,
}

export function tokenRoles(storage: Storage): { readonly find: (name: string) => TokenRole | undefined; readonly routes: readonly Route[] } {
  const find = (name: string): TokenRole | undefined => storage.get(`role/${name}`)
  const name = ({ params }: BackendRequest): string => params['role'] ?? ''
  return {
    find,
    routes: [
      { path: 'roles', list: () => ({ data: { keys: storage.list('role/') } }) },
      {
        path: 'roles/:role',
        exists: (request) => find(name(request)) !== undefined,
        read: (request) => {
          const role = find(name(request))
          return role === undefined ? undefined : { data: role }
        },
        write: (request) => void storage.put(`role/${name(request)}`, changed(find(name(request)) ?? { name: name(request), ...blank }, request)),
        delete: (request) => void storage.delete(`role/${name(request)}`),
      },
    ],
  }
}

function changed(role: TokenRole, { data }: BackendRequest): TokenRole {
  const strings = (key: 'allowed_policies' | 'disallowed_policies' | 'allowed_policies_glob' | 'disallowed_policies_glob' | 'token_bound_cidrs') => list(data, key, role[key])
  const type = text(data, 'token_type', role.token_type)
  if (!['service', 'batch', 'default', 'default-service', 'default-batch'].includes(type)) throw badRequest(`invalid 'token_type' value ${JSON.stringify(type)}`)
  const suffix = text(data, 'path_suffix', role.path_suffix)
  if (!/^[\w.\-/]*$/.test(suffix) || suffix.includes('..')) throw badRequest('path_suffix holds characters that are not allowed')
  const explicitMax = seconds(data, has(data, 'token_explicit_max_ttl') ? 'token_explicit_max_ttl' : 'explicit_max_ttl', role.token_explicit_max_ttl)
  const period = seconds(data, has(data, 'token_period') ? 'token_period' : 'period', role.token_period)
  return {
    name: role.name,
    allowed_policies: strings('allowed_policies'), disallowed_policies: strings('disallowed_policies'), allowed_policies_glob: strings('allowed_policies_glob'), disallowed_policies_glob: strings('disallowed_policies_glob'),
    allowed_entity_aliases: has(data, 'allowed_entity_aliases') ? list(data, 'allowed_entity_aliases') : role.allowed_entity_aliases,
    orphan: flag(data, 'orphan', role.orphan), renewable: flag(data, 'renewable', role.renewable), path_suffix: suffix,
    explicit_max_ttl: explicitMax, token_explicit_max_ttl: explicitMax, period, token_period: period,
    token_bound_cidrs: strings('token_bound_cidrs'), token_type: type === 'default' ? 'default-service' : type,
    token_no_default_policy: flag(data, 'token_no_default_policy', role.token_no_default_policy), token_num_uses: integer(data, 'token_num_uses', role.token_num_uses),
  }
}
