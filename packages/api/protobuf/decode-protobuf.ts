import { readFileSync } from 'node:fs'
import type { Json, JsonObject } from '@idp/formats'
import { ApiError } from '../errors.ts'
import { parseApiVersion } from '../kind.ts'
import { definition, definitionName } from '../schema/built-in.ts'
import { shortName } from '../schema/inflate.ts'
import { refOf, type Schema } from '../schema/schema.ts'
import { signed, text, WireError, wireFields, type WireField } from './wire-reader.ts'

/** What a field number means: a JSON field, or a type whose fields stand in the same JSON object. */
interface Field { name: string; pointer: boolean; embedded: Map<number, Field> | undefined }

const maxDepth = 100
const magic = [0x6b, 0x38, 0x73, 0x00]
const tables = new Map<string, Map<number, Field>>()
let packed: Record<string, string> | undefined

function tableOf(type: string): Map<number, Field> | undefined {
  const known = tables.get(type)
  if (known) return known
  packed ??= JSON.parse(readFileSync(new URL('../data/protobuf.json', import.meta.url), 'utf8')) as Record<string, string>
  const source = packed[type]
  if (source === undefined) return undefined
  const table = new Map<number, Field>()
  tables.set(type, table)
  for (const entry of source.split(' ')) {
    const [left = '', number] = entry.split('=')
    const embedded = left.startsWith('^') ? tableOf(left.slice(1)) ?? new Map<number, Field>() : undefined
    table.set(Number(number), { name: left.replace('*', ''), pointer: left.endsWith('*'), embedded })
  }
  return table
}

type Decode = (bytes: Uint8Array, depth: number) => Json | undefined

function instant(bytes: Uint8Array): { seconds: number; nanos: number } | undefined {
  let seconds: number | undefined
  let nanos = 0
  for (const field of wireFields(bytes)) {
    if (field.number === 1) seconds = signed(field.varint)
    else if (field.number === 2) nanos = signed(field.varint)
  }
  return seconds === undefined ? undefined : { seconds, nanos }
}

function timeText(bytes: Uint8Array, micro: boolean): string | undefined {
  const time = instant(bytes)
  if (!time) return undefined
  const date = new Date(time.seconds * 1000)
  if (Number.isNaN(date.getTime())) throw new WireError('a time is out of range')
  const whole = date.toISOString().slice(0, 19)
  return micro ? `${whole}.${String(Math.trunc(time.nanos / 1000)).padStart(6, '0')}Z` : `${whole}Z`
}

function first(bytes: Uint8Array, number: number): WireField | undefined {
  for (const field of wireFields(bytes)) if (field.number === number) return field
  return undefined
}

function rawJson(bytes: Uint8Array): Json | undefined {
  const raw = first(bytes, 1)
  if (!raw || raw.bytes.length === 0) return undefined
  try {
    return JSON.parse(text(raw.bytes)) as Json
  } catch (error) {
    if (error instanceof SyntaxError) throw new WireError('an embedded object is not JSON')
    throw error
  }
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const crd = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

/** Types whose messages do not mirror their JSON. */
const special: Readonly<Record<string, Decode>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': (bytes) => { const field = first(bytes, 1); return field && text(field.bytes) },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': (bytes) => {
    const [type, number, string] = [first(bytes, 1), first(bytes, 2), first(bytes, 3)]
    return type?.varint === 1n ? (string ? text(string.bytes) : '') : signed(number?.varint ?? 0n)
  },
  [`${meta}.Time`]: (bytes) => timeText(bytes, false),
  [`${meta}.MicroTime`]: (bytes) => timeText(bytes, true),
  [`${meta}.FieldsV1`]: rawJson,
  'io.k8s.apimachinery.pkg.runtime.RawExtension': rawJson,
  [`${crd}.JSON`]: rawJson,
  [`${crd}.JSONSchemaPropsOrArray`]: (bytes, depth) => schemas(bytes, depth)[0],
  [`${crd}.JSONSchemaPropsOrBool`]: (bytes, depth) => {
    const schema = first(bytes, 2)
    return schema ? decodeDefinition(`${crd}.JSONSchemaProps`, schema.bytes, depth + 1) : first(bytes, 1)?.varint === 1n
  },
  [`${crd}.JSONSchemaPropsOrStringArray`]: (bytes, depth) => {
    const schema = first(bytes, 1)
    return schema ? decodeDefinition(`${crd}.JSONSchemaProps`, schema.bytes, depth + 1) : [...wireFields(bytes)].filter(({ number }) => number === 2).map((field) => text(field.bytes))
  },
}

function schemas(bytes: Uint8Array, depth: number): Json[] {
  const list = [...wireFields(bytes)].map((field) => ({ number: field.number, value: decodeDefinition(`${crd}.JSONSchemaProps`, field.bytes, depth + 1) ?? {} }))
  const many = list.filter(({ number }) => number === 2).map(({ value }) => value)
  return many.length > 0 ? [many] : list.map(({ value }) => value)
}

