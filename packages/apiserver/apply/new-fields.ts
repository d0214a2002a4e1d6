import type { JsonObject } from '@idp/formats'
import { isRecord } from '../json-value.ts'
import { fieldSchema, itemSchema, type Schema } from '../schema/resolve-schema.ts'
import { presumedValue } from './compare-objects.ts'
import { fieldElement, inOrder, memberOf } from './field-set.ts'
import { itemElement, structureOf } from './merge-structure.ts'

/** Paths to leave out, as nested names: `true` a field with all below it. */
export interface Ignored { readonly [element: string]: true | Ignored }

/** Something a comparison with nothing cannot answer alone. */
const odd = Symbol('odd')

/** What stands where a new value comes: nothing, or what the kind's type has there although nobody wrote it. */
type Before = undefined | null | Readonly<Record<string, never>>

/**
 * FieldsV1 of what a creator owns: the same as comparing the new object with one that has only apiVersion, kind and empty metadata,
 * in one pass. Undefined for an object whose types do not fit its schema; there the comparison must be made.
 */
export function newFields(object: JsonObject, schema: Schema | undefined, ignored: Ignored): JsonObject | undefined {
  const out: JsonObject = {}
  for (const name of Object.keys(object).sort()) {
    const element = fieldElement(name)
    const skip = ignored[element]
    if (skip === true) continue
    const below = fieldSchema(schema, name)
    const before = name === 'metadata' ? {} : presumedValue(name, below, schema)
    const fields = added(before, object[name], below, skip)
    if (fields === odd) return undefined
    if (fields !== undefined) out[element] = fields
  }
  return out
}

/** FieldsV1 below one value, `{}` for the value itself alone; undefined when nothing of it is new. */
function added(before: Before, after: unknown, schema: Schema | undefined, ignored: Ignored | undefined): JsonObject | undefined | typeof odd {
  if (after === undefined) return odd
  const { of } = structureOf(schema, before, after)
  if (of !== structureOf(schema, after, before).of) return odd
  if (of === 'leaf') return before === undefined || !isEqualPresumed(before, after) ? {} : undefined
  if (isEmptyOrNull(after)) return before === undefined || !isEqualPresumed(before, after) ? {} : undefined
  const below = of === 'map' ? addedInMap(before, after, schema, ignored) : addedInList(after, schema)
  if (below === odd) return odd
  return memberOf(before === undefined, below)
}

function addedInMap(before: Before, after: unknown, schema: Schema | undefined, ignored: Ignored | undefined): JsonObject | typeof odd {
  const out: JsonObject = {}
  if (!isRecord(after)) return odd
  for (const name of Object.keys(after).sort()) {
    const element = fieldElement(name)
    const skip = ignored?.[element]
    if (skip === true) continue
    const below = fieldSchema(schema, name)
    const fields = added(before === undefined || before === null ? undefined : presumedValue(name, below, schema), after[name], below, skip)
    if (fields === odd) return odd
    if (fields !== undefined) out[element] = fields
  }
  return out
}

function addedInList(after: unknown, schema: Schema | undefined): JsonObject | typeof odd {
  if (!Array.isArray(after)) return odd
  const structure = structureOf(schema, after)
  const items = itemSchema(schema)
  const found = new Map<string, JsonObject>()
  for (let i = 0; i < after.length; i++) {
    const element = itemElement(structure, items, after[i], i)
    // Items that cannot be told apart are owned as one.
    const fields = found.has(element) ? {} : added(undefined, after[i], items, undefined)
    if (fields === odd) return odd
    found.set(element, fields ?? {})
  }
  return inOrder(found)
}

function isEmptyOrNull(value: unknown): boolean {
  if (value === null) return true
  if (Array.isArray(value)) return value.length === 0
  if (!isRecord(value)) return false
  for (const _ in value) return false
  return true
}

/** Presumed values are null and `{}`. */
function isEqualPresumed(before: Before, after: unknown): boolean {
  return before === null ? after === null : isRecord(after) && isEmptyOrNull(after)
}
