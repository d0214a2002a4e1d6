import type { Pod } from '@idp/api'

type Condition = NonNullable<NonNullable<Pod['status']>['conditions']>[number]

/** The condition of a type. */
export function podCondition(pod: Pod, type: string): Condition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type)
}

/** True for a pod that has ended: it will not run again. */
export function isPodTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

/** True for a pod that counts: neither ended nor being deleted. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True'
}

/** True when the pod has been ready for `minReadySeconds` at `now` (milliseconds). */
export function isPodAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  const ready = podCondition(pod, 'Ready')
  if (ready?.status !== 'True') return false
  return minReadySeconds === 0 || msUntilAvailable(pod, minReadySeconds, now) === 0
}

/** Milliseconds until a ready pod becomes available; 0 when it is; undefined when it is not ready. */
export function msUntilAvailable(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  const ready = podCondition(pod, 'Ready')
  if (ready?.status !== 'True') return undefined
  const since = Date.parse(String(ready.lastTransitionTime ?? '')) || now
  return Math.max(0, since + minReadySeconds * 1000 - now)
}
