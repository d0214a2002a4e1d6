import type { Json, JsonObject } from '@idp/formats'
import { compileSchema } from '../schema/compile-schema.ts'
import { checkPattern as checkRe2 } from '../schema/regular-expression.ts'
import type { Schema } from '../schema/schema.ts'
import { Checker, isObject, join } from './checker.ts'
import { notSupported } from './field-error.ts'

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string']
/** Parts of JSON Schema that Kubernetes does not allow. */
const unsupported = ['$ref', '$schema', 'additionalItems', 'definitions', 'dependencies', 'id', 'patternProperties']
/** Parts that may not stand below a logical junctor. */
const structuralOnly = ['type', 'additionalProperties', 'default', 'nullable', 'title', 'description']
const extensions = ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string'] as const
const known = new Set([
  ...unsupported, 'type', 'format', 'title', 'description', 'default', 'nullable', 'enum', 'properties', 'additionalProperties', 'items', 'required', 'allOf', 'anyOf', 'oneOf', 'not', 'minimum', 'maximum', 'exclusiveMinimum',
  'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength', 'pattern', 'minItems', 'maxItems', 'uniqueItems', 'minProperties', 'maxProperties', 'example', 'externalDocs', ...extensions,
  'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type', 'x-kubernetes-validations',
])

/** Parts of which nothing is asked but what the schema's `type` is. */
const ordinary = new Set([
  'type', 'format', 'title', 'description', 'nullable', 'enum', 'properties', 'items', 'required', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength', 'minItems', 'maxItems',
  'minProperties', 'maxProperties', 'example', 'externalDocs',
])

/** Where a schema stands: at the root, as a field, as a list's item, or below allOf, anyOf, oneOf, not. */
type Level = 'root' | 'field' | 'item' | 'junctor'

/** Checks that a CRD's schema is structural (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema). */
export function checkStructuralSchema(check: Checker, schema: Schema, path: string, level: Level = 'root'): void {
  if ((level === 'field' || level === 'item') && isOrdinary(schema)) {
    for (const name in schema.properties) checkStructuralSchema(check, schema.properties[name] ?? {}, `${path}.properties[${name}]`, 'field')
    if (schema.items) checkStructuralSchema(check, schema.items, `${path}.items`, 'item')
    return
  }
  const raw = schema as unknown as JsonObject
  for (const field of unsupported) if (raw[field] !== undefined) check.forbidden(join(path, field), `${field} is not supported`)
  if (schema.uniqueItems === true) check.forbidden(join(path, 'uniqueItems'), 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic')
  if (schema.additionalProperties === false) check.forbidden(join(path, 'additionalProperties'), 'additionalProperties cannot be set to false')
  checkPattern(check, schema, path)
  if (level === 'junctor') checkJunctor(check, schema, path)
  else checkStructure(check, schema, path, level)
  for (const [index, rule] of (schema['x-kubernetes-validations'] ?? []).entries()) if ((rule.rule ?? '').trim() === '') check.required(`${path}.x-kubernetes-validations[${index}].rule`, 'rule is not specified')
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) for (const [index, sub] of (schema[junctor] ?? []).entries()) checkStructuralSchema(check, sub, `${path}.${junctor}[${index}]`, 'junctor')
  if (schema.not) checkStructuralSchema(check, schema.not, `${path}.not`, 'junctor')
  const below: Level = level === 'junctor' ? 'junctor' : 'field'
  for (const name in schema.properties) checkStructuralSchema(check, schema.properties[name] ?? {}, `${path}.properties[${name}]`, below)
  if (typeof schema.additionalProperties === 'object') checkStructuralSchema(check, schema.additionalProperties, `${path}.additionalProperties`, below)
  if (schema.items) checkStructuralSchema(check, schema.items, `${path}.items`, level === 'junctor' ? 'junctor' : 'item')
}

