import type { Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { boundedCache } from './bounded-cache.ts'
import { expressionOf } from './expression.ts'

/** What `{{ … }}` can see: `request`, `element`, variables of the rule's context. */
export type Scope = Readonly<Record<string, Json>>

export interface SubstituteOptions {
  /** What a variable without a value becomes: `error` (default) throws, `null` leaves null (preconditions). */
  readonly missing?: 'error' | 'null'
  /** Where the value's own field is found, for `{{ @ }}`: the JMESPath of the patched object, e.g. `request.object`. */
  readonly self?: string
}

const variable = /\{\{((?:[^{}]|\{[^{}]*\})*)\}\}/
const maxRounds = 64
/** A path that must be there; an expression (`a || b`, a projection, a call) may well give null. */
const plainPath = /^[\w."/@-]+$/

/**
 * Replaces every `{{ expression }}` in strings and keys; a string that is one expression becomes its value, of any type. `\{{` stays as `{{`.
 * Throws CodedError `InvalidExpression`, `ExpressionFailed`, `VariableNotResolved`, `VariableLoop`.
 */
export function substitute<T extends Json>(value: T, scope: Scope, options: SubstituteOptions = {}): T {
  return hasVariables(value) ? walk(value, scope, options, []) as T : value
}

/** A value that has been read for its variables; `missing` as for `substitute`. */
export type Template = (scope: Scope, missing: 'error' | 'null') => Json

/** Reads a value once: what has no variables costs nothing, what is one variable goes straight to it. */
export function templateOf(value: Json): Template {
  if (!hasVariables(value)) return () => value
  const only = typeof value === 'string' ? soleExpression(value) : undefined
  const mayLoop = (scope: Scope, missing: 'error' | 'null'): Json => substitute(value, scope, { missing })
  if (only === undefined || only === '@') return mayLoop
  const isPath = plainPath.test(only)
  return (scope, missing) => {
    const found = expressionOf(only)(scope as JsonObject)
    return (found === null && isPath) || (typeof found === 'string' && found.includes('{{')) ? mayLoop(scope, missing) : found
  }
}

const withVariables = new WeakMap<object, boolean>()

/** Whether there is anything to replace; looked up once per part of a policy. */
export function hasVariables(value: Json): boolean {
  if (typeof value === 'string') return value.includes('{{')
  if (typeof value !== 'object' || value === null) return false
  const known = withVariables.get(value)
  if (known !== undefined) return known
  const found = Array.isArray(value) ? value.some(hasVariables) : Object.entries(value).some(([key, sub]) => key.includes('{{') || hasVariables(sub))
  withVariables.set(value, found)
  return found
}

function walk(value: Json, scope: Scope, options: SubstituteOptions, path: readonly string[]): Json {
  if (typeof value === 'string') return value.includes('{{') ? substituteText(value, scope, options, path) : value
  if (Array.isArray(value)) return value.map((item, index) => walk(item, scope, options, [...path, String(index)]))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, sub]) => [key.includes('{{') ? String(substituteText(key, scope, options, path)) : key, walk(sub, scope, options, [...path, key])])) as JsonObject
  }
  return value
}

/** The expression of a text that is nothing but one variable. */
const soleExpression = boundedCache((text: string): string | undefined => {
  if (text.includes('\\{{')) return undefined
  const found = variable.exec(text)
  return found?.index === 0 && found[0].length === text.length ? (found[1] ?? '').trim() : undefined
})

const unresolved = (given: string, path: readonly string[], where: string): CodedError => new CodedError({ code: 'VariableNotResolved', message: `failed to resolve ${given} at path /${path.join('/')}`, where })

const anchored = /^[+=<X^]?\((.*)\)$/s

/** The expression that `@` stands for: the field of the object at the same place as the text in the patch. */
function selfPath(self: string, path: readonly string[]): string {
  return path.reduce((text, part) => (/^\d+$/.test(part) ? `${text}[${part}]` : `${text}."${(anchored.exec(part)?.[1] ?? part).replaceAll('"', '\\"')}"`), self)
}

function substituteText(text: string, scope: Scope, { missing = 'error', self = 'request.object', depth = 0 }: SubstituteOptions & { readonly depth?: number }, path: readonly string[]): Json {
  if (depth > maxRounds) throw new CodedError({ code: 'VariableLoop', message: `variables expand more than ${maxRounds} times`, where: text })
  const only = soleExpression(text)
  if (only !== undefined && only !== '@') {
    const value = expressionOf(only)(scope as JsonObject)
    if (value === null && missing === 'error' && plainPath.test(only)) throw unresolved(only, path, text)
    return typeof value === 'string' && value.includes('{{') ? substituteText(value, scope, { missing, self, depth: depth + 1 }, path) : value
  }
  let rest = text.replaceAll('\\{{', '\u0001')
  for (let round = 0; round < maxRounds; round++) {
    const found = variable.exec(rest)
    if (found === null) return rest.replaceAll('\u0001', '{{')
    const given = (found[1] ?? '').trim()
    const expression = given === '@' ? selfPath(self, path) : given
    const value = expressionOf(expression)(scope as JsonObject)
    if (value === null && missing === 'error' && plainPath.test(expression)) throw unresolved(given, path, text)
    if (found.index === 0 && found[0].length === rest.length) return typeof value === 'string' && value.includes('{{') ? substituteText(value, scope, { missing, self, depth: depth + 1 }, path) : value
    rest = rest.slice(0, found.index) + (typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value)) + rest.slice(found.index + found[0].length)
  }
  throw new CodedError({ code: 'VariableLoop', message: `variables expand more than ${maxRounds} times`, where: text })
}
