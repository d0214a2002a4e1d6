import type { Pod } from '@idp/api'
import { isPodReady, podCondition } from '@idp/controller'

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

export interface RankedPod {
  readonly pod: Pod
  /** How many pods of the same kin are on its node. */
  readonly neighbours: number
}

/** Sorts what a scale-down deletes first to the front: least placed, least running, least ready, cheapest, most crowded, youngest. */
export function compareForDeletion(a: RankedPod, b: RankedPod, now: number): number {
  const rules: ((r: RankedPod) => number)[] = [
    ({ pod }) => (pod.spec.nodeName ? 1 : 0),
    ({ pod }) => phaseOrder[pod.status?.phase ?? ''] ?? 3,
    ({ pod }) => (isPodReady(pod) ? 1 : 0),
    ({ pod }) => deletionCost(pod),
    ({ neighbours }) => -neighbours,
    // Times are compared by order of magnitude, so that pods of about the same age are chosen without a pattern.
    ({ pod }) => magnitude(readySince(pod), now),
    ({ pod }) => -restarts(pod),
    ({ pod }) => magnitude(Date.parse(pod.metadata.creationTimestamp ?? ''), now),
  ]
  for (const rule of rules) {
    const difference = rule(a) - rule(b)
    if (difference !== 0) return difference
  }
  return (a.pod.metadata.uid ?? '') < (b.pod.metadata.uid ?? '') ? -1 : 1
}

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? '0'
  return /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : 0
}

function readySince(pod: Pod): number {
  const ready = podCondition(pod, 'Ready')
  return ready?.status === 'True' ? Date.parse(String(ready.lastTransitionTime ?? '')) : Number.NaN
}

/** 0 for the youngest; pods that have no such time count as youngest. */
function magnitude(since: number, now: number): number {
  return Number.isNaN(since) || now <= since ? 0 : Math.floor(Math.log2((now - since) * 1e6)) + 1
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount))
}
