import { rfc3339, type Clock } from '@idp/kit'

/** `metav1.Condition`. */
export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason: string
  message: string
  lastTransitionTime: string
  observedGeneration?: number
}

type Wanted = Omit<Condition, 'lastTransitionTime'>

/** The condition of a type, when there is one. */
export function findCondition<T extends { type: string }>(conditions: readonly T[] | undefined, type: string): T | undefined {
  return conditions?.find((condition) => condition.type === type)
}

/** True when the condition of that type has status `True`. */
export function isConditionTrue(conditions: readonly { type: string; status: string }[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True'
}

/** The conditions with `wanted` in place of those of the same types; the time of transition moves only when the status changes. New list, same order. */
export function setConditions(conditions: readonly Condition[] | undefined, wanted: readonly Wanted[], clock: Pick<Clock, 'now'>): Condition[] {
  const next = [...(conditions ?? [])]
  for (const entry of wanted) {
    const at = next.findIndex(({ type }) => type === entry.type)
    const before = next[at]
    const lastTransitionTime = before?.status === entry.status ? before.lastTransitionTime : rfc3339(clock.now())
    const condition: Condition = { ...entry, lastTransitionTime }
    if (at < 0) next.push(condition)
    else next[at] = condition
  }
  return next
}
