import type { ResultRow } from './results.ts'

/** Include wins over exclude; `*` and `?` stand for anything. */
export interface RuleSet { readonly include?: readonly string[]; readonly exclude?: readonly string[] }

/** Which results a target gets, as Policy Reporter's configuration says it. */
export interface TargetFilter {
  readonly minimumSeverity?: string
  readonly sources?: readonly string[]
  readonly filter?: { readonly namespaces?: RuleSet; readonly policies?: RuleSet; readonly severities?: RuleSet; readonly status?: RuleSet; readonly sources?: RuleSet; readonly kinds?: RuleSet }
}

export const severities: readonly string[] = ['info', 'low', 'medium', 'high', 'critical']
/** What a severity is worth; none is as little as `info`. */
export const severityLevel = (severity: string): number => Math.max(0, severities.indexOf(severity))

/** True for a result that the target wants. Results of cluster-wide resources have no namespace to be filtered by. */
export function isWanted(row: ResultRow, { minimumSeverity = '', sources = [], filter = {} }: TargetFilter): boolean {
  if (minimumSeverity !== '' && severityLevel(row.severity) < severityLevel(minimumSeverity)) return false
  if (sources.length > 0 && !sources.includes(row.source)) return false
  const { namespaces, policies, severities: wanted, status, sources: from, kinds } = filter
  return (row.namespace === undefined || holds(row.namespace, namespaces)) && holds(row.policy, policies) && holds(row.severity, wanted) && holds(row.status, status) && holds(row.source, from) && holds(row.kind, kinds)
}

function holds(value: string, { include = [], exclude = [] }: RuleSet = {}): boolean {
  if (include.length > 0) return include.some((pattern) => matches(pattern, value))
  return !exclude.some((pattern) => matches(pattern, value))
}

function matches(pattern: string, value: string): boolean {
  return new RegExp(`^${pattern.replaceAll(/[\\^$.+()|[\]{}]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(value)
}
