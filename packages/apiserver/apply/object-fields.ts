import type { JsonObject } from '@idp/formats'
import { isRecord } from '../json-value.ts'
import { fieldSchema, itemSchema, type Schema } from '../schema/resolve-schema.ts'
import { childOf, emptySet, fieldElement, inOrder, memberOf, type FieldSet } from './field-set.ts'
import { itemElement, structureOf, type Structure } from './merge-structure.ts'
import type { Ignored } from './new-fields.ts'

/** The paths an object sets: what an applier owns by sending it. */
export function fieldsOf(value: unknown, schema: Schema | undefined): FieldSet {
  const set = emptySet()
  collect(value, schema, set)
  return set
}

/** `fieldsOf` as FieldsV1 in one pass, without what is ignored; metadata as a whole is nobody's either. */
export function wireFieldsOf(value: unknown, schema: Schema | undefined, ignored: Ignored): JsonObject {
  return (isRecord(value) ? wireOfMap(value, schema, ignored, 'root', false) : undefined) ?? {}
}

/** FieldsV1 of a map that is or is not a member itself; undefined for nothing. */
function wireOfMap(value: Readonly<Record<string, unknown>>, schema: Schema | undefined, ignored: Ignored | undefined, place: 'root' | 'below', isMember: boolean): JsonObject | undefined {
  const out: JsonObject = isMember ? { '.': {} } : {}
  let isAlone = true
  for (const name of Object.keys(value).sort()) {
    const field = value[name]
    const element = fieldElement(name)
    const skip = ignored?.[element]
    if (field === undefined || skip === true) continue
    const below = fieldSchema(schema, name)
    const structure = structureOf(below, field)
    const ownsItself = (structure.of === 'leaf' || field === null || schema?.properties?.[name] === undefined || isEmptyMap(field)) && !(place === 'root' && name === 'metadata')
    const fields = wireOf(field, structure, below, skip, ownsItself)
    if (fields === undefined) continue
    out[element] = fields
    isAlone = false
  }
  if (!isAlone) return out
  return isMember ? {} : undefined
}

function wireOf(value: unknown, structure: Structure, schema: Schema | undefined, ignored: Ignored | undefined, isMember: boolean): JsonObject | undefined {
  if (structure.of === 'map' && isRecord(value)) return wireOfMap(value, schema, ignored, 'below', isMember)
  return structure.of !== 'leaf' && Array.isArray(value) ? memberOf(isMember, wireOfList(value, structure, itemSchema(schema))) : isMember ? {} : undefined
}

function wireOfList(list: readonly unknown[], structure: Structure, items: Schema | undefined): JsonObject {
  const found = new Map<string, JsonObject>()
  for (let i = 0; i < list.length; i++) {
    const element = itemElement(structure, items, list[i], i)
    // Items that cannot be told apart are owned as one, not field by field.
    found.set(element, (found.has(element) ? undefined : wireOf(list[i], structureOf(items, list[i]), items, undefined, true)) ?? {})
  }
  return inOrder(found)
}

function isEmptyMap(value: unknown): boolean {
  if (!isRecord(value)) return false
  for (const _ in value) return false
  return true
}

function collect(value: unknown, schema: Schema | undefined, into: FieldSet): void {
  const structure = structureOf(schema, value)
  if (structure.of === 'map' && isRecord(value)) {
    for (const [name, field] of Object.entries(value)) if (field !== undefined) collectField(name, field, schema, into)
  } else if (structure.of !== 'leaf' && Array.isArray(value)) {
    const items = itemSchema(schema)
    const elements = value.map((item: unknown, i) => itemElement(structure, items, item, i))
    const duplicates = new Set(elements.filter((element, i) => elements.indexOf(element) !== i))
    elements.forEach((element, i) => {
      into.members.add(element)
      // Items that cannot be told apart are owned as one, not field by field.
      if (!duplicates.has(element)) descend(value[i], items, element, into)
    })
  }
}

/** A field owns itself when it is a leaf, empty, or a key of a map (rather than a named field of a struct). */
function collectField(name: string, field: unknown, schema: Schema | undefined, into: FieldSet): void {
  const below = fieldSchema(schema, name)
  const element = `f:${name}`
  const isEmptyMap = isRecord(field) && Object.keys(field).length === 0
  const named = schema?.properties?.[name] !== undefined
  const isLeaf = structureOf(below, field).of === 'leaf'
  if (isLeaf || isEmptyMap || field === null || !named) into.members.add(element)
  descend(field, below, element, into)
}

function descend(value: unknown, schema: Schema | undefined, element: string, into: FieldSet): void {
  if (structureOf(schema, value).of === 'leaf') return
  const before = into.children.has(element)
  const child = childOf(into, element)
  collect(value, schema, child)
  if (!before && child.members.size === 0 && child.children.size === 0) into.children.delete(element)
}

/** `set` with every struct field that has members below it as a member itself. */
export function withNamedFields(set: FieldSet, schema: Schema | undefined): FieldSet {
  const out: FieldSet = { members: new Set(set.members), children: new Map() }
  for (const [element, child] of set.children) {
    const name = element.startsWith('f:') ? element.slice(2) : undefined
    if (name !== undefined && schema?.properties?.[name] !== undefined) out.members.add(element)
    out.children.set(element, withNamedFields(child, name === undefined ? itemSchema(schema) : fieldSchema(schema, name)))
  }
  return out
}
