import { ApiRefusal } from './api-error.ts'
import { issueSeverities, type IssueSeverity, type IssueType, type Rule } from './state.ts'

/** An issue as an analyser found it. */
export interface FoundIssue { readonly rule: string; readonly type: IssueType; readonly severity: IssueSeverity; readonly path: string; readonly line?: number; readonly message: string; readonly effortMinutes: number }
export interface FoundIssues { readonly rules: readonly Rule[]; readonly issues: readonly FoundIssue[] }

const types: readonly IssueType[] = ['BUG', 'VULNERABILITY', 'CODE_SMELL']
/** How the qualities and severities of the newer format read in the older one. */
const typeOfQuality: Readonly<Record<string, IssueType>> = { RELIABILITY: 'BUG', SECURITY: 'VULNERABILITY', MAINTAINABILITY: 'CODE_SMELL' }
const severityOfImpact: Readonly<Record<string, IssueSeverity>> = { BLOCKER: 'BLOCKER', HIGH: 'CRITICAL', MEDIUM: 'MAJOR', LOW: 'MINOR', INFO: 'INFO' }

/** The generic issue import format (`sonar.externalIssuesReportPaths`), both with rules of their own and with type and severity on each issue. Throws ApiRefusal that names the place. */
export function readGenericIssues(report: unknown): FoundIssues {
  const { rules = [], issues } = object(report, 'the report') as { rules?: unknown; issues?: unknown }
  if (!Array.isArray(issues) || !Array.isArray(rules)) throw new ApiRefusal('the report needs a list `issues`, and `rules` as a list if it has them')
  const known = new Map(rules.map((rule, index) => { const read = readRule(object(rule, `rules[${index}]`), `rules[${index}]`); return [read.id, read.rule] }))
  const found = issues.map((issue, index) => readIssue(object(issue, `issues[${index}]`), `issues[${index}]`, known))
  return { rules: [...new Map([...known.values(), ...found.map(({ rule }) => rule)].map((rule) => [rule.key, rule])).values()], issues: found.map(({ issue }) => issue) }
}

function readRule(rule: Fields, where: string): { id: string; rule: Rule } {
  const id = text(rule, 'id', where)
  const [impact] = Array.isArray(rule['impacts']) ? rule['impacts'] as Fields[] : []
  const type = optional(rule, 'type', types, where) ?? typeOfQuality[String(impact?.['softwareQuality'] ?? '')] ?? 'CODE_SMELL'
  const severity = optional(rule, 'severity', issueSeverities, where) ?? severityOfImpact[String(impact?.['severity'] ?? '')] ?? 'MAJOR'
  const repo = `external_${text(rule, 'engineId', where)}`
  return { id, rule: { key: `${repo}:${id}`, name: String(rule['name'] ?? id), description: String(rule['description'] ?? ''), type, severity, repo } }
}

function readIssue(issue: Fields, where: string, rules: ReadonlyMap<string, Rule>): { rule: Rule; issue: FoundIssue } {
  const id = text(issue, 'ruleId', where)
  const rule = rules.get(id) ?? (rules.size > 0 ? undefined : readRule({ ...issue, id }, where).rule)
  if (rule === undefined) throw new ApiRefusal(`${where}.ruleId: no rule of the report has the id ${id}`)
  const place = object(issue['primaryLocation'], `${where}.primaryLocation`)
  const line = (place['textRange'] as Fields | undefined)?.['startLine']
  if (line !== undefined && (typeof line !== 'number' || !Number.isInteger(line) || line < 1)) throw new ApiRefusal(`${where}.primaryLocation.textRange.startLine must be a number from 1`)
  const effort = issue['effortMinutes'] ?? 0
  if (typeof effort !== 'number' || effort < 0) throw new ApiRefusal(`${where}.effortMinutes must be a number`)
  return { rule, issue: { rule: rule.key, type: rule.type, severity: rule.severity, path: text(place, 'filePath', `${where}.primaryLocation`), ...(line === undefined ? {} : { line }), message: text(place, 'message', `${where}.primaryLocation`), effortMinutes: effort } }
}

type Fields = Readonly<Record<string, unknown>>

function object(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ApiRefusal(`${where} must be an object`)
  return value as Fields
}

function text(fields: Fields, name: string, where: string): string {
  const value = fields[name]
  if (typeof value !== 'string' || value === '') throw new ApiRefusal(`${where}.${name} is missing`)
  return value
}

function optional<T extends string>(fields: Fields, name: string, values: readonly T[], where: string): T | undefined {
  const value = fields[name]
  if (value === undefined) return undefined
  const found = values.find((one) => one === value)
  if (found === undefined) throw new ApiRefusal(`${where}.${name} must be one of ${values.join(', ')}`)
  return found
}
