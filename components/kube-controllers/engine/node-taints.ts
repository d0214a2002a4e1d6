import type { Node } from '@idp/api'
import type { Taint } from '@idp/controller'
import { findCondition } from './conditions.ts'

const notReady = 'node.kubernetes.io/not-ready'
const unreachable = 'node.kubernetes.io/unreachable'

/** Condition, the status that is bad, and the taint that says so. */
const pressure = [
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'], ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'], ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
] as const

const managed = new Set([notReady, unreachable, 'node.kubernetes.io/unschedulable', ...pressure.map(([, , key]) => key as string)])

/** The taints a node should have: its own, and those its conditions call for. `now` dates new NoExecute taints (RFC 3339). */
export function wantedTaints(node: Node, now: string): Taint[] {
  const before = node.spec?.taints ?? []
  const wanted: Taint[] = before.filter(({ key }) => !managed.has(key))
  const add = (key: string, effect: 'NoSchedule' | 'NoExecute') => {
    const known = before.find((taint) => taint.key === key && taint.effect === effect)
    wanted.push(known ?? { key, effect, timeAdded: now })
  }
  const ready = findCondition(node.status?.conditions, 'Ready')
  if (ready?.status === 'False') for (const effect of ['NoSchedule', 'NoExecute'] as const) add(notReady, effect)
  if (ready?.status === 'Unknown') for (const effect of ['NoSchedule', 'NoExecute'] as const) add(unreachable, effect)
  for (const [type, bad, key] of pressure) if (findCondition(node.status?.conditions, type)?.status === bad) add(key, 'NoSchedule')
  if (node.spec?.unschedulable === true) add('node.kubernetes.io/unschedulable', 'NoSchedule')
  return wanted
}
