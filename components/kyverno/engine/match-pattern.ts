import type { Json, JsonObject } from '@idp/formats'
import { matchesWildcard } from '@idp/lang-jmespath'
import { matchesScalar } from './pattern-operators.ts'

/** What came of holding a resource against a pattern. `skip`: a conditional anchor says that the pattern is not about this resource. */
export type PatternResult = { readonly type: 'pass' } | { readonly type: 'fail'; readonly path: string; readonly message: string } | { readonly type: 'skip'; readonly message: string }

const pass: PatternResult = { type: 'pass' }
const fail = (path: string, message: string): PatternResult => ({ type: 'fail', path, message })
const skip = (message: string): PatternResult => ({ type: 'skip', message })

type AnchorKind = 'condition' | 'equality' | 'existence' | 'negation' | 'global' | 'add' | 'none'
const anchorForms: readonly (readonly [form: RegExp, kind: AnchorKind])[] = [
  [/^\((.*)\)$/s, 'condition'], [/^=\((.*)\)$/s, 'equality'], [/^\^\((.*)\)$/s, 'existence'], [/^X\((.*)\)$/s, 'negation'], [/^<\((.*)\)$/s, 'global'], [/^\+\((.*)\)$/s, 'add'],
]

interface Anchor { readonly kind: AnchorKind; readonly key: string }

/** `=(spec)` is an equality anchor on `spec`. */
export function readAnchor(key: string): Anchor {
  if (!key.endsWith(')')) return { kind: 'none', key }
  for (const [form, kind] of anchorForms) {
    const inner = form.exec(key)?.[1]
    if (inner !== undefined) return { kind, key: inner }
  }
  return { kind: 'none', key }
}

const isMap = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Holds a value against a pattern (Kyverno's `validate.pattern`: anchors, operators, wildcards in keys and values). `path` names where, with slashes. */
export function matchPattern(pattern: Json, value: Json | undefined, path = '/'): PatternResult {
  if (isMap(pattern)) return isMap(value) ? matchMap(pattern, value, path) : fail(path, `expected a map at ${path}`)
  if (Array.isArray(pattern)) return Array.isArray(value) ? matchList(pattern, value, path) : fail(path, `expected a list at ${path}`)
  if (Array.isArray(value)) {
    const index = value.findIndex((item) => !matchesScalar(pattern, item))
    return index < 0 ? pass : fail(`${path}${index}/`, `value does not match pattern at ${path}${index}/`)
  }
  if (pattern === '*') return value === undefined || value === null ? fail(path, `no value at ${path}`) : pass
  if (typeof pattern === 'string' && isMap(value)) return pattern === '?*' ? (Object.keys(value).length > 0 ? pass : fail(path, `empty at ${path}`)) : fail(path, `expected a scalar at ${path}`)
  return matchesScalar(pattern, value) ? pass : fail(path, `value does not match pattern at ${path}`)
}

/** Anchors are looked at before plain keys: what they exclude needs no further look. */
const order: readonly AnchorKind[] = ['global', 'condition', 'existence', 'negation', 'equality', 'add', 'none']

/** Whether a condition lies anywhere below: such keys come first, since they may say that the pattern is not about the resource. */
function hasAnchor(value: Json): boolean {
  if (Array.isArray(value)) return value.some(hasAnchor)
  return isMap(value) && Object.entries(value).some(([key, sub]) => ['condition', 'global'].includes(readAnchor(key).kind) || hasAnchor(sub))
}

const keys = new WeakMap<JsonObject, readonly (Anchor & { readonly sub: Json })[]>()

/** The keys of a pattern in the order they are looked at; sorted once per pattern. */
function keysOf(pattern: JsonObject): readonly (Anchor & { readonly sub: Json })[] {
  const known = keys.get(pattern)
  if (known !== undefined) return known
  const made = Object.entries(pattern).map(([key, sub]) => ({ ...readAnchor(key), sub })).sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || Number(hasAnchor(b.sub)) - Number(hasAnchor(a.sub)))
  keys.set(pattern, made)
  return made
}

function matchMap(pattern: JsonObject, value: JsonObject, path: string): PatternResult {
  for (const { kind, key, sub } of keysOf(pattern)) {
    const result = matchKey(kind, key, sub, value, path)
    if (result.type !== 'pass') return result
  }
  return pass
}

function matchKey(kind: AnchorKind, key: string, sub: Json, value: JsonObject, path: string): PatternResult {
  const at = `${path}${key}/`
  const found = keysMatching(key, value)
  const each = (): PatternResult => found.map((name) => matchPattern(sub, value[name], `${path}${name}/`)).find((r) => r.type !== 'pass') ?? pass
  switch (kind) {
    case 'condition': {
      if (found.length === 0) return skip(`conditional anchor: ${at} is absent`)
      const result = each()
      return result.type === 'pass' ? pass : skip(`conditional anchor mismatch at ${at}`)
    }
    case 'global': {
      if (found.length === 0) return pass
      const result = each()
      return result.type === 'pass' ? pass : skip(`global anchor mismatch at ${at}`)
    }
    case 'add': // only a mutation's patch has these: what is to be added need not be there
    case 'equality': return found.length === 0 ? pass : each()
    case 'negation': return found.length === 0 ? pass : fail(at, `${at} is not allowed`)
    case 'existence': return matchExistence(sub, value[key], at)
    default: {
      if (found.length > 0) return each()
      return matchPattern(sub, undefined, at)
    }
  }
}

/** `^(list)`: at least one element matches the first (and only) pattern element. */
function matchExistence(pattern: Json, value: Json | undefined, at: string): PatternResult {
  if (!Array.isArray(pattern) || !Array.isArray(value)) return value === undefined ? pass : fail(at, `expected a list at ${at}`)
  return pattern.every((wanted) => value.some((item, index) => matchPattern(wanted, item, `${at}${index}/`).type === 'pass')) ? pass : fail(at, `existence anchor: no element at ${at} matches`)
}

function keysMatching(key: string, value: JsonObject): string[] {
  if (Object.hasOwn(value, key)) return [key]
  return /[*?]/.test(key) ? Object.keys(value).filter((name) => matchesWildcard(key, name)) : []
}

function matchList(pattern: readonly Json[], value: readonly Json[], path: string): PatternResult {
  const [first] = pattern
  if (first === undefined) return fail(path, `empty pattern list at ${path}`)
  if (!isMap(first) && !Array.isArray(first)) {
    const index = value.findIndex((item) => !pattern.some((one) => matchesScalar(one, item)))
    return index < 0 ? pass : fail(`${path}${index}/`, `value does not match pattern at ${path}${index}/`)
  }
  let applied = 0
  let skipped: PatternResult | undefined
  for (const [index, item] of value.entries()) {
    for (const wanted of pattern.length === 1 ? pattern : [pattern[index] ?? first]) {
      const result = matchPattern(wanted, item, `${path}${index}/`)
      if (result.type === 'fail') return result
      if (result.type === 'skip') skipped = result
      else applied++
    }
  }
  // Elements that conditional anchors exclude do not count; when they exclude all, so is the rule.
  return applied === 0 && skipped !== undefined ? skipped : pass
}
