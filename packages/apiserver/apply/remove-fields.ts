import { isRecord } from '../json-value.ts'
import { fieldSchema, itemSchema, type Schema } from '../schema/resolve-schema.ts'
import { isEmpty, type FieldSet } from './field-set.ts'
import { itemElement, structureOf } from './merge-structure.ts'

/** The value without the fields and items of `remove`; undefined when nothing of it is left. */
export function removeFields(value: unknown, remove: FieldSet, schema: Schema | undefined): unknown {
  const structure = structureOf(schema, value)
  if (structure.of === 'map' && isRecord(value)) return removeFromMap(value, remove, schema)
  if (structure.of !== 'leaf' && Array.isArray(value)) {
    const items = itemSchema(schema)
    const left = value.flatMap((item: unknown, i) => {
      const element = itemElement(structure, items, item, i)
      if (remove.members.has(element)) return []
      const rest = below(item, remove.children.get(element), items)
      return rest === undefined ? [] : [rest]
    })
    return left.length === 0 ? undefined : left
  }
  return structure.of === 'leaf' && (Array.isArray(value) || isRecord(value)) ? undefined : value
}

function removeFromMap(value: Record<string, unknown>, remove: FieldSet, schema: Schema | undefined): unknown {
  const out: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) {
    const element = `f:${name}`
    if (remove.members.has(element)) continue
    const rest = below(field, remove.children.get(element), fieldSchema(schema, name))
    if (rest !== undefined) out[name] = rest
  }
  return Object.keys(out).length === 0 ? undefined : out
}

function below(value: unknown, remove: FieldSet | undefined, schema: Schema | undefined): unknown {
  return remove === undefined || isEmpty(remove) ? value : removeFields(value, remove, schema)
}