/** A type and what belongs to it, as most schemas are: nothing there that a rule could object to. */
function isOrdinary(schema: Schema): boolean {
  for (const part in schema) if (!ordinary.has(part)) return false
  const { type } = schema
  return type !== undefined && types.includes(type) && (type !== 'array' || schema.items !== undefined)
}

function checkPattern(check: Checker, { pattern }: Schema, path: string): void {
  if (pattern === undefined) return
  try {
    checkRe2(pattern)
  } catch (error) {
    check.invalid(join(path, 'pattern'), pattern, `must be a valid regular expression, but isn't: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function checkStructure(check: Checker, schema: Schema, path: string, level: Level): void {
  const intOrString = schema['x-kubernetes-int-or-string'] === true
  const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true
  if (intOrString) {
    if (schema.type !== undefined && schema.type !== '') check.forbidden(join(path, 'type'), 'must be empty if x-kubernetes-int-or-string is true')
  } else if (schema.type === undefined || schema.type === '') {
    if (!preserve || level === 'root') check.required(join(path, 'type'), level === 'root' ? 'must not be empty at the root' : `must not be empty for specified ${level === 'item' ? 'array items' : 'object fields'}`)
  } else if (!types.includes(schema.type)) check.add(notSupported(join(path, 'type'), schema.type, types))
  else if (level === 'root' && schema.type !== 'object') check.invalid(join(path, 'type'), schema.type, 'must be object at the root')
  if (schema.type === 'array' && !schema.items) check.required(join(path, 'items'), 'must be specified')
  if (schema.properties && schema.additionalProperties !== undefined && schema.additionalProperties !== false) check.forbidden(join(path, 'additionalProperties'), 'additionalProperties and properties are mutual exclusive')
  if (preserve && schema.type !== undefined && schema.type !== 'object') check.invalid(join(path, 'type'), schema.type, 'must be object if x-kubernetes-preserve-unknown-fields is true')
  if (schema['x-kubernetes-embedded-resource'] === true) {
    if (schema.type !== 'object') check.invalid(join(path, 'type'), schema.type ?? '', 'must be object if x-kubernetes-embedded-resource is true')
    if (!preserve && Object.keys(schema.properties ?? {}).length === 0) check.required(join(path, 'properties'), 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields')
  }
  if (level === 'root') checkRootMetadata(check, schema, path)
  checkListType(check, schema, path)
  checkDefault(check, schema, path, level)
  checkMentioned(check, schema, schema, path)
}

function checkRootMetadata(check: Checker, schema: Schema, path: string): void {
  const meta = schema.properties?.metadata
  if (!meta) return
  const rest = Object.keys(meta).filter((key) => !['type', 'properties', 'description'].includes(key))
  const others = Object.keys(meta.properties ?? {}).filter((name) => name !== 'name' && name !== 'generateName')
  if (meta.type !== undefined && meta.type !== 'object') check.invalid(`${path}.properties[metadata].type`, meta.type, 'must be object')
  if (rest.length > 0 || others.length > 0) check.forbidden(`${path}.properties[metadata]`, 'must not specify anything other than name and generateName, but metadata is implicitly specified')
}

const scalars = new Set(['string', 'integer', 'number', 'boolean'])

function checkListType(check: Checker, schema: Schema, path: string): void {
  const listType = schema['x-kubernetes-list-type']
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  if (listType !== undefined && schema.type !== 'array') check.invalid(join(path, 'type'), schema.type ?? '', 'must be array if x-kubernetes-list-type is specified')
  if (listType !== undefined && !['atomic', 'set', 'map'].includes(listType)) check.add(notSupported(join(path, 'x-kubernetes-list-type'), listType, ['atomic', 'set', 'map']))
  const { items } = schema
  if (listType === 'map') {
    if (keys.length === 0) check.required(join(path, 'x-kubernetes-list-map-keys'), 'must not be empty if x-kubernetes-list-type is map')
    if (items && items.type !== 'object') check.invalid(`${path}.items.type`, items.type ?? '', "must be object if parent array's x-kubernetes-list-type is map")
    for (const [index, key] of keys.entries()) {
      const property = items?.properties?.[key]
      if (!property) check.invalid(`${path}.x-kubernetes-list-map-keys[${index}]`, key, 'entries must all be names of item properties')
      else if (!scalars.has(property.type ?? '')) check.invalid(`${path}.items.properties[${key}].type`, property.type ?? '', "must be a scalar type if parent array's x-kubernetes-list-type is map")
      else if (property.default === undefined && !items?.required?.includes(key)) check.required(`${path}.items.properties[${key}].default`, 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property')
    }
  } else if (keys.length > 0) check.forbidden(join(path, 'x-kubernetes-list-map-keys'), 'must be empty if x-kubernetes-list-type is not map')
  if (listType === 'set' && items?.nullable === true) check.forbidden(`${path}.items.nullable`, 'cannot be nullable when x-kubernetes-list-type is set')
  if (listType === 'set' && items?.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') check.invalid(`${path}.items.x-kubernetes-map-type`, items['x-kubernetes-map-type'] ?? null, 'must be atomic as item of a list with x-kubernetes-list-type=set')
}

function checkDefault(check: Checker, schema: Schema, path: string, level: Level): void {
  if (schema.default === undefined) return
  if (level === 'root') return check.forbidden(join(path, 'default'), 'must not be set at the root')
  if (schema.default === null && schema.nullable !== true) return check.invalid(join(path, 'default'), null, 'must not be null for a field that is not nullable')
  const compiled = compileSchema({ type: 'object', properties: { default: { ...schema, default: schema.default } } })
  const value = { default: structuredClone(schema.default) as Json }
  if (isObject(value.default) && compiled.prune(value).length > 0) check.invalid(join(path, 'default'), schema.default, 'must not have unknown fields')
  compiled.default(value)
  for (const error of compiled.validate(value)) check.add({ ...error, field: error.field === '<nil>' ? join(path, 'default') : join(path, error.field) })
}

function checkJunctor(check: Checker, schema: Schema, path: string): void {
  const raw = schema as unknown as JsonObject
  // The one pattern that int-or-string needs: anyOf integer, string.
  for (const field of structuralOnly) if (raw[field] !== undefined && !(field === 'type' && /\.anyOf\[\d\]$/.test(path) && (raw.type === 'integer' || raw.type === 'string'))) check.forbidden(join(path, field), 'must be empty to be structural')
  for (const field of extensions) if (schema[field] === true) check.forbidden(join(path, field), 'must be false to be structural')
  for (const field of ['x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type'] as const) if (schema[field] !== undefined) check.forbidden(join(path, field), 'must be undefined to be structural')
}

/** Every field that a junctor speaks of must be specified outside of it. */
function checkMentioned(check: Checker, schema: Schema, outside: Schema, path: string): void {
  for (const sub of [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.not ? [schema.not] : [])]) {
    for (const name in sub.properties) {
      if (outside.properties?.[name] === undefined && outside['x-kubernetes-preserve-unknown-fields'] !== true && typeof outside.additionalProperties !== 'object') check.required(`${path}.properties[${name}]`, 'because it is defined in a logical junctor')
    }
    if (sub.items && !outside.items) check.required(`${path}.items`, 'because it is defined in a logical junctor')
    checkMentioned(check, sub, outside, path)
  }
}

/** Fields of a schema that this engine does not know, by path; they have no effect. */
export function unknownSchemaFields(schema: Schema, path: string): string[] {
  const own = Object.keys(schema).filter((key) => !known.has(key)).map((key) => join(path, key))
  const nested: [Schema, string][] = Object.entries(schema.properties ?? {}).map(([name, child]) => [child, `${path}.properties[${name}]`])
  if (schema.items) nested.push([schema.items, `${path}.items`])
  if (typeof schema.additionalProperties === 'object') nested.push([schema.additionalProperties, `${path}.additionalProperties`])
  return [...own, ...nested.flatMap(([child, at]) => unknownSchemaFields(child, at))]
}
