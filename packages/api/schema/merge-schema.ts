import { emptyMergeSchema, type MergeSchema } from '@idp/formats'
import { definition, definitionName, type Gvk } from './built-in.ts'
import { refOf, type Schema } from './schema.ts'

const byDefinition = new Map<string, MergeSchema>()

/** How strategic merge treats objects of a built-in kind; undefined for other kinds, which do not support strategic merge. */
export function mergeSchemaFor(gvk: Gvk): MergeSchema | undefined {
  const name = definitionName(gvk)
  return name === undefined ? undefined : ofDefinition(name)
}

function ofDefinition(name: string): MergeSchema {
  let found = byDefinition.get(name)
  if (!found) byDefinition.set(name, found = ofSchema(definition(name) ?? {}))
  return found
}

function ofSchema(schema: Schema): MergeSchema {
  const strategy = schema['x-kubernetes-patch-strategy']
  const mergeKey = schema['x-kubernetes-patch-merge-key']
  const below = shapeOf(schema)
  if (strategy === undefined && mergeKey === undefined) return below
  return {
    field: below.field, items: below.items, mergeKey,
    patchStrategy: strategy?.split(',') as NonNullable<MergeSchema['patchStrategy']> | undefined,
  }
}

function shapeOf(schema: Schema): MergeSchema {
  const ref = refOf(schema)
  if (ref !== undefined) return ofDefinition(ref)
  if (schema.items) return { field: () => undefined, items: ofSchema(schema.items) }
  if (typeof schema.additionalProperties === 'object') {
    const element = ofSchema(schema.additionalProperties)
    return { field: () => element }
  }
  const { properties } = schema
  if (!properties) return emptyMergeSchema
  const fields = new Map<string, MergeSchema>()
  return {
    field(name) {
      let field = fields.get(name)
      const child = Object.hasOwn(properties, name) ? properties[name] : undefined
      if (!field && child) fields.set(name, field = ofSchema(child))
      return field
    },
  }
}
