import type { Answer, BackendRequest, Route } from '../backend.ts'
import type { Active } from '../core/active.ts'
import type { MountConfig, MountEntry, MountTable } from '../core/mounts.ts'
import { parseDuration } from '../duration.ts'
import { flag, has, isRecord, list, pairs, record, text, type Data } from '../fields.ts'
import { badRequest, VaultError } from '../vault-error.ts'

/** `sys/mounts`, `sys/auth`, their tuning, `sys/remount` and what the page asks about mounts. */
export function mountRoutes(active: Active): Route[] {
  return [...tableRoutes(active, 'mounts', 'mounts'), ...tableRoutes(active, 'auth', 'auth'), {
    path: 'remount',
    sudo: true,
    write: ({ data }) => {
      const [from, to] = [withSlash(text(data, 'from')), withSlash(text(data, 'to'))]
      const source = split(from)
      const target = split(to)
      const known = active.mounts.find(source.table, source.path)
      if (known === undefined) throw badRequest(`no matching mount at ${JSON.stringify(from)}`)
      if (active.mounts.find(target.table, target.path) !== undefined) throw badRequest(`path in use at ${JSON.stringify(to)}`)
      if (source.table !== target.table) throw badRequest(`cannot remount ${source.table} mount to ${target.table}`)
      active.mounts.move(known.entry, target.table, target.path)
      const id = active.identity.newId()
      return { data: { migration_id: id } }
    },
  }, {
    path: 'remount/status/:id',
    read: ({ params }) => ({ data: { migration_id: params['id'], migration_info: { source_mount: '', target_mount: '', status: 'success' } } }),
  }, {
    path: 'internal/ui/mounts',
    open: true,
    read: ({ acl }) => {
      const visible = (entry: MountEntry): boolean => entry.config['listing_visibility'] === 'unauth' || acl?.touches(entry.table === 'auth' ? `auth/${entry.path}` : entry.path) === true
      const shown = (table: MountTable) => Object.fromEntries(active.mounts.list(table).filter(visible).map((entry) => [entry.path, acl === undefined ? { type: entry.type, description: entry.description, options: entry.options } : describe(entry)]))
      return { data: { secret: shown('mounts'), auth: shown('auth') } }
    },
  }, {
    path: 'internal/ui/mounts/*path',
    read: ({ params, acl }) => {
      const path = params['path'] ?? ''
      const found = active.mounts.route(path.endsWith('/') ? path : `${path}/`) ?? active.mounts.route(path)
      if (found === undefined || acl?.touches(found.mounted.fullPath) !== true) throw new VaultError(403, `preflight capability check returned 403, please ensure client's policies grant access to path ${JSON.stringify(`${path}/`)}`)
      return { data: { ...describe(found.mounted.entry), path: found.mounted.fullPath } }
    },
  }]
}

