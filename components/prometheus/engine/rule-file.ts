import { CodedError } from '@idp/kit'
import { parseYaml } from '@idp/formats'
import { parseDuration, parsePromql, type Expr } from '@idp/lang-promql'

interface RuleBase { readonly expr: Expr; readonly query: string; readonly labels: Readonly<Record<string, string>> }
export interface RecordingRule extends RuleBase { readonly type: 'recording'; readonly record: string }
export interface AlertingRule extends RuleBase {
  readonly type: 'alerting'
  readonly alert: string
  /** Milliseconds. */
  readonly for: number
  readonly keepFiringFor: number
  readonly annotations: Readonly<Record<string, string>>
}
export type Rule = RecordingRule | AlertingRule

export interface RuleGroup { readonly file: string; readonly name: string; readonly interval: number; readonly rules: readonly Rule[] }

type Fields = Readonly<Record<string, unknown>>

/** Reads a rule file. Throws CodedError `InvalidRules` with group and rule. */
export function readRules(text: string, file: string, defaultInterval: number): readonly RuleGroup[] {
  const groups = (parseYaml(text, { source: file }) as { groups?: unknown } | null)?.groups ?? []
  if (!Array.isArray(groups)) throw new CodedError({ code: 'InvalidRules', message: 'groups is not a list', where: file })
  const names = new Set<string>()
  return groups.map((group: Fields) => {
    const name = String(group['name'] ?? '')
    const where = `${file}: group ${JSON.stringify(name)}`
    if (name === '') throw new CodedError({ code: 'InvalidRules', message: 'Groupname must not be empty', where })
    if (names.has(name)) throw new CodedError({ code: 'InvalidRules', message: `groupname: "${name}" is repeated in the same file`, where })
    names.add(name)
    const rules = group['rules'] ?? []
    if (!Array.isArray(rules)) throw new CodedError({ code: 'InvalidRules', message: 'rules is not a list', where })
    return { file, name, interval: time(group['interval'], defaultInterval, where), rules: rules.map((rule: Fields, index) => readRule(rule, `${where}, rule ${index + 1}`)) }
  })
}

function readRule(rule: Fields, where: string): Rule {
  const { record, alert } = rule
  if ((record === undefined) === (alert === undefined)) throw new CodedError({ code: 'InvalidRules', message: record === undefined ? "one of 'record' or 'alert' must be set" : "only one of 'record' and 'alert' must be set", where })
  const query = String(rule['expr'] ?? '').trim()
  if (query === '') throw new CodedError({ code: 'InvalidRules', message: "field 'expr' must be set in rule", where })
  const base = { query, expr: expression(query, where), labels: texts(rule['labels']) }
  if (record !== undefined) {
    for (const field of ['for', 'keep_firing_for', 'annotations']) if (rule[field] !== undefined) throw new CodedError({ code: 'InvalidRules', message: `invalid field '${field}' in recording rule`, where })
    return { ...base, type: 'recording', record: String(record) }
  }
  return { ...base, type: 'alerting', alert: String(alert), for: time(rule['for'], 0, where), keepFiringFor: time(rule['keep_firing_for'], 0, where), annotations: texts(rule['annotations']) }
}

function expression(query: string, where: string): Expr {
  try {
    return parsePromql(query)
  } catch (error) {
    throw new CodedError({ code: 'InvalidRules', message: `could not parse expression: ${error instanceof Error ? error.message : String(error)}`, where, cause: error })
  }
}

const texts = (value: unknown): Record<string, string> => Object.fromEntries(Object.entries((value ?? {}) as Fields).map(([name, text]) => [name, String(text)]))

function time(value: unknown, otherwise: number, where: string): number {
  if (value === undefined || value === null) return otherwise
  const ms = parseDuration(String(value))
  if (ms === undefined) throw new CodedError({ code: 'InvalidRules', message: `not a valid duration string: ${JSON.stringify(value)}`, where })
  return ms
}
