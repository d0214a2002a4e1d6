import type { PolicyResponse, RuleOutcome } from '../../../components/kyverno/engine/apply-policies.ts'

/** Results of rules by what they say. */
export interface ResultCounts { readonly pass: number; readonly fail: number; readonly warn: number; readonly error: number; readonly skip: number }

/** What a rule's result counts as: with `auditWarn` a failure that only audits is a warning. */
export function countedAs({ verdict, type, enforced }: RuleOutcome, auditWarn: boolean): keyof ResultCounts {
  return verdict === 'fail' && auditWarn && type === 'Validation' && !enforced ? 'warn' : verdict
}

export function countResults(responses: readonly PolicyResponse[], auditWarn: boolean): ResultCounts {
  const counts = { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 }
  for (const rule of responses.flatMap(({ rules }) => rules)) counts[countedAs(rule, auditWarn)]++
  return counts
}

/** The exit code of `apply`: 1 for violations and errors, the code for warnings where one is set. */
export function exitCode({ fail, error, warn, pass }: ResultCounts, { warnExitCode = 0, warnNoPass = false }: { readonly warnExitCode?: number; readonly warnNoPass?: boolean }): number {
  if (fail > 0 || error > 0) return 1
  if (warn > 0) return warnExitCode
  return pass === 0 && warnNoPass ? warnExitCode : 0
}
