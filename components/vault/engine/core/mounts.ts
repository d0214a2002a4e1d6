import { uuid, type Clock, type Log, type Random } from '@idp/kit'
import { compileRoutes, type Backend, type BackendContext, type CompiledRoute } from '../backend.ts'
import { clear, storageView, type Storage } from '../storage/storage.ts'
import { badRequest } from '../vault-error.ts'

export type MountTable = 'mounts' | 'auth'

/** Seconds; 0 means the system's. Further keys as the API knows them (`listing_visibility`, …). */
export interface MountConfig { readonly default_lease_ttl: number; readonly max_lease_ttl: number; readonly [option: string]: unknown }

export interface MountEntry {
  readonly table: MountTable
  /** With `/` at the end; auth methods without the leading `auth/`. */
  readonly path: string
  readonly type: string
  readonly description: string
  readonly accessor: string
  readonly uuid: string
  readonly config: MountConfig
  readonly options: Readonly<Record<string, string>> | null
  readonly local: boolean
  readonly sealWrap: boolean
}

export interface Mounted { readonly entry: MountEntry; readonly backend: Backend; readonly routes: readonly CompiledRoute[]; readonly fullPath: string }

export interface Mounts {
  /** Starts every backend; once, when everything they are handed is there. */
  begin(): void
  /** The mount of a request path and what of the path lies below it. */
  route(path: string): { readonly mounted: Mounted; readonly rest: string } | undefined
  list(table: MountTable): readonly MountEntry[]
  find(table: MountTable, path: string): Mounted | undefined
  byAccessor(accessor: string): MountEntry | undefined
  enable(entry: Pick<MountEntry, 'table' | 'path' | 'type'> & Partial<MountEntry>): MountEntry
  disable(table: MountTable, path: string): void
  update(entry: MountEntry): void
  move(from: MountEntry, table: MountTable, path: string): void
  lifetimes(entry: MountEntry): { readonly default: number; readonly max: number }
}

export type BackendFactory = (context: BackendContext) => Backend

export interface MountsOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly factories: Readonly<Record<MountTable, Readonly<Record<string, BackendFactory>>>>
  readonly defaults: { readonly default: number; readonly max: number }
  readonly emit: (entry: MountEntry, event: string, metadata: Readonly<Record<string, string>>) => void
}

/** Mounts that always exist. */
const fixed: readonly (Pick<MountEntry, 'table' | 'path' | 'type' | 'description'> & Partial<MountEntry>)[] = [
  { table: 'mounts', path: 'cubbyhole/', type: 'cubbyhole', description: 'per-token private secret storage', local: true },
  { table: 'mounts', path: 'identity/', type: 'identity', description: 'identity store' },
  { table: 'mounts', path: 'sys/', type: 'system', description: 'system endpoints used for control, policy and debugging', sealWrap: true },
  { table: 'auth', path: 'token/', type: 'token', description: 'token based credentials' },
]

const fullPathOf = (entry: MountEntry): string => (entry.table === 'auth' ? `auth/${entry.path}` : entry.path)

export function createMounts(options: MountsOptions): Mounts {
  const { storage, random, factories, defaults } = options
  const mounted = new Map<string, Mounted>()
  const lifetimes = (entry: MountEntry) => {
    const max = entry.config.max_lease_ttl || defaults.max
    return { default: Math.min(entry.config.default_lease_ttl || defaults.default, max), max }
  }

  function start(entry: MountEntry): MountEntry {
    const factory = factories[entry.table][entry.type]
    if (factory === undefined) throw badRequest(`plugin not found in the catalog: ${entry.type}`)
    const fullPath = fullPathOf(entry)
    const current = (): MountEntry => mounted.get(fullPath)?.entry ?? entry
    const backend = factory({
      storage: storageView(storage, `logical/${entry.uuid}/`), clock: options.clock, random, log: options.log.with({ mount: fullPath }),
      path: fullPath, accessor: entry.accessor, type: entry.type, options: entry.options ?? {},
      lifetimes: () => lifetimes(current()), emit: (event, metadata) => options.emit(current(), event, metadata),
    })
    mounted.set(fullPath, { entry, backend, routes: compileRoutes(backend.routes), fullPath })
    return entry
  }
  const save = (entry: MountEntry): void => storage.put(`mount/${entry.table}/${entry.uuid}`, entry)
  const find = (table: MountTable, path: string): Mounted | undefined => mounted.get(table === 'auth' ? `auth/${path}` : path)

  function enable(given: Parameters<Mounts['enable']>[0]): MountEntry {
    const full = given.table === 'auth' ? `auth/${given.path}` : given.path
    if (given.path === '/' || /(^|\/)\.{1,2}(\/|$)|\/\/|\*|\+|[\u0000-\u001f]/.test(given.path)) throw badRequest(`invalid mount path ${JSON.stringify(given.path)}`)
    if (given.table === 'mounts' && /^(sys|auth|cubbyhole|identity|audit)\/./.test(given.path)) throw badRequest(`cannot mount ${JSON.stringify(given.path)}`)
    const clash = [...mounted.keys()].find((known) => known === full || known.startsWith(full) || full.startsWith(known))
    if (clash !== undefined) throw badRequest(given.table === 'auth' ? `path is already in use at ${clash.slice(5)}` : `path is already in use at ${clash}`)
    const entry: MountEntry = {
      description: '', accessor: `${given.table === 'auth' ? 'auth_' : ''}${given.type}_${Buffer.from(random(4)).toString('hex')}`, uuid: uuid(random),
      config: { default_lease_ttl: 0, max_lease_ttl: 0, force_no_cache: false }, options: null, local: false, sealWrap: false, ...given,
    }
    start(entry)
    save(entry)
    return entry
  }
  function disable(table: MountTable, path: string): void {
    const found = find(table, path)
    if (found === undefined) return
    mounted.delete(found.fullPath)
    clear(storage, `logical/${found.entry.uuid}/`)
    storage.delete(`mount/${table}/${found.entry.uuid}`)
  }
  return {
    begin() {
      for (const table of ['mounts', 'auth'] as const) {
        for (const id of storage.list(`mount/${table}/`)) {
          const entry = storage.get<MountEntry>(`mount/${table}/${id}`)
          if (entry !== undefined) start(entry)
        }
      }
      for (const entry of fixed) if (find(entry.table, entry.path) === undefined) enable(entry)
    },
    route(path) {
      for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
        const at = mounted.get(path[end - 1] === '/' ? path.slice(0, end) : `${path.slice(0, end)}/`)
        if (at !== undefined) return { mounted: at, rest: path.slice(at.fullPath.length) }
        if (path.lastIndexOf('/', end - 1) < 0) break
      }
      return undefined
    },
    list: (table) => [...mounted.values()].map(({ entry }) => entry).filter((entry) => entry.table === table).sort((a, b) => (a.path < b.path ? -1 : 1)),
    find,
    byAccessor: (accessor) => [...mounted.values()].find(({ entry }) => entry.accessor === accessor)?.entry,
    enable, disable, lifetimes,
    update(entry) {
      const known = mounted.get(fullPathOf(entry))
      if (known === undefined) return
      mounted.set(known.fullPath, { ...known, entry })
      known.backend.configure?.(entry.options ?? {})
      save(entry)
    },
    move(from, table, path) {
      mounted.delete(fullPathOf(from))
      const entry = { ...from, table, path }
      start(entry)
      storage.delete(`mount/${from.table}/${from.uuid}`)
      save(entry)
    },
  }
}
