import type { Job } from '@idp/api'
import { parseIndexes } from './index-set.ts'
import type { Tally } from './job-tally.ts'

/** Why the Job has succeeded, if it has: enough pods, or a rule of its success policy. */
export function successReached(job: Job, t: Tally): { readonly reason: string; readonly message: string } | undefined {
  const { completions, successPolicy } = job.spec ?? {}
  for (const [i, rule] of (successPolicy?.rules ?? []).entries()) {
    const wanted = rule.succeededIndexes === undefined ? undefined : parseIndexes(rule.succeededIndexes)
    const matching = t.completedIndexes.filter((index) => wanted === undefined || wanted.includes(index)).length
    if (matching > 0 && matching >= (rule.succeededCount ?? wanted?.length ?? Infinity)) return { reason: 'SuccessPolicy', message: `Matched rules at index ${i}` }
  }
  const reached = { reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }
  if (completions !== undefined) return t.succeeded >= completions ? reached : undefined
  return t.succeeded > 0 && t.active.length === 0 ? reached : undefined
}
