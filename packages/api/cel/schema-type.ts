import {
  boolType, bytesType, type CelField, type CelType, CelMap, type CelValue, durationType, doubleType, dynType, intType, isMap, listType, makeDouble, mapEntries, mapType, objectType, parseDuration, parseTimestamp, stringType, timestampType,
  UnorderedList,
} from '@idp/lang-cel'
import { definition } from '../schema/built-in.ts'
import { refOf, type Schema } from '../schema/schema.ts'
import { canonicalJson } from '../schema/value-type.ts'
import type { Json } from '@idp/formats'
import { celPropertyName } from './property-name.ts'

/** The largest request, which bounds what a schema leaves open. */
export const maxRequestBytes = 3 * 1024 * 1024

/** How expressions see a value of a schema. */
export interface SchemaType {
  readonly type: CelType
  /** Makes of JSON what the type says; absent where JSON is it already. */
  readonly convert?: (json: CelValue) => CelValue
  /** Fewest bytes that such a value takes in a request. */
  readonly minBytes: number
  /** Most elements, characters or bytes of a value. */
  readonly maxElements?: number
  readonly item?: SchemaType
  readonly field?: (name: string) => SchemaType | undefined
}

const text: Schema = { type: 'string' }
const objectMeta: Schema = { type: 'object', properties: { name: text, generateName: text } }

/** The schema of a whole object: kind, version and name are there even when the schema is silent about them. */
export function withObjectMeta(schema: Schema): Schema {
  const known = schema.properties ?? {}
  if (known['kind']?.type === 'string' && known['apiVersion']?.type === 'string' && known['metadata']?.properties?.['name']?.type === 'string' && known['metadata'].properties['generateName']?.type === 'string') return schema
  return { ...schema, properties: { ...known, kind: text, apiVersion: text, metadata: objectMeta } }
}

/** The type that expressions see; undefined for a value they cannot see. `path` names the object types in it. */
export function schemaType(given: Schema, path: string, isResource: boolean): SchemaType | undefined {
  const ref = refOf(given)
  const schema = ref === undefined ? given : definition(ref) ?? given
  if (schema['x-kubernetes-int-or-string'] === true) return { type: dynType, minBytes: 1, maxElements: schema.maxLength === undefined ? maxRequestBytes - 2 : longest(schema.maxLength) }
  switch (schema.type) {
    case 'array': return arrayType(schema, path)
    case 'object': return typeof schema.additionalProperties === 'object' ? openMapType(schema, schema.additionalProperties, path) : closedObjectType(isResource ? withObjectMeta(schema) : schema, path)
    case 'string': return textType(schema)
    case 'boolean': return { type: boolType, minBytes: 4 }
    case 'integer': return { type: intType, minBytes: 1 }
    case 'number': return { type: doubleType, minBytes: 1, convert: (json) => typeof json === 'number' ? makeDouble(json) : json }
    default: return undefined
  }
}

/** Characters may take four bytes each. */
const longest = (length: number) => Math.max(0, length) * 4

/** The type of a property: the one its object's type knows, or for a property that no expression can name one of its own. */
export function propertyType(of: SchemaType | undefined, name: string, schema: Schema): SchemaType | undefined {
  const known = celPropertyName(name)
  return (known === undefined ? undefined : of?.field?.(known)) ?? schemaType(schema, `${of?.type.name ?? 'self'}.${name}`, schema['x-kubernetes-embedded-resource'] === true)
}

function arrayType(schema: Schema, path: string): SchemaType | undefined {
  const item = schema.items && schemaType(schema.items, `${path}.@idx`, schema.items['x-kubernetes-embedded-resource'] === true)
  if (!item) return undefined
  const { convert } = item
  const keyOf = itemKey(schema)
  const whole = (json: CelValue): CelValue => {
    if (!Array.isArray(json)) return json
    const items = convert ? (json as CelValue[]).map(convert) : json as CelValue[]
    return keyOf ? new UnorderedList(items, keyOf) : items
  }
  return {
    type: listType(item.type), item, minBytes: 2, maxElements: schema.maxItems === undefined ? Math.floor((maxRequestBytes - 2) / (item.minBytes + 1)) : Math.max(0, schema.maxItems),
    ...(convert ?? keyOf) && { convert: whole },
  }
}

