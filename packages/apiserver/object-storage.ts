import { ApiError } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { isCoded } from '@idp/kit'
import { prefixRange, type Entry, type Range, type Store, type Write } from '@idp/store'
import type { ObjectCodec } from './object-codec.ts'
import { storageKey, type Resource } from './resource.ts'

export interface ObjectPlace { readonly namespace?: string | undefined; readonly name: string }

/** What was written, for those who must know at once in this process (served CRDs, RBAC rules, addresses). */
export interface Written {
  readonly resource: Resource
  readonly before: AnyObject | undefined
  readonly after: AnyObject | undefined
}

/** Reads and conditional writes of objects at their storage version. Objects handed out are shared: copy before changing. */
export interface ObjectStorage {
  readonly store: Store
  readonly codec: ObjectCodec
  entry(resource: Resource, place: ObjectPlace): Entry | undefined
  /** Throws ApiError `NotFound`. */
  get(resource: Resource, place: ObjectPlace): AnyObject
  find(resource: Resource, place: ObjectPlace): AnyObject | undefined
  list(resource: Resource, namespace?: string): AnyObject[]
  /** Throws ApiError `AlreadyExists`. */
  create(resource: Resource, object: AnyObject): Promise<AnyObject>
  /** Replaces the object that is at `before`; undefined when somebody else was faster. */
  replace(resource: Resource, before: Entry, object: AnyObject): Promise<AnyObject | undefined>
  /** Removes the object that is at `before`; false when somebody else was faster. */
  remove(resource: Resource, before: Entry): Promise<boolean>
  /** Called after each write, in order, before the writer is answered. */
  onWrite(listener: (written: Written) => void): void
}

export function objectStorage(store: Store, codec: ObjectCodec): ObjectStorage {
  const listeners: ((written: Written) => void)[] = []
  const keyOf = (resource: Resource, place: ObjectPlace) => storageKey(resource, place.namespace, place.name)
  const tell = (written: Written) => listeners.forEach((listener) => listener(written))
  const commit = async (write: Write): Promise<Entry | undefined | 'conflict'> => {
    try {
      const revision = await store.commit([write])
      return 'put' in write ? entryAt(store, write.put, revision) : undefined
    } catch (error) {
      if (isCoded(error, 'Conflict')) return 'conflict'
      throw error
    }
  }
  const storage: ObjectStorage = {
    store,
    codec,
    entry: (resource, place) => store.get(keyOf(resource, place)),
    find(resource, place) {
      const entry = store.get(keyOf(resource, place))
      return entry === undefined ? undefined : codec.object(entry)
    },
    get(resource, place) {
      const object = storage.find(resource, place)
      if (object === undefined) throw notFound(resource, place.name)
      return object
    },
    list: (resource, namespace) => store.list(rangeOf(resource, namespace)).entries.map((entry) => codec.object(entry)),
    async create(resource, object) {
      const key = storageKey(resource, object.metadata.namespace, object.metadata.name ?? '')
      const entry = await commit({ put: key, value: codec.encode(key, object), if: 0 })
      if (entry === 'conflict' || entry === undefined) throw alreadyExists(resource, object.metadata.name ?? '')
      const after = codec.object(entry)
      tell({ resource, before: undefined, after })
      return after
    },
    async replace(resource, before, object) {
      const entry = await commit({ put: before.key, value: codec.encode(before.key, object), if: before.revision })
      if (entry === 'conflict' || entry === undefined) return undefined
      const after = codec.object(entry)
      tell({ resource, before: codec.object(before), after })
      return after
    },
    async remove(resource, before) {
      if ((await commit({ delete: before.key, if: before.revision })) === 'conflict') return false
      tell({ resource, before: codec.object(before), after: undefined })
      return true
    },
    onWrite: (listener) => void listeners.push(listener),
  }
  return storage
}

/** The entry a commit wrote; read at its revision, since a later commit may already have replaced it. */
function entryAt(store: Store, key: string, revision: number): Entry | undefined {
  const now = store.get(key)
  return now?.revision === revision ? now : store.get(key, revision)
}

export function rangeOf(resource: Resource, namespace?: string): Range {
  return prefixRange(namespace === undefined || namespace === '' || resource.kind.scope === 'Cluster' ? resource.prefix : `${resource.prefix}${namespace}/`)
}

export function qualifiedResource(resource: Pick<Resource, 'kind'>): string {
  return resource.kind.group === '' ? resource.kind.plural : `${resource.kind.plural}.${resource.kind.group}`
}

export function detailsOf(resource: Pick<Resource, 'kind'>, name: string) {
  const { group, plural } = resource.kind
  return { name, ...(group === '' ? {} : { group }), kind: plural }
}

export function notFound(resource: Pick<Resource, 'kind'>, name: string): ApiError {
  return new ApiError('NotFound', `${qualifiedResource(resource)} "${name}" not found`, { details: detailsOf(resource, name) })
}

export function alreadyExists(resource: Pick<Resource, 'kind'>, name: string): ApiError {
  return new ApiError('AlreadyExists', `${qualifiedResource(resource)} "${name}" already exists`, { details: detailsOf(resource, name) })
}

export function conflict(resource: Pick<Resource, 'kind'>, name: string, why = 'the object has been modified; please apply your changes to the latest version and try again'): ApiError {
  return new ApiError('Conflict', `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${why}`, { details: detailsOf(resource, name) })
}
