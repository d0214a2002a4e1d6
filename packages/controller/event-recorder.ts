import { Event, isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import type { KubeObject } from '@idp/formats'
import { messageOf, rfc3339, type Clock, type Log } from '@idp/kit'

/** What an event is about; a KubeObject, or a part of one (`fieldPath`, as the node agent names containers). */
export interface EventTarget { readonly object: KubeObject; readonly fieldPath?: string }

/**
 * Records core/v1 Events. The same event again raises `count`; more than ten alike within ten minutes become one
 * "(combined from similar events)"; one object gets a burst of 25 and then one every five minutes, as client-go's correlator has it.
 */
export interface EventRecorder {
  event(target: EventTarget, type: 'Normal' | 'Warning', reason: string, message: string): void
  /** Resolves when everything recorded so far is written (or given up). */
  flush(): Promise<void>
}

export interface EventRecorderOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  /** Who records: `deployment-controller`, `default-scheduler`, `kubelet`. */
  readonly component: string
  /** The node, for node agents. */
  readonly host?: string
  readonly signal: AbortSignal
}

const similarLimit = 10
const similarWindow = 600_000
const burst = 25
const refillMs = 300_000
const remembered = 4096

interface Recorded { name: string; count: number; first: string }
interface Similar { messages: Set<string>; last: number }
interface Bucket { tokens: number; at: number }

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, clock, log, component, host, signal } = options
  const written = new Map<string, Recorded>()
  const similar = new Map<string, Similar>()
  const buckets = new Map<string, Bucket>()
  let tail = Promise.resolve()
  // Names are time stamps; other recorders write about the same object at the same moment, so each counts from elsewhere.
  let sequence = [...component, ...(host ?? '')].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_000, 7)

  const createUnderFreeName = async (at: number, prefix: string, create: (name: string) => Promise<unknown>): Promise<string> => {
    for (let tries = 0; ; tries++) {
      const name = `${prefix}.${(BigInt(at) * 1_000_000n + BigInt(sequence++ % 1_000_000)).toString(16)}`
      try {
        await create(name)
        return name
      } catch (error) {
        if (!isApiError(error, 'AlreadyExists') || tries >= 5) throw error
      }
    }
  }

  const write = async (target: EventTarget, type: string, reason: string, message: string, at: number) => {
    const about = involvedObject(target)
    const key = JSON.stringify([about, type, reason, message])
    const known = written.get(key)
    const namespace = about.namespace ?? 'default'
    const last = rfc3339(at)
    if (known !== undefined) {
      const count = known.count + 1
      try {
        await client.patch(Event, known.name, { count, lastTimestamp: last, message }, { namespace, type: 'merge' })
        known.count = count
        return
      } catch (error) {
        // Events live an hour; one that is gone starts again.
        if (!isApiError(error, 'NotFound')) throw error
      }
    }
    const name = await createUnderFreeName(at, about.name, (free) => client.create(Event, {
      apiVersion: 'v1', kind: 'Event', metadata: { name: free, namespace }, involvedObject: about, reason, message, type, count: 1,
      firstTimestamp: last, lastTimestamp: last, source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component, reportingInstance: host ?? '',
    }))
    remember(written, key, { name, count: 1, first: last })
  }

  /** The message to record, after combining similar events. */
  const combine = (target: EventTarget, type: string, reason: string, message: string, now: number) => {
    const group = JSON.stringify([involvedObject(target), type, reason])
    const known = similar.get(group)
    if (known === undefined || now - known.last > similarWindow) {
      remember(similar, group, { messages: new Set([message]), last: now })
      return message
    }
    known.last = now
    if (known.messages.size < similarLimit) known.messages.add(message)
    return known.messages.has(message) ? message : `(combined from similar events): ${message}`
  }

  const allowed = (object: KubeObject, now: number) => {
    const key = object.metadata.uid ?? `${object.kind}/${object.metadata.namespace}/${object.metadata.name}`
    const bucket = buckets.get(key) ?? { tokens: burst, at: now }
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refillMs)
    bucket.at = now
    remember(buckets, key, bucket)
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }

  return {
    event(target, type, reason, message) {
      const now = clock.now()
      if (signal.aborted || !allowed(target.object, now)) return
      const text = combine(target, type, reason, message, now)
      tail = tail.then(() => write(target, type, reason, text, now)).catch((error: unknown) => {
        // A namespace that is going away takes no more events; that is its business.
        if (!signal.aborted && !isApiError(error, 'NotFound', 'Forbidden')) log.warn('event not recorded', { reason, error: messageOf(error) })
      })
    },
    flush: () => tail,
  }
}

function involvedObject({ object, fieldPath }: EventTarget) {
  const { name = '', namespace, uid } = object.metadata
  return {
    apiVersion: object.apiVersion, kind: object.kind, name, ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }),
    ...(fieldPath === undefined ? {} : { fieldPath }),
  }
}

/** Keeps the youngest few thousand entries. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > remembered) for (const oldest of map.keys()) { map.delete(oldest); break }
}
