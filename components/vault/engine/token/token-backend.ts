import type { Answer, BackendRequest } from '../backend.ts'
import type { Active, ActiveFactory } from '../core/active.ts'
import { goTime } from '../duration.ts'
import { flag, has, integer, list, pairs, seconds, text } from '../fields.ts'
import { badRequest, invalidToken, permissionDenied, VaultError } from '../vault-error.ts'
import { lifetime } from './lifetime.ts'
import { renewToken } from './renew-token.ts'
import { isRoot, remaining, type TokenEntry } from './token-entry.ts'
import { tokenRoles, type TokenRole } from './token-roles.ts'

/** `auth/token`: making, looking up, renewing and revoking tokens. */
export const tokenBackend: ActiveFactory = (context, active) => {
  const { tokens } = active
  const roles = tokenRoles(context.storage)
  const given = (request: BackendRequest): TokenEntry => {
    const id = text(request.data, 'token', request.params['token'] ?? '')
    if (id === '') throw badRequest('missing token ID')
    const token = tokens.find(id)
    if (token === undefined) throw new VaultError(403, 'bad token')
    return token
  }
  const own = ({ token }: BackendRequest): TokenEntry => {
    if (token === undefined) throw invalidToken()
    return token
  }
  const accessed = ({ data, params }: BackendRequest): TokenEntry => {
    const token = tokens.byAccessor(text(data, 'accessor', params['accessor'] ?? ''))
    if (token === undefined) throw badRequest('invalid accessor')
    return token
  }
  const create = (request: BackendRequest, options: { role?: TokenRole; orphan?: boolean } = {}) => createToken(active, context.lifetimes(), request, options)
  const renew = (token: TokenEntry, { data, certificatePem }: BackendRequest): Answer => renewToken(active, token, seconds(data, 'increment'), certificatePem)
  return {
    routes: [
      ...roles.routes,
      { path: 'create', write: (request) => create(request) },
      { path: 'create-orphan', sudo: true, write: (request) => create(request, { orphan: true }) },
      {
        path: 'create/:role',
        write: (request) => {
          const role = roles.find(request.params['role'] ?? '')
          if (role === undefined) throw badRequest(`unknown role ${request.params['role'] ?? ''}`)
          return create(request, { role })
        },
      },
      { path: 'accessors', sudo: true, list: () => ({ data: { keys: tokens.accessors() } }) },
      { path: 'lookup-self', read: (request) => look(active, own(request)), write: (request) => look(active, own(request)) },
      { path: 'lookup-accessor', write: (request) => look(active, accessed(request), true) },
      { path: 'lookup', read: (request) => look(active, has(request.data, 'token') ? given(request) : own(request)), write: (request) => look(active, given(request)) },
      { path: 'lookup/:token', read: (request) => look(active, given(request)) },
      { path: 'renew-self', write: (request) => renew(own(request), request) },
      { path: 'renew-accessor', write: (request) => renew(accessed(request), request) },
      { path: 'renew', write: (request) => renew(given(request), request) },
      { path: 'renew/:token', write: (request) => renew(given(request), request) },
      { path: 'revoke-self', write: (request) => void revoke(active, own(request)) },
      { path: 'revoke-accessor', write: (request) => void revoke(active, accessed(request)) },
      { path: 'revoke', write: (request) => void revokeGiven(active, request) },
      { path: 'revoke/:token', write: (request) => void revokeGiven(active, request) },
      { path: 'revoke-orphan', sudo: true, write: (request) => void tokens.revokeOrphan(given(request)) },
      { path: 'revoke-orphan/:token', sudo: true, write: (request) => void tokens.revokeOrphan(given(request)) },
      { path: 'tidy', write: () => { tokens.tidy(); return { status: 202, warnings: ['Tidy operation successfully started. Any information from the operation will be printed to Vault\'s server logs.'] } } },
    ],
  }
}

