import { applyMergePatch } from '@idp/formats'
import type { Answer, Backend, BackendContext, BackendRequest, Route } from '../backend.ts'
import { formatDuration, goTime, parseDuration } from '../duration.ts'
import { flag, has, integer, isRecord, list, record, seconds, type Data } from '../fields.ts'
import { badRequest } from '../vault-error.ts'
import { subkeys } from './subkeys.ts'

interface Version { readonly created: number; readonly deleted: number; readonly destroyed: boolean }
interface Metadata {
  readonly versions: Readonly<Record<string, Version>>
  readonly current: number
  readonly oldest: number
  readonly created: number
  readonly updated: number
  readonly maxVersions: number
  readonly casRequired: boolean
  readonly deleteAfter: number
  readonly custom: Readonly<Record<string, string>> | null
}
interface Config { readonly maxVersions: number; readonly casRequired: boolean; readonly deleteAfter: number }

const defaultVersions = 10

/** KV with versions. Secrets at `data/`, what is known about them at `metadata/`. */
export function kvV2(context: BackendContext): Backend {
  const { storage, clock, emit, path: mount } = context
  const config = (): Config => storage.get<Config>('config') ?? { maxVersions: 0, casRequired: false, deleteAfter: 0 }
  const metaOf = (path: string): Metadata | undefined => storage.get<Metadata>(`meta/${path}`)
  const dataKey = (path: string, version: number): string => `versions/${path}\n${version}`
  const isGone = (version: Version): boolean => version.destroyed || (version.deleted !== 0 && version.deleted <= clock.now())
  const pathOf = ({ params }: BackendRequest): string => params['path'] ?? ''

  function told(operation: string, path: string, kind: 'data' | 'metadata', meta: Metadata | undefined): void {
    emit(`kv-v2/${operation}`, {
      current_version: String(meta?.current ?? 0), oldest_version: String(meta?.oldest ?? 0), operation, modified: 'true',
      path: `${mount}${kind}/${path}`, data_path: `${mount}data/${path}`,
    })
  }
  function versionBlock(meta: Metadata, number: number): Record<string, unknown> {
    const version = meta.versions[number]
    return { created_time: goTime(version?.created ?? 0), custom_metadata: meta.custom, deletion_time: version === undefined || version.deleted === 0 ? '' : goTime(version.deleted), destroyed: version?.destroyed ?? false, version: number }
  }
  function blank(): Metadata {
    const now = clock.now()
    return { versions: {}, current: 0, oldest: 0, created: now, updated: now, maxVersions: 0, casRequired: false, deleteAfter: 0, custom: null }
  }
  /** A version to read: 0 is the current one. Deleted ones answer 404 with what is known of them. */
  function readVersion(path: string, wanted: number, shape: (data: unknown) => object): Answer | undefined {
    const meta = metaOf(path)
    const number = wanted === 0 ? meta?.current ?? 0 : wanted
    const version = meta?.versions[number]
    if (meta === undefined || version === undefined) return undefined
    const metadata = versionBlock(meta, number)
    if (isGone(version)) return { status: 404, data: { ...shape(null), metadata } }
    return { data: { ...shape(storage.get(dataKey(path, number)) ?? null), metadata } }
  }
  function checkCas(meta: Metadata, options: Data): void {
    if (has(options, 'cas')) {
      if (integer(options, 'cas') !== meta.current) throw badRequest('check-and-set parameter did not match the current version')
    } else if (meta.casRequired || config().casRequired) throw badRequest('check-and-set parameter required for this call')
  }
  function writeVersion(path: string, meta: Metadata, data: unknown, operation: string): Answer {
    const now = clock.now()
    const number = meta.current + 1
    const { maxVersions, deleteAfter } = config()
    const lifetime = meta.deleteAfter !== 0 ? meta.deleteAfter : deleteAfter
    const versions: Record<string, Version> = { ...meta.versions, [number]: { created: now, deleted: lifetime > 0 ? now + lifetime * 1000 : 0, destroyed: false } }
    const keep = meta.maxVersions || maxVersions || defaultVersions
    for (const old of Object.keys(versions).map(Number).filter((n) => n <= number - keep)) {
      delete versions[old]
      storage.delete(dataKey(path, old))
    }
    const oldest = Math.min(...Object.keys(versions).map(Number))
    const next: Metadata = { ...meta, versions, current: number, oldest: oldest === 1 && number <= keep ? meta.oldest : oldest, updated: now }
    storage.put(dataKey(path, number), data)
    storage.put(`meta/${path}`, next)
    told(operation, path, 'data', next)
    return { data: versionBlock(next, number) }
  }
  function checkPath(path: string): void {
    if (path === '' || path.endsWith('/')) throw badRequest('missing path')
  }
  /** Changes some versions and tells subscribers. */
  function changeVersions(path: string, wanted: readonly number[] | 'current', operation: string, change: (version: Version, number: number) => Version): undefined {
    const meta = metaOf(path)
    if (meta === undefined) return undefined
    const versions = { ...meta.versions }
    for (const number of wanted === 'current' ? [meta.current] : wanted) {
      const version = versions[number]
      if (version !== undefined && !version.destroyed) versions[number] = change(version, number)
    }
    const next = { ...meta, versions, updated: clock.now() }
    storage.put(`meta/${path}`, next)
    told(operation, path, operation.startsWith('metadata') ? 'metadata' : 'data', next)
    return undefined
  }
  const numbers = (data: Data): number[] => {
    const found = list(Array.isArray(data['versions']) ? data : { versions: String(data['versions'] ?? '') }, 'versions').map(Number)
    if (found.length === 0) throw badRequest('No version number provided')
    return found
  }

  const secrets: Route[] = [{
    path: 'data/*path',
    exists: (request) => metaOf(pathOf(request)) !== undefined,
    read: (request) => readVersion(pathOf(request), integer(request.data, 'version'), (data) => ({ data })),
    write: (request) => {
      const path = pathOf(request)
      checkPath(path)
      const data = record(request.data, 'data')
      if (data === undefined) throw badRequest('no data provided')
      const meta = metaOf(path) ?? blank()
      checkCas(meta, record(request.data, 'options') ?? {})
      return writeVersion(path, meta, data, 'data-write')
    },
    patch: (request) => {
      const path = pathOf(request)
      checkPath(path)
      const change = record(request.data, 'data')
      if (change === undefined) throw badRequest('no data provided')
      const meta = metaOf(path)
      const version = meta?.versions[meta.current]
      if (meta === undefined || version === undefined) return { status: 404 }
      const options = record(request.data, 'options') ?? {}
      if (isGone(version)) return { status: 404, data: { data: null, metadata: versionBlock(meta, meta.current) } }
      checkCas(meta, options)
      return writeVersion(path, meta, applyMergePatch((storage.get(dataKey(path, meta.current)) ?? {}) as never, change as never), 'data-patch')
    },
    delete: (request) => changeVersions(pathOf(request), 'current', 'data-delete', (version) => (isGone(version) ? version : { ...version, deleted: clock.now() })),
  }, {
    path: 'subkeys/*path',
    read: (request) => readVersion(pathOf(request), integer(request.data, 'version'), (data) => ({ subkeys: data === null ? null : subkeys(data, integer(request.data, 'depth')) })),
  }, {
    path: 'delete/*path',
    write: (request) => changeVersions(pathOf(request), numbers(request.data), 'delete', (version) => (isGone(version) ? version : { ...version, deleted: clock.now() })),
  }, {
    path: 'undelete/*path',
    write: (request) => changeVersions(pathOf(request), numbers(request.data), 'undelete', (version) => ({ ...version, deleted: 0 })),
  }, {
    path: 'destroy/*path',
    write: (request) => changeVersions(pathOf(request), numbers(request.data), 'destroy', (version, number) => {
      storage.delete(dataKey(pathOf(request), number))
      return { ...version, destroyed: true }
    }),
  }]

  const metadata: Route = {
    path: 'metadata/*path',
    exists: (request) => metaOf(pathOf(request)) !== undefined,
    read: (request) => {
      const meta = metaOf(pathOf(request))
      if (meta === undefined) return undefined
      const versions = Object.fromEntries(Object.entries(meta.versions).map(([number, v]) => [number, { created_time: goTime(v.created), deletion_time: v.deleted === 0 ? '' : goTime(v.deleted), destroyed: v.destroyed }]))
      return { data: { cas_required: meta.casRequired, created_time: goTime(meta.created), current_version: meta.current, custom_metadata: meta.custom, delete_version_after: formatDuration(meta.deleteAfter), max_versions: meta.maxVersions, oldest_version: meta.oldest, updated_time: goTime(meta.updated), versions } }
    },
    list: (request) => {
      const path = pathOf(request)
      return { data: { keys: storage.list(`meta/${path === '' || path.endsWith('/') ? path : `${path}/`}`) } }
    },
    write: (request) => {
      const path = pathOf(request)
      checkPath(path)
      saveMetadata(path, metaOf(path) ?? blank(), request.data, has(request.data, 'custom_metadata') ? customMetadata(request.data['custom_metadata']) : undefined)
      return undefined
    },
    patch: (request) => {
      const path = pathOf(request)
      const meta = metaOf(path)
      if (meta === undefined) return { status: 404 }
      const { data } = request
      const custom = data['custom_metadata'] === null ? null : data['custom_metadata'] === undefined ? undefined : customMetadata(applyMergePatch((meta.custom ?? {}) as never, data['custom_metadata'] as never))
      const cleared = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, value === null ? (key === 'cas_required' ? false : 0) : value]))
      saveMetadata(path, meta, cleared, custom)
      return undefined
    },
    delete: (request) => {
      const path = pathOf(request)
      clearVersions(path)
      storage.delete(`meta/${path}`)
      told('metadata-delete', path, 'metadata', undefined)
      return undefined
    },
  }
  function saveMetadata(path: string, meta: Metadata, data: Data, custom: Metadata['custom'] | undefined): void {
    const next: Metadata = {
      ...meta, updated: clock.now(), maxVersions: integer(data, 'max_versions', meta.maxVersions), casRequired: flag(data, 'cas_required', meta.casRequired),
      deleteAfter: seconds(data, 'delete_version_after', meta.deleteAfter), custom: custom === undefined ? meta.custom : custom,
    }
    if (next.maxVersions < 0) throw badRequest('max_versions must not be negative')
    storage.put(`meta/${path}`, next)
    told('metadata-write', path, 'metadata', next)
  }
  function clearVersions(path: string): void {
    for (const number of Object.keys(metaOf(path)?.versions ?? {})) storage.delete(dataKey(path, Number(number)))
  }

  return {
    routes: [{
      path: 'config',
      read: () => ({ data: { cas_required: config().casRequired, delete_version_after: formatDuration(config().deleteAfter), max_versions: config().maxVersions } }),
      write: ({ data }) => {
        const known = config()
        storage.put('config', { maxVersions: integer(data, 'max_versions', known.maxVersions), casRequired: flag(data, 'cas_required', known.casRequired), deleteAfter: has(data, 'delete_version_after') ? parseDuration(data['delete_version_after']) : known.deleteAfter } satisfies Config)
        emit('kv-v2/config-write', { path: `${mount}config`, operation: 'config-write', modified: 'true' })
        return undefined
      },
    }, ...secrets, metadata, {
      path: '*path', read: wrongPath, list: wrongPath, write: wrongPath, delete: wrongPath, patch: wrongPath,
    }],
  }
}

const wrongPath = (): Answer => ({ status: 404, warnings: ['Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. If using the Vault CLI, use \'vault kv get\' for this operation.'] })

/** Limits of upstream: 64 pairs, keys to 128 and values to 512 bytes, strings only. */
function customMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value)) throw badRequest('custom_metadata validation failed: expected a map')
  const entries = Object.entries(value)
  if (entries.length > 64) throw badRequest(`custom_metadata validation failed: payload must contain at most 64 keys, provided ${entries.length}`)
  for (const [key, item] of entries) {
    if (typeof item !== 'string') throw badRequest(`custom_metadata validation failed: value of key ${JSON.stringify(key)} is not a string`)
    if (key.length === 0 || key.length > 128 || Buffer.byteLength(item) > 512) throw badRequest(`custom_metadata validation failed: length of key ${JSON.stringify(key)} or of its value is out of range`)
  }
  return Object.fromEntries(entries) as Record<string, string>
}
