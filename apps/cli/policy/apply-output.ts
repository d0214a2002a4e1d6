import { formatYaml, type AnyObject, type Json } from '@idp/formats'
import type { PolicyResponse } from '../../../components/kyverno/engine/apply-policies.ts'
import { boxTable } from './box-table.ts'
import type { Colours } from './colours.ts'
import { countedAs, type ResultCounts } from './count-results.ts'

/** `namespace/Kind/name`, as the Kyverno CLI names a resource. */
export const resourcePath = ({ kind, metadata }: AnyObject): string => (kind === undefined || metadata === undefined ? 'JSON payload' : `${metadata.namespace ?? ''}/${kind}/${metadata.name ?? ''}`)

/** What was mutated and generated, a block for each policy and resource; `bare` (for `--stdin`) is YAML alone. */
export function changesText(responses: readonly PolicyResponse[], bare: boolean): string {
  const blocks = responses.flatMap((response) => {
    const objects = changedObjects(response)
    if (objects.length === 0) return []
    if (bare) return objects.map((object) => `${formatYaml(object as unknown as Json)}---`)
    return objects.map((object) => [`policy ${response.policy.metadata.name ?? ''} applied to ${resourcePath(response.object)}:`, formatYaml(object as unknown as Json).trimEnd(), '---', '', ...done(response)].join('\n'))
  })
  return blocks.join('\n')
}

const done = ({ type }: PolicyResponse): string[] => (type === 'Mutation' ? ['Mutation:', 'Mutation has been applied successfully.'] : ['Generate:', 'Generation completed successfully.'])

/** The objects a response brings: the patched resource, or what is generated. */
export function changedObjects({ type, rules, patched }: PolicyResponse): readonly AnyObject[] {
  if (type === 'Mutation') return rules.some(({ verdict }) => verdict === 'pass') ? [patched] : []
  return rules.flatMap(({ generated = [] }) => generated)
}

/** Failures by policy and resource, numbered, and what could not be carried out. */
export function violationsText(responses: readonly PolicyResponse[], auditWarn: boolean): string {
  const lines: string[] = []
  for (const { policy, type, object, rules } of responses) {
    const [name, path] = [policy.metadata.name ?? '', resourcePath(object)]
    for (const rule of rules) {
      if (type === 'Mutation' && rule.verdict === 'skip') lines.push('', `skipped mutate policy ${name} -> resource ${path}`)
      if (rule.verdict === 'error') lines.push('', `error while applying ${type === 'Mutation' ? 'mutate ' : type === 'Generation' ? 'generate ' : ''}policy ${name} -> resource ${path}`, `error: ${rule.message}`)
    }
    const failed = rules.filter(({ verdict }) => verdict === 'fail')
    if (failed.length === 0) continue
    const warned = failed.every((rule) => countedAs(rule, auditWarn) === 'warn')
    lines.push(`policy ${name} -> resource ${path} failed${warned ? ' as audit warning' : ''}:`, ...failed.map((rule, index) => `${index + 1} - ${rule.rule} ${rule.message === '' ? 'validation failed' : rule.message}`))
  }
  return lines.join('\n')
}

export const countsText = ({ pass, fail, warn, error, skip }: ResultCounts): string => `pass: ${pass}, fail: ${fail}, warn: ${warn}, error: ${error}, skip: ${skip}`

export function resultsTable(responses: readonly PolicyResponse[], { detailed, auditWarn, colours }: { readonly detailed: boolean; readonly auditWarn: boolean; readonly colours: Colours }): string {
  const rows = responses.flatMap(({ policy, object, rules }) => rules.map((rule) => {
    const word = countedAs(rule, auditWarn)
    return [policy.metadata.name ?? '', rule.rule, resourcePath(object).replace(/^\//, ''), `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`, ...(detailed ? [rule.message] : [])]
  }))
  const heads = ['ID', 'POLICY', 'RULE', 'RESOURCE', 'RESULT', ...(detailed ? ['MESSAGE'] : [])]
  return boxTable([heads, ...rows.map((row, index) => [String(index + 1), ...row])], (cell, row, column) => (row === 0 ? cell : column === 4 ? colours.result(cell) : column > 0 && column < 4 ? colours.name(cell) : cell))
}
