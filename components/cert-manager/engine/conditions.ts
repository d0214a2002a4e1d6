import type { Condition } from '../kinds/cert-manager.ts'

/** Conditions with one set or replaced; the transition time changes only with the status. */
export function withCondition(conditions: readonly Condition[] | undefined, next: Omit<Condition, 'lastTransitionTime'>, now: string): Condition[] {
  const list = conditions ?? []
  const old = list.find(({ type }) => type === next.type)
  const lastTransitionTime = old?.status === next.status ? old.lastTransitionTime ?? now : now
  const made: Condition = { ...next, lastTransitionTime }
  return old === undefined ? [...list, made] : list.map((condition) => (condition === old ? made : condition))
}

export function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type)
}

export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return conditionOf(conditions, type)?.status === 'True'
}