function decodeDefinition(name: string, bytes: Uint8Array, depth: number): Json | undefined {
  if (depth > maxDepth) throw new WireError('the message is nested too deeply')
  const own = special[name]
  if (own) return own(bytes, depth)
  const object: JsonObject = {}
  const table = tableOf(shortName(name))
  if (table) decodeFields(bytes, table, definition(name)?.properties ?? {}, object, depth)
  return object
}

function decodeFields(bytes: Uint8Array, table: Map<number, Field>, properties: Record<string, Schema>, into: JsonObject, depth: number): void {
  for (const wire of wireFields(bytes)) {
    const field = table.get(wire.number)
    if (!field) continue
    if (field.embedded) {
      decodeFields(wire.bytes, field.embedded, properties, into, depth + 1)
      continue
    }
    const schema = properties[field.name]
    if (schema) decodeField(wire, field, schema, into, depth)
  }
}

function decodeField(wire: WireField, { name, pointer }: Field, schema: Schema, into: JsonObject, depth: number): void {
  if (schema.items) {
    const list = Array.isArray(into[name]) ? into[name] : []
    list.push(decodeValue(wire, schema.items, depth) ?? {})
    into[name] = list
  } else if (typeof schema.additionalProperties === 'object') {
    const map = (into[name] ?? {}) as JsonObject
    const [key, value] = [first(wire.bytes, 1), first(wire.bytes, 2)]
    const entry = mapValue(value, schema.additionalProperties, depth)
    Object.defineProperty(map, key ? text(key.bytes) : '', { value: entry, enumerable: true, configurable: true, writable: true })
    into[name] = map
  } else {
    const value = decodeValue(wire, schema, depth)
    // A value that is not a pointer is always on the wire; its zero means that the field is absent.
    if (value !== undefined && (pointer || (value !== '' && value !== 0 && value !== false))) into[name] = value
  }
}

function mapValue(wire: WireField | undefined, schema: Schema, depth: number): Json {
  const { items } = schema
  // A list as the value of a map is wrapped in a message of its own.
  if (items) return wire ? [...wireFields(wire.bytes)].map((item) => decodeValue(item, items, depth + 1) ?? '') : []
  const value = wire && decodeValue(wire, schema, depth)
  if (value !== undefined) return value
  // An empty message: a time that is not set, or an object without fields.
  return schema.type === 'string' ? '' : refOf(schema) === `${meta}.Time` ? null : {}
}

function decodeValue(wire: WireField, schema: Schema, depth: number): Json | undefined {
  const ref = refOf(schema)
  if (ref !== undefined) return decodeDefinition(ref, wire.bytes, depth + 1)
  switch (schema.type) {
    case 'string': return schema.format === 'byte' ? Buffer.from(wire.bytes).toString('base64') : text(wire.bytes)
    case 'boolean': return wire.varint !== 0n
    case 'integer': return signed(wire.varint)
    case 'number': return new DataView(wire.bytes.buffer, wire.bytes.byteOffset, wire.bytes.byteLength).getFloat64(0, true)
    default: return undefined
  }
}

/** True for a body in the envelope that Go clients send as `application/vnd.kubernetes.protobuf`. */
export function isProtobuf(bytes: Uint8Array): boolean {
  return magic.every((byte, index) => bytes[index] === byte)
}

/**
 * Reads a built-in object out of `application/vnd.kubernetes.protobuf` (https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding).
 * The result is the JSON object that `decodeBuiltIn` takes. Throws ApiError BadRequest for bytes that are no such message, and
 * for kinds that are not built in.
 */
export function decodeProtobuf(bytes: Uint8Array): JsonObject {
  if (!isProtobuf(bytes)) throw new ApiError('BadRequest', 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]')
  try {
    const envelope = bytes.subarray(magic.length)
    const type = first(envelope, 1)?.bytes ?? new Uint8Array(0)
    const [version, named] = [first(type, 1), first(type, 2)]
    const apiVersion = version ? text(version.bytes) : ''
    const kind = named ? text(named.bytes) : ''
    const name = kind === 'DeleteOptions' ? `${meta}.DeleteOptions` : definitionName({ ...parseApiVersion(apiVersion), kind })
    if (name === undefined) throw new ApiError('BadRequest', `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`)
    const object = decodeDefinition(name, first(envelope, 2)?.bytes ?? new Uint8Array(0), 0)
    return { apiVersion, kind, ...(object as JsonObject) }
  } catch (error) {
    if (error instanceof WireError) throw new ApiError('BadRequest', `couldn't decode the protobuf body: ${error.message}`)
    throw error
  }
}
