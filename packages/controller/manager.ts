import type { Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { KubeObject } from '@idp/formats'
import { messageOf, type Clock, type Log } from '@idp/kit'
import type { Cache, Controller, Loop, Scope } from './controller.ts'
import { createEventRecorder, type EventRecorder } from './event-recorder.ts'
import { createInformers, type Informers, type InformersOptions } from './informers.ts'
import { holdLease, type LeaseOptions } from './leader-lease.ts'
import { observingClient } from './observing-client.ts'
import { runController } from './run-controller.ts'
import type { WorkQueue } from './work-queue.ts'

export interface ManagerOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly controllers: readonly (Controller | Loop)[]
  /** Ends everything. */
  readonly signal: AbortSignal
  /** Field manager of writes, e.g. `kube-controller-manager`; `idp-controller` by default. */
  readonly name?: string
  /** Work only while holding this lease. */
  readonly leader?: LeaseOptions
  readonly keepManagedFields?: boolean
  /** Leaves out of cached objects what none of the controllers reads, to save memory. */
  readonly trim?: InformersOptions['trim']
}

/** Runs controllers over shared informers. It has started when `createManager` returns. */
export interface Manager {
  /** Resolves when the caches are filled and the controllers work; rejects when the signal comes first. */
  readonly started: Promise<void>
  /** Resolves when everything has ended after the signal. */
  readonly done: Promise<void>
  /** True when caches are filled and nothing is queued or running; delayed keys do not count. */
  readonly idle: boolean
  readonly informers: Informers
  cache<T extends KubeObject>(kind: Kind<T>): Cache<T>
  /** Resolves when the events recorded so far are written. */
  flushEvents(): Promise<void>
}

export function createManager(options: ManagerOptions): Manager {
  const { client, clock, log, controllers, signal, name = 'idp-controller', leader } = options
  // Losing the lease ends the work even though the caller's signal has not come.
  const lost = new AbortController()
  const ending = AbortSignal.any([signal, lost.signal])
  const informers = createInformers({ client, clock, log, signal: ending, keepManagedFields: options.keepManagedFields ?? false, ...(options.trim === undefined ? {} : { trim: options.trim }) })
  const observing = observingClient(client, informers, clock, name)
  const queues: WorkQueue[] = []
  const recorders: EventRecorder[] = []
  const loops: Promise<void>[] = []
  let working = false

  const scopeOf = (controller: Controller | Loop): Scope & { informers: Informers } => {
    const own = log.with({ controller: controller.name })
    const recorder = createEventRecorder({ client, clock, log: own, component: controller.name, signal: ending })
    recorders.push(recorder)
    return {
      client: observing, clock, log: own, signal: ending, informers,
      cache: (kind) => informers.of(kind).cache,
      event: (object, type, reason, message) => recorder.event({ object }, type, reason, message),
    }
  }
  const start = async () => {
    const kinds = new Set(controllers.flatMap(kindsOf))
    const informing = [...kinds].map((kind) => informers.of(kind).synced)
    if (leader !== undefined) await holdLease(client, { ...leader, clock, log, signal: ending, lost: (reason) => lost.abort(reason) })
    await Promise.all(informing)
    for (const controller of controllers) {
      const scope = scopeOf(controller)
      if ('run' in controller) loops.push(runLoop(controller, scope))
      else queues.push(runController(controller, informers, scope))
    }
    working = true
  }
  const started = start()
  started.catch((error: unknown) => {
    if (!signal.aborted) log.error('controllers did not start', { error: messageOf(error) })
  })
  const done = new Promise<void>((resolve) => {
    const end = () => void started.catch(() => {}).then(() => Promise.all([...loops, ...recorders.map((r) => r.flush())])).then(() => resolve())
    if (ending.aborted) end()
    else ending.addEventListener('abort', end, { once: true })
  })
  return {
    started, done, informers,
    get idle() {
      return working && informers.synced && queues.every((queue) => queue.idle) && controllers.every((c) => !('run' in c) || c.idle?.() !== false)
    },
    cache: (kind) => informers.of(kind).cache,
    flushEvents: async () => void (await Promise.all(recorders.map((recorder) => recorder.flush()))),
  }
}

function kindsOf(controller: Controller | Loop): readonly Kind[] {
  if ('run' in controller) return controller.reads ?? []
  return [controller.for, ...(controller.owns ?? []), ...(controller.watches ?? []).map((w) => w.kind as Kind), ...(controller.reads ?? [])]
}

async function runLoop(loop: Loop, scope: Scope & { informers: Informers }): Promise<void> {
  try {
    await loop.run(scope)
  } catch (error) {
    if (!scope.signal.aborted) scope.log.error('loop ended', { error: messageOf(error) })
  }
}
