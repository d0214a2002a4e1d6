import { createHmac, timingSafeEqual } from 'node:crypto'
import { uuid } from '@idp/kit'
import type { BackendRequest, Route } from '../../backend.ts'
import type { ActiveFactory } from '../../core/active.ts'
import { addressAllowed } from '../../core/bound-addresses.ts'
import { goTime } from '../../duration.ts'
import { flag, integer, list, pairs, seconds, text, type Data } from '../../fields.ts'
import { badRequest } from '../../vault-error.ts'
import { loginOf, noTokenFields, tokenFields, type TokenFields } from '../token-fields.ts'

interface Role extends TokenFields {
  readonly role_id: string
  readonly bind_secret_id: boolean
  readonly secret_id_bound_cidrs: readonly string[]
  readonly secret_id_num_uses: number
  readonly secret_id_ttl: number
  readonly local_secret_ids: boolean
  /** Key of the hashes of its secret IDs. */
  readonly salt: string
}

interface SecretId {
  readonly accessor: string
  readonly created: number
  readonly expires: number
  readonly uses: number
  readonly ttl: number
  readonly metadata: Readonly<Record<string, string>>
  readonly cidrs: readonly string[]
  readonly tokenCidrs: readonly string[]
  readonly updated: number
}

/** Fields of a role that have a path of their own. */
const single = ['policies', 'token_policies', 'secret_id_num_uses', 'secret_id_ttl', 'secret_id_bound_cidrs', 'token_ttl', 'token_max_ttl', 'token_num_uses', 'token_bound_cidrs', 'period', 'bind_secret_id', 'bound_cidr_list', 'token_period'] as const

