/** The part of a condition that every kind shares. */
export interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
  lastUpdateTime?: string
  lastProbeTime?: string | null
  observedGeneration?: number
}

/** The condition of a type in any status. */
export function findCondition<C extends { type: string }>(conditions: readonly C[] | undefined, type: string): C | undefined {
  return conditions?.find((condition) => condition.type === type)
}

/** The list with `next` in place of the condition of its type. `lastTransitionTime` moves only when the status does. */
export function setCondition<C extends { type: string; status: string; lastTransitionTime?: unknown }>(conditions: readonly C[] | undefined, next: C, now: string): C[] {
  const all = conditions ?? []
  const old = findCondition(all, next.type)
  const lastTransitionTime = old !== undefined && old.status === next.status ? old.lastTransitionTime ?? now : now
  const written = { ...next, lastTransitionTime }
  return old === undefined ? [...all, written] : all.map((condition) => (condition.type === next.type ? written : condition))
}

export function removeCondition<C extends { type: string }>(conditions: readonly C[] | undefined, type: string): C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type)
}
