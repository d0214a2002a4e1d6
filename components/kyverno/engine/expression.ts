import type { Json, JsonObject } from '@idp/formats'
import { jmesPath } from '@idp/lang-jmespath'
import { boundedCache } from './bounded-cache.ts'

/** A JMESPath expression that has been read. */
export type Expression = (scope: JsonObject) => Json

const path = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/
/** A path with a literal for when there is nothing: by far the most of what policies write. */
const pathOrLiteral = /^([A-Za-z_][\w.]*)\s*\|\|\s*(?:'([^'\\]*)'|`([^`\\]*)`)$/

/** Reads an expression. What is simple and common is walked without the interpreter. Throws CodedError `InvalidExpression`; what it gives throws `ExpressionFailed`. */
export const expressionOf = boundedCache((text: string): Expression => {
  const compiled = jmesPath(text)
  return simple(text) ?? lengthOf(text, (scope) => compiled.evaluate(scope)) ?? ((scope) => compiled.evaluate(scope))
})

function simple(text: string): Expression | undefined {
  if (path.test(text)) return walker(text.split('.'))
  const [, left = '', raw, json] = pathOrLiteral.exec(text) ?? []
  if (!path.test(left)) return undefined
  const otherwise = raw ?? readJson(json ?? '')
  if (otherwise === undefined) return undefined
  const walk = walker(left.split('.'))
  return (scope) => {
    const found = walk(scope)
    return isFalse(found) ? otherwise : found
  }
}

/** `length(…)` of something simple; what has no length is left to the interpreter and its words. */
function lengthOf(text: string, interpret: Expression): Expression | undefined {
  const inner = /^length\(([^()]*)\)$/.exec(text)?.[1]
  const walk = inner === undefined ? undefined : simple(inner.trim())
  return walk && ((scope) => {
    const found = walk(scope)
    return Array.isArray(found) ? found.length : interpret(scope)
  })
}

function walker(keys: readonly string[]): Expression {
  return (scope) => {
    let at: Json = scope
    for (const key of keys) {
      if (typeof at !== 'object' || at === null || Array.isArray(at) || !Object.hasOwn(at, key)) return null
      at = at[key] ?? null
    }
    return at
  }
}

/** What JMESPath takes for false: null, false, and whatever is empty. */
function isFalse(value: Json): boolean {
  if (value === null || value === false || value === '') return true
  return typeof value === 'object' && (Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0)
}

function readJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined // older forms of literals: the interpreter knows them
  }
}
