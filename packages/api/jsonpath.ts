import { CodedError } from '@idp/kit'
import { isObject } from './schema/value-type.ts'

/**
 * JSONPath as Kubernetes reads it in printer columns, scale paths and `kubectl -o jsonpath` expressions
 * (https://kubernetes.io/docs/reference/kubectl/jsonpath/): `.a.b`, `.a['b']`, `.a\.b`, `[0]`, `[-1]`, `[1:3]`, `[*]`, `.*`, `..a`,
 * `[a,b]` and filters `[?(@.type=="Ready")]` with ==, !=, <, <=, >, >=, or a path alone for existence.
 */
export type JsonPath = (value: unknown) => unknown[]

type Step = (values: unknown[]) => unknown[]

const cache = new Map<string, JsonPath>()

/** Compiles a path; it may stand in braces and begin with `$`. Throws CodedError InvalidJsonPath. */
export function compileJsonPath(text: string): JsonPath {
  let path = cache.get(text)
  if (path) return path
  const steps = parse(text)
  path = (value) => steps.reduce((values, step) => step(values), [value])
  if (cache.size > 1000) cache.clear()
  cache.set(text, path)
  return path
}

function fail(text: string, message: string): CodedError {
  return new CodedError({ code: 'InvalidJsonPath', message, where: text })
}

function parse(source: string): Step[] {
  let text = source.trim()
  if (text.startsWith('{') && text.endsWith('}')) text = text.slice(1, -1).trim()
  if (text.startsWith('$') || text.startsWith('@')) text = text.slice(1)
  if (text !== '' && !/^[.[]/.test(text)) throw fail(source, `a path begins with '.' or '[', not ${JSON.stringify(text[0])}`)
  const steps: Step[] = []
  let at = 0
  while (at < text.length) {
    if (text[at] === '[') {
      const end = closing(text, at, source)
      steps.push(subscript(text.slice(at + 1, end).trim(), source))
      at = end + 1
      continue
    }
    if (text[at] !== '.') throw fail(source, `unexpected ${JSON.stringify(text[at])} at character ${at + 1}`)
    const recursive = text[at + 1] === '.'
    at += recursive ? 2 : 1
    if (recursive) steps.push((values) => values.flatMap(descendants))
    const [name, next] = readName(text, at)
    at = next
    if (name === '*') steps.push(children)
    else if (name !== '') steps.push(member(name))
    else if (text[at] !== '[' && at < text.length) throw fail(source, `a name is missing at character ${at + 1}`)
  }
  return steps
}

function readName(text: string, start: number): [name: string, next: number] {
  let name = ''
  let at = start
  for (; at < text.length && text[at] !== '.' && text[at] !== '['; at++) {
    if (text[at] === '\\' && at + 1 < text.length) at++
    name += text[at]
  }
  return [name, at]
}

/** The bracket that closes the one at `open`; quotes and nested brackets are passed over. */
function closing(text: string, open: number, source: string): number {
  let depth = 0
  let quote = ''
  for (let at = open; at < text.length; at++) {
    const c = text[at] ?? ''
    if (quote !== '') {
      if (c === '\\') at++
      else if (c === quote) quote = ''
    } else if (c === '"' || c === "'") quote = c
    else if (c === '[') depth++
    else if (c === ']' && --depth === 0) return at
  }
  throw fail(source, 'unterminated array')
}

function subscript(text: string, source: string): Step {
  if (text === '*' || text === '') return children
  if (text.startsWith('?')) return filter(text, source)
  const parts = splitOutsideQuotes(text, ',').map((part) => part.trim())
  const steps = parts.map((part) => oneSubscript(part, source))
  return steps.length === 1 ? steps[0] ?? children : (values) => values.flatMap((value) => steps.flatMap((step) => step([value])))
}

function oneSubscript(text: string, source: string): Step {
  const quoted = /^(['"])(.*)\1$/s.exec(text)
  if (quoted) return member((quoted[2] ?? '').replace(/\\(.)/g, '$1'))
  const slice = /^(-?\d*):(-?\d*)(?::(-?\d+))?$/.exec(text)
  if (slice) return slicing(slice[1] ?? '', slice[2] ?? '', Number(slice[3] ?? 1))
  if (/^-?\d+$/.test(text)) return (values) => values.flatMap((value) => {
    const item = Array.isArray(value) ? value.at(Number(text)) : undefined
    return item === undefined ? [] : [item]
  })
  if (/^[A-Za-z_$][\w$./-]*$/.test(text)) return member(text)
  throw fail(source, `invalid array index ${text}`)
}

function slicing(from: string, to: string, step: number): Step {
  return (values) => values.flatMap((value) => {
    if (!Array.isArray(value) || step < 1) return []
    return value.slice(from === '' ? 0 : Number(from), to === '' ? undefined : Number(to)).filter((_, index) => index % step === 0)
  })
}

const member = (name: string): Step => (values) => values.flatMap((value) => isObject(value) && Object.hasOwn(value, name) ? [value[name]] : [])
const children: Step = (values) => values.flatMap((value) => Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [])

function descendants(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(descendants)] : [value]
}

const operators: Readonly<Record<string, (a: unknown, b: unknown) => boolean>> = {
  '==': (a, b) => a === b, '!=': (a, b) => a !== b,
  '<': (a, b) => order(a, b) < 0, '<=': (a, b) => order(a, b) <= 0, '>': (a, b) => order(a, b) > 0, '>=': (a, b) => order(a, b) >= 0,
}

/** Negative, zero or positive; NaN for values that have no order between them. */
function order(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return typeof a === 'string' && typeof b === 'string' ? (a < b ? -1 : a > b ? 1 : 0) : Number.NaN
}

function filter(text: string, source: string): Step {
  const inner = /^\?\s*\((.*)\)$/s.exec(text)?.[1]?.trim()
  if (inner === undefined) throw fail(source, `invalid filter ${text}`)
  const [left = '', operator, right = ''] = splitOperator(inner)
  const first = operand(left, source)
  if (operator === undefined) return (values) => children(values).filter((item) => first(item).length > 0)
  const second = operand(right, source)
  const compare = operators[operator]
  return (values) => children(values).filter((item) => {
    const [a] = first(item)
    const [b] = second(item)
    return a !== undefined && b !== undefined && compare?.(a, b) === true
  })
}

function splitOperator(text: string): [string, string?, string?] {
  for (const operator of ['==', '!=', '<=', '>=', '<', '>']) {
    const parts = splitOutsideQuotes(text, operator)
    if (parts.length > 1) return [(parts[0] ?? '').trim(), operator, parts.slice(1).join(operator).trim()]
  }
  return [text]
}

function operand(text: string, source: string): JsonPath {
  if (text.startsWith('@') || text.startsWith('$')) return compileJsonPath(text)
  const quoted = /^(['"])(.*)\1$/s.exec(text)
  if (quoted) {
    const constant = (quoted[2] ?? '').replace(/\\(.)/g, '$1')
    return () => [constant]
  }
  if (text === 'true' || text === 'false') return () => [text === 'true']
  if (text !== '' && Number.isFinite(Number(text))) return () => [Number(text)]
  throw fail(source, `unrecognized operand ${text}`)
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = []
  let quote = ''
  let from = 0
  for (let at = 0; at < text.length; at++) {
    const c = text[at] ?? ''
    if (quote !== '') {
      if (c === '\\') at++
      else if (c === quote) quote = ''
    } else if (c === '"' || c === "'") quote = c
    else if (text.startsWith(separator, at)) {
      parts.push(text.slice(from, at))
      at += separator.length - 1
      from = at + 1
    }
  }
  return [...parts, text.slice(from)]
}
