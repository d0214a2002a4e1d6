import type { Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type CacheChange, type Informer } from '@idp/controller'
import type { AnyObject, KubeObject } from '@idp/formats'
import type { Clock, Log } from '@idp/kit'
import { keyText, objectKey, type ObjectKey } from '../engine/object-key.ts'
import { trackedBy, type Tracking } from '../engine/tracking.ts'

export interface LiveChange { readonly key: string; readonly before: AnyObject | undefined; readonly after: AnyObject | undefined; readonly applications: readonly string[] }

/**
 * What is in the cluster now, for the kinds that Applications use: one list and watch for each kind, started when the
 * first Application names it. Objects are found by key and by the application they are tracked by.
 */
export interface LiveCluster {
  /** Resolves when the kinds are listed. */
  follow(kinds: Iterable<Kind<AnyObject>>): Promise<void>
  get(key: ObjectKey): AnyObject | undefined
  /** Objects that say they belong to the application. */
  ofApplication(name: string): readonly AnyObject[]
  onChange(listener: (change: LiveChange) => void): void
  /** Takes the answer to a write of our own before the watch brings it. */
  observe(kind: Kind<AnyObject>, object: AnyObject): void
  observeDeletion(kind: Kind<AnyObject>, object: AnyObject, now: string): void
  retrack(tracking: Tracking): void
  /** Ends watching a kind whose definition is gone; its objects are gone with it. */
  drop(group: string, kind: string): void
}

export interface LiveClusterOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly tracking: Tracking
  /** Whose managed fields are kept, besides those that ignoreDifferences may name. */
  readonly manager: string
}

export function liveCluster({ client, clock, log, signal, tracking: first, manager }: LiveClusterOptions): LiveCluster {
  const byGroupKind = new Map<string, { readonly informer: Informer<AnyObject>; readonly stop: AbortController }>()
  const tracked = new Map<string, Map<string, AnyObject>>()
  const listeners = new Set<(change: LiveChange) => void>()
  let tracking = first

  const file = (application: string | undefined, key: string, object: AnyObject | undefined): void => {
    if (application === undefined) return
    const rows = tracked.get(application) ?? new Map<string, AnyObject>()
    if (object === undefined) rows.delete(key)
    else rows.set(key, object)
    if (rows.size === 0) tracked.delete(application)
    else tracked.set(application, rows)
  }
  const changed = ({ before, after }: CacheChange<AnyObject>): void => {
    const object = after ?? before
    if (object === undefined) return
    const key = keyText(objectKey(object))
    const was = before === undefined ? undefined : trackedBy(before, tracking)
    const is = after === undefined ? undefined : trackedBy(after, tracking)
    if (was !== is) file(was, key, undefined)
    file(is, key, after)
    const applications = [...new Set([was, is])].filter((one) => one !== undefined)
    for (const listener of listeners) listener({ key, before, after, applications })
  }
  /** The same objects are served at every version of a kind; the first one asked for is followed. */
  const of = (kind: Kind<AnyObject>): Informer<AnyObject> => {
    const name = `${kind.group}/${kind.kind}`
    const known = byGroupKind.get(name)
    if (known !== undefined) return known.informer
    const stop = new AbortController()
    const started = informer(client, kind, { clock, log, signal: AbortSignal.any([signal, stop.signal]), transform: (object) => ownFieldsOnly(object, manager) })
    started.onChange(changed)
    byGroupKind.set(name, { informer: started, stop })
    return started
  }
  const known = (group: string, kind: string): Informer<AnyObject> | undefined => byGroupKind.get(`${group}/${kind}`)?.informer
  return {
    async follow(kinds) {
      await Promise.all([...kinds].map(of).filter((one) => !one.hasSynced).map((one) => one.synced))
    },
    get: ({ group, kind, namespace, name }) => known(group, kind)?.cache.get(name, namespace === '' ? undefined : namespace),
    ofApplication: (name) => [...(tracked.get(name)?.values() ?? [])],
    onChange: (listener) => void listeners.add(listener),
    observe: (kind, object) => known(kind.group, kind.kind)?.observe(object),
    observeDeletion: (kind, object, now) => known(kind.group, kind.kind)?.observeDeletion(object.metadata.name ?? '', object.metadata.namespace, now),
    retrack(next) {
      if (JSON.stringify(next) === JSON.stringify(tracking)) return
      tracking = next
      tracked.clear()
      for (const one of byGroupKind.values()) for (const object of one.informer.cache.list()) file(trackedBy(object, tracking), keyText(objectKey(object)), object)
    },
    drop(group, kind) {
      const gone = byGroupKind.get(`${group}/${kind}`)
      if (gone === undefined) return
      byGroupKind.delete(`${group}/${kind}`)
      gone.stop.abort(new Error(`${kind}.${group} is no longer served`))
      for (const object of gone.informer.cache.list()) changed({ before: object, after: undefined })
    },
  }
}

/** Managed fields are the larger half of many objects; of ours, the comparison needs which fields a sync set. */
function ownFieldsOnly(object: KubeObject, manager: string): KubeObject {
  const { managedFields, ...metadata } = object.metadata
  const kept = managedFields?.filter((entry) => entry.manager === manager) ?? []
  return { ...object, metadata: { ...metadata, ...(kept.length === 0 ? {} : { managedFields: kept }) } }
}
