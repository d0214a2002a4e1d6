import { applyJsonPatch, applyStrategicMergePatch, cloneJson, emptyMergeSchema, parseYaml, type AnyObject, type Json, type JsonObject, type JsonPatchOperation, type MergeSchema } from '@idp/formats'
import { mergeSchemaFor, parseApiVersion } from '@idp/api'
import type { Mutation } from '../kinds/policy.ts'
import { matchPattern, readAnchor } from './match-pattern.ts'
import { substitute, type Scope } from './variables.ts'

/** The object after a rule's mutation; the same object when nothing changes. `self` is where `{{ @ }}` looks. Throws for patches that cannot be applied. */
export function mutateObject(mutation: Mutation, object: AnyObject, scope: Scope, self = 'request.object'): AnyObject {
  let result = object
  if (mutation.patchStrategicMerge !== undefined) {
    const patch = resolveAnchors(substitute(mutation.patchStrategicMerge, scope, { self }), object as unknown as Json)
    if (patch !== undefined) result = applyStrategicMergePatch(cloneJson(result as unknown as JsonObject), patch as JsonObject, schemaOf(object)) as unknown as AnyObject
  }
  if (mutation.patchesJson6902 !== undefined) {
    const operations = parseYaml(patchText(substitute(mutation.patchesJson6902, scope, { self }))) as unknown as JsonPatchOperation[]
    result = applyJsonPatch(cloneJson(result as unknown as JsonObject), operations.map((one) => fromTheEnd(one, result as unknown as Json)), { ensurePathOnAdd: true, allowMissingOnRemove: true }) as unknown as AnyObject
  }
  return result
}

/** `-1` in a path is the last element of a list; where there is no list yet, or at the end of an addition, it is the next. */
function fromTheEnd(operation: JsonPatchOperation, object: Json): JsonPatchOperation {
  if (!/\/-1(\/|$)/.test(operation.path)) return operation
  let at: Json | undefined = object
  const keys = operation.path.split('/').slice(1)
  const path = keys.map((key, index) => {
    const list: Json | undefined = at
    const last = index === keys.length - 1
    const resolved = key !== '-1' ? key : !Array.isArray(list) || list.length === 0 ? '0' : last && operation.op === 'add' ? '-' : String(list.length - 1)
    at = typeof list === 'object' && list !== null ? (list as JsonObject)[resolved.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined
    return resolved
  })
  return { ...operation, path: `/${path.join('/')}` }
}

/** A patch that is one variable has its value already. */
const patchText = (patch: Json): string => (typeof patch === 'string' ? patch : JSON.stringify(patch))

function schemaOf({ apiVersion, kind }: AnyObject): MergeSchema {
  return mergeSchemaFor({ ...parseApiVersion(apiVersion), kind }) ?? emptyMergeSchema
}

const isMap = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The patch without its anchors, as far as the object meets them; undefined where a condition does not hold, which keeps the whole patch away (in a list: the element). */
function resolveAnchors(patch: Json, value: Json | undefined): Json | undefined {
  if (Array.isArray(patch)) return resolveList(patch, Array.isArray(value) ? value : [])
  if (!isMap(patch)) return patch
  const own = isMap(value) ? value : {}
  for (const [key, sub] of Object.entries(patch)) {
    const anchor = readAnchor(key)
    if (anchor.kind !== 'condition' && anchor.kind !== 'global') continue
    if (own[anchor.key] === undefined || matchPattern(sub, own[anchor.key]).type !== 'pass') return undefined
  }
  const result: JsonObject = {}
  for (const [key, sub] of Object.entries(patch)) {
    const anchor = readAnchor(key)
    if (anchor.kind === 'condition' || anchor.kind === 'global') {
      const added = isMap(sub) ? resolveAnchors(additionsOf(sub), own[anchor.key]) : undefined
      if (added !== undefined && !isEmpty(added)) result[anchor.key] = added
      continue
    }
    if (anchor.kind === 'add' && own[anchor.key] !== undefined) continue
    const resolved = resolveAnchors(sub, own[anchor.key])
    if (resolved === undefined) return undefined
    // What held only conditions leaves nothing to merge.
    if (!isBare(resolved, sub)) result[anchor.key] = resolved
  }
  return result
}

/** Below a condition only `+(…)` changes anything. */
const additionsOf = (sub: JsonObject): JsonObject => Object.fromEntries(Object.entries(sub).filter(([key]) => readAnchor(key).kind === 'add'))

const isEmpty = (value: Json): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0
const isBare = (resolved: Json, given: Json): boolean => isEmpty(resolved) && !isEmpty(given)

function hasAnchors(value: Json): boolean {
  if (Array.isArray(value)) return value.some(hasAnchors)
  return isMap(value) && Object.entries(value).some(([key, sub]) => ['condition', 'global'].includes(readAnchor(key).kind) || hasAnchors(sub))
}

/** An element with anchors is meant for every element of the object that meets them. */
function resolveList(patch: readonly Json[], value: readonly Json[]): Json[] | undefined {
  const result: Json[] = []
  let unmet = false
  for (const item of patch) {
    if (!isMap(item)) {
      result.push(item)
      continue
    }
    if (!hasAnchors(item)) {
      const resolved = resolveAnchors(item, value.find((one) => isMap(one) && one['name'] !== undefined && one['name'] === item['name']))
      if (resolved !== undefined) result.push(resolved)
      continue
    }
    const met = value.flatMap((one) => {
      const resolved = resolveAnchors(item, one)
      return isMap(resolved) ? [{ resolved, one }] : []
    })
    if (met.length === 0 && Object.keys(item).some((key) => readAnchor(key).kind === 'global')) unmet = true
    for (const { resolved, one } of met) {
      if (isEmpty(resolved)) continue
      result.push(isMap(one) && one['name'] !== undefined ? { name: one['name'], ...resolved } : resolved)
    }
  }
  return unmet ? undefined : result
}
