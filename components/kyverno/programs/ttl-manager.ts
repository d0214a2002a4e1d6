import { isApiError, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { informer } from '@idp/controller'
import type { AnyObject } from '@idp/formats'
import { messageOf } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { dueAt, propagationOf, ttlLabel } from '../engine/time-to-live.ts'
import type { Metrics } from './metrics.ts'

/** Kinds that are asked, not kept, and those whose objects go by themselves. */
const notKept = /reviews?$|^bindings$|^componentstatuses$|^events$|^leases$/

interface TtlOptions extends Pick<Container, 'clock' | 'log' | 'signal'> { readonly client: Client; readonly metrics: Metrics }

/** Deletes objects of any kind with the label `cleanup.kyverno.io/ttl` when they are due. `follow` looks for kinds that are new. */
export function createTtlManager({ client, clock, log, signal, metrics }: TtlOptions): { follow(): Promise<void> } {
  const watched = new Set<string>()
  const timers = new Map<string, Disposable>()
  const plan = (kind: Kind<AnyObject>, object: AnyObject | undefined, key: string): void => {
    timers.get(key)?.[Symbol.dispose]()
    timers.delete(key)
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) return
    const due = dueAt(object)
    if (due === undefined) log.warn('the label of an object says no time to live', { key, label: object.metadata.labels?.[ttlLabel] })
    // Timers hold 24 days; what is later is looked at again.
    else timers.set(key, clock.timer(Math.min(Math.max(0, due - clock.now()), 2_000_000_000), () => void (due > clock.now() ? plan(kind, object, key) : end(kind, object, key))))
  }
  const end = async (kind: Kind<AnyObject>, object: AnyObject, key: string): Promise<void> => {
    const { name = '', namespace, uid } = object.metadata
    const propagationPolicy = propagationOf(object)
    const labels = { resource_group: kind.group, resource_version: kind.version, resource_resource: kind.plural, resource_namespace: namespace ?? '' }
    try {
      await client.delete(kind, name, { namespace, ...(uid === undefined ? {} : { preconditions: { uid } }), ...(propagationPolicy === undefined ? {} : { propagationPolicy }) })
      metrics.count('kyverno_ttl_controller_deletedobjects_total', labels)
      log.info('an object came to the end of its time', { key })
    } catch (error) {
      if (isApiError(error, 'NotFound') || signal.aborted) return
      metrics.count('kyverno_ttl_controller_errors_total', labels)
      log.warn('an object could not be deleted; trying again', { key, error: messageOf(error) })
      timers.set(key, clock.timer(30_000, () => void end(kind, object, key)))
    }
  }
  return {
    async follow() {
      for (const kind of await client.kinds()) {
        const id = `${kind.group}/${kind.kind}`
        if (watched.has(id) || notKept.test(kind.plural) || kind.group === 'metrics.k8s.io') continue
        watched.add(id)
        const view = informer(client, kind, { signal, clock, log, query: { labelSelector: ttlLabel } })
        view.onChange(({ before, after }) => {
          const { name, namespace } = (after ?? before)?.metadata ?? {}
          plan(kind, after, `${id}|${namespace ?? ''}|${name ?? ''}`)
        })
      }
    },
  }
}
