import { isRecord } from '../json-value.ts'
import { type Schema } from '../schema/resolve-schema.ts'

/** How a value is owned: as a whole, by its fields, or by its items. */
export type Structure =
  | { readonly of: 'leaf' }
  | { readonly of: 'map' }
  | { readonly of: 'set' }
  | { readonly of: 'items'; readonly keys: readonly string[] }

const leaf: Structure = { of: 'leaf' }
const map: Structure = { of: 'map' }
const set: Structure = { of: 'set' }

/**
 * The structure of a value under a schema. Lists are atomic unless marked `set` or `map`; maps are granular unless marked atomic.
 * A value without schema is taken as it looks: maps granular, lists atomic. `null` and absent values take the structure of `other`.
 */
export function structureOf(schema: Schema | undefined, value: unknown, other?: unknown): Structure {
  const shape = value === undefined || value === null ? other : value
  if (Array.isArray(shape)) return listStructure(schema)
  if (!isRecord(shape)) return leaf
  return schema?.['x-kubernetes-map-type'] === 'atomic' || isOpaque(schema) ? leaf : map
}

/** Keys in the order that path elements have them. */
const keyed = new WeakMap<Schema, Structure>()

function listStructure(schema: Schema | undefined): Structure {
  switch (schema?.['x-kubernetes-list-type']) {
    case 'set': return set
    case 'map': {
      let structure = keyed.get(schema)
      if (structure === undefined) keyed.set(schema, (structure = { of: 'items', keys: [...schema['x-kubernetes-list-map-keys'] ?? []].sort() }))
      return structure
    }
    default: return leaf
  }
}

/** A built-in field that may hold anything (RawExtension, FieldsV1) is owned as a whole. */
function isOpaque(schema: Schema | undefined): boolean {
  return schema !== undefined && schema.type === undefined && schema.properties === undefined && schema.additionalProperties === undefined
    && schema['x-kubernetes-preserve-unknown-fields'] !== true && schema.description !== undefined
}

/** The path element of a list item; undefined for one that cannot be told apart (a key without value and default). */
export function itemElement(structure: Structure, schema: Schema | undefined, item: unknown, index: number): string {
  if (structure.of === 'set') return `v:${JSON.stringify(item)}`
  if (structure.of !== 'items' || !isRecord(item)) return `i:${index}`
  let text = ''
  for (const key of structure.keys) {
    const fallback = schema?.properties?.[key]?.default
    // A zero value that only upstream's types have is no default of a key.
    const value = item[key] ?? (fallback === '' || fallback === 0 ? undefined : fallback)
    if (value !== undefined && value !== null) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${JSON.stringify(value)}`
  }
  return text === '' ? `i:${index}` : `k:{${text}}`
}
