import { isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject, KubeObject } from '@idp/formats'
import { CodedError, backoff, sleep, type Clock } from '@idp/kit'
import { hasReadiness, readiness } from './readiness.ts'

export interface WaitReadyOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Milliseconds; then CodedError `NotReady` names what lacks what. */
  readonly timeoutMs: number
  /** Told whenever the list of what lacks something changes. */
  readonly onWaiting?: (lacking: readonly string[]) => void
}

/**
 * Resolves when every object of `objects` that has a notion of readiness is ready. What the server has just answered to a write
 * (it has a resourceVersion) is believed: most is ready by then, and the rest is watched from there on, one watch per kind and namespace.
 */
export async function waitReady(client: Client, objects: readonly KubeObject[], options: WaitReadyOptions): Promise<void> {
  const lacking = new Map<string, string>()
  const pending = objects.filter(hasReadiness).filter((object) => object.metadata.resourceVersion === undefined || readiness(object as AnyObject) !== undefined)
  if (pending.length === 0) return
  const groups = groupByKind(pending)
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, options.signal])
  const done = Promise.withResolvers<void>()
  const look = () => {
    if (lacking.size === 0) done.resolve()
    else options.onWaiting?.(sentences(lacking))
  }
  const onAbort = () => done.reject(options.signal.reason)
  options.signal.addEventListener('abort', onAbort, { once: true })
  const timer = options.clock.timer(options.timeoutMs, () => done.reject(new CodedError({
    code: 'NotReady', message: `not ready after ${options.timeoutMs / 1000} s: ${sentences(lacking).join('; ')}`, remedy: "'idp status' and 'idp logs' say more",
  })))
  try {
    for (const object of pending) lacking.set(label(object), object.metadata.resourceVersion === undefined ? 'does not exist yet' : readiness(object as AnyObject) ?? '')
    look()
    for (const group of groups) {
      const seen = (object: AnyObject, isThere: boolean) => {
        if (!group.names.has(object.metadata.name ?? '')) return
        const lacks = isThere ? readiness(object) : 'is gone'
        if (lacks === undefined) lacking.delete(label(object))
        else lacking.set(label(object), lacks)
        look()
      }
      follow(client, group, { clock: options.clock, signal, seen }).catch(done.reject)
    }
    await done.promise
  } finally {
    timer[Symbol.dispose]()
    options.signal.removeEventListener('abort', onAbort)
    stop.abort(new Error('everything is ready'))
  }
}

interface FollowOptions { readonly clock: Clock; readonly signal: AbortSignal; seen(object: AnyObject, isThere: boolean): void }

/** Tells of the objects of a group, from the revision that is known of them on, until the signal ends it. */
async function follow(client: Client, group: Group, { clock, signal, seen }: FollowOptions): Promise<void> {
  const [only] = group.names.size === 1 ? group.names : []
  const query = { ...(group.namespace === undefined ? {} : { namespace: group.namespace }), ...(only === undefined ? {} : { fieldSelector: `metadata.name=${only}` }) }
  let { revision } = group
  for (let failures = 0; !signal.aborted;) {
    try {
      const kind = await client.kindOf(group.apiVersion, group.kind)
      if (revision === undefined) {
        const { items, metadata } = await client.list(kind, query)
        for (const object of items) seen(object, true)
        revision = metadata.resourceVersion
      }
      failures = 0
      for await (const event of client.watch(kind, { ...query, resourceVersion: revision, allowBookmarks: true, signal })) {
        revision = event.object.metadata.resourceVersion ?? revision
        if (event.type !== 'BOOKMARK') seen(event.object, event.type !== 'DELETED')
      }
    } catch (error) {
      if (signal.aborted) return
      if (isApiError(error, 'Forbidden', 'Unauthorized')) throw error
      revision = undefined
    }
    // A watch that ends, a server that restarts, a kind that is not served yet: asked again.
    if (!signal.aborted) await sleep(clock, backoff(++failures, { initial: 50, max: 2_000 }), signal).catch(() => {})
  }
}

const sentences = (lacking: ReadonlyMap<string, string>): string[] => [...lacking].map(([object, lacks]) => `${object}: ${lacks}`)

const label = ({ kind, metadata: { name = '', namespace } }: KubeObject): string => `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`

interface Group {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string | undefined
  readonly names: Set<string>
  /** The oldest state that is known of one of them; undefined when of some nothing is known. */
  revision: string | undefined
}

function groupByKind(objects: readonly KubeObject[]): Group[] {
  const groups = new Map<string, Group>()
  for (const { apiVersion, kind, metadata: { name = '', namespace, resourceVersion } } of objects) {
    const key = `${apiVersion}/${kind}/${namespace ?? ''}`
    const group = groups.get(key) ?? { apiVersion, kind, namespace, names: new Set<string>(), revision: resourceVersion }
    groups.set(key, group)
    group.names.add(name)
    if (resourceVersion === undefined || Number(resourceVersion) < Number(group.revision)) group.revision = resourceVersion
  }
  return [...groups.values()]
}
