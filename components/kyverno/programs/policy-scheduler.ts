import type { Informer } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import { messageOf, type Clock, type Log } from '@idp/kit'
import { nextRun } from '../engine/schedule.ts'

/** A policy that acts at times: its schedule, and when it last did. */
export interface Scheduled extends KubeObject { readonly spec: { readonly schedule: string }; readonly status?: { readonly lastExecutionTime?: string } }

export interface SchedulerOptions<T extends Scheduled> {
  readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal
  /** Does the policy's work, and writes `status.lastExecutionTime`, which is where the next time is counted from. */
  run(policy: T): Promise<void>
}

/** Runs each policy of an informer when its schedule says so: the first time after the last run (or its creation), at once when that has passed. One run of a policy at a time. */
export function schedulePolicies<T extends Scheduled>(policies: Informer<T>, { clock, log, signal, run }: SchedulerOptions<T>): void {
  const timers = new Map<string, Disposable>()
  const running = new Set<string>()
  /** When a policy last ran here: news of its status may come late. */
  const ran = new Map<string, number>()
  const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name ?? ''}/${metadata.uid ?? ''}`
  const find = ({ metadata }: KubeObject): T | undefined => policies.cache.get(metadata.name ?? '', metadata.namespace)
  const plan = (policy: T): void => {
    const key = keyOf(policy)
    timers.get(key)?.[Symbol.dispose]()
    timers.delete(key)
    if (signal.aborted || running.has(key)) return
    const last = Math.max(Date.parse(policy.status?.lastExecutionTime ?? policy.metadata.creationTimestamp ?? '') || 0, ran.get(key) ?? 0)
    try {
      const next = nextRun(policy.spec.schedule, last)
      if (next !== undefined) timers.set(key, clock.timer(Math.max(0, next - clock.now()), () => void act(policy)))
    } catch (error) {
      log.warn('a schedule cannot be read', { policy: policy.metadata.name, error: messageOf(error) })
    }
  }
  const act = async (planned: T): Promise<void> => {
    const [key, policy] = [keyOf(planned), find(planned)]
    if (policy === undefined || signal.aborted || running.has(key)) return
    running.add(key)
    ran.set(key, clock.now())
    try {
      await run(policy)
    } catch (error) {
      if (!signal.aborted) log.warn('a scheduled policy failed', { policy: policy.metadata.name, error: messageOf(error) })
    }
    running.delete(key)
    const now = find(policy)
    if (now !== undefined && keyOf(now) === key) plan(now)
  }
  policies.onChange(({ before, after }) => {
    if (after !== undefined) return plan(after)
    if (before === undefined) return
    timers.get(keyOf(before))?.[Symbol.dispose]()
    timers.delete(keyOf(before))
    ran.delete(keyOf(before))
  })
}
