import type { Client } from '@idp/client'
import { informer } from '@idp/controller'
import type { AnyObject, KubeObject } from '@idp/formats'
import { CodedError, type Clock } from '@idp/kit'
import { hasReadiness, readiness } from './readiness.ts'

export interface WaitReadyOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Milliseconds; then CodedError `NotReady` names what lacks what. */
  readonly timeoutMs: number
  /** Told whenever the list of what lacks something changes. */
  readonly onWaiting?: (lacking: readonly string[]) => void
}

/** Resolves when every object of `objects` that has a notion of readiness is ready. One watch per kind and namespace. */
export async function waitReady(client: Client, objects: readonly KubeObject[], options: WaitReadyOptions): Promise<void> {
  const lacking = new Map<string, string>()
  const groups = groupByKind(objects.filter(hasReadiness))
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
    for (const group of groups) for (const name of group.names) lacking.set(group.label(name), 'does not exist yet')
    if (lacking.size === 0) return
    await Promise.all(groups.map(async (group) => {
      const kind = await client.kindOf(group.apiVersion, group.kind)
      const view = informer<AnyObject>(client, kind, { signal, clock: options.clock, query: group.namespace === undefined ? {} : { namespace: group.namespace } })
      view.synced.catch(() => {})
      view.onChange((change) => {
        const name = (change.after ?? change.before)?.metadata.name ?? ''
        if (!group.names.has(name)) return
        const lacks = change.after === undefined ? 'is gone' : readiness(change.after)
        if (lacks === undefined) lacking.delete(group.label(name))
        else lacking.set(group.label(name), lacks)
        look()
      })
    }))
    look()
    await done.promise
  } finally {
    timer[Symbol.dispose]()
    options.signal.removeEventListener('abort', onAbort)
    stop.abort(new Error('everything is ready'))
  }
}

const sentences = (lacking: ReadonlyMap<string, string>): string[] => [...lacking].map(([object, lacks]) => `${object}: ${lacks}`)

interface Group { readonly apiVersion: string; readonly kind: string; readonly namespace: string | undefined; readonly names: Set<string>; label(name: string): string }

function groupByKind(objects: readonly KubeObject[]): Group[] {
  const groups = new Map<string, Group>()
  for (const { apiVersion, kind, metadata: { name = '', namespace } } of objects) {
    const key = `${apiVersion}/${kind}/${namespace ?? ''}`
    const group = groups.get(key) ?? { apiVersion, kind, namespace, names: new Set<string>(), label: (one) => `${kind} ${namespace === undefined ? '' : `${namespace}/`}${one}` }
    groups.set(key, group)
    group.names.add(name)
  }
  return [...groups.values()]
}
