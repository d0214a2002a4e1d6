import type { Condition, Gate } from './state.ts'

export interface ConditionStatus { readonly status: 'OK' | 'ERROR'; readonly metricKey: string; readonly comparator: Condition['op']; readonly errorThreshold: string; readonly actualValue: string }
export interface GateStatus { readonly status: 'OK' | 'ERROR'; readonly conditions: readonly ConditionStatus[]; readonly ignoredConditions: boolean }

/** Fewer new lines than that, and coverage and duplication of new code do not count. */
const fewLines = 20
const ofFewLines = new Set(['new_coverage', 'new_duplicated_lines_density'])

/** Conditions whose metric has no value pass and are left out of the answer, as upstream does. */
export function evaluateGate({ conditions }: Pick<Gate, 'conditions'>, measures: Readonly<Record<string, string>>): GateStatus {
  const few = measures['new_lines'] !== undefined && Number(measures['new_lines']) < fewLines
  let ignoredConditions = false
  const statuses = conditions.flatMap(({ metric, op, error }): ConditionStatus[] => {
    const value = measures[metric]
    if (value === undefined) return []
    const fails = op === 'GT' ? Number(value) > Number(error) : Number(value) < Number(error)
    const ignored = fails && few && ofFewLines.has(metric)
    ignoredConditions ||= ignored
    return [{ status: fails && !ignored ? 'ERROR' : 'OK', metricKey: metric, comparator: op, errorThreshold: error, actualValue: value }]
  })
  return { status: statuses.some(({ status }) => status === 'ERROR') ? 'ERROR' : 'OK', conditions: statuses, ignoredConditions }
}