function itemKey(schema: Schema): ((item: CelValue) => string) | undefined {
  if (schema['x-kubernetes-list-type'] === 'set') return (item) => canonicalJson(item as Json)
  if (schema['x-kubernetes-list-type'] !== 'map') return undefined
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  return (item) => canonicalJson(keys.map((key) => (item as Record<string, Json>)[key] ?? null))
}

function openMapType(schema: Schema, values: Schema, path: string): SchemaType | undefined {
  const item = schemaType(values, `${path}.@elem`, values['x-kubernetes-embedded-resource'] === true)
  if (!item) return undefined
  const { convert } = item
  return {
    type: mapType(stringType, item.type), item, minBytes: 2, maxElements: schema.maxProperties === undefined ? Math.floor((maxRequestBytes - 2) / (item.minBytes + 6)) : Math.max(0, schema.maxProperties),
    ...convert && {
      convert: (json: CelValue): CelValue => {
        if (json === null || !isMap(json)) return json
        const map = new CelMap()
        for (const [key, value] of mapEntries(json)) map.set(key, convert(value))
        return map
      },
    },
  }
}

function closedObjectType(schema: Schema, path: string): SchemaType {
  const fields = new Map<string, { property: string; known?: SchemaType | undefined; looked: boolean }>()
  let minBytes = 2
  for (const property in schema.properties) {
    const name = celPropertyName(property)
    if (name === undefined) continue
    fields.set(name, { property, looked: false })
    // A keyword may also stand as it is behind a dot.
    if (name === `__${property}__`) fields.set(property, { property, looked: false })
  }
  const look = (name: string): SchemaType | undefined => {
    const slot = fields.get(name)
    if (!slot) return undefined
    if (!slot.looked) {
      slot.looked = true
      const child = schema.properties?.[slot.property] ?? {}
      slot.known = schemaType(child, `${path}.${name}`, child['x-kubernetes-embedded-resource'] === true)
    }
    return slot.known
  }
  for (const property of schema.required ?? []) {
    const child = schema.properties?.[property]
    const name = celPropertyName(property)
    const type = child && child.default === undefined ? name === undefined ? schemaType(child, path, false) : look(name) : undefined
    if (type) minBytes += property.length + type.minBytes + 4
  }
  const field = (name: string): CelField | undefined => {
    const known = look(name)
    const property = fields.get(name)?.property ?? name
    return known && { type: known.type, property, ...schema.properties?.[property]?.nullable !== true && { nullIsAbsent: true }, ...known.convert && { convert: known.convert } }
  }
  return { type: objectType(path, field), minBytes, field: look }
}

const orItself = (parse: (value: string) => CelValue | undefined) => (json: CelValue): CelValue => typeof json === 'string' ? parse(json) ?? json : json

function textType({ format, maxLength, enum: values }: Schema): SchemaType {
  switch (format) {
    case 'byte': return { type: bytesType, minBytes: 2, maxElements: maxLength === undefined ? maxRequestBytes - 2 : Math.max(0, maxLength), convert: orItself((value) => Uint8Array.from(Buffer.from(value, 'base64'))) }
    case 'duration': return { type: durationType, minBytes: 3, maxElements: 32, convert: orItself(parseDuration) }
    case 'date': return { type: timestampType, minBytes: 12, maxElements: 12, convert: orItself((value) => parseTimestamp(`${value}T00:00:00Z`)) }
    case 'date-time': return { type: timestampType, minBytes: 21, maxElements: 32, convert: orItself((value) => parseTimestamp(value) ?? parseTimestamp(value.replace(' ', 'T'))) }
  }
  const fromEnum = values && values.length > 0 ? Math.max(...values.map((value) => typeof value === 'string' ? Buffer.byteLength(value) : 0)) : undefined
  return { type: stringType, minBytes: 2, maxElements: maxLength === undefined ? fromEnum ?? maxRequestBytes - 2 : longest(maxLength) }
}
