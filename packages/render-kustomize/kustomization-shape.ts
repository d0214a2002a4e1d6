import type { Json, JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import { isObject } from './resource.ts'

/** The type of a field of a kustomization file. */
export type Shape = 'string' | 'boolean' | 'integer' | 'any' | { readonly list: Shape } | { readonly map: Shape } | { readonly fields: Readonly<Record<string, Shape>> }

export const list = (shape: Shape): Shape => ({ list: shape })
export const map = (shape: Shape): Shape => ({ map: shape })
export const fields = (members: Readonly<Record<string, Shape>>): Shape => ({ fields: members })

interface Place { readonly file: string; readonly type: string }

/**
 * Checks a value against a shape as Go's strict JSON decoder does: unknown fields and wrong types are errors, null is "not given", names match
 * without regard to case. Returns the value with the canonical names and without nulls.
 */
export function readShape(value: Json, shape: Shape, place: Place): Json {
  if (value === null) return null
  if (typeof shape === 'string') return readScalar(value, shape, place)
  if ('list' in shape) {
    if (!Array.isArray(value)) throw mismatch(value, 'a list', place)
    return value.map((item) => emptyOf(readShape(item, shape.list, place), shape.list))
  }
  if (!isObject(value)) throw mismatch(value, 'a map', place)
  const out: JsonObject = {}
  for (const key of Object.keys(value)) {
    const member = value[key] ?? null
    if ('map' in shape) {
      out[key] = emptyOf(readShape(member, shape.map, { ...place, type: `${place.type}.${key}` }), shape.map)
      continue
    }
    const name = Object.hasOwn(shape.fields, key) ? key : Object.keys(shape.fields).find((known) => known.toLowerCase() === key.toLowerCase())
    if (name === undefined) throw failure('InvalidKustomization', `invalid Kustomization: json: unknown field ${JSON.stringify(key)}`, place.file)
    const read = readShape(member, shape.fields[name] ?? 'any', { ...place, type: `${place.type}.${name}` })
    if (read !== null) out[name] = read
  }
  return out
}

/** Inside lists and maps null is the zero value. */
function emptyOf(value: Json, shape: Shape): Json {
  if (value !== null || typeof shape !== 'string') return value ?? {}
  return shape === 'string' ? '' : shape === 'boolean' ? false : shape === 'integer' ? 0 : null
}

function readScalar(value: Json, shape: 'string' | 'boolean' | 'integer' | 'any', place: Place): Json {
  if (shape === 'any') return value
  if (shape === 'integer' ? !Number.isInteger(value) : typeof value !== shape) throw mismatch(value, shape === 'integer' ? 'an integer' : `a ${shape}`, place)
  return value
}

function mismatch(value: Json, wanted: string, { file, type }: Place): Error {
  const found = Array.isArray(value) ? 'array' : typeof value === 'object' ? 'object' : typeof value
  return failure('InvalidKustomization', `invalid Kustomization: json: cannot unmarshal ${found} into Go struct field ${type}: ${wanted} is wanted`, file)
}
