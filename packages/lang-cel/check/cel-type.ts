import type { CelValue } from '../value/value.ts'

export type CelTypeKind = 'dyn' | 'error' | 'null' | 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'timestamp' | 'duration' | 'any' | 'list' | 'map' | 'type' | 'optional' | 'opaque' | 'object' | 'param'

/** A field of a declared object type. */
export interface CelField {
  readonly type: CelType
  /** The key in the JSON object, where it is not the field's name (Kubernetes escapes names that are no identifiers). */
  readonly property?: string
  /** A null in JSON counts as no value. `has()` says so of a null in any declared field. */
  readonly nullIsAbsent?: boolean
  /** Turns what JSON holds into the value of the declared type, e.g. a text into a timestamp. */
  readonly convert?: (json: CelValue) => CelValue
}

/** A static type. Compare with {@link sameType}; `text` is what error messages show. */
export interface CelType {
  readonly kind: CelTypeKind
  readonly name: string
  readonly params: readonly CelType[]
  /** Of an object type: a field by its name. */
  readonly field?: (name: string) => CelField | undefined
  /** Of an object type that an expression may make with `Name{field: value}`. */
  readonly fieldNames?: readonly string[]
  readonly text: string
}

function make(kind: CelTypeKind, name: string, params: readonly CelType[] = [], text = name): CelType {
  return { kind, name, params, text }
}

const withParams = (name: string, params: readonly CelType[]) => params.length === 0 ? name : `${name}(${params.map(({ text }) => text).join(', ')})`

export const dynType: CelType = make('dyn', 'dyn')
export const errorType: CelType = make('error', '!error!')
export const nullType: CelType = make('null', 'null_type', [], 'null')
export const boolType: CelType = make('bool', 'bool')
export const intType: CelType = make('int', 'int')
export const uintType: CelType = make('uint', 'uint')
export const doubleType: CelType = make('double', 'double')
export const stringType: CelType = make('string', 'string')
export const bytesType: CelType = make('bytes', 'bytes')
export const timestampType: CelType = make('timestamp', 'google.protobuf.Timestamp', [], 'timestamp')
export const durationType: CelType = make('duration', 'google.protobuf.Duration', [], 'duration')
export const anyType: CelType = make('any', 'google.protobuf.Any', [], 'any')

export const listType = (item: CelType): CelType => make('list', 'list', [item], `list(${item.text})`)
export const mapType = (key: CelType, value: CelType): CelType => make('map', 'map', [key, value], `map(${key.text}, ${value.text})`)
export const optionalType = (value: CelType): CelType => make('optional', 'optional_type', [value], `optional_type(${value.text})`)
export const typeType = (of?: CelType): CelType => make('type', 'type', of ? [of] : [], of ? `type(${of.text})` : 'type')
/** A type variable of a function's signature: the same name is the same type throughout. */
export const paramType = (name: string): CelType => make('param', name)
/** A type of a library; its values are instances of CelOpaque with this type. */
export const opaqueType = (name: string, ...params: CelType[]): CelType => make('opaque', name, params, withParams(name, params))

/** A type with known fields; its values are JSON objects. `field` is asked once a selection in the text, at compile time. */
export function objectType(name: string, field: (name: string) => CelField | undefined, fieldNames: readonly string[] = []): CelType {
  return { ...make('object', name), field, fieldNames }
}

export function sameType(a: CelType, b: CelType): boolean {
  return a === b || (a.kind === b.kind && a.name === b.name && a.params.length === b.params.length && a.params.every((param, i) => sameType(param, b.params[i] ?? dynType)))
}
