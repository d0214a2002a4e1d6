import { ApiError } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { fieldAt } from './json-value.ts'
import type { Resource } from './resource.ts'

export type ObjectFilter = (object: AnyObject) => boolean
type Labels = Readonly<Record<string, string>>
export type LabelFilter = (labels: Labels) => boolean

const operand = String.raw`[A-Za-z0-9](?:[A-Za-z0-9_./-]*[A-Za-z0-9])?`
const requirement = new RegExp(String.raw`^\s*(?:(!?)\s*(${operand})|(${operand})\s*(==|=|!=|>|<)\s*([A-Za-z0-9_.-]*)|(${operand})\s+(in|notin)\s*\(([^()]*)\))\s*(?:,|$)`)

/** Parses a label selector in its text form (`a=b,c in (d,e),!f`). Throws ApiError `BadRequest`. */
export function parseLabelSelector(text: string): LabelFilter {
  const tests: LabelFilter[] = []
  let rest = text
  while (rest.trim() !== '') {
    const match = requirement.exec(rest)
    if (match === null) throw new ApiError('BadRequest', `unable to parse requirement: found '${rest.trim()}', expected: a label requirement`)
    tests.push(labelTest(match))
    rest = rest.slice(match[0].length)
  }
  return (labels) => tests.every((test) => test(labels))
}

function labelTest([, not, exists, key = '', operator, value = '', setKey = '', setOperator, list = '']: RegExpExecArray): LabelFilter {
  if (exists !== undefined) return (labels) => (labels[exists] !== undefined) !== (not === '!')
  if (setOperator !== undefined) {
    const values = new Set(list.split(',').map((item) => item.trim()))
    return setOperator === 'in'
      ? (labels) => labels[setKey] !== undefined && values.has(labels[setKey])
      : (labels) => labels[setKey] === undefined || !values.has(labels[setKey])
  }
  switch (operator) {
    case '!=': return (labels) => labels[key] !== value
    case '>': return (labels) => Number.parseInt(labels[key] ?? '', 10) > Number.parseInt(value, 10)
    case '<': return (labels) => Number.parseInt(labels[key] ?? '', 10) < Number.parseInt(value, 10)
    default: return (labels) => labels[key] === value
  }
}

/** Parses a field selector (`metadata.name=x,status.phase!=Running`). Throws ApiError `BadRequest` for a field the kind cannot be selected by. */
export function parseFieldSelector(resource: Resource, text: string): ObjectFilter {
  const tests = splitUnescaped(text).filter((part) => part !== '').map((part): ObjectFilter => {
    const match = /^([^=!]+?)(==|=|!=)(.*)$/s.exec(part)
    if (match === null) throw new ApiError('BadRequest', `invalid selector: '${text}'; can't understand '${part}'`)
    const [, field = '', operator, raw = ''] = match
    if (!selectable(resource, field)) throw new ApiError('BadRequest', `field label not supported: ${field}`)
    const path = field.split('.')
    const value = raw.replace(/\\([\\,=])/g, '$1')
    return (object) => (fieldText(object, path) === value) === (operator !== '!=')
  })
  return (object) => tests.every((test) => test(object))
}

function selectable(resource: Resource, field: string): boolean {
  return field === 'metadata.name' || (field === 'metadata.namespace' && resource.kind.scope === 'Namespaced') || resource.selectableFields.includes(field)
}

function fieldText(object: AnyObject, path: readonly string[]): string {
  const value = fieldAt(object, path)
  return value === undefined || value === null ? '' : String(value)
}

function splitUnescaped(text: string): string[] {
  return text.split(/(?<!\\),/)
}

/** The filter of both selectors together; undefined when neither is given. */
export function filterOf(resource: Resource, search: URLSearchParams): ObjectFilter | undefined {
  const labels = search.get('labelSelector') ?? ''
  const fields = search.get('fieldSelector') ?? ''
  if (labels === '' && fields === '') return undefined
  const byLabels = parseLabelSelector(labels)
  const byFields = parseFieldSelector(resource, fields)
  return (object) => byLabels(object.metadata.labels ?? {}) && byFields(object)
}