const withSlash = (path: string): string => (path.endsWith('/') ? path : `${path}/`).replace(/^\//, '')
const split = (path: string): { table: MountTable; path: string } => (path.startsWith('auth/') ? { table: 'auth', path: path.slice(5) } : { table: 'mounts', path })

function tableRoutes(active: Active, name: string, table: MountTable): Route[] {
  const pathOf = ({ params }: BackendRequest): string => withSlash(params['path'] ?? '')
  const existing = (request: BackendRequest): MountEntry => {
    const found = active.mounts.find(table, pathOf(request))
    if (found === undefined) throw badRequest(table === 'auth' ? `cannot fetch sysview for path ${JSON.stringify(pathOf(request))}` : `cannot fetch sysview for path ${JSON.stringify(pathOf(request))}`)
    return found.entry
  }
  const fixed: ReadonlySet<string> = new Set(['sys/', 'cubbyhole/', 'identity/', 'token/'])
  const sudo = table === 'auth'
  return [{
    path: name,
    read: () => ({ data: Object.fromEntries(active.mounts.list(table).map((entry) => [entry.path, describe(entry)])) }),
  }, {
    path: `${name}/*path/tune`,
    sudo,
    read: (request) => ({ data: tuned(active, existing(request)) }),
    write: (request) => tune(active, existing(request), request.data),
  }, {
    path: `${name}/*path`,
    sudo,
    read: (request) => {
      const found = active.mounts.find(table, pathOf(request))
      if (found === undefined) throw badRequest(table === 'auth' ? `No auth engine at ${pathOf(request)}` : `No secret engine mount at ${pathOf(request)}`)
      return { data: describe(found.entry) }
    },
    write: ({ data, ...request }) => void enable(active, table, withSlash(request.params['path'] ?? ''), data),
    delete: (request) => {
      const path = pathOf(request)
      if (fixed.has(path)) throw badRequest(table === 'auth' ? 'token credential backend cannot be disabled' : `cannot unmount ${JSON.stringify(path)}`)
      const full = table === 'auth' ? `auth/${path}` : path
      for (const lease of active.leases.below(full)) active.leases.revoke(lease)
      if (table === 'auth') for (const token of active.tokens.all()) if (token.path.startsWith(full)) active.tokens.revoke(token)
      active.mounts.disable(table, path)
      return undefined
    },
  }]
}

function enable(active: Active, table: MountTable, path: string, data: Data): void {
  let type = text(data, 'type')
  if (type === '') throw badRequest('backend type must be specified as a string')
  let options = has(data, 'options') ? pairs(data, 'options') : null
  if (type === 'kv-v2' || type === 'kv-v1') {
    options = { ...options, version: type.slice(-1) }
    type = 'kv'
  }
  if (type === 'kv' && options?.['version'] !== undefined && !['1', '2'].includes(options['version'])) throw badRequest(`unknown kv version ${options['version']}`)
  const config = { default_lease_ttl: 0, max_lease_ttl: 0, force_no_cache: false, ...readConfig(record(data, 'config') ?? {}) }
  if (config.max_lease_ttl > 0 && config.default_lease_ttl > config.max_lease_ttl) throw badRequest('given default lease TTL greater than given max lease TTL')
  active.mounts.enable({ table, path, type, description: text(data, 'description'), config, options, local: flag(data, 'local'), sealWrap: flag(data, 'seal_wrap') })
}

const listOptions = ['audit_non_hmac_request_keys', 'audit_non_hmac_response_keys', 'passthrough_request_headers', 'allowed_response_headers'] as const

function readConfig(data: Data): Partial<MountConfig> {
  const time = (name: string) => (has(data, name) ? { [name]: parseDuration(data[name] === 'system' ? 0 : data[name]) } : {})
  const visibility = text(data, 'listing_visibility')
  if (has(data, 'listing_visibility') && !['', 'hidden', 'unauth'].includes(visibility)) throw badRequest(`invalid listing_visibility ${JSON.stringify(visibility)}`)
  return {
    ...time('default_lease_ttl'), ...time('max_lease_ttl'),
    ...(has(data, 'force_no_cache') ? { force_no_cache: flag(data, 'force_no_cache') } : {}), ...(has(data, 'listing_visibility') ? { listing_visibility: visibility } : {}),
    ...(has(data, 'token_type') ? { token_type: text(data, 'token_type') } : {}),
    ...Object.fromEntries(listOptions.filter((name) => has(data, name)).map((name) => [name, list(data, name)])),
  }
}

function tune(active: Active, entry: MountEntry, data: Data): undefined {
  const config = { ...entry.config, ...readConfig(data) }
  const { default_lease_ttl: wanted, max_lease_ttl: max } = config
  if (wanted < 0 || max < 0 || (wanted > 0 && wanted > (max || active.defaults.max))) throw badRequest('backend default lease TTL of greater than backend max lease TTL')
  const options = has(data, 'options') ? { ...entry.options, ...pairs(data, 'options') } : entry.options
  if (entry.type === 'kv' && entry.options?.['version'] === '2' && options?.['version'] === '1') throw badRequest('cannot downgrade mount from version 2')
  if (entry.type === 'kv' && entry.options?.['version'] !== '2' && options?.['version'] === '2') throw badRequest('an upgrade of a mount to version 2 is not served by this server: mount a new one and copy')
  active.mounts.update({ ...entry, config: config as MountConfig, options, description: text(data, 'description', entry.description) })
  return undefined
}

function tuned(active: Active, entry: MountEntry): object {
  const times = active.mounts.lifetimes(entry)
  const { default_lease_ttl: _default, max_lease_ttl: _max, ...rest } = entry.config
  return { ...rest, default_lease_ttl: times.default, description: entry.description, force_no_cache: entry.config['force_no_cache'] ?? false, max_lease_ttl: times.max, ...(entry.options === null ? {} : { options: entry.options }), ...(entry.table === 'auth' ? { token_type: entry.config['token_type'] ?? 'default-service' } : {}) }
}

export function describe(entry: MountEntry): Record<string, unknown> {
  const config = { ...entry.config, ...(entry.table === 'auth' ? { token_type: entry.config['token_type'] ?? 'default-service' } : {}) }
  return {
    accessor: entry.accessor, config, deprecation_status: 'supported', description: entry.description, external_entropy_access: false, local: entry.local, options: isRecord(entry.options) ? entry.options : null,
    plugin_version: '', running_plugin_version: 'v1.20.4+builtin.vault', running_sha256: '', seal_wrap: entry.sealWrap, type: entry.type, uuid: entry.uuid,
  }
}

export type MountAnswer = Answer
