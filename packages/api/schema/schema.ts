import type { Json, JsonObject } from '@idp/formats'

/** One rule of `x-kubernetes-validations`. */
export interface ValidationRule {
  rule: string
  message?: string
  messageExpression?: string
  reason?: string
  fieldPath?: string
  optionalOldSelf?: boolean
}

/**
 * A schema as Kubernetes knows it: OpenAPI v3.0 with the `x-kubernetes-` extensions. The same shape serves built-in kinds (whose schemas
 * refer to each other by `$ref`) and the structural schemas of CustomResourceDefinitions (which have no `$ref`).
 */
export interface Schema {
  $ref?: string
  type?: string
  format?: string
  title?: string
  description?: string
  default?: Json
  nullable?: boolean
  enum?: Json[]
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  items?: Schema
  required?: string[]
  allOf?: Schema[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  not?: Schema
  minimum?: number
  maximum?: number
  exclusiveMinimum?: boolean
  exclusiveMaximum?: boolean
  multipleOf?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  minItems?: number
  maxItems?: number
  uniqueItems?: boolean
  minProperties?: number
  maxProperties?: number
  example?: Json
  externalDocs?: JsonObject
  'x-kubernetes-preserve-unknown-fields'?: boolean
  'x-kubernetes-embedded-resource'?: boolean
  'x-kubernetes-int-or-string'?: boolean
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map'
  'x-kubernetes-list-map-keys'?: string[]
  'x-kubernetes-map-type'?: 'atomic' | 'granular'
  'x-kubernetes-patch-strategy'?: string
  'x-kubernetes-patch-merge-key'?: string
  'x-kubernetes-validations'?: ValidationRule[]
  'x-kubernetes-unions'?: JsonObject[]
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[]
}

/** Finds the schema a `$ref` names; `undefined` for a name it does not know. */
export type Resolve = (ref: string) => Schema | undefined

const prefix = '#/components/schemas/'

/** The definition's name out of a `$ref`. */
export function refName(ref: string): string {
  return ref.startsWith(prefix) ? ref.slice(prefix.length) : ref
}

/** The name a schema refers to, written either as `$ref` or as `allOf` with that alone (OpenAPI 3.0 needs it beside a `default`). */
export function refOf(schema: Schema): string | undefined {
  if (schema.$ref !== undefined) return refName(schema.$ref)
  const only = schema.allOf?.length === 1 ? schema.allOf[0]?.$ref : undefined
  return only === undefined ? undefined : refName(only)
}
