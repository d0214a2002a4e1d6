import type { Json, JsonObject } from '@idp/formats'
import { isObject } from './resource.ts'

/**
 * Members written without any value (`emptyDir:`) are null, but a strategic merge patch on their object removes them while it leaves
 * those written `null`. Until the output they are `undefined`; this is where the objects that have any are known from.
 */
const marked = new WeakSet<JsonObject>()

export function markEmpty(object: JsonObject): void {
  if (hasEmpty(object)) marked.add(object)
}

export function isMarkedEmpty(object: JsonObject): boolean {
  return marked.has(object)
}

function hasEmpty(value: Json): boolean {
  if (Array.isArray(value)) return value.some(hasEmpty)
  if (!isObject(value)) return false
  for (const key in value) {
    const member = value[key]
    if (member === undefined || (typeof member === 'object' && member !== null && hasEmpty(member))) return true
  }
  return false
}

/** The same value with null where a member is undefined. */
export function fillEmpty<T extends Json>(value: T): T {
  if (Array.isArray(value)) return value.map(fillEmpty) as T
  if (!isObject(value)) return value
  const out: JsonObject = {}
  for (const key of Object.keys(value)) out[key] = value[key] === undefined ? null : fillEmpty(value[key] as Json) // just checked
  return out as T
}
