import { readFileSync } from 'node:fs'
import { ApiError } from '@idp/api'
import type { Json, JsonObject } from '@idp/formats'
import { rfc3339, rfc3339Micro } from '@idp/kit'
import { wireReader, type WireReader } from './wire-reader.ts'

/**
 * What a field's number means. A code is `s` string, `b` boolean, `i` integer, `d` double, `y` bytes, `#Message`, `[code` a list, `{code` a
 * map with string keys, `(code` a list in a message of its own. `omit`: a zero value counts as absent. No name: the message's fields belong to its owner.
 */
interface WireField { readonly name: string; readonly omit: boolean; readonly code: string }
type Messages = Readonly<Record<string, Readonly<Record<string, string>>>>

let messages: Messages | undefined
const fields = new Map<string, Map<number, WireField>>()

function fieldsOf(message: string): Map<number, WireField> | undefined {
  messages ??= JSON.parse(readFileSync(new URL('messages.json', import.meta.url), 'utf8')) as Messages
  const known = fields.get(message)
  const raw = messages[message]
  if (known !== undefined || raw === undefined) return known
  const made = new Map(Object.entries(raw).map(([number, text]): [number, WireField] => {
    const [head = '', code = ''] = text.split(' ')
    return [Number(number), { name: head.replace(/\?$/, ''), omit: head.endsWith('?'), code }]
  }))
  fields.set(message, made)
  return made
}

const magic = Buffer.from('k8s\0')

/** True for a body in Kubernetes' protobuf envelope. */
export function isProtobuf(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(4, bytes.byteLength)).equals(magic)
}

/**
 * Decodes an object in Kubernetes' protobuf envelope (`k8s\0` and runtime.Unknown) into its JSON form. Only requests come this way: answers
 * are JSON, which every client accepts. Throws ApiError `BadRequest` for what cannot be read, `UnsupportedMediaType` for a kind without protobuf form.
 */
export function decodeProtobuf(bytes: Uint8Array): JsonObject {
  if (!isProtobuf(bytes)) throw new ApiError('BadRequest', 'the body is not in the protobuf form of Kubernetes: it does not begin with its magic bytes')
  try {
    return decodeEnvelope(wireReader(bytes.subarray(magic.length)))
  } catch (error) {
    if (error instanceof RangeError) throw new ApiError('BadRequest', `the protobuf body ends early or is malformed: ${error.message}`)
    throw error
  }
}

function decodeEnvelope(reader: WireReader): JsonObject {
  let apiVersion = ''
  let kind = ''
  let raw: Uint8Array = new Uint8Array()
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    if (field.number === 1) {
      const meta = wireReader(field.bytes())
      for (let part = meta.next(); part !== undefined; part = meta.next()) {
        if (part.number === 1) apiVersion = part.text()
        else if (part.number === 2) kind = part.text()
        else part.skip()
      }
    } else if (field.number === 2) raw = field.bytes()
    else field.skip()
  }
  const message = messageName(apiVersion, kind)
  if (fieldsOf(message) === undefined) throw new ApiError('UnsupportedMediaType', `objects of kind ${kind} in ${apiVersion} have no protobuf form here - accepted media types include: application/json, application/yaml`)
  return { apiVersion, kind, ...decodeMessage(message, raw) }
}

const groupNames: Readonly<Record<string, string>> = { '': 'core', 'rbac.authorization.k8s.io': 'rbac', 'internal.apiserver.k8s.io': 'apiserverinternal' }

function messageName(apiVersion: string, kind: string): string {
  if (kind === 'DeleteOptions') return 'meta.v1.DeleteOptions'
  const slash = apiVersion.indexOf('/')
  const group = slash < 0 ? '' : apiVersion.slice(0, slash)
  return `${groupNames[group] ?? group.split('.')[0] ?? ''}.${apiVersion.slice(slash + 1)}.${kind}`
}

