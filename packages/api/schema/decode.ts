import { canonicalQuantity, cloneJson, type Json, type JsonObject, type KubeObject } from '@idp/formats'
import { isCoded } from '@idp/kit'
import { ApiError } from '../errors.ts'
import { definition, definitionName, type Gvk } from './built-in.ts'
import { refOf, type Schema } from './schema.ts'
import { isDateTime } from './string-format.ts'
import { isObject } from './value-type.ts'

/** One decoding: where it stands, and what it found. */
interface Context {
  readonly unknown: string[]
  /** Names of fields, keys of maps and indices, down to the value being decoded. */
  readonly path: (string | number)[]
  /** The names of fields alone. */
  readonly fields: string[]
  /** The type the last field belongs to. */
  owner: string
}
/** Returns the decoded value; undefined when the field counts as absent. Throws a Mismatch for what does not fit. */
type Decode = (value: Json, context: Context) => Json | undefined

class Mismatch extends Error {}

const decoders = new Map<string, Decode>()
const pass: Decode = (value) => value ?? undefined

/** As people write it: `spec.containers[0].image`. */
function pathText(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, step) => typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`, '')
}

function mismatch(value: Json, goType: string, { owner, fields }: Context): Mismatch {
  const field = fields.join('.')
  const actual = Array.isArray(value) ? 'array' : typeof value === 'number' ? (Number.isInteger(value) ? 'number' : `number ${value}`) : typeof value === 'boolean' ? 'bool' : typeof value
  return new Mismatch(`json: cannot unmarshal ${actual} into Go ${owner === '' ? 'value' : `struct field ${owner}.${field}`} of type ${goType}`)
}

/** Types with a JSON form of their own. */
const special: Readonly<Record<string, Decode>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': (value, context) => {
    if (value === null) return undefined
    if (typeof value !== 'string' && typeof value !== 'number') throw mismatch(value, 'resource.Quantity', context)
    return decodeQuantity(String(value))
  },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': (value, context) => {
    if (value === null) return undefined
    if (typeof value !== 'string' && !(typeof value === 'number' && Number.isInteger(value))) throw mismatch(value, 'intstr.IntOrString', context)
    return value
  },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': (value, context) => decodeTime(value, context, '2006-01-02T15:04:05Z07:00'),
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': (value, context) => decodeTime(value, context, '2006-01-02T15:04:05.000000Z07:00'),
}

const quantities = new Map<string, string>()

function decodeQuantity(text: string): string {
  let canonical = quantities.get(text)
  if (canonical !== undefined) return canonical
  try {
    canonical = canonicalQuantity(text)
  } catch (error) {
    if (!isCoded(error, 'InvalidQuantity')) throw error
    throw new Mismatch("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
  }
  if (quantities.size > 1000) quantities.clear()
  quantities.set(text, canonical)
  return canonical
}

function decodeTime(value: Json, context: Context, layout: string): Json | undefined {
  if (value === null || value === '') return undefined
  if (typeof value !== 'string') throw mismatch(value, 'string', context)
  if (!isDateTime(value)) throw new Mismatch(`parsing time ${JSON.stringify(value)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(value)} as ${JSON.stringify(layout.slice(0, 4))}`)
  return value
}

function decoderOf(name: string): Decode {
  const known = special[name] ?? decoders.get(name)
  if (known) return known
  const slot: { decode: Decode } = { decode: pass }
  decoders.set(name, (value, context) => slot.decode(value, context))
  const schema = definition(name)
  if (schema?.properties) slot.decode = compileStruct(schema, name.slice(name.lastIndexOf('.') + 1), goName(name))
  decoders.set(name, slot.decode)
  return slot.decode
}

/** `v1.PodSpec` for `io.k8s.api.core.v1.PodSpec`. */
function goName(name: string): string {
  return name.split('.').slice(-2).join('.')
}

function goType(schema: Schema): string {
  const ref = refOf(schema)
  if (ref !== undefined) return goName(ref)
  if (schema.items) return `[]${goType(schema.items)}`
  if (typeof schema.additionalProperties === 'object') return `map[string]${goType(schema.additionalProperties)}`
  if (schema.format === 'byte') return '[]uint8'
  if (schema.type === 'integer') return schema.format ?? 'int64'
  if (schema.type === 'number') return 'float64'
  return schema.type === 'boolean' ? 'bool' : schema.type ?? 'interface {}'
}

function compileDecode(schema: Schema): Decode {
  const ref = refOf(schema)
  if (ref !== undefined) return decoderOf(ref)
  if (schema.items) return compileList(schema, compileDecode(schema.items))
  if (typeof schema.additionalProperties === 'object') return compileMap(schema, schema.additionalProperties)
  const type = goType(schema)
  switch (schema.type) {
    case 'string': return schema.format === 'byte' ? decodeBytes : (value, context) => {
      if (value === null) return undefined
      if (typeof value !== 'string') throw mismatch(value, type, context)
      return value
    }
    case 'boolean': return (value, context) => {
      if (value === null) return undefined
      if (typeof value !== 'boolean') throw mismatch(value, type, context)
      return value
    }
    case 'integer': return (value, context) => {
      if (value === null) return undefined
      if (typeof value !== 'number' || !Number.isInteger(value)) throw mismatch(value, type, context)
      if (type === 'int32' && (value > 2147483647 || value < -2147483648)) throw new Mismatch(`json: cannot unmarshal number ${value} into Go struct field ${context.owner}.${context.fields.join('.')} of type int32`)
      return value
    }
    case 'number': return (value, context) => {
      if (value === null) return undefined
      if (typeof value !== 'number') throw mismatch(value, type, context)
      return value
    }
    default: return pass
  }
}

const decodeBytes: Decode = (value, context) => {
  if (value === null) return undefined
  if (typeof value !== 'string') throw mismatch(value, '[]uint8', context)
  const text = value.replace(/[\r\n]/g, '')
  const bad = /[^A-Za-z0-9+/=]/.exec(text)?.index ?? (text.length % 4 === 0 && /^[^=]*={0,2}$/.test(text) ? -1 : text.length - text.length % 4)
  if (bad >= 0) throw new Mismatch(`illegal base64 data at input byte ${bad}`)
  return text
}

function compileList(schema: Schema, each: Decode): Decode {
  const type = goType(schema)
  const zero = schema.items?.default
  return (value, context) => {
    if (value === null) return undefined
    if (!Array.isArray(value)) throw mismatch(value, type, context)
    const { owner } = context
    for (let i = 0; i < value.length; i++) {
      const given = value[i] ?? null
      context.path.push(i)
      const item = each(given, context) ?? cloneJson(zero ?? null)
      context.path.pop()
      context.owner = owner
      if (item !== given) value[i] = item
    }
    return value
  }
}

function compileMap(schema: Schema, element: Schema): Decode {
  const each = compileDecode(element)
  const type = goType(schema)
  const zero = element.default
  return (value, context) => {
    if (value === null) return undefined
    if (!isObject(value)) throw mismatch(value, type, context)
    const { owner } = context
    for (const key in value) {
      const given = value[key] ?? null
      context.path.push(key)
      const item = each(given, context) ?? cloneJson(zero ?? (element.format === 'byte' ? '' : null))
      context.path.pop()
      context.owner = owner
      if (item !== given) value[key] = item
    }
    return value
  }
}

function compileStruct(schema: Schema, owner: string, type: string): Decode {
  const fields = new Map<string, Decode>()
  const zeros: [string, Json, nested: Decode | undefined][] = []
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    fields.set(name, compileDecode(child))
    if (child.default !== undefined) zeros.push([name, child.default, isObject(child.default) && Object.keys(child.default).length === 0 ? compileDecode(child) : undefined])
  }
  return (value, context) => {
    if (value === null) return undefined
    if (!isObject(value)) throw mismatch(value, type, context)
    for (const key in value) {
      const decode = fields.get(key)
      if (!decode) {
        context.unknown.push(pathText([...context.path, key]))
        delete value[key]
        continue
      }
      const given = value[key] ?? null
      context.owner = owner
      context.path.push(key)
      context.fields.push(key)
      const decoded = decode(given, context)
      context.path.pop()
      context.fields.pop()
      if (decoded === undefined) delete value[key]
      else if (decoded !== given) value[key] = decoded
    }
    for (const [name, zero, nested] of zeros) {
      if (value[name] === undefined) value[name] = nested ? nested({}, context) ?? {} : zero
    }
    return value
  }
}

/**
 * Reads a built-in object as the API server's decoder does: types are checked, unknown fields removed (and their paths returned), nulls
 * count as absent, quantities become canonical, and the zero values that the wire form always carries (`status: {}`, `resources: {}`) are
 * filled in. The object is changed in place. Throws ApiError BadRequest naming the field that does not fit.
 */
export function decodeBuiltIn(gvk: Gvk, object: KubeObject | JsonObject): string[] {
  const name = definitionName(gvk)
  if (name === undefined) throw new ApiError('BadRequest', `no kind ${JSON.stringify(gvk.kind)} is registered for version ${JSON.stringify(gvk.group === '' ? gvk.version : `${gvk.group}/${gvk.version}`)}`)
  const context: Context = { unknown: [], path: [], fields: [], owner: '' }
  try {
    decoderOf(name)(object as unknown as JsonObject, context)
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error
    throw new ApiError('BadRequest', `${gvk.kind} in version ${JSON.stringify(gvk.version)} cannot be handled as a ${gvk.kind}: ${error.message}`)
  }
  return context.unknown
}
