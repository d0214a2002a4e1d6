import { CodedError } from '@idp/kit'

/** `metav1.LabelSelector`. Both parts must match; an empty selector matches everything. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined
  readonly matchExpressions?: readonly LabelExpression[] | undefined
}
export interface LabelExpression { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }

/** One condition on the labels of an object. `Gt` and `Lt` compare whole numbers. */
export interface LabelRequirement {
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt'
  readonly values: readonly string[]
}

export type Labels = Readonly<Record<string, string>>

/** True when `labels` meet every requirement. */
export function matchesRequirements(requirements: readonly LabelRequirement[], labels: Labels = {}): boolean {
  return requirements.every((requirement) => matchesOne(requirement, labels))
}

function matchesOne({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In': return value !== undefined && values.includes(value)
    case 'NotIn': return value === undefined || !values.includes(value)
    case 'Exists': return value !== undefined
    case 'DoesNotExist': return value === undefined
    case 'Gt': return value !== undefined && /^-?\d+$/.test(value) && BigInt(value) > BigInt(values[0] ?? 0)
    case 'Lt': return value !== undefined && /^-?\d+$/.test(value) && BigInt(value) < BigInt(values[0] ?? 0)
  }
}

/** True when `labels` match; an undefined selector matches nothing, an empty one everything, as in the API. */
export function matchesLabelSelector(selector: LabelSelector | undefined | null, labels: Labels = {}): boolean {
  if (selector === undefined || selector === null) return false
  const { matchLabels, matchExpressions } = selector
  for (const key in matchLabels) if (!Object.hasOwn(labels, key) || labels[key] !== matchLabels[key]) return false
  return matchExpressions === undefined || matchesRequirements(matchExpressions.map(requirement), labels)
}

/** The requirements of a `metav1.LabelSelector`. Throws `InvalidSelector` for an unknown operator or wrong values. */
export function selectorRequirements(selector: LabelSelector): LabelRequirement[] {
  const exact = Object.entries(selector.matchLabels ?? {}).map(([key, value]): LabelRequirement => ({ key, operator: 'In', values: [value] }))
  return [...exact, ...(selector.matchExpressions ?? []).map(requirement)]
}

function requirement({ key, operator, values = [] }: LabelExpression): LabelRequirement {
  switch (operator) {
    case 'In': case 'NotIn':
      if (values.length === 0) throw invalid(`values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty`, key)
      return { key, operator, values }
    case 'Exists': case 'DoesNotExist':
      if (values.length > 0) throw invalid(`values set must be empty for exists and does not exist`, key)
      return { key, operator, values: [] }
    default: throw invalid(`${JSON.stringify(operator)} is not a valid label selector operator`, key)
  }
}

/**
 * Parses the text form of a selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
 * @throws CodedError `InvalidSelector`
 */
export function parseLabelSelector(text: string): LabelRequirement[] {
  const reader = { text, at: 0 }
  const requirements: LabelRequirement[] = []
  skipBlanks(reader)
  while (reader.at < text.length) {
    requirements.push(parseRequirement(reader))
    skipBlanks(reader)
    if (reader.at >= text.length) break
    if (text.charAt(reader.at) !== ',') throw invalid(`found '${text.slice(reader.at)}', expected: ',' or 'end of string'`, text)
    reader.at++
    skipBlanks(reader)
    if (reader.at >= text.length) throw invalid("found '', expected: identifier after ','", text)
  }
  return requirements
}

/** Writes requirements in the text form, sorted by key. */
export function formatLabelSelector(requirements: readonly LabelRequirement[]): string {
  return [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(formatOne).join(',')
}

function formatOne({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'Exists': return key
    case 'DoesNotExist': return `!${key}`
    case 'Gt': return `${key}>${values[0]}`
    case 'Lt': return `${key}<${values[0]}`
    case 'In': return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${[...values].sort().join(',')})`
    case 'NotIn': return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${[...values].sort().join(',')})`
  }
}

interface Reader { readonly text: string; at: number }

function skipBlanks(reader: Reader): void {
  while (/\s/.test(reader.text.charAt(reader.at))) reader.at++
}

function parseRequirement(reader: Reader): LabelRequirement {
  const absent = reader.text.charAt(reader.at) === '!'
  if (absent) reader.at++
  skipBlanks(reader)
  const key = word(reader)
  if (!isQualifiedName(key)) throw invalid(`key ${JSON.stringify(key)} is not a valid label key`, reader.text)
  skipBlanks(reader)
  if (absent) return { key, operator: 'DoesNotExist', values: [] }
  const rest = reader.text.slice(reader.at)
  if (rest === '' || rest.startsWith(',')) return { key, operator: 'Exists', values: [] }
  const sign = /^(?:==|=|!=|>|<|notin\b|in\b)/.exec(rest)?.[0]
  if (sign === undefined) throw invalid(`found '${rest}', expected: in, notin, =, ==, !=, gt, lt`, reader.text)
  reader.at += sign.length
  skipBlanks(reader)
  if (sign === 'in' || sign === 'notin') return { key, operator: sign === 'in' ? 'In' : 'NotIn', values: valueSet(reader) }
  const value = word(reader)
  if (sign === '>' || sign === '<') {
    if (!/^-?\d+$/.test(value)) throw invalid(`for 'Gt', 'Lt' operators, the value must be an integer, got ${JSON.stringify(value)}`, reader.text)
    return { key, operator: sign === '>' ? 'Gt' : 'Lt', values: [value] }
  }
  checkValue(value, reader.text)
  return { key, operator: sign === '!=' ? 'NotIn' : 'In', values: [value] }
}

function valueSet(reader: Reader): string[] {
  const end = reader.text.indexOf(')', reader.at)
  if (reader.text.charAt(reader.at) !== '(' || end < 0) throw invalid(`found '${reader.text.slice(reader.at)}', expected: '(' and ')'`, reader.text)
  const values = reader.text.slice(reader.at + 1, end).split(',').map((value) => value.trim())
  for (const value of values) checkValue(value, reader.text)
  reader.at = end + 1
  return values
}

function word(reader: Reader): string {
  const found = /^[^\s,=!<>()]*/.exec(reader.text.slice(reader.at))?.[0] ?? ''
  reader.at += found.length
  return found
}

function checkValue(value: string, text: string): void {
  if (!isLabelValue(value)) throw invalid(`${JSON.stringify(value)} is not a valid label value`, text)
}

const NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/

/** True for a label or annotation key: `[prefix.example/]name`, name ≤ 63, prefix ≤ 253 characters. */
export function isQualifiedName(text: string): boolean {
  const parts = text.split('/')
  const [first = '', second] = parts
  if (parts.length === 1) return NAME.test(first)
  return parts.length === 2 && first.length <= 253 && SUBDOMAIN.test(first) && NAME.test(second ?? '')
}

/** True for a label value: empty or ≤ 63 characters of letters, digits, `-`, `_`, `.`, alphanumeric at both ends. */
export function isLabelValue(text: string): boolean {
  return text === '' || NAME.test(text)
}

function invalid(message: string, where: string): CodedError {
  return new CodedError({ code: 'InvalidSelector', message, where })
}
