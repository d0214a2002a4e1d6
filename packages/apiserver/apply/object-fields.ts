import { isRecord } from '../json-value.ts'
import { fieldSchema, itemSchema, type Schema } from '../schema/resolve-schema.ts'
import { childOf, emptySet, type FieldSet } from './field-set.ts'
import { itemElement, structureOf } from './merge-structure.ts'

/** The paths an object sets: what an applier owns by sending it. */
export function fieldsOf(value: unknown, schema: Schema | undefined): FieldSet {
  const set = emptySet()
  collect(value, schema, set)
  return set
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
