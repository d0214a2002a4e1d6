import type { AnyObject } from '@idp/formats'
import type { RuleResult } from '../engine/evaluate.ts'

/** Upstream's words: the resource, then each policy with its rules. */
export function refusal({ kind, metadata }: AnyObject, refused: readonly RuleResult[]): string {
  const policies = [...new Set(refused.map((r) => r.policy))]
  const blocks = policies.map((policy) => `${policy}:\n${refused.filter((r) => r.policy === policy).map((r) => `  ${r.rule}: '${r.message}'`).join('\n')}`)
  return `\n\nresource ${kind}/${metadata.namespace ?? ''}/${metadata.name ?? metadata.generateName ?? ''} was blocked due to the following policies \n\n${blocks.join('\n')}`
}

/** A JSON patch (RFC 6902) by top-level field: exact, and short enough for one object. */
export function topLevelPatch(before: AnyObject, after: AnyObject): { op: string; path: string; value?: unknown }[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((field) => {
    const [old, fresh] = [before[field], after[field]]
    const path = `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (JSON.stringify(old) === JSON.stringify(fresh)) return []
    if (fresh === undefined) return [{ op: 'remove', path }]
    return [{ op: old === undefined ? 'add' : 'replace', path, value: fresh }]
  })
}
