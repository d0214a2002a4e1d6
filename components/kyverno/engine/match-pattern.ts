import type { Json, JsonObject } from '@idp/formats'
import { interned } from './intern.ts'
import { scalarMatcher } from './pattern-operators.ts'
import { wildcardTest } from './wildcard.ts'

/** What came of holding a resource against a pattern. `skip`: a conditional anchor says that the pattern is not about this resource. */
export type PatternResult = { readonly type: 'pass' } | { readonly type: 'fail'; readonly path: string; readonly message: string } | { readonly type: 'skip'; readonly message: string }

/** Where a value does not match: keys from the innermost outwards; `%` in the text stands for the path. */
interface Mismatch { readonly type: 'fail' | 'skip'; readonly keys: string[]; readonly text: string }
/** A pattern that has been read. */
type Matcher = (value: Json | undefined) => Mismatch | undefined

const fail = (text: string, ...keys: string[]): Mismatch => ({ type: 'fail', keys, text })
const skip = (text: string, ...keys: string[]): Mismatch => ({ type: 'skip', keys, text })
function under(key: string, mismatch: Mismatch | undefined): Mismatch | undefined {
  if (mismatch !== undefined) mismatch.keys.push(key)
  return mismatch
}

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

const pass: PatternResult = { type: 'pass' }

/** Holds a value against a pattern (Kyverno's `validate.pattern`: anchors, operators, wildcards in keys and values). Paths name where, with slashes. */
export function matchPattern(pattern: Json, value: Json | undefined): PatternResult {
  return resultOf(readPattern(pattern, matcherOf)(value))
}

/** A pattern that has been read; holding values against it again costs no parsing. */
export function compilePattern(pattern: Json): (value: Json | undefined) => PatternResult {
  const matches = sharedMatcher(pattern)
  return (value) => resultOf(matches(value))
}

function resultOf(mismatch: Mismatch | undefined): PatternResult {
  if (mismatch === undefined) return pass
  const path = mismatch.keys.length === 0 ? '/' : `/${mismatch.keys.reverse().join('/')}/`
  const message = mismatch.text.replace('%', () => path)
  return mismatch.type === 'skip' ? { type: 'skip', message } : { type: 'fail', path, message }
}

/** Reads parts of a pattern. */
type Read = (pattern: Json) => Matcher

const readPattern = (pattern: Json, read: Read): Matcher => (typeof pattern !== 'object' || pattern === null ? leafMatcher(pattern) : Array.isArray(pattern) ? listMatcher(pattern, read) : mapMatcher(pattern, read))
const matchers = new WeakMap<object, Matcher>()

/** Read once per part. */
function matcherOf(pattern: Json): Matcher {
  if (typeof pattern !== 'object' || pattern === null) return leafMatcher(pattern)
  const known = matchers.get(pattern)
  if (known !== undefined) return known
  const made = readPattern(pattern, matcherOf)
  matchers.set(pattern, made)
  return made
}

const sharedParts = interned((pattern: JsonObject | Json[]) => readPattern(pattern, sharedMatcher))
const sharedLeaf = interned((pattern: readonly [Json]) => leafMatcher(pattern[0]))
/** Read once for all equal parts of patterns. */
function sharedMatcher(pattern: Json): Matcher {
  return typeof pattern !== 'object' || pattern === null ? sharedLeaf([pattern]) : sharedParts(pattern)
}

function leafMatcher(pattern: Json): Matcher {
  const matches = scalarMatcher(pattern)
  return (value) => {
    if (Array.isArray(value)) {
      const index = value.findIndex((item) => !matches(item))
      return index < 0 ? undefined : fail('value does not match pattern at %', String(index))
    }
    if (pattern === '*') return value === undefined || value === null ? fail('no value at %') : undefined
    if (typeof pattern === 'string' && isMap(value)) return pattern === '?*' ? (Object.keys(value).length > 0 ? undefined : fail('empty at %')) : fail('expected a scalar at %')
    return matches(value) ? undefined : fail('value does not match pattern at %')
  }
}

/** Anchors are looked at before plain keys: what they exclude needs no further look. */
const order: readonly AnchorKind[] = ['global', 'condition', 'existence', 'negation', 'equality', 'add', 'none']

/** Whether a condition lies anywhere below: such keys come first, since they may say that the pattern is not about the resource. */
function hasAnchor(value: Json): boolean {
  if (Array.isArray(value)) return value.some(hasAnchor)
  return isMap(value) && Object.entries(value).some(([key, sub]) => ['condition', 'global'].includes(readAnchor(key).kind) || hasAnchor(sub))
}

