import { isApiError, Pod } from '@idp/api'
import { deepEqual, type JsonObject } from '@idp/formats'
import { messageOf } from '@idp/kit'
import type { NodeContext } from './node-context.ts'
import type { PodStatus } from './pod-spec.ts'

export interface StatusUpdate {
  readonly pod: Pod
  readonly status: PodStatus
  /** What the annotation `idp.dev/stand-in` must say. */
  readonly standIn: 'simulated' | 'program' | undefined
  /** Every container that runs is ready or being probed right now. */
  readonly probing: boolean
}

/**
 * Writes the status of one pod: what happens in one turn of the event loop becomes one write, and one write is under way at a time.
 * A pod whose containers have just started is most often ready a moment later: its status waits for that moment.
 */
export interface StatusWriter {
  write(make: () => StatusUpdate): void
  /** Resolves when what was asked for so far is written. */
  flush(): Promise<void>
  deletePod(pod: Pod): Promise<void>
  stop(): Promise<void>
}

const annotation = 'idp.dev/stand-in'
const retryMs = 500
const settleMs = 250

export function createStatusWriter(node: NodeContext, first: Pod): StatusWriter {
  const { client, clock, log } = node
  const { name = '', namespace, uid } = first.metadata
  const at = namespace === undefined ? {} : { namespace }
  let make: (() => StatusUpdate) | undefined
  let written: PodStatus | undefined = first.status
  let annotated = first.metadata.annotations?.[annotation]
  let writing: Promise<void> | undefined
  let stopped = false
  let flushing = false
  /** Wakes a write that waits for the pod to settle. */
  let hurry = () => {}

  const writeOnce = async (update: StatusUpdate) => {
    const { status, standIn } = update
    const annotate = standIn !== undefined && annotated !== standIn
    if (!annotate && deepEqual(written, status)) return
    // The status endpoint of built-in kinds takes annotations too: one write for both.
    const metadata = { ...(uid === undefined ? {} : { uid }), ...(annotate ? { annotations: { [annotation]: standIn } } : {}) }
    await client.patch(Pod, name, { metadata, status: patchOf(written, status) } as unknown as JsonObject, { ...at, type: 'merge', subresource: 'status', fieldManager: 'kubelet' })
    written = status
    if (annotate) annotated = standIn
  }
  const settled = async (ms: number) => {
    const news = Promise.withResolvers<void>()
    hurry = news.resolve
    using _timer = clock.timer(ms, news.resolve)
    await news.promise
  }
  const drain = async () => {
    await new Promise<void>((resolve) => void setImmediate(resolve))
    let until = clock.now() + settleMs
    while (make !== undefined && !stopped) {
      const next: () => StatusUpdate = make
      const left = until - clock.now()
      if (left > 0 && !flushing && !wasReady(written) && isSettling(next())) {
        await settled(left)
        continue
      }
      make = undefined
      until = clock.now() + settleMs
      try {
        await writeOnce(next())
      } catch (error) {
        if (stopped || isApiError(error, 'NotFound', 'Conflict')) continue // The pod is gone, or another has its name; the watch tells.
        log.warn('pod status not written; trying again', { pod: `${namespace}/${name}`, error: messageOf(error) })
        make ??= next
        const again = Promise.withResolvers<void>()
        using _timer = clock.timer(retryMs, again.resolve)
        await again.promise
      }
    }
  }
  const start = () => (writing ??= drain().finally(() => { writing = undefined }))
  return {
    write(next) {
      if (stopped) return
      make = next
      hurry()
      void start()
    },
    async flush() {
      flushing = true
      hurry()
      while (writing !== undefined || (make !== undefined && !stopped)) await start()
      flushing = false
    },
    async deletePod(pod) {
      try {
        await client.delete(Pod, name, { ...at, gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid ?? '' } })
      } catch (error) {
        if (!isApiError(error, 'NotFound', 'Conflict')) throw error
      }
    },
    async stop() {
      stopped = true
      make = undefined
      hurry()
    },
  }
}

/** True while containers start and nothing has gone wrong yet. */
function isSettling({ probing, status: { phase, containerStatuses = [], initContainerStatuses = [], conditions = [] } }: StatusUpdate): boolean {
  if (!probing) return false
  if ((phase !== 'Pending' && phase !== 'Running') || conditions.some(({ type, status, reason }) => type === 'Ready' && (status === 'True' || reason !== 'ContainersNotReady'))) return false
  return [...initContainerStatuses, ...containerStatuses].every(({ state, restartCount }) => restartCount === 0 && state?.terminated === undefined && (state?.waiting === undefined || ['ContainerCreating', 'PodInitializing'].includes(state.waiting.reason ?? '')))
}

const wasReady = (status: PodStatus | undefined): boolean => status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true

/** A merge patch that makes `before` into `after`: top-level fields that are gone become null. */
function patchOf(before: PodStatus | undefined, after: PodStatus): Record<string, unknown> {
  const patch: Record<string, unknown> = { ...after }
  for (const key of Object.keys(before ?? {})) if (!Object.hasOwn(after, key)) patch[key] = null
  return patch
}
