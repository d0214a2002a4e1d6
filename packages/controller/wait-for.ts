import { isApiError, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject, KubeObject } from '@idp/formats'
import { CodedError, systemClock, type Clock } from '@idp/kit'
import { informer } from './informer.ts'

export interface WaitOptions<T extends KubeObject> {
  readonly name: string
  readonly namespace?: string
  /** True when the wait is over; sees undefined while (and when) the object does not exist. */
  readonly until: (object: T | undefined) => boolean
  /** What is waited for, in the words of the timeout error, e.g. `to be Available`. */
  readonly what?: string
  /** Milliseconds; forever by default. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

/** Waits on one object and resolves to it (undefined when the condition was about its absence). Throws CodedError `TimedOut` with the last condition seen. */
export async function waitFor<T extends KubeObject>(client: Client, kind: Kind<T>, options: WaitOptions<T>): Promise<T | undefined> {
  const { name, namespace, until, timeoutMs, clock = systemClock } = options
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal])
  const view = informer(client, kind, { signal, clock, query: { fieldSelector: `metadata.name=${name}`, ...(namespace === undefined ? {} : { namespace }) } })
  const found = Promise.withResolvers<T | undefined>()
  const look = () => {
    const object = view.cache.get(name, kind.scope === 'Namespaced' ? namespace : undefined)
    if (until(object)) found.resolve(object)
  }
  const timer = timeoutMs === undefined ? undefined : clock.timer(timeoutMs, () => found.reject(timedOut(kind, options, view.cache.get(name, namespace))))
  const onAbort = () => found.reject(options.signal?.reason)
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) onAbort()
  try {
    void view.synced.then(() => {
      view.onChange(look)
      look()
    }, () => {})
    return await found.promise
  } finally {
    timer?.[Symbol.dispose]()
    options.signal?.removeEventListener('abort', onAbort)
    stop.abort(new Error('waited long enough'))
  }
}

function timedOut<T extends KubeObject>(kind: Kind<T>, { name, namespace, what = 'to get there', timeoutMs }: WaitOptions<T>, last: T | undefined): CodedError {
  const status = (last as unknown as AnyObject | undefined)?.['status'] as { conditions?: { type: string; status: string; reason?: string; message?: string }[] } | undefined
  const conditions = status?.conditions?.map((c) => `${c.type}=${c.status}${c.reason === undefined ? '' : ` (${c.reason})`}${c.message ? `: ${c.message}` : ''}`).join('; ')
  const where = `${kind.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`
  const seen = last === undefined ? 'it does not exist' : conditions ?? 'it has no conditions'
  return new CodedError({ code: 'TimedOut', message: `waited ${(timeoutMs ?? 0) / 1000} s for ${where} ${what}; last seen: ${seen}`, where })
}

/** A condition's status on any object: true when the condition `type` is `True` (and was observed for the present generation, where it says). */
export function hasCondition(object: KubeObject | undefined, type: string): boolean {
  const status = (object as AnyObject | undefined)?.['status'] as { conditions?: { type: string; status: string; observedGeneration?: number }[] } | undefined
  return status?.conditions?.some((c) => c.type === type && c.status === 'True' && (c.observedGeneration ?? Infinity) >= (object?.metadata.generation ?? 0)) ?? false
}

/** Ignores `NotFound`: resolves to undefined where there is no such object. */
export async function getIfExists<T extends KubeObject>(client: Client, kind: Kind<T>, name: string, namespace?: string): Promise<T | undefined> {
  try {
    return await client.get(kind, name, { namespace })
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined
    throw error
  }
}