function mapMatcher(pattern: JsonObject, read: Read): Matcher {
  const keys = Object.entries(pattern).map(([key, sub]) => ({ ...readAnchor(key), sub })).sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || Number(hasAnchor(b.sub)) - Number(hasAnchor(a.sub)))
  const members = keys.map(({ kind, key, sub }) => memberMatcher(kind, key, sub, read(sub)))
  return (value) => {
    if (!isMap(value)) return fail('expected a map at %')
    for (const member of members) {
      const mismatch = member(value)
      if (mismatch !== undefined) return mismatch
    }
    return undefined
  }
}

/** One key of a pattern, held against the map that it should be in. */
function memberMatcher(kind: AnchorKind, key: string, sub: Json, matches: Matcher): (value: JsonObject) => Mismatch | undefined {
  const isName = /[*?]/.test(key) ? wildcardTest(key) : undefined
  const inherited = key in Object.prototype
  const names = (value: JsonObject): string[] => (isName === undefined ? [] : Object.keys(value).filter(isName))
  const isThere = (value: JsonObject): boolean => (inherited ? Object.hasOwn(value, key) : value[key] !== undefined) || (isName !== undefined && names(value).length > 0)
  const each = (value: JsonObject): Mismatch | undefined => {
    if (isName === undefined || Object.hasOwn(value, key)) return under(key, matches(value[key]))
    for (const name of names(value)) {
      const mismatch = matches(value[name])
      if (mismatch !== undefined) return under(name, mismatch)
    }
    return undefined
  }
  // By far the most keys are plain: one look at the value.
  if (kind === 'none' && isName === undefined && !inherited) return (value) => under(key, matches(value[key]))
  switch (kind) {
    case 'condition': return (value) => (!isThere(value) ? skip('conditional anchor: % is absent', key) : each(value) === undefined ? undefined : skip('conditional anchor mismatch at %', key))
    case 'global': return (value) => (!isThere(value) || each(value) === undefined ? undefined : skip('global anchor mismatch at %', key))
    case 'add': // only a mutation's patch has these: what is to be added need not be there
    case 'equality': return (value) => (isThere(value) ? each(value) : undefined)
    case 'negation': return (value) => (isThere(value) ? fail('% is not allowed', key) : undefined)
    case 'existence': return (value) => existence(Array.isArray(sub) ? sub.map(matcherOf) : undefined, value[key], key)
    default: return (value) => (isThere(value) ? each(value) : under(key, matches(undefined)))
  }
}

/** `^(list)`: at least one element matches the first (and only) pattern element. */
function existence(pattern: readonly Matcher[] | undefined, value: Json | undefined, key: string): Mismatch | undefined {
  if (pattern === undefined || !Array.isArray(value)) return value === undefined ? undefined : fail('expected a list at %', key)
  return pattern.every((matches) => value.some((item) => matches(item) === undefined)) ? undefined : fail('existence anchor: no element at % matches', key)
}

function listMatcher(pattern: readonly Json[], read: Read): Matcher {
  const [first] = pattern
  const items = pattern.map(read)
  const isList = (value: Json | undefined): value is Json[] => Array.isArray(value)
  if (first === undefined) return (value) => (isList(value) ? fail('empty pattern list at %') : fail('expected a list at %'))
  if (!isMap(first) && !Array.isArray(first)) {
    const scalars = pattern.map(scalarMatcher)
    return (value) => {
      if (!isList(value)) return fail('expected a list at %')
      const index = value.findIndex((item) => !scalars.some((matches) => matches(item)))
      return index < 0 ? undefined : fail('value does not match pattern at %', String(index))
    }
  }
  return (value) => (isList(value) ? eachItem(items, value) : fail('expected a list at %'))
}

function eachItem(items: readonly Matcher[], value: readonly Json[]): Mismatch | undefined {
  let applied = 0
  let skipped: Mismatch | undefined
  for (let index = 0; index < value.length; index++) {
    const matches = items.length === 1 ? items[0] : items[index] ?? items[0]
    const mismatch = matches?.(value[index])
    if (mismatch === undefined) applied++
    else if (mismatch.type === 'skip') skipped = under(String(index), mismatch)
    else return under(String(index), mismatch)
  }
  // Elements that conditional anchors exclude do not count; when they exclude all, so is the rule.
  return applied === 0 ? skipped : undefined
}