/** A token that is gone already is as good as revoked. */
function revokeGiven(active: Active, { data, params }: BackendRequest): void {
  const id = text(data, 'token', params['token'] ?? '')
  if (id === '') throw badRequest('missing token ID')
  const token = active.tokens.find(id)
  if (token !== undefined) revoke(active, token)
}

function revoke(active: Active, token: TokenEntry): void {
  if (token.type === 'batch') throw badRequest('batch tokens cannot be revoked')
  active.tokens.revoke(token)
}

function look(active: Active, token: TokenEntry, byAccessor = false): Answer {
  const now = active.clock.now()
  const identity = active.identityPolicies(token)
  const data: Record<string, unknown> = {
    accessor: token.accessor, creation_time: Math.floor(token.created / 1000), creation_ttl: token.ttl, display_name: token.displayName, entity_id: token.entityId,
    expire_time: token.expires === 0 ? null : goTime(token.expires), explicit_max_ttl: token.explicitMaxTtl, id: byAccessor ? '' : token.id, meta: Object.keys(token.meta).length === 0 ? null : token.meta,
    num_uses: Math.max(0, token.numUses), orphan: token.parent === '', path: token.path, policies: token.policies, ttl: remaining(token, now), type: token.type,
    ...(token.role === '' ? {} : { role: token.role }), ...(token.period === 0 ? {} : { period: token.period }), ...(token.expires === 0 ? {} : { issue_time: goTime(token.created), renewable: token.renewable }),
    ...(token.renewed === 0 ? {} : { last_renewal: goTime(token.renewed), last_renewal_time: Math.floor(token.renewed / 1000) }),
    ...(identity.length === 0 ? {} : { identity_policies: identity }), ...(token.boundCidrs.length === 0 ? {} : { bound_cidrs: token.boundCidrs }),
  }
  return { data }
}

const cleaned = (names: readonly string[]): string[] => [...new Set(names.map((name) => name.trim().toLowerCase()).filter((name) => name !== ''))].sort()

/** A glob with `*` at its ends. */
const globbed = (pattern: string, name: string): boolean => new RegExp(`^${pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)).join('.*')}$`).test(name)

