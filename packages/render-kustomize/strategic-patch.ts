import { resolvePlainScalar, type Json, type JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import { listMergeSchema, type ListMergeSchema } from './list-merge-schema.ts'
import { mergeKeyedList, mergePlainList } from './strategic-patch-list.ts'
import { isObject } from './resource.ts'
import { scalarText } from './resource.ts'

/** Finds the merge rules of a kind; from the built-in table, or from the schema that a kustomization names under `openapi`. */
export type SchemaLookup = (apiVersion: string, kind: string) => ListMergeSchema | undefined

/**
 * Applies a strategic merge patch the way kustomize does, which differs from the API server: elements new to a list come first, nulls
 * in added maps vanish, unknown kinds replace lists, and `$patch` knows replace, delete and merge only.
 * Returns undefined when nothing is left of the object.
 */
export function applyStrategicPatch(object: JsonObject, patch: JsonObject, lookup: SchemaLookup = listMergeSchema): JsonObject | undefined {
  const result = merge(object, patch, { schema: undefined, lookup, path: '' })
  return isObject(result) ? result : undefined
}

export interface MergePlace { readonly schema: ListMergeSchema | undefined; readonly lookup: SchemaLookup; readonly path: string }

/** Merges two values; undefined stands for absent. The result undefined or null means: no such field. */
export function merge(dest: Json | undefined, patch: Json | undefined, place: MergePlace): Json | undefined {
  const sample = dest ?? patch
  if (sample === undefined || sample === null) {
    // An explicit null that the patch does not touch stays.
    return patch === undefined ? dest : undefined
  }
  const schema = place.schema ?? schemaOf(dest, place) ?? schemaOf(patch, place)
  const here = schema === place.schema ? place : { ...place, schema }
  if (Array.isArray(sample)) {
    checkKind(dest, patch, Array.isArray, 'SequenceNode', place.path)
    return mergeList(dest as Json[] | undefined, patch as Json[] | null | undefined, here)
  }
  if (isObject(sample)) {
    checkKind(dest, patch, isObject, 'MappingNode', place.path)
    return mergeMap(dest as JsonObject | null | undefined, patch as JsonObject | null | undefined, here)
  }
  checkKind(dest, patch, (value) => typeof value !== 'object', 'ScalarNode', place.path)
  if (patch === undefined) return dest
  return typeof dest === 'string' && typeof patch !== 'string' && patch !== null && wasQuoted(dest) ? String(patch) : patch
}

/** A patched scalar keeps the quotes of the old one, and with them becomes text: seen where the old text cannot stand without. */
function wasQuoted(text: string): boolean {
  return text === '' || resolvePlainScalar(text, 'kubernetes') !== undefined
}

function schemaOf(value: Json | undefined, place: MergePlace): ListMergeSchema | undefined {
  if (!isObject(value)) return undefined
  const { apiVersion, kind } = value
  return typeof apiVersion === 'string' && typeof kind === 'string' ? place.lookup(apiVersion, kind) : undefined
}

function checkKind(dest: Json | undefined, patch: Json | undefined, fits: (value: Json) => boolean, wanted: string, path: string): void {
  for (const value of [dest, patch]) {
    if (value === undefined || value === null || fits(value)) continue
    const found = Array.isArray(value) ? 'SequenceNode' : isObject(value) ? 'MappingNode' : 'ScalarNode'
    throw failure('PatchFailed', `wrong node kind: expected ${wanted} but was ${found}: node contents:\n${JSON.stringify(value)}`, path)
  }
}

const DIRECTIVE = '$patch'

function mergeMap(dest: JsonObject | null | undefined, patch: JsonObject | null | undefined, place: MergePlace): JsonObject | undefined {
  if (patch === null) return undefined
  const directive = patch === undefined ? 'merge' : directiveOf(patch)
  if (directive === 'delete') return undefined
  const changes = patch !== undefined && Object.hasOwn(patch, DIRECTIVE) ? without(patch, DIRECTIVE) : patch
  // Added and replaced maps are merged with themselves: that takes out nulls and directives below.
  const base = dest === undefined || dest === null || dest === patch || directive === 'replace' ? changes : dest
  if (base === undefined) return undefined
  let result: JsonObject | undefined
  for (const key of keysOf(base, changes)) {
    const before = Object.hasOwn(base, key) ? base[key] : undefined
    const after = merge(before, changes !== undefined && Object.hasOwn(changes, key) ? changes[key] : undefined, memberPlace(place, key))
    if (after === before && (after !== undefined || !Object.hasOwn(base, key))) continue
    result ??= { ...base }
    if (after === undefined || (after === null && before !== null)) delete result[key]
    else result[key] = after
  }
  return result ?? base
}

function keysOf(base: JsonObject, changes: JsonObject | undefined): string[] {
  const keys = Object.keys(base)
  if (changes !== undefined && changes !== base) for (const key of Object.keys(changes)) if (!Object.hasOwn(base, key)) keys.push(key)
  return keys
}

function memberPlace(place: MergePlace, key: string): MergePlace {
  const { schema } = place
  const fields = schema?.fields
  return { lookup: place.lookup, path: place.path === '' ? key : `${place.path}.${key}`, schema: fields !== undefined && Object.hasOwn(fields, key) ? fields[key] : (schema?.values ?? (schema === undefined ? undefined : NOTHING)) }
}

/** Below a known kind an unknown field has no rules; below an unknown one, an object with a kind of its own may have. */
const NOTHING: ListMergeSchema = {}

function directiveOf(map: JsonObject): 'delete' | 'replace' | 'merge' {
  const value = map[DIRECTIVE]
  if (value === undefined || value === null) return 'merge'
  const text = scalarText(value)
  if (text === 'delete' || text === 'replace' || text === 'merge') return text
  throw failure('PatchFailed', `unknown patch strategy '${text}'`)
}

function mergeList(dest: Json[] | null | undefined, patch: Json[] | null | undefined, place: MergePlace): Json[] | undefined {
  const keys = place.schema?.mergeKeys
  if (keys === undefined) return patch === undefined ? (dest ?? undefined) : (patch ?? undefined)
  if (patch === null) return undefined
  if (dest === null || dest === undefined) return patch === undefined ? undefined : fill(patch, patch, place)
  const at = patch === undefined ? -1 : patch.findIndex((item) => isObject(item) && Object.hasOwn(item, DIRECTIVE))
  const marker = at < 0 ? undefined : patch?.[at]
  if (patch === undefined || !isObject(marker) || Object.keys(marker).length > 1) return fill(dest, patch, place)
  const directive = directiveOf(marker)
  if (directive === 'delete') return undefined
  const rest = patch.filter((item) => !isObject(item) || item[DIRECTIVE] !== marker[DIRECTIVE])
  return directive === 'replace' ? fill(rest, rest, place) : fill(dest, rest, place)
}

function fill(dest: Json[], patch: Json[] | undefined, place: MergePlace): Json[] {
  const keys = place.schema?.mergeKeys ?? []
  return keys.length === 0 ? mergePlainList(dest, patch ?? []) : mergeKeyedList(dest, patch ?? [], { keys, place: { ...place, schema: place.schema?.items } })
}

function without(map: JsonObject, key: string): JsonObject {
  const { [key]: _, ...rest } = map
  return rest
}
