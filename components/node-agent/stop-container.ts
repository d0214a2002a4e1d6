import type { Pod } from '@idp/api'
import type { ContainerRecord } from './container-record.ts'
import { fieldPathOf } from './container-starter.ts'
import type { NodeContext } from './node-context.ts'
import { runProbe, type ProbeTarget } from './probe.ts'

export interface StopWorld {
  readonly node: NodeContext
  readonly pod: Pod
  /** Resolves when the containers must go at once. */
  readonly killNow: Promise<void>
  target(record: ContainerRecord): ProbeTarget | undefined
}

export interface StopOptions {
  readonly graceMs: number
  /** Of the event Killing. */
  readonly message?: string
}

/** As kubelet: however little of the grace period a preStop hook leaves, the container has two seconds to end. */
const leastGrace = 2_000

/** Ends a container as kubelet does: preStop hook, SIGTERM, and SIGKILL when the grace period is over. Resolves when it has ended. */
export async function stopContainer({ node, pod, killNow, target }: StopWorld, record: ContainerRecord, { graceMs, message }: StopOptions): Promise<void> {
  const { instance, spec } = record
  if (instance === undefined) return
  const { clock, events } = node
  const about = { object: pod, fieldPath: fieldPathOf(record) }
  events.event(about, 'Normal', 'Killing', message ?? `Stopping container ${spec.name}`)
  const until = clock.now() + graceMs
  const hook = spec.lifecycle?.preStop
  const on = target(record)
  if (hook !== undefined && on !== undefined && graceMs > 0) {
    if (hook.sleep !== undefined) await sleepOr(node, hook.sleep.seconds * 1_000, graceMs, killNow)
    else {
      const result = await Promise.race([runProbe(on, hook, graceMs), killNow.then(() => ({ ok: true, message: '' }))])
      if (!result.ok) events.event(about, 'Warning', 'FailedPreStopHook', `PreStopHook failed: ${result.message}`)
    }
  }
  instance.stop()
  const late = Promise.withResolvers<void>()
  using _timer = clock.timer(graceMs === 0 ? 0 : Math.max(until - clock.now(), leastGrace), late.resolve)
  await Promise.race([instance.ended, late.promise, killNow])
  instance.kill()
  await instance.ended
}

async function sleepOr(node: NodeContext, ms: number, graceMs: number, killNow: Promise<void>): Promise<void> {
  const over = Promise.withResolvers<void>()
  using _timer = node.clock.timer(Math.min(ms, graceMs), over.resolve)
  await Promise.race([over.promise, killNow])
}
