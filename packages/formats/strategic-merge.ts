import { CodedError } from '@idp/kit'
import { cloneJson } from './clone-json.ts'
import { deepEqual } from './deep-equal.ts'
import type { Json, JsonObject } from './kube-object.ts'
import { setMember } from './set-member.ts'
import { orderLike } from './strategic-merge-order.ts'

/** What strategic merge must know of a field: `x-kubernetes-patch-strategy` and `x-kubernetes-patch-merge-key`, and what lies below. */
export interface MergeSchema {
  /** Schema of a member of this object; undefined when unknown (then objects merge and lists are replaced). */
  field(name: string): MergeSchema | undefined
  /** Schema of the elements when this is a list. */
  readonly items?: MergeSchema | undefined
  /** Default: objects merge, lists are replaced. */
  readonly patchStrategy?: readonly ('merge' | 'replace' | 'retainKeys')[] | undefined
  /** The member that identifies an element of a merged list of objects. */
  readonly mergeKey?: string | undefined
}

/** A schema that knows nothing: objects merge, lists are replaced. */
export const emptyMergeSchema: MergeSchema = { field: () => undefined }

/**
 * Applies a Kubernetes strategic merge patch with all its directives: `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/…`,
 * `$setElementOrder/…`. Nulls delete; those that match nothing are dropped. Neither input is changed.
 * @throws CodedError `InvalidPatch` for an unknown or malformed directive or an element without its merge key.
 */
export function applyStrategicMergePatch(original: JsonObject, patch: JsonObject, schema: MergeSchema = emptyMergeSchema): JsonObject {
  return mergeMap(cloneJson(original), patch, schema)
}

const PATCH = '$patch'
const RETAIN = '$retainKeys'
const DELETE_PREFIX = '$deleteFromPrimitiveList/'
const ORDER_PREFIX = '$setElementOrder/'

function mergeMap(original: JsonObject, patch: JsonObject, schema: MergeSchema | undefined): JsonObject {
  const directive = patch[PATCH]
  if (directive !== undefined) {
    if (directive === 'replace') return withoutMember(patch, PATCH)
    if (directive === 'delete') return {}
    if (directive !== 'merge') throw invalid(`unknown patch type ${JSON.stringify(directive)} found in map`)
  }
  retainKeys(original, patch)
  for (const key of Object.keys(patch)) {
    if (key === PATCH || key === RETAIN) continue
    if (key.startsWith(ORDER_PREFIX)) {
      mergeOrdered(original, patch, key, schema)
      continue
    }
    const deleting = key.startsWith(DELETE_PREFIX)
    const name = deleting ? key.slice(DELETE_PREFIX.length) : key
    // Lists with an order are merged where the order is met.
    if (Object.hasOwn(patch, ORDER_PREFIX + name)) continue
    mergeMember(original, name, patch[key] ?? null, { schema: schema?.field(name), deleting })
  }
  return original
}

interface Member { readonly schema: MergeSchema | undefined; readonly deleting: boolean }

function mergeMember(original: JsonObject, name: string, value: Json, { schema, deleting }: Member): void {
  if (value === null && !deleting) {
    delete original[name]
    return
  }
  const present = Object.hasOwn(original, name)
  const current = present ? original[name] : undefined
  if (!present || kindOf(current) !== kindOf(value)) {
    const added = deleting ? undefined : withoutDirectives(withoutNulls(cloneJson(value)))
    if (added !== undefined) setMember(original, name, added)
    else if (!deleting) delete original[name]
    return
  }
  if (isObject(current) && isObject(value)) {
    setMember(original, name, has(schema, 'replace') ? withoutMember(value, PATCH) : mergeMap(current, value, schema))
  } else if (Array.isArray(current) && Array.isArray(value)) {
    setMember(original, name, has(schema, 'merge') || deleting ? mergeList(current, value, schema, deleting) : cloneJson(value))
  } else setMember(original, name, value)
}

const has = (schema: MergeSchema | undefined, strategy: 'merge' | 'replace'): boolean => schema?.patchStrategy?.includes(strategy) ?? false

function retainKeys(original: JsonObject, patch: JsonObject): void {
  if (!Object.hasOwn(patch, RETAIN)) return
  const keys = patch[RETAIN]
  if (!Array.isArray(keys)) throw invalid('invalid patch format of $retainKeys: a list of field names is wanted')
  const kept = new Set(keys)
  for (const key of Object.keys(patch)) {
    if (!key.startsWith('$') && patch[key] !== null && !kept.has(key)) throw invalid(`${JSON.stringify(key)} is in the patch but not in $retainKeys`)
  }
  for (const key of Object.keys(original)) if (!kept.has(key)) delete original[key]
}

/** `$setElementOrder/name` with its optional partners `name` and `$deleteFromPrimitiveList/name`. */
function mergeOrdered(original: JsonObject, patch: JsonObject, key: string, parent: MergeSchema | undefined): void {
  const name = key.slice(ORDER_PREFIX.length)
  const order = patch[key]
  const changes = patch[name]
  const removed = patch[DELETE_PREFIX + name]
  if (!Array.isArray(order)) throw invalid(`${key} must be a list`)
  if (changes === null) { delete original[name]; return }
  if (changes !== undefined && !Array.isArray(changes)) throw invalid(`${name} must be a list where ${key} is given`)
  const schema = parent?.field(name)
  const before = original[name]
  if (before !== undefined && before !== null && !Array.isArray(before)) throw invalid(`${name} is not a list`)
  let merged = Array.isArray(before) ? before : []
  let serverOrder = [...merged]
  if (Array.isArray(removed)) merged = mergeList(merged, removed, schema, true)
  if (changes !== undefined) {
    checkOrder(changes, order, schema?.mergeKey, name)
    serverOrder = orderAfterMerge(merged, changes, schema?.mergeKey)
    merged = Array.isArray(before) ? mergeList(merged, changes, schema, false) : (withoutDirectives(cloneJson(changes)) as Json[])
  }
  if (before === undefined && merged.length === 0) return
  setMember(original, name, orderLike(merged, { patchOrder: order, serverOrder, mergeKey: schema?.mergeKey }))
}

