import { apiVersionOf, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type Informer } from '@idp/controller'
import type { AnyObject } from '@idp/formats'
import { messageOf, sleep, type Clock, type Log } from '@idp/kit'
import { worldOf, type World } from '@idp/platform'
import type { Change } from './change.ts'
import { trimObject } from './trim-object.ts'
import { isWatched } from './watched-kinds.ts'

/** The cluster as the console knows it: one informer a kind, shared by every view and every browser. */
export interface LiveWorld {
  /** What there is now; the same value until something changes. */
  now(): World
  /** Calls `listener` for each change after the first lists are in. Returns what ends it. */
  onChange(listener: (change: Change) => void): Disposable
  /** Calls `listener` when the first list of a kind that came later is in: its objects are no news, but they are there. Returns what ends it. */
  onList(listener: (kind: string) => void): Disposable
  /** Kinds that cannot be listed (no permission, or their API does not answer). */
  unread(): readonly string[]
  readonly objects: number
}

export interface LiveWorldOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** How long the first lists may take before the console starts without the kinds that are late. */
const patience = 12_000
/** New kinds are looked for this long after a CustomResourceDefinition has come, once for all of a batch. */
const settling = 300

/** Opens the live view; resolves when the lists are in. Throws CodedError `ApiUnreachable`. */
export async function openLiveWorld({ client, clock, log, signal }: LiveWorldOptions): Promise<LiveWorld> {
  const informers = new Map<string, Informer<AnyObject>>()
  const listeners = new Set<(change: Change) => void>()
  const listListeners = new Set<(kind: string) => void>()
  let world: World | undefined
  let looking = false

  const start = (kind: Kind<AnyObject>) => {
    const apiVersion = apiVersionOf(kind)
    const started = informer(client, kind, { clock, log, signal, transform: (object) => trimObject({ ...object, apiVersion, kind: kind.kind }) })
    informers.set(`${kind.group}/${kind.kind}`, started)
    started.onChange(({ before, after }) => {
      world = undefined
      if (kind.kind === 'CustomResourceDefinition') void lookAgain()
      if (started.hasSynced) for (const listener of listeners) listener({ kind: kind.kind, before, after, at: clock.now() })
    })
    started.synced.then(() => { for (const listener of listListeners) listener(kind.kind) }, () => {})
    return started
  }
  const look = async () => {
    for (const kind of await client.kinds()) if (isWatched(kind) && !informers.has(`${kind.group}/${kind.kind}`)) start(kind)
  }
  const lookAgain = async () => {
    if (looking) return
    looking = true
    try {
      await sleep(clock, settling, signal)
      await look()
    } catch (error) {
      if (!signal.aborted) log.warn('cannot look for new kinds', { error: messageOf(error) })
    } finally {
      looking = false
    }
  }
  await look()
  const late = new AbortController()
  await Promise.race([Promise.all(informers.values().map((one) => one.synced)), sleep(clock, patience, AbortSignal.any([signal, late.signal]))])
  late.abort()
  return {
    now: () => (world ??= worldOf({
      objects: informers.values().flatMap((one) => one.cache.list()).toArray(), kinds: informers.values().filter((one) => one.hasSynced).map((one) => one.kind.kind).toArray(), now: clock.now(),
    })),
    onChange(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    onList(listener) {
      listListeners.add(listener)
      return { [Symbol.dispose]: () => void listListeners.delete(listener) }
    },
    unread: () => informers.values().filter((one) => !one.hasSynced).map((one) => one.kind.kind).toArray().toSorted(),
    get objects() { return informers.values().reduce((sum, one) => sum + one.cache.list().length, 0) },
  }
}
