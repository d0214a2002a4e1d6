import { cloneJson } from './clone-json.ts'
import { deepEqual } from './deep-equal.ts'
import type { Json, JsonObject } from './kube-object.ts'
import { setMember } from './set-member.ts'

/** Applies a JSON merge patch (RFC 7386). Returns a new value that shares the untouched parts with `target`. */
export function applyMergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch
  const result: JsonObject = isObject(target) ? { ...target } : {}
  for (const key of Object.keys(patch)) {
    const value = patch[key] ?? null
    if (value === null) delete result[key]
    else setMember(result, key, applyMergePatch(Object.hasOwn(result, key) ? (result[key] ?? null) : null, value))
  }
  return result
}

/** The merge patch that turns `from` into `to`. Nulls inside `to` cannot be expressed (RFC 7386 §1) and come out as removals. */
export function createMergePatch(from: JsonObject, to: JsonObject): JsonObject {
  const patch: JsonObject = {}
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) setMember(patch, key, null)
  for (const key of Object.keys(to)) {
    const before = Object.hasOwn(from, key) ? from[key] : undefined
    const after = to[key] ?? null
    if (deepEqual(before, after)) continue
    if (isObject(before) && isObject(after)) setMember(patch, key, createMergePatch(before, after))
    else setMember(patch, key, cloneJson(after))
  }
  return patch
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