/**
 * The order that the server's elements count as having: upstream takes deleted elements out of the list it compares with and puts
 * added ones in their room, as far as there is any.
 */
function orderAfterMerge(list: readonly Json[], changes: readonly Json[], mergeKey: string | undefined): Json[] {
  if (mergeKey === undefined) return [...list]
  const has = (items: readonly Json[], item: Json): boolean => items.some((other) => sameElement(other, item, mergeKey))
  const deleted = changes.filter((item) => isObject(item) && item[PATCH] === 'delete')
  const kept = list.filter((item) => !has(deleted, item))
  const added = changes.filter((item) => isObject(item) && item[PATCH] === undefined && !has(kept, item))
  return [...kept, ...added, ...list.slice(kept.length + added.length)].slice(0, list.length)
}

function checkOrder(changes: readonly Json[], order: readonly Json[], mergeKey: string | undefined, name: string): void {
  if (order.length === 0) return
  let at = 0
  for (const item of changes) {
    if (isObject(item) && Object.hasOwn(item, PATCH)) continue
    const found = order.findIndex((other, i) => i >= at && sameElement(item, other, mergeKey))
    if (found < 0) throw invalid(`the order in patch list doesn't match $setElementOrder list for field ${JSON.stringify(name)}`)
    at = found + 1
  }
}

function sameElement(a: Json, b: Json, mergeKey: string | undefined): boolean {
  if (mergeKey !== undefined && isObject(a) && isObject(b)) return deepEqual(a[mergeKey], b[mergeKey])
  return deepEqual(a, b)
}

function mergeList(original: Json[], patch: readonly Json[], schema: MergeSchema | undefined, deleting: boolean): Json[] {
  if (original.length === 0 && patch.length === 0) return original
  const sample = original[0] ?? patch[0]
  if (!isObject(sample)) {
    if ([...original, ...patch].some((item) => typeof item === 'object' && item !== null)) throw invalid('a list mixes scalars with objects or lists')
    if (deleting) return original.filter((item) => !patch.includes(item))
    const merged = [...new Set([...original, ...patch])]
    return orderLike(merged, { patchOrder: patch, serverOrder: original, mergeKey: undefined })
  }
  const mergeKey = schema?.mergeKey
  if (mergeKey === undefined) throw invalid('cannot merge lists without merge key')
  return mergeObjects([...original], patch, mergeKey, schema?.items)
}

function mergeObjects(original: Json[], patch: readonly Json[], mergeKey: string, items: MergeSchema | undefined): Json[] {
  const serverOrder = [...original]
  const plain: JsonObject[] = []
  let replacing = false
  for (const item of patch) {
    if (!isObject(item)) throw invalid('a list mixes objects with other values')
    const directive = item[PATCH]
    if (directive === undefined) plain.push(item)
    else if (directive === 'replace') replacing = true
    else if (directive === 'delete') original = original.filter((other) => !isObject(other) || !deepEqual(other[mergeKey], keyOf(item, mergeKey)))
    else if (directive === 'merge') throw invalid('merging patch type is not yet supported in a list')
    else throw invalid(`unknown patch type ${JSON.stringify(directive)} found in list`)
  }
  if (replacing) return cloneJson(plain)
  for (const item of plain) {
    const key = keyOf(item, mergeKey)
    const at = original.findIndex((other) => isObject(other) && deepEqual(other[mergeKey], key))
    const found = original[at]
    if (isObject(found)) original[at] = mergeMap(found, item, items)
    else original.push(withoutDirectives(withoutNulls(cloneJson(item))) ?? {})
  }
  return orderLike(original, { patchOrder: plain, serverOrder, mergeKey })
}

function keyOf(item: JsonObject, mergeKey: string): Json {
  const key = item[mergeKey]
  if (key === undefined) throw invalid(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`)
  return key
}

/** Nulls of a patch that met nothing to delete; those that are elements of lists stay. */
function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) value.forEach(withoutNulls)
  if (!isObject(value)) return value
  for (const key of Object.keys(value)) {
    if (value[key] === null) delete value[key]
    else withoutNulls(value[key] ?? null)
  }
  return value
}

/** Directives of a patch that met nothing: objects with `$patch` go whole. */
function withoutDirectives(value: Json): Json | undefined {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined)
  if (!isObject(value)) return value
  if (Object.hasOwn(value, PATCH)) return undefined
  for (const key of Object.keys(value)) {
    const kept = withoutDirectives(value[key] ?? null)
    if (kept === undefined) delete value[key]
    else setMember(value, key, kept)
  }
  return value
}

function withoutMember(object: JsonObject, name: string): JsonObject {
  const copy = cloneJson(object)
  delete copy[name]
  return copy
}

function kindOf(value: Json | undefined): string {
  return Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(message: string): CodedError {
  return new CodedError({ code: 'InvalidPatch', message })
}
