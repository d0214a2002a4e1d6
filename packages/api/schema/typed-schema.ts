import type { Json } from '@idp/formats'
import { definition, definitionName, type Gvk } from './built-in.ts'
import { refOf, type Resolve, type Schema } from './schema.ts'

/**
 * What server-side apply must know of a value: who owns it as a whole and what lies below
 * (https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy).
 */
export interface TypedSchema {
  /** `untyped`: deduced from the value; objects are granular maps of untyped, lists are atomic. */
  readonly kind: 'scalar' | 'map' | 'list' | 'untyped'
  /** Owned and replaced as a whole (also: scalars, and lists that are neither set nor map). */
  readonly atomic: boolean
  /** Lists only. */
  readonly listType?: 'atomic' | 'set' | 'map'
  /** Key fields of a map list. */
  readonly keys?: readonly string[]
  /** Defaults of key fields: an item without the field has this key. */
  readonly keyDefaults?: Readonly<Record<string, Json>>
  /** Element of a list. */
  readonly items?: TypedSchema
  /** Member of a map or struct; undefined when the schema does not know it. */
  field(name: string): TypedSchema | undefined
}

const none = () => undefined
const scalar: TypedSchema = { kind: 'scalar', atomic: true, field: none }
const untyped: TypedSchema = { kind: 'untyped', atomic: false, field: () => untyped }
const builtIn = new Map<string, TypedSchema>()

/** The typed schema of a built-in kind; undefined when it is not built in. */
export function typedSchemaFor(gvk: Gvk): TypedSchema | undefined {
  const name = definitionName(gvk)
  return name === undefined ? undefined : named(name, definition, builtIn)
}

/** The typed schema of any schema, for instance of a custom resource; apiVersion, kind and metadata are added where they are missing. */
export function typedSchemaOf(schema: Schema, resolve: Resolve = () => undefined): TypedSchema {
  const own = convert(schema, resolve, new Map())
  return { ...own, field: (name) => rootField(name) ?? own.field(name) }
}

function rootField(name: string): TypedSchema | undefined {
  if (name === 'metadata') return named('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta', definition, builtIn)
  return name === 'apiVersion' || name === 'kind' ? scalar : undefined
}

function named(name: string, resolve: Resolve, memo: Map<string, TypedSchema>): TypedSchema {
  let found = memo.get(name)
  if (!found) memo.set(name, found = convert(resolve(name) ?? {}, resolve, memo))
  return found
}

function convert(schema: Schema, resolve: Resolve, memo: Map<string, TypedSchema>): TypedSchema {
  const atomic = schema['x-kubernetes-map-type'] === 'atomic'
  const ref = refOf(schema)
  if (ref !== undefined) {
    const target = named(ref, resolve, memo)
    const own = schema['x-kubernetes-map-type']
    return own === undefined || target.kind !== 'map' ? target : { ...target, atomic }
  }
  if (schema['x-kubernetes-int-or-string'] === true || schema.oneOf?.every((one) => one.type !== undefined) === true) return scalar
  if (schema.items || schema.type === 'array') return convertList(schema, resolve, memo)
  if (typeof schema.additionalProperties === 'object' && !schema.properties) {
    const element = convert(schema.additionalProperties, resolve, memo)
    return { kind: 'map', atomic, field: () => element }
  }
  if (schema.properties) return convertStruct(schema, atomic, resolve, memo)
  if (schema.type === 'object' || schema.type === undefined) return atomic ? { kind: 'map', atomic, field: () => untyped } : untyped
  return scalar
}

function convertStruct(schema: Schema, atomic: boolean, resolve: Resolve, memo: Map<string, TypedSchema>): TypedSchema {
  const properties = schema.properties ?? {}
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true
  const fields = new Map<string, TypedSchema>()
  return {
    kind: 'map', atomic,
    field(name) {
      let field = fields.get(name)
      if (field) return field
      const child = Object.hasOwn(properties, name) ? properties[name] : undefined
      if (!child) return open ? untyped : undefined
      field = convert(child, resolve, memo)
      fields.set(name, field)
      return field
    },
  }
}

function convertList(schema: Schema, resolve: Resolve, memo: Map<string, TypedSchema>): TypedSchema {
  const listType = schema['x-kubernetes-list-type'] ?? 'atomic'
  const items = convert(schema.items ?? {}, resolve, memo)
  const base = { kind: 'list', atomic: listType === 'atomic', listType, items, field: none } as const
  if (listType !== 'map') return base
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const ref = schema.items && refOf(schema.items)
  const properties = (ref === undefined ? schema.items : resolve(ref))?.properties
  const keyDefaults: Record<string, Json> = {}
  for (const key of keys) {
    // A zero value that only the Go type has is no default of the key: a required key must be given.
    const value = properties?.[key]?.default
    if (value !== undefined && value !== '' && value !== 0) keyDefaults[key] = value
  }
  return { ...base, keys, keyDefaults }
}
