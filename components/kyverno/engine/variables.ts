import type { Json, JsonObject } from '@idp/formats'
import { jmesPath } from '@idp/lang-jmespath'
import { CodedError } from '@idp/kit'

/** What `{{ … }}` can see: `request`, `element`, variables of the rule's context. */
export type Scope = Readonly<Record<string, Json>>

const variable = /\{\{((?:[^{}]|\{[^{}]*\})*)\}\}/
const maxRounds = 64

/** Replaces every `{{ expression }}` in strings and keys; a string that is one expression becomes its value, of any type. Throws CodedError `InvalidExpression`, `ExpressionFailed`, `VariableLoop`. */
export function substitute<T extends Json>(value: T, scope: Scope): T {
  if (typeof value === 'string') return substituteText(value, scope) as T
  if (Array.isArray(value)) return value.map((item) => substitute(item, scope)) as T
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, sub]) => [String(substituteText(key, scope)), substitute(sub, scope)])) as JsonObject as T
  }
  return value
}

function substituteText(text: string, scope: Scope): Json {
  let rest = text
  for (let round = 0; round < maxRounds; round++) {
    const found = variable.exec(rest)
    if (found === null) return rest
    const value = jmesPath((found[1] ?? '').trim()).evaluate(scope as JsonObject)
    if (found.index === 0 && found[0].length === rest.length) return value
    rest = rest.slice(0, found.index) + (typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value)) + rest.slice(found.index + found[0].length)
  }
  throw new CodedError({ code: 'VariableLoop', message: `variables expand more than ${maxRounds} times`, where: text })
}
