import { resolvePlainScalar, type Json, type JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import { isObject, scalarText } from './resource.ts'
import { merge, type MergePlace } from './strategic-patch.ts'

/** Values of a list without keys: the patch's first, each once. */
export function mergePlainList(dest: readonly Json[], patch: readonly Json[]): Json[] {
  const seen = new Map<string, Json>()
  for (const item of [...patch, ...dest]) if (!seen.has(scalarText(item))) seen.set(scalarText(item), item)
  return [...seen.values()]
}

type Texts = readonly string[]
interface Keyed { readonly keys: Texts; readonly place: MergePlace }

/**
 * Merges lists whose elements are told apart by `keys`. The patch's elements come first, in its order; a key that no element of either
 * list has does not count. What upstream does with elements that lack a key (they can displace others) is kept.
 */
export function mergeKeyedList(dest: readonly Json[], patch: readonly Json[], { keys, place }: Keyed): Json[] {
  let tuples = unique([...patch, ...dest].map((item) => keys.map((key) => keyText(item, key))))
  if (tuples.length === 0) return [...dest]
  if (keys.length > 1) tuples = unify(tuples)
  const used = keysWithValues(tuples, keys)
  let current = [...dest]
  let result: Json[] = []
  for (const tuple of tuples) {
    const values = tuple.filter((value, i) => value !== '' || used.includes(keys[i] ?? ''))
    const lookup = lookupOf(used, values)
    const before = current.findIndex((item) => hasValues(item, lookup))
    const change = patch.find((item) => hasValues(item, lookup))
    const merged = merge(current[before], change, place)
    if (isNothing(merged)) {
      current = setElement(current, undefined, { keys: used, values })
      continue
    }
    const whole = withKeys(merged, used, values)
    // An element with `$patch: replace` does not reach the old one, which then follows and wins, as upstream has it.
    const replaced = isObject(change) && change['$patch'] === 'replace' && change !== current[before]
    if (before >= 0 && !replaced) current[before] = whole
    result = setElement(result, whole, { keys: used, values })
  }
  return appendOld(result, current, used)
}

const isNothing = (value: Json | undefined): value is null | undefined =>
  value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0)

function keyText(item: Json, key: string): string {
  const value = isObject(item) ? item[key] : undefined
  return isNothing(value) ? '' : scalarText(value)
}

function unique(tuples: string[][]): string[][] {
  const seen = new Set<string>()
  return tuples.filter((tuple) => !seen.has(tuple.join('\n')) && seen.add(tuple.join('\n')))
}

/** Fills the gaps of key tuples from others that agree wherever both have a value, and at least once. */
function unify(tuples: string[][]): string[][] {
  const out = [...tuples]
  for (let i = 0; i < out.length; i++) {
    for (let j = 0; j < out.length; j++) {
      const joined = join(out[i] ?? [], out[j] ?? [])
      if (joined !== undefined) out[i] = out[j] = joined
    }
  }
  return out
}

function join(a: Texts, b: Texts): string[] | undefined {
  let common = false
  const joined: string[] = []
  for (let i = 0; i < a.length; i++) {
    const [x = '', y = ''] = [a[i], b[i]]
    if (x === y) common = true
    else if (x !== '' && y !== '') return undefined
    joined.push(x !== '' ? x : y)
  }
  return common ? joined : undefined
}

function keysWithValues(tuples: readonly Texts[], keys: Texts): Texts {
  const used = keys.filter((_, i) => tuples.some((tuple) => tuple[i] !== ''))
  return used.length === 0 ? keys : used
}

interface Match { readonly keys: Texts; readonly values: Texts }

/** To find an element, only the keys with a value count, unless none has one. */
function lookupOf(keys: Texts, values: Texts): Match {
  const given = keys.filter((_, i) => values[i] !== '')
  return given.length === 0 ? { keys, values } : { keys: given, values: values.filter((value) => value !== '') }
}

function hasValues(item: Json, { keys, values }: Match): boolean {
  return isObject(item) && keys.every((key, i) => item[key] !== undefined && scalarText(item[key]) === values[i])
}

function withKeys(item: Json, keys: Texts, values: Texts): Json {
  if (!isObject(item)) return item
  let out: JsonObject = item
  keys.forEach((key, i) => {
    const value = values[i] ?? ''
    if (!Object.hasOwn(out, key) && value !== '') out = { ...out, [key]: resolvePlainScalar(value, 'kustomize')?.value ?? value }
  })
  return out
}

/**
 * Replaces every element that has the values (an empty value matches any) by `element`, or removes them when it is undefined; appends
 * `element` when there was none. Empty elements go, and without any value everything that does not match goes.
 */
function setElement(list: readonly Json[], element: Json | undefined, { keys, values }: Match): Json[] {
  const out: Json[] = []
  let found = false
  for (const item of list) {
    if (isNothing(item)) continue
    if (!isObject(item)) {
      if (values.length === 0 || values[0] === '') throw failure('PatchFailed', 'wrong node kind: expected MappingNode but was ScalarNode')
      out.push(item)
      continue
    }
    if (!matchesLoosely(item, keys, values)) {
      if (values.length > 0) out.push(item)
      continue
    }
    found = true
    if (element !== undefined) out.push(element)
  }
  if (!found && element !== undefined) out.push(element)
  return out
}

function matchesLoosely(item: JsonObject, keys: Texts, values: Texts): boolean {
  if (values.length === 0) return false
  return keys.every((key, i) => i >= values.length || (item[key] !== undefined && (values[i] === '' || scalarText(item[key]) === values[i])))
}

/** The old elements follow; one that stands in the result already takes its place there. */
function appendOld(result: Json[], old: readonly Json[], keys: Texts): Json[] {
  let out = result
  for (const item of old) {
    const values: string[] = []
    for (const key of keys) {
      const value = isObject(item) ? item[key] : undefined
      if (value === undefined) out = [...out, item]
      else values.push(scalarText(value))
    }
    if (keys.length > 1) out = setElement(out, undefined, { keys, values })
    out = setElement(out, item, { keys, values })
  }
  return out
}
