import { definition, refOf, type Schema } from '@idp/api'

export type { Schema } from '@idp/api'

const resolved = new WeakMap<Schema, Schema>()

/** Follows the reference of a built-in schema; markers beside the reference stay. Schemas without one are returned as they are. */
export function resolveSchema(schema: Schema | undefined): Schema | undefined {
  if (schema === undefined || (schema.$ref === undefined && schema.allOf === undefined)) return schema
  const known = resolved.get(schema)
  if (known !== undefined) return known
  const name = refOf(schema)
  if (name === undefined) return schema
  const { $ref: _ref, allOf: _allOf, ...beside } = schema
  const target = { ...definition(name), ...beside }
  resolved.set(schema, target)
  return target
}

/** The resolved schema of a field, whether named or under additionalProperties. */
export function fieldSchema(schema: Schema | undefined, name: string): Schema | undefined {
  const named = schema?.properties?.[name]
  if (named !== undefined) return resolveSchema(named)
  const rest = schema?.additionalProperties
  return typeof rest === 'object' ? resolveSchema(rest) : undefined
}

/** The resolved schema of a list's items. */
export function itemSchema(schema: Schema | undefined): Schema | undefined {
  return resolveSchema(schema?.items)
}