/** `auth/approle`: a role ID and a secret ID become a token. */
export const approleAuth: ActiveFactory = ({ storage, clock, random }) => {
  const roleOf = (name: string): Role | undefined => storage.get<Role>(`role/${name}`)
  const nameOf = ({ params }: BackendRequest): string => (params['name'] ?? '').toLowerCase()
  const found = (request: BackendRequest): Role => {
    const role = roleOf(nameOf(request))
    if (role === undefined) throw badRequest(`role ${JSON.stringify(nameOf(request))} does not exist`)
    return role
  }
  const hash = (role: Role, secret: string): string => createHmac('sha256', role.salt).update(secret).digest('hex')
  const secretKey = (name: string, hashed: string): string => `secret/${name}/${hashed}`
  function save(name: string, role: Role): void {
    const known = roleOf(name)
    if (known !== undefined && known.role_id !== role.role_id) storage.delete(`role-id/${known.role_id}`)
    const owner = storage.get<string>(`role-id/${role.role_id}`)
    if (owner !== undefined && owner !== name) throw badRequest('role_id already in use')
    storage.put(`role/${name}`, role)
    storage.put(`role-id/${role.role_id}`, name)
  }
  function addSecret(request: BackendRequest, secret: string) {
    const { data } = request
    const name = nameOf(request)
    const role = found(request)
    if (!role.bind_secret_id) throw badRequest('bind_secret_id is not set on the role')
    if (secret === '') throw badRequest('missing secret_id')
    const key = secretKey(name, hash(role, secret))
    if (storage.get(key) !== undefined) throw badRequest('SecretID is already registered')
    const now = clock.now()
    const ttl = seconds(data, 'ttl', role.secret_id_ttl)
    const entry: SecretId = {
      accessor: uuid(random), created: now, updated: now, ttl, expires: ttl > 0 ? now + ttl * 1000 : 0, uses: integer(data, 'num_uses', role.secret_id_num_uses), metadata: pairs(data, 'metadata'),
      cidrs: list(data, 'cidr_list', role.secret_id_bound_cidrs), tokenCidrs: list(data, 'token_bound_cidrs', role.token_bound_cidrs),
    }
    storage.put(key, entry)
    storage.put(`accessor/${entry.accessor}`, key)
    return { data: { secret_id: secret, secret_id_accessor: entry.accessor, secret_id_num_uses: entry.uses, secret_id_ttl: entry.ttl } }
  }
  function liveSecret(key: string): SecretId | undefined {
    const entry = storage.get<SecretId>(key)
    if (entry === undefined || entry.expires === 0 || entry.expires > clock.now()) return entry
    removeSecret(key, entry)
    return undefined
  }
  function removeSecret(key: string, entry: SecretId): void {
    storage.delete(key)
    storage.delete(`accessor/${entry.accessor}`)
  }
  const shown = (entry: SecretId) => ({ cidr_list: entry.cidrs, creation_time: goTime(entry.created), expiration_time: entry.expires === 0 ? '0001-01-01T00:00:00Z' : goTime(entry.expires), last_updated_time: goTime(entry.updated), metadata: entry.metadata, secret_id_accessor: entry.accessor, secret_id_num_uses: entry.uses, secret_id_ttl: entry.ttl, token_bound_cidrs: entry.tokenCidrs })
  const bySecret = (request: BackendRequest): { key: string; entry: SecretId | undefined } => {
    const key = secretKey(nameOf(request), hash(found(request), text(request.data, 'secret_id', request.params['secret'] ?? '')))
    return { key, entry: liveSecret(key) }
  }
  const byAccessor = (request: BackendRequest): { key: string; entry: SecretId } => {
    const key = storage.get<string>(`accessor/${text(request.data, 'secret_id_accessor', request.params['accessor'] ?? '')}`) ?? ''
    const entry = key.startsWith(`secret/${nameOf(request)}/`) ? liveSecret(key) : undefined
    if (entry === undefined) throw badRequest('failed to find accessor entry for secret_id_accessor')
    return { key, entry }
  }

  function destroyBySecret(request: BackendRequest): undefined {
    const { key, entry } = bySecret(request)
    if (entry !== undefined) removeSecret(key, entry)
  }
  function destroyByAccessor(request: BackendRequest): undefined {
    const { key, entry } = byAccessor(request)
    removeSecret(key, entry)
  }

  function login({ data, remoteAddress }: BackendRequest) {
    const [roleId, secret] = [text(data, 'role_id'), text(data, 'secret_id')]
    if (roleId === '') throw badRequest('missing role_id')
    const name = storage.get<string>(`role-id/${roleId}`) ?? ''
    const role = roleOf(name)
    if (role === undefined || !timingSafeEqual(Buffer.from(role.role_id), Buffer.from(roleId))) throw badRequest('invalid role or secret ID')
    let metadata: Record<string, string> = { role_name: name }
    let cidrs = role.token_bound_cidrs
    if (role.bind_secret_id) {
      if (secret === '') throw badRequest('missing secret_id')
      const key = secretKey(name, hash(role, secret))
      const entry = liveSecret(key)
      if (entry === undefined) throw badRequest('invalid role or secret ID')
      if (!addressAllowed(entry.cidrs, remoteAddress)) throw badRequest(`source address ${JSON.stringify(remoteAddress)} unauthorized through CIDR restrictions on the secret ID`)
      if (entry.uses === 1) removeSecret(key, entry)
      else if (entry.uses > 1) storage.put(key, { ...entry, uses: entry.uses - 1, updated: clock.now() })
      metadata = { ...entry.metadata, ...metadata }
      if (entry.tokenCidrs.length > 0) cidrs = entry.tokenCidrs
    } else if (!addressAllowed(role.secret_id_bound_cidrs, remoteAddress)) throw badRequest(`source address ${JSON.stringify(remoteAddress)} unauthorized by CIDR restrictions on the role`)
    return { login: { ...loginOf(role), displayName: '', metadata, alias: { name: role.role_id }, boundCidrs: cidrs, internal: { role: name } } }
  }
  const fieldRoutes: Route[] = single.map((field) => ({
    path: `role/:name/${field.replaceAll('_', '-')}`,
    read: (request) => {
      const shownFields: Record<string, unknown> = { ...found(request), policies: found(request).token_policies, period: found(request).token_period }
      return { data: { [field]: shownFields[field] ?? null } }
    },
    write: (request) => void save(nameOf(request), changed(found(request), request.data)),
    delete: (request) => void save(nameOf(request), { ...found(request), ...pick(changed(blank('', ''), {}), field) }),
  }))
  return {
    routes: [
      { path: 'login', open: true, write: login },
      { path: 'role', list: () => ({ data: { keys: storage.list('role/') } }) },
      {
        path: 'role/:name/role-id',
        read: (request) => ({ data: { role_id: found(request).role_id } }),
        write: (request) => {
          const id = text(request.data, 'role_id')
          if (id === '') throw badRequest('missing role_id')
          return void save(nameOf(request), { ...found(request), role_id: id })
        },
      },
      ...fieldRoutes,
      { path: 'role/:name/secret-id', write: (request) => addSecret(request, uuid(random)), list: (request) => ({ data: { keys: found(request) && storage.list(`secret/${nameOf(request)}/`).flatMap((key) => liveSecret(secretKey(nameOf(request), key))?.accessor ?? []) } }) },
      { path: 'role/:name/custom-secret-id', write: (request) => addSecret(request, text(request.data, 'secret_id')) },
      { path: 'role/:name/secret-id/lookup', write: (request) => { const { entry } = bySecret(request); return entry === undefined ? undefined : { data: shown(entry) } } },
      { path: 'role/:name/secret-id/destroy', write: destroyBySecret, delete: destroyBySecret },
      { path: 'role/:name/secret-id-accessor/lookup', write: (request) => ({ data: shown(byAccessor(request).entry) }) },
      { path: 'role/:name/secret-id-accessor/destroy', write: destroyByAccessor, delete: destroyByAccessor },
      {
        path: 'role/:name',
        exists: (request) => roleOf(nameOf(request)) !== undefined,
        read: (request) => {
          const role = roleOf(nameOf(request))
          if (role === undefined) return undefined
          const { salt: _salt, role_id: _id, ...data } = role
          return { data }
        },
        write: (request) => void save(nameOf(request), changed(roleOf(nameOf(request)) ?? blank(uuid(random), Buffer.from(random(16)).toString('hex')), request.data)),
        delete: (request) => {
          const name = nameOf(request)
          const role = roleOf(name)
          if (role === undefined) return undefined
          for (const key of storage.list(`secret/${name}/`)) { const entry = storage.get<SecretId>(secretKey(name, key)); if (entry !== undefined) removeSecret(secretKey(name, key), entry) }
          storage.delete(`role-id/${role.role_id}`)
          storage.delete(`role/${name}`)
          return undefined
        },
      },
      { path: 'tidy/secret-id', write: () => { for (const key of storage.keys('secret/')) liveSecret(`secret/${key}`); return { status: 202, warnings: ['Tidy operation successfully started. Any information from the operation will be printed to Vault\'s server logs.'] } } },
    ],
    renewLogin(token) {
      const role = roleOf(token.internal['role'] ?? '')
      if (role === undefined) throw badRequest('role no longer exists')
      return { ttl: role.token_ttl, maxTtl: role.token_max_ttl, period: role.token_period }
    },
  }
  function changed(role: Role, data: Data): Role {
    const next: Role = {
      ...role, ...tokenFields(data, role), role_id: text(data, 'role_id', role.role_id), bind_secret_id: flag(data, 'bind_secret_id', role.bind_secret_id), local_secret_ids: flag(data, 'local_secret_ids', role.local_secret_ids),
      secret_id_bound_cidrs: list(data, data['secret_id_bound_cidrs'] === undefined ? 'bound_cidr_list' : 'secret_id_bound_cidrs', role.secret_id_bound_cidrs), secret_id_num_uses: integer(data, 'secret_id_num_uses', role.secret_id_num_uses), secret_id_ttl: seconds(data, 'secret_id_ttl', role.secret_id_ttl),
    }
    if (!next.bind_secret_id && next.secret_id_bound_cidrs.length === 0 && next.token_bound_cidrs.length === 0) throw badRequest('at least one constraint should be enabled on the role')
    return next
  }
}

function blank(roleId: string, salt: string): Role {
  return { ...noTokenFields, role_id: roleId, bind_secret_id: true, secret_id_bound_cidrs: [], secret_id_num_uses: 0, secret_id_ttl: 0, local_secret_ids: false, salt }
}

/** The field (by any of its names) as it is in a role where it was never set. */
function pick(role: Role, field: string): Partial<Role> {
  const name = field === 'policies' ? 'token_policies' : field === 'period' ? 'token_period' : field === 'bound_cidr_list' ? 'secret_id_bound_cidrs' : field
  return { [name]: role[name as keyof Role] }
}
