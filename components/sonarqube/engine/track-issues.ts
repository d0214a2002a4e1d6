import type { FoundIssue } from './generic-issues.ts'
import type { Issue } from './state.ts'

/** Finds again what was there before: same rule, file and message, at the nearest line. What is not found again is fixed. */
export function trackIssues(before: readonly Issue[], found: readonly FoundIssue[], now: number, newKey: () => string): Issue[] {
  const identity = ({ rule, path, message }: Pick<Issue, 'rule' | 'path' | 'message'>): string => JSON.stringify([rule, path, message])
  const open = new Map<string, Issue[]>()
  for (const issue of before) {
    const rest = open.get(identity(issue)) ?? []
    rest.push(issue)
    open.set(identity(issue), rest)
  }
  const current = found.map((one): Issue => {
    const candidates = open.get(identity(one)) ?? []
    const distance = (issue: Issue): number => Math.abs((issue.line ?? 0) - (one.line ?? 0))
    const [best] = candidates.toSorted((a, b) => distance(a) - distance(b))
    if (best === undefined) return { ...one, key: newKey(), created: now, updated: now, status: 'OPEN' }
    candidates.splice(candidates.indexOf(best), 1)
    // What was fixed and comes back is open again; what somebody decided about an issue stays.
    return { ...one, key: best.key, created: best.created, updated: now, status: best.status === 'FIXED' ? 'OPEN' : best.status }
  })
  const fixed = [...open.values()].flat().map((issue): Issue => (issue.status === 'FIXED' ? issue : { ...issue, status: 'FIXED', updated: now }))
  return [...current, ...fixed]
}

/** Issues that count: neither fixed nor decided to be none. */
export const isOpen = ({ status }: Pick<Issue, 'status'>): boolean => status === 'OPEN' || status === 'CONFIRMED'
