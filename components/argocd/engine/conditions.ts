import type { ApplicationCondition } from '../kinds/application.ts'

/** Conditions as they are written: sorted by type, each with the time it came up; one that stays keeps its time. */
export function mergeConditions(old: readonly ApplicationCondition[] | undefined, next: readonly ApplicationCondition[], now: string): ApplicationCondition[] {
  return next.map((one) => {
    const same = old?.find((other) => other.type === one.type && other.message === one.message)
    return { lastTransitionTime: same?.lastTransitionTime ?? now, message: one.message, type: one.type }
  }).sort((a, b) => (a.type === b.type ? 0 : a.type < b.type ? -1 : 1))
}
