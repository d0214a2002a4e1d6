import type { Schema } from './schema.ts'

/** Whether any `x-kubernetes-validations` stands in a schema. */
export function hasRules(schema: Schema): boolean {
  if ((schema['x-kubernetes-validations']?.length ?? 0) > 0) return true
  if (schema.items && hasRules(schema.items)) return true
  if (typeof schema.additionalProperties === 'object' && hasRules(schema.additionalProperties)) return true
  for (const name in schema.properties) if (hasRules(schema.properties[name] ?? {})) return true
  return schema.allOf?.some(hasRules) ?? false
}
