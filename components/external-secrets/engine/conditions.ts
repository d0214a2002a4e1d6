import type { Condition } from '../kinds/external-secrets.ts'

/** Conditions with one set or replaced; the transition time moves with the status alone, and nothing moves when status, reason and message stay. */
export function withCondition(conditions: readonly Condition[] | undefined, next: Omit<Condition, 'lastTransitionTime'>, now: string): Condition[] {
  const list = conditions ?? []
  const old = list.find(({ type }) => type === next.type)
  const made: Condition = { ...next, lastTransitionTime: old?.status === next.status ? old.lastTransitionTime ?? now : now }
  return old === undefined ? [...list, made] : list.map((condition) => (condition === old ? made : condition))
}

export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return conditions?.find((condition) => condition.type === type)?.status === 'True'
}