function createToken(active: Active, mount: { default: number; max: number }, request: BackendRequest, { role, orphan = false }: { role?: TokenRole; orphan?: boolean }): Answer {
  const { data, token: parent } = request
  if (parent === undefined) throw invalidToken()
  if (parent.numUses > 0) throw badRequest('restricted use token cannot generate child tokens')
  if (parent.type === 'batch') throw badRequest('batch tokens cannot create more tokens')
  const sudo = request.acl?.sudo(`${request.mount}${request.path}`) === true
  const asked = text(data, 'type', role === undefined || role.token_type.startsWith('default') ? (role?.token_type.slice(8) ?? 'service') : role.token_type) || 'service'
  const type = role !== undefined && (role.token_type === 'service' || role.token_type === 'batch') ? role.token_type : asked
  if (type !== 'service' && type !== 'batch') throw badRequest("invalid 'token_type' value")
  const id = text(data, 'id')
  if (id !== '' && !sudo) throw badRequest('root or sudo privileges required to specify token id')
  if (/^(hv)?[sbr]\./.test(id) || id.includes('.')) throw badRequest('custom token ID cannot have the \'s.\' or \'hvs.\' prefix or hold a \'.\'')
  const withoutParent = orphan || role?.orphan === true || (flag(data, 'no_parent') && sudo)
  if (flag(data, 'no_parent') && !sudo && !orphan && role?.orphan !== true) throw badRequest('root or sudo privileges required to create orphan token')

  const policies = choosePolicies(request, parent, role, sudo)
  const periodAsked = seconds(data, 'period')
  if (periodAsked > 0 && !sudo && role === undefined) throw badRequest('root or sudo privileges required to create periodic token')
  const period = role !== undefined && role.token_period > 0 ? role.token_period : periodAsked
  const maximums = [seconds(data, 'explicit_max_ttl'), role?.token_explicit_max_ttl ?? 0].filter((value) => value > 0)
  const explicitMaxTtl = maximums.length === 0 ? 0 : Math.min(...maximums)
  if (type === 'batch' && (period > 0 || explicitMaxTtl > 0 || integer(data, 'num_uses') > 0 || id !== '')) throw badRequest('batch tokens cannot have a period, an explicit max TTL, a use limit or an ID of their own')
  const increment = seconds(data, has(data, 'ttl') ? 'ttl' : 'lease')
  if (increment < 0) throw badRequest('ttl must be positive')
  const endless = policies.includes('root') && parent.expires === 0 && increment === 0 && period === 0
  const { ttl, warnings } = endless ? { ttl: 0, warnings: [] } : lifetime({ increment, period, explicitMaxTtl, age: 0, mount })
  if (policies.includes('root') && parent.expires !== 0 && ttl === 0) throw badRequest('expiring root tokens cannot create non-expiring root tokens')
  const display = text(data, 'display_name').replaceAll(/[^a-zA-Z0-9-]/g, '-').replace(/-+$/, '')
  const made = active.tokens.create({
    ...(id === '' ? {} : { id }), policies, ttl, period, explicitMaxTtl, type, path: `auth/token/create${orphan ? '-orphan' : role === undefined ? '' : `/${role.name}${role.path_suffix === '' ? '' : `/${role.path_suffix}`}`}`,
    parent: withoutParent ? '' : active.tokens.hash(parent.id), meta: pairs(data, has(data, 'meta') ? 'meta' : 'metadata'), displayName: display === '' ? 'token' : `token-${display}`,
    numUses: role !== undefined && role.token_num_uses > 0 ? role.token_num_uses : integer(data, 'num_uses'), entityId: withoutParent ? '' : parent.entityId, role: role?.name ?? '',
    boundCidrs: role?.token_bound_cidrs ?? [], renewable: type === 'service' && flag(data, 'renewable', true) && role?.renewable !== false,
  })
  return { auth: active.authBlock(made), warnings }
}

function choosePolicies({ data }: BackendRequest, parent: TokenEntry, role: TokenRole | undefined, sudo: boolean): string[] {
  const wanted = cleaned(list(data, 'policies'))
  const withDefault = (names: string[]): string[] => (names.includes('root') || flag(data, 'no_default_policy') || role?.token_no_default_policy === true ? names : cleaned([...names, 'default']))
  if (role !== undefined) {
    const limited = role.allowed_policies.length + role.allowed_policies_glob.length > 0
    const forbidden = (name: string): boolean => role.disallowed_policies.includes(name) || role.disallowed_policies_glob.some((glob) => globbed(glob, name))
    const base = wanted.length > 0 ? wanted : limited ? cleaned(role.allowed_policies) : cleaned(parent.policies)
    const wrong = base.filter((name) => forbidden(name) || (limited && name !== 'default' && !role.allowed_policies.includes(name) && !role.allowed_policies_glob.some((glob) => globbed(glob, name))))
    if (wrong.length > 0) throw badRequest(`token policies (${JSON.stringify(base)}) must be subset of the role's allowed policies (${JSON.stringify(role.allowed_policies)}) or glob policies (${JSON.stringify(role.allowed_policies_glob)})`)
    if (base.includes('root') && !isRoot(parent)) throw badRequest('root tokens may not be created without parent token being root')
    return forbidden('default') ? base : withDefault(base)
  }
  if (wanted.length === 0) return flag(data, 'no_default_policy') ? parent.policies.filter((name) => name !== 'default') : [...parent.policies]
  if (wanted.includes('root') && !isRoot(parent)) throw badRequest('root tokens may not be created without parent token being root')
  if (!sudo) {
    const extra = wanted.filter((name) => name !== 'default' && !parent.policies.includes(name))
    if (extra.length > 0) throw badRequest('child policies must be subset of parent')
    if (!parent.policies.includes('default') && wanted.includes('default')) throw permissionDenied()
  }
  return withDefault(wanted)
}