function decodeMessage(name: string, bytes: Uint8Array): JsonObject {
  const known = fieldsOf(name)
  const out: JsonObject = {}
  const reader = wireReader(bytes)
  for (let wire = reader.next(); wire !== undefined; wire = reader.next()) {
    const field = known?.get(wire.number)
    if (field === undefined) wire.skip()
    else put(out, field, wire)
  }
  return out
}

type Wire = NonNullable<ReturnType<WireReader['next']>>

function put(out: JsonObject, { name, omit, code }: WireField, wire: Wire): void {
  const element = code.slice(1)
  if (code.startsWith('[')) {
    const list = (out[name] ??= []) as Json[]
    if (wire.isPacked && 'ibd'.includes(element)) list.push(...wire.packed(element === 'd'))
    else list.push(decodeValue(element, wire) ?? null)
  } else if (code.startsWith('{')) {
    const [key, value] = decodeEntry(element, wire.bytes())
    ;(out[name] ??= {}) as JsonObject
    ;(out[name] as JsonObject)[key] = value
  } else {
    const value = decodeValue(code, wire)
    if (name === '') Object.assign(out, value)
    else if (value !== undefined && !(omit && isZero(value))) out[name] = value
  }
}

function decodeEntry(code: string, bytes: Uint8Array): [string, Json] {
  const reader = wireReader(bytes)
  let key = ''
  let value: Json | undefined
  for (let part = reader.next(); part !== undefined; part = reader.next()) {
    if (part.number === 1) key = part.text()
    else if (part.number === 2) value = decodeValue(code, part)
    else part.skip()
  }
  return [key, value ?? (code === 's' || code === 'y' ? '' : code === '#Quantity' ? '0' : null)]
}

function isZero(value: Json): boolean {
  return value === '' || value === 0 || value === false
}

/** Messages with a JSON form of their own. */
const special: Readonly<Record<string, (parts: Map<number, Wire>) => Json | undefined>> = {
  Time: (parts) => timeOf(parts, rfc3339),
  MicroTime: (parts) => timeOf(parts, rfc3339Micro),
  Quantity: (parts) => parts.get(1)?.text() ?? '0',
  IntOrString: (parts) => (parts.get(1)?.integer() === 1 ? parts.get(3)?.text() ?? '' : parts.get(2)?.integer() ?? 0),
  RawExtension: (parts) => rawJson(parts),
  FieldsV1: (parts) => rawJson(parts),
  Duration: (parts) => `${(parts.get(1)?.integer() ?? 0) / 1e9}s`,
}

function rawJson(parts: Map<number, Wire>): Json | undefined {
  const bytes = parts.get(1)?.bytes()
  if (bytes === undefined || bytes.length === 0) return undefined
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as Json
  } catch {
    throw new ApiError('BadRequest', 'the protobuf body holds an embedded object that is not JSON')
  }
}

function timeOf(parts: Map<number, Wire>, format: (ms: number) => string): string | undefined {
  const seconds = parts.get(1)?.integer()
  // The zero time of Go: not set.
  if (seconds === undefined || seconds <= -62_135_596_800) return undefined
  return format(seconds * 1000 + (parts.get(2)?.integer() ?? 0) / 1e6)
}

function decodeValue(code: string, wire: Wire): Json | undefined {
  switch (code[0]) {
    case 's': return wire.text()
    case 'b': return wire.integer() !== 0
    case 'i': return wire.integer()
    case 'd': return wire.double()
    case 'y': return Buffer.from(wire.bytes()).toString('base64')
    case '(': {
      const reader = wireReader(wire.bytes())
      const items: Json[] = []
      for (let item = reader.next(); item !== undefined; item = reader.next()) items.push(decodeValue(code.slice(1), item) ?? null)
      return items
    }
    default: {
      const name = code.slice(1)
      const own = special[name]
      if (own === undefined) return decodeMessage(name, wire.bytes())
      const reader = wireReader(wire.bytes())
      const parts = new Map<number, Wire>()
      for (let part = reader.next(); part !== undefined; part = reader.next()) parts.set(part.number, part.keep())
      return own(parts)
    }
  }
}
