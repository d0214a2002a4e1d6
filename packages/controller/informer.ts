import { isApiError, type Kind } from '@idp/api'
import type { Client, ListQuery } from '@idp/client'
import type { KubeObject } from '@idp/formats'
import { backoff, messageOf, silentLog, sleep, systemClock, type Clock, type Log } from '@idp/kit'
import type { Cache } from './controller.ts'
import { deepFreeze } from './deep-freeze.ts'
import { createObjectCache, type CacheChange, type ObjectCache } from './object-cache.ts'

export interface InformerOptions {
  /** Narrows what is seen: namespace, labelSelector, fieldSelector. */
  readonly query?: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'>
  readonly signal: AbortSignal
  readonly clock?: Clock
  readonly log?: Log
  /** What is kept of an object; the whole object without managedFields by default. Gives a new object and leaves the one it is given as it is. */
  readonly transform?: (object: KubeObject) => KubeObject
}

/** A live view of one kind: a list, then a watch from its revision, for as long as the signal lets it. */
export interface Informer<T extends KubeObject> {
  readonly kind: Kind<T>
  readonly cache: Cache<T>
  /** Resolves when the first list is in; rejects with the signal's reason. */
  readonly synced: Promise<void>
  readonly hasSynced: boolean
  /** Calls `listener` for each change from now on, and first for every object that is there. Returns what ends it. */
  onChange(listener: (change: CacheChange<T>) => void): Disposable
  /** Takes the answer to a write of our own, so that a reader sees it before the watch brings it. Older news are ignored. */
  observe(object: T): void
  /** Marks an object as being deleted, before the watch says what became of it. */
  observeDeletion(name: string, namespace: string | undefined, now: string): void
}

const slim = new WeakMap<KubeObject, KubeObject>()

/** Drops what no controller reads and what takes most memory. One result per object: every informer of this process keeps the same. */
export function withoutManagedFields(object: KubeObject): KubeObject {
  let kept = slim.get(object)
  if (kept === undefined) {
    const { managedFields: _dropped, ...metadata } = object.metadata
    slim.set(object, (kept = { ...object, metadata }))
  }
  return kept
}

/** Starts watching at once. Kinds that are not served (yet) are asked for again with back-off. */
export function informer<T extends KubeObject>(client: Client, kind: Kind<T>, options: InformerOptions): Informer<T> {
  const { signal, clock = systemClock, log = silentLog, query = {}, transform = withoutManagedFields } = options
  const cache: ObjectCache<T> = createObjectCache<T>()
  const listeners = new Set<(change: CacheChange<T>) => void>()
  const synced = Promise.withResolvers<void>()
  // A caller may never look at `synced`; stopping early is then not an unhandled rejection.
  synced.promise.catch(() => {})
  /** Everything up to this revision has been seen. */
  let seen = 0
  let hasSynced = false

  const tell = (change: CacheChange<T> | undefined) => {
    if (change !== undefined) for (const listener of listeners) listener(change)
  }
  const revisionOf = (object: KubeObject) => Number(object.metadata.resourceVersion ?? 0)
  const keep = (object: T): T => deepFreeze(transform(object) as T)
  const put = (object: T) => {
    const { name = '', namespace } = object.metadata
    const known = cache.get(name, namespace)
    const news = known === undefined ? 1 : revisionOf(object) - revisionOf(known)
    if (news > 0) tell(cache.put(keep(object)))
    // The watch brings what the answer to a write has brought: from now on the object that all share is kept.
    else if (news === 0 && known?.metadata.deletionTimestamp === object.metadata.deletionTimestamp) cache.put(keep(object))
  }
  const remove = (object: KubeObject) => {
    const { name = '', namespace } = object.metadata
    const known = cache.get(name, namespace)
    if (known === undefined || revisionOf(known) > revisionOf(object)) return
    tell(cache.remove(name, namespace))
  }
  const list = async () => {
    const items: T[] = []
    let revision = '0'
    let token: string | undefined
    do {
      const page = await client.list(kind, { ...query, limit: 1000, shared: true, ...(token === undefined ? {} : { continue: token }) })
      items.push(...page.items)
      revision = page.metadata.resourceVersion
      token = page.metadata.continue || undefined
    } while (token !== undefined)
    const listed = new Set(items.map((o) => `${o.metadata.namespace ?? ''}/${o.metadata.name}`))
    seen = Number(revision)
    for (const known of cache.list()) {
      if (!listed.has(`${known.metadata.namespace ?? ''}/${known.metadata.name}`) && revisionOf(known) <= seen) tell(cache.remove(known.metadata.name ?? '', known.metadata.namespace))
    }
    for (const item of items) put(item)
    if (!hasSynced) {
      hasSynced = true
      synced.resolve()
    }
    return revision
  }
  const follow = async (from: string) => {
    let revision = from
    while (!signal.aborted) {
      const before = revision
      for await (const event of client.watch(kind, { ...query, resourceVersion: revision, allowBookmarks: true, signal })) {
        revision = event.object.metadata.resourceVersion ?? revision
        seen = Math.max(seen, Number(revision))
        if (event.type === 'DELETED') remove(event.object)
        else if (event.type !== 'BOOKMARK') put(event.object)
      }
      // A server that ends watches at once must not be asked in a tight loop.
      if (before === revision && !signal.aborted) await sleep(clock, 100, signal)
    }
  }
  const run = async () => {
    let failures = 0
    let revision: string | undefined
    while (!signal.aborted) {
      try {
        revision = await list()
        failures = 0
        await follow(revision)
      } catch (error) {
        if (signal.aborted) return
        if (isApiError(error, 'Expired', 'Gone')) continue
        failures++
        const ms = backoff(failures, { initial: 100, max: isApiError(error, 'NotFound') ? 2_000 : 15_000 })
        log.with({ kind: kind.kind }).warn('cannot list and watch; trying again', { error: messageOf(error), ms })
        await sleep(clock, ms, signal).catch(() => {})
      }
    }
  }
  void run()
  signal.addEventListener('abort', () => synced.reject(signal.reason), { once: true })
  if (signal.aborted) synced.reject(signal.reason)

  return {
    kind, cache,
    synced: synced.promise,
    get hasSynced() { return hasSynced },
    onChange(listener) {
      listeners.add(listener)
      for (const object of cache.list()) listener({ before: undefined, after: object })
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    observe(object) {
      // At or before what the watch has brought: the cache knows as much, or the object is gone again.
      if (hasSynced && revisionOf(object) > seen) put(object)
    },
    observeDeletion(name, namespace, now) {
      const known = cache.get(name, namespace)
      if (known === undefined || known.metadata.deletionTimestamp !== undefined) return
      tell(cache.put(deepFreeze({ ...known, metadata: { ...known.metadata, deletionTimestamp: now } })))
    },
  }
}
