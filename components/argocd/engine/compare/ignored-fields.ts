import { cloneJson, parsePointer, type AnyObject, type JsonObject } from '@idp/formats'
import type { IgnoreDifference } from '../../kinds/application.ts'
import { objectKey } from '../object-key.ts'
import { parseJqPaths, placesOf, readPlace, type JqStep, type Place } from './jq-path.ts'

/** A rule with its expressions read once. */
export interface IgnoreRule {
  matches(object: AnyObject): boolean
  readonly pointers: readonly (readonly string[])[]
  readonly paths: readonly (readonly JqStep[])[]
  readonly managers: readonly string[]
}

/** Throws CodedError `JqUnsupported`, `InvalidPointer`. */
export function compileIgnoreRule(rule: IgnoreDifference): IgnoreRule {
  return {
    matches(object) {
      const key = objectKey(object)
      return wild(rule.group ?? '', key.group) && wild(rule.kind, key.kind) && (rule.name === undefined || rule.name === '' || rule.name === key.name)
        && (rule.namespace === undefined || rule.namespace === '' || rule.namespace === key.namespace)
    },
    pointers: (rule.jsonPointers ?? []).map((one) => parsePointer(one)),
    paths: (rule.jqPathExpressions ?? []).flatMap((one) => parseJqPaths(one)),
    managers: rule.managedFieldsManagers ?? [],
  }
}

function wild(pattern: string, text: string): boolean {
  return pattern === '*' || pattern === text
}

/** The places of an object that rules say not to compare; `live` gives the managed fields. */
export function ignoredPlaces(object: AnyObject, live: AnyObject | undefined, rules: readonly IgnoreRule[]): Place[] {
  return rules.filter((rule) => rule.matches(object)).flatMap((rule) => [
    ...rule.pointers.map((pointer) => pointerPlace(object, pointer)).filter((place) => place !== undefined),
    ...rule.paths.flatMap((steps) => placesOf(object, steps)),
    ...rule.managers.flatMap((manager) => managedPlaces(object, live, manager)),
  ])
}

function pointerPlace(object: AnyObject, pointer: readonly string[]): Place | undefined {
  const place: (string | number)[] = []
  let value: unknown = object
  for (const token of pointer) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, token)) return undefined
    place.push(Array.isArray(value) ? Number(token) : token)
    value = (value as Record<string, unknown>)[token]
  }
  return place
}

/** Places of the fields that another manager owns. */
function managedPlaces(object: AnyObject, live: AnyObject | undefined, manager: string): Place[] {
  const places: Place[] = []
  for (const entry of live?.metadata.managedFields ?? []) {
    if (entry.manager === manager && entry.fieldsV1 !== undefined) collectOwned(object, entry.fieldsV1, [], places)
  }
  return places
}

function collectOwned(value: unknown, owned: JsonObject, at: (string | number)[], places: Place[]): void {
  const names = Object.keys(owned).filter((name) => name !== '.')
  if (names.length === 0 && at.length > 0) places.push(at)
  for (const name of names) {
    const key = memberOf(value, name)
    const inner = owned[name]
    if (key === undefined || inner === undefined) continue
    collectOwned((value as Record<string | number, unknown>)[key], inner as JsonObject, [...at, key], places)
  }
}

/** The key or index in `value` that one element of a managed-fields path (`f:name`, `k:{…}`, `v:…`, `i:0`) names. */
export function memberOf(value: unknown, element: string): string | number | undefined {
  const rest = element.slice(2)
  if (element.startsWith('f:')) return value !== null && typeof value === 'object' && Object.hasOwn(value, rest) ? rest : undefined
  if (!Array.isArray(value)) return undefined
  const rows: unknown[] = value
  const found = element.startsWith('i:') ? Number(rest) : rows.findIndex((row) => (element.startsWith('k:') ? hasKeys(row, JSON.parse(rest) as JsonObject) : JSON.stringify(row) === rest))
  return found >= 0 && found < rows.length ? found : undefined
}

/** Keys that a row leaves out are defaults (a port's protocol), so they do not tell rows apart here. */
function hasKeys(row: unknown, keys: JsonObject): boolean {
  if (row === null || typeof row !== 'object') return false
  const entries = Object.entries(keys)
  const fields = row as Record<string, unknown>
  return entries.every(([key, value]) => fields[key] === undefined || fields[key] === value) && entries.some(([key]) => fields[key] !== undefined)
}

/** A copy without the places. */
export function withoutPlaces<T extends AnyObject>(object: T, places: readonly Place[]): T {
  if (places.length === 0) return object
  const copy = cloneJson(object as never) as T
  // Later indexes first, so that removing one does not move the next.
  for (const place of [...places].sort(comparePlaces).reverse()) {
    const parent = readPlace(copy, place.slice(0, -1))
    const last = place.at(-1)
    if (parent === null || typeof parent !== 'object' || last === undefined) continue
    if (Array.isArray(parent)) parent.splice(Number(last), 1)
    else delete (parent as Record<string, unknown>)[last]
  }
  return copy
}

function comparePlaces(a: Place, b: Place): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]]
    if (x === y) continue
    if (typeof x === 'number' && typeof y === 'number') return x - y
    return String(x) < String(y) ? -1 : 1
  }
  return a.length - b.length
}

/**
 * A copy of `target` whose ignored places hold what is live: what a sync sends under `RespectIgnoreDifferences=true`.
 * A place inside a list is the one at the same index; a whole element of a list that is ignored is left to `target`.
 */
export function respectingLive(target: AnyObject, live: AnyObject, rules: readonly IgnoreRule[]): AnyObject {
  const isField = (place: Place): boolean => typeof place.at(-1) === 'string'
  const ofTarget = ignoredPlaces(target, live, rules).filter(isField)
  const places = [...ofTarget, ...ignoredPlaces(live, live, rules).filter(isField)]
  const copy = withoutPlaces(target, ofTarget)
  for (const place of places) {
    const value = readPlace(live, place)
    const parent = readPlace(copy, place.slice(0, -1))
    const last = place.at(-1)
    if (value === undefined || last === undefined || parent === null || typeof parent !== 'object') continue
    (parent as Record<string, unknown>)[last] = cloneJson(value as never)
  }
  return copy
}
