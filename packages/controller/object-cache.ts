import type { KubeObject } from '@idp/formats'
import type { Cache, Index } from './controller.ts'
import { controllerOf } from './owner-reference.ts'

/** One change of a cache: `before` is absent for a new object, `after` for one that is gone. */
export interface CacheChange<T extends KubeObject> { readonly before: T | undefined; readonly after: T | undefined }

/** The writable side of a Cache: what an informer feeds. */
export interface ObjectCache<T extends KubeObject> extends Cache<T> {
  readonly size: number
  put(object: T): CacheChange<T>
  remove(name: string, namespace: string | undefined): CacheChange<T> | undefined
}

interface IndexState<T extends KubeObject> { readonly of: (object: T) => Iterable<string>; readonly rows: Map<string, Map<string, T>> }

const cacheKey = (name: string, namespace: string | undefined) => `${namespace ?? ''}/${name}`
const nothing: readonly never[] = []

/** An empty cache. Indexes other than namespace and owner are built the first time they are asked for. */
export function createObjectCache<T extends KubeObject>(): ObjectCache<T> {
  const objects = new Map<string, T>()
  const byNamespace = indexState<T>((object) => [object.metadata.namespace ?? ''])
  const byOwner = indexState<T>((object) => {
    const owner = controllerOf(object)
    return owner === undefined ? nothing : [owner.uid]
  })
  const indexes = new Map<Index<T>, IndexState<T>>()
  let byLabel: IndexState<T> | undefined
  const all = () => [byNamespace, byOwner, ...(byLabel === undefined ? [] : [byLabel]), ...indexes.values()]
  const build = (state: IndexState<T>) => {
    for (const [key, object] of objects) addTo(state, key, object)
    return state
  }
  const row = (state: IndexState<T>, value: string): readonly T[] => {
    const found = state.rows.get(value)
    return found === undefined ? nothing : [...found.values()]
  }
  return {
    get size() { return objects.size },
    get: (name, namespace) => objects.get(cacheKey(name, namespace)),
    list({ namespace, labels = {} } = {}) {
      const wanted = Object.entries(labels)
      if (wanted.length === 0) return namespace === undefined ? [...objects.values()] : row(byNamespace, namespace)
      // The rarest label decides where to look.
      byLabel ??= build(indexState<T>(labelPairs))
      const state = byLabel
      const rows = wanted.map(([key, value]) => state.rows.get(`${key}=${value}`))
      const rarest = rows.reduce((a, b) => ((b?.size ?? 0) < (a?.size ?? 0) ? b : a))
      return [...(rarest?.values() ?? [])].filter((o) => (namespace === undefined || o.metadata.namespace === namespace) && wanted.every(([k, v]) => o.metadata.labels?.[k] === v))
    },
    ownedBy: (uid) => row(byOwner, uid),
    by(index, value) {
      let state = indexes.get(index)
      if (state === undefined) indexes.set(index, (state = build(indexState(index.of))))
      return row(state, value)
    },
    put(object) {
      const key = cacheKey(object.metadata.name ?? '', object.metadata.namespace)
      const before = objects.get(key)
      for (const state of all()) replaceIn(state, key, before, object)
      objects.set(key, object)
      return { before, after: object }
    },
    remove(name, namespace) {
      const key = cacheKey(name, namespace)
      const before = objects.get(key)
      if (before === undefined) return undefined
      for (const state of all()) removeFrom(state, key, before)
      objects.delete(key)
      return { before, after: undefined }
    },
  }
}

function labelPairs(object: KubeObject): string[] {
  return Object.entries(object.metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`)
}

function indexState<T extends KubeObject>(of: (object: T) => Iterable<string>): IndexState<T> {
  return { of, rows: new Map() }
}

function addTo<T extends KubeObject>(state: IndexState<T>, key: string, object: T): void {
  for (const value of state.of(object)) {
    let rows = state.rows.get(value)
    if (rows === undefined) state.rows.set(value, (rows = new Map()))
    rows.set(key, object)
  }
}

/** Rows that still fit keep the object at its place, so that an order does not change with every status. */
function replaceIn<T extends KubeObject>(state: IndexState<T>, key: string, before: T | undefined, after: T): void {
  if (before !== undefined) {
    const kept = new Set(state.of(after))
    for (const value of state.of(before)) if (!kept.has(value)) removeValue(state, key, value)
  }
  addTo(state, key, after)
}

function removeFrom<T extends KubeObject>(state: IndexState<T>, key: string, object: T): void {
  for (const value of state.of(object)) removeValue(state, key, value)
}

function removeValue<T extends KubeObject>(state: IndexState<T>, key: string, value: string): void {
  const rows = state.rows.get(value)
  if (rows?.delete(key) && rows.size === 0) state.rows.delete(value)
}
