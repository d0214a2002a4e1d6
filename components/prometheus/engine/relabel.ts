import { createHash } from 'node:crypto'
import { CodedError } from '@idp/kit'
import { compilePattern, type Pattern, type PatternMatch } from './pattern.ts'

export type RelabelAction = 'replace' | 'keep' | 'drop' | 'hashmod' | 'labelmap' | 'labeldrop' | 'labelkeep' | 'lowercase' | 'uppercase' | 'keepequal' | 'dropequal'
const actions: ReadonlySet<string> = new Set<RelabelAction>(['replace', 'keep', 'drop', 'hashmod', 'labelmap', 'labeldrop', 'labelkeep', 'lowercase', 'uppercase', 'keepequal', 'dropequal'])

const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** `relabel_config` of Prometheus, as it stands in a configuration file. */
export interface RelabelFields {
  source_labels?: string[]
  separator?: string
  regex?: string
  modulus?: number
  target_label?: string
  replacement?: string
  action?: string
}

/** A rule with its expression read once. Undefined: the target is dropped. */
export type RelabelRule = (labels: Map<string, string>) => boolean

/** Throws CodedError `InvalidConfig`. */
export function compileRelabel(fields: RelabelFields, where: string): RelabelRule {
  const { source_labels: sources = [], separator = ';', regex = '(.*)', replacement = '$1', target_label: target = '', modulus = 0 } = fields
  const action = (fields.action ?? 'replace').toLowerCase() as RelabelAction
  if (!actions.has(action)) throw new CodedError({ code: 'InvalidConfig', message: `unknown relabel action ${JSON.stringify(fields.action)}`, where })
  if (['replace', 'hashmod', 'lowercase', 'uppercase', 'keepequal', 'dropequal'].includes(action) && target === '') throw new CodedError({ code: 'InvalidConfig', message: `relabel configuration for ${action} action requires 'target_label' value`, where })
  if (action === 'hashmod' && modulus <= 0) throw new CodedError({ code: 'InvalidConfig', message: 'relabel configuration for hashmod requires non-zero modulus', where })
  const pattern = compile(regex, where)
  const [only = ''] = sources
  const sourceOf = (labels: Map<string, string>): string => (sources.length === 1 ? labels.get(only) ?? '' : sources.map((name) => labels.get(name) ?? '').join(separator))
  const set = (labels: Map<string, string>, name: string, value: string): true => {
    if (value === '') labels.delete(name)
    else labels.set(name, value)
    return true
  }
  const rules: Record<RelabelAction, RelabelRule> = {
    replace(labels) {
      const match = pattern.match(sourceOf(labels))
      if (match === undefined) return true
      const name = target.includes('$') ? expand(target, match) : target
      return labelName.test(name) ? set(labels, name, expand(replacement, match)) : true
    },
    keep: (labels) => pattern.matches(sourceOf(labels)),
    drop: (labels) => !pattern.matches(sourceOf(labels)),
    hashmod: (labels) => set(labels, target, String(createHash('md5').update(sourceOf(labels)).digest().readBigUInt64BE(8) % BigInt(modulus))),
    labelmap(labels) {
      for (const [name, value] of Array.from(labels)) {
        const match = pattern.match(name)
        if (match !== undefined) set(labels, expand(replacement, match), value)
      }
      return true
    },
    labeldrop(labels) { for (const name of labels.keys()) if (pattern.matches(name)) labels.delete(name); return true },
    labelkeep(labels) { for (const name of labels.keys()) if (!pattern.matches(name)) labels.delete(name); return true },
    lowercase: (labels) => set(labels, target, sourceOf(labels).toLowerCase()),
    uppercase: (labels) => set(labels, target, sourceOf(labels).toUpperCase()),
    keepequal: (labels) => (labels.get(target) ?? '') === sourceOf(labels),
    dropequal: (labels) => (labels.get(target) ?? '') !== sourceOf(labels),
  }
  return rules[action]
}

/** Applies rules one after the other; undefined when one drops the target. */
export function relabel(labels: ReadonlyMap<string, string>, rules: readonly RelabelRule[]): Map<string, string> | undefined {
  const copy = new Map(labels)
  return rules.every((rule) => rule(copy)) ? copy : undefined
}

function compile(regex: string, where: string): Pattern {
  try {
    return compilePattern(regex)
  } catch (error) {
    throw new CodedError({ code: 'InvalidConfig', message: `cannot read regex ${JSON.stringify(regex)}`, where, cause: error })
  }
}

/** `$1`, `${1}`, `${name}` and `$$`. */
function expand(template: string, match: PatternMatch): string {
  if (!template.includes('$')) return template
  return template.replace(/\$(?:(\$)|(\d+)|(\w+)|\{(\w+)\})/g, (_, dollar: string | undefined, index: string | undefined, word: string | undefined, braced: string | undefined) => {
    if (dollar !== undefined) return '$'
    const name = index ?? word ?? braced ?? ''
    return match(/^\d+$/.test(name) ? Number(name) : name)
  })
}
