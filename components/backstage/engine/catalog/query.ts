import type { Json, JsonObject } from '@idp/formats'
import { isObject } from '../json-schema.ts'
import type { Entity } from './entity.ts'

/** One `filter=`: every key has to hold; a key holds by any of its values, or by existing when it has none. */
export type EntityFilter = ReadonlyMap<string, readonly string[] | undefined>

/** Reads `filter=a=1,a=2,b`: several parameters are alternatives. */
export function parseFilters(texts: readonly string[]): EntityFilter[] {
  return texts.map((text) => {
    const filter = new Map<string, string[] | undefined>()
    for (const part of text.split(',').map((one) => one.trim()).filter((one) => one !== '')) {
      const at = part.indexOf('=')
      const key = (at < 0 ? part : part.slice(0, at)).trim().toLowerCase()
      if (at < 0) filter.set(key, filter.get(key))
      else filter.set(key, [...(filter.get(key) ?? []), part.slice(at + 1).trim().toLowerCase()])
    }
    return filter
  }).filter((filter) => filter.size > 0)
}

export function matchesFilters(entity: Entity, filters: readonly EntityFilter[]): boolean {
  if (filters.length === 0) return true
  const rows = searchRows(entity)
  return filters.some((filter) => [...filter].every(([key, values]) => {
    const found = rows.get(key)
    return found !== undefined && (values === undefined || values.some((value) => found.has(value)))
  }))
}

const rowsOf = new WeakMap<Entity, Map<string, Set<string>>>()

/**
 * What of an entity can be searched: dotted paths and values in lower case; each text of an array also as `path.text = true`;
 * relations as `relations.<type> = <target>`.
 */
export function searchRows(entity: Entity): Map<string, Set<string>> {
  let rows = rowsOf.get(entity)
  if (rows !== undefined) return rows
  rows = new Map()
  const add = (key: string, value: string): void => {
    const lower = key.toLowerCase()
    const values = rows?.get(lower)
    if (values === undefined) rows?.set(lower, new Set([value.toLowerCase()]))
    else values.add(value.toLowerCase())
  }
  const walk = (path: string, value: Json): void => {
    if (Array.isArray(value)) {
      for (const one of value) {
        walk(path, one)
        if (typeof one === 'string') add(`${path}.${one}`, 'true')
      }
    } else if (isObject(value)) {
      for (const [key, one] of Object.entries(value)) walk(path === '' ? key : `${path}.${key}`, one)
    } else if (value !== null && String(value).length <= 200) add(path, String(value))
  }
  const { relations = [], status: _status, ...rest } = entity
  walk('', { ...rest, metadata: { namespace: 'default', ...entity.metadata } } as unknown as JsonObject)
  for (const { type, targetRef } of relations) add(`relations.${type}`, targetRef)
  rowsOf.set(entity, rows)
  return rows
}

/** The value at a dotted path, also where a key itself has dots. */
export function valueAt(value: Json | undefined, path: string): Json | undefined {
  if (!isObject(value)) return undefined
  if (value[path] !== undefined) return value[path]
  for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
    const found = valueAt(value[path.slice(0, dot)], path.slice(dot + 1))
    if (found !== undefined) return found
  }
  return undefined
}

/** Only the named paths of an entity (`fields=kind,metadata.name`). */
export function pickFields(entity: Entity, fields: readonly string[]): JsonObject {
  const whole = entity as unknown as JsonObject
  if (fields.length === 0) return whole
  const picked: JsonObject = {}
  const put = (from: JsonObject, into: JsonObject, path: string): void => {
    if (from[path] !== undefined) { into[path] = from[path]; return }
    for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
      const [head, rest] = [path.slice(0, dot), path.slice(dot + 1)]
      const below = from[head]
      if (!isObject(below) || valueAt(below, rest) === undefined) continue
      const target = isObject(into[head]) ? { ...into[head] } : {}
      into[head] = target
      put(below, target, rest)
      return
    }
  }
  for (const field of fields) put(whole, picked, field)
  return picked
}

export interface EntityOrder { readonly field: string; readonly order: 'asc' | 'desc' }

/** Sorted by the fields, then by kind, namespace and name; those without the field come last. */
export function sortEntities(entities: readonly Entity[], order: readonly EntityOrder[]): Entity[] {
  const textAt = (entity: Entity, field: string): string | undefined => { const value = valueAt(entity as unknown as JsonObject, field); return value === undefined || value === null ? undefined : String(value).toLowerCase() }
  return [...entities].sort((a, b) => {
    for (const { field, order: way } of order) {
      const [x, y] = [textAt(a, field), textAt(b, field)]
      if (x === y) continue
      if (x === undefined || y === undefined) return x === undefined ? 1 : -1
      return (x < y ? -1 : 1) * (way === 'desc' ? -1 : 1)
    }
    const [x, y] = [a, b].map((one) => `${one.kind}\0${one.metadata.namespace ?? 'default'}\0${one.metadata.name}`.toLowerCase())
    return (x ?? '') < (y ?? '') ? -1 : 1
  })
}

/** Whether any of the fields (all, when none is named) contains the term. */
export function containsTerm(entity: Entity, term: string, fields: readonly string[]): boolean {
  const wanted = term.trim().toLowerCase()
  if (wanted === '') return true
  const rows = searchRows(entity)
  const keys = fields.length === 0 ? [...rows.keys()] : fields.map((field) => field.toLowerCase())
  return keys.some((key) => [...(rows.get(key) ?? [])].some((value) => value.includes(wanted)))
}

/** How often each value of each facet occurs, in the entities' own spelling. */
export function countFacets(entities: readonly Entity[], facets: readonly string[]): Record<string, { value: string; count: number }[]> {
  return Object.fromEntries(facets.map((facet) => {
    const counts = new Map<string, number>()
    for (const entity of entities) {
      const relation = /^relations\.(.+)$/i.exec(facet)?.[1]?.toLowerCase()
      const value = relation === undefined ? valueAt(entity as unknown as JsonObject, facet) : (entity.relations ?? []).filter(({ type }) => type.toLowerCase() === relation).map(({ targetRef }) => targetRef)
      for (const one of new Set([value ?? []].flat().filter((each) => !isObject(each)).map(String))) counts.set(one, (counts.get(one) ?? 0) + 1)
    }
    return [facet, [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([value, count]) => ({ value, count }))]
  }))
}
