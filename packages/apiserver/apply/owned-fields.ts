import type { JsonObject } from '@idp/formats'
import { isRecord } from '../json-value.ts'
import { fromFieldsV1, toFieldsV1, type FieldSet } from './field-set.ts'
import type { Ignored } from './new-fields.ts'

/** The fields that somebody owns: as a set for set algebra and as FieldsV1 for the wire. Each form is made from the other when first asked for. */
export interface OwnedFields {
  readonly set: FieldSet
  /** FieldsV1 in wire order. Shared: never change it. */
  readonly wire: JsonObject
}

/** Parsed fields of stored objects, which are shared by all that read the same revision. */
const read = new WeakMap<JsonObject, OwnedFields>()

/** Fields out of FieldsV1 that this server wrote. */
export function ownedOfWire(wire: JsonObject): OwnedFields {
  let owned = read.get(wire)
  if (owned === undefined) {
    let set: FieldSet | undefined
    read.set(wire, (owned = { wire, get set() { return (set ??= fromFieldsV1(wire)) } }))
  }
  return owned
}

export function ownedOfSet(set: FieldSet): OwnedFields {
  let wire: JsonObject | undefined
  return { set, get wire() { return (wire ??= toFieldsV1(set)) } }
}

/** Whether FieldsV1 names no path. */
export function isEmptyWire(wire: JsonObject): boolean {
  for (const element in wire) if (element !== '.') return false
  return true
}

/** Whether one of the paths of `set` is among those of `wire`: what a writer changed against what somebody owns, without parsing all of that. */
export function overlaps(wire: JsonObject, set: FieldSet): boolean {
  for (const element of set.members) if (isMember(wire, element)) return true
  for (const [element, child] of set.children) {
    const below = wire[element]
    if (isRecord(below) && overlaps(below as JsonObject, child)) return true
  }
  return false
}

/** Whether all paths of `set` are among those of `wire`. */
export function includesAll(wire: JsonObject, set: FieldSet): boolean {
  for (const element of set.members) if (!isMember(wire, element)) return false
  for (const [element, child] of set.children) {
    const below = wire[element]
    if (!includesAll(isRecord(below) ? below as JsonObject : {}, child)) return false
  }
  return true
}

/** Whether FieldsV1 has anything at or below the ignored paths. */
export function reaches(wire: JsonObject, ignored: Ignored): boolean {
  for (const element in ignored) {
    const below = wire[element]
    const more = ignored[element]
    if (below !== undefined && (more === true || (more !== undefined && isRecord(below) && reaches(below as JsonObject, more)))) return true
  }
  return false
}

function isMember(wire: JsonObject, element: string): boolean {
  const below = wire[element]
  if (below === undefined || element === '.') return false
  if (!isRecord(below) || '.' in below) return true
  for (const _ in below) return false
  return true
}
