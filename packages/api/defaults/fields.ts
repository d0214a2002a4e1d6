import type { Json, JsonObject } from '@idp/formats'
import { isObject } from '../schema/value-type.ts'

/** Sets a field that is absent. */
export function fill(object: JsonObject, name: string, value: Json): void {
  if (object[name] === undefined) object[name] = value
}

/** The object at `name`, made empty when absent. */
export function ensure(object: JsonObject, name: string): JsonObject {
  const value = object[name]
  if (isObject(value)) return value
  const made: JsonObject = {}
  object[name] = made
  return made
}

/** The object at the end of a path of names; undefined when any part is absent. */
export function child(object: JsonObject | undefined, ...path: string[]): JsonObject | undefined {
  let at: Json | undefined = object
  for (const name of path) at = isObject(at) ? at[name] : undefined
  return isObject(at) ? at : undefined
}

/** The objects of a list; empty when the list is absent. */
export function items(object: JsonObject | undefined, name: string): JsonObject[] {
  const list = object?.[name]
  return Array.isArray(list) ? list.filter(isObject) : []
}
