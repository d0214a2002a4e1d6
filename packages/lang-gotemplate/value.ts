/**
 * Go's values in JavaScript.
 *
 * | Go                                   | here                                                     |
 * | ------------------------------------ | -------------------------------------------------------- |
 * | no value at all (invalid)            | undefined                                                |
 * | nil                                  | null                                                     |
 * | bool, string, float64                | boolean, string (see go-string.ts), number               |
 * | int                                  | bigint                                                   |
 * | int64, uint8, …, time.Duration       | Num                                                      |
 * | []interface {}, []string, …          | array, with `goType` when it is not []interface {}       |
 * | []byte                               | Uint8Array                                               |
 * | map[string]interface {}, …           | plain object, with `goType` when it is another map       |
 * | structs, pointers, what has methods  | Struct                                                   |
 * | func                                 | GoFunction                                               |
 */
import type { ReadsOf } from './reads.ts'

/** Name of the Go type of an array or a map that is not the ordinary one. Not enumerable. */
export const goType: unique symbol = Symbol('goType')
/** Methods of a named map type. Not enumerable. */
export const goMethods: unique symbol = Symbol('goMethods')
/** Marks an array that is a nil slice. */
const nilSlice: unique symbol = Symbol('nilSlice')

export type GoMap = { [key: string]: unknown } & { [goType]?: string; [goMethods]?: Readonly<Record<string, GoFunction>> }
export type GoSlice = unknown[] & { [goType]?: string; [nilSlice]?: true }

/** A number of a type other than int and float64. */
export class Num {
  readonly type: string
  readonly kind: string
  readonly value: bigint | number
  constructor(type: string, value: bigint | number, kind = type) {
    this.type = type
    this.kind = kind
    this.value = value
  }
}

/** An int64, what Sprig's arithmetic gives. */
export function int64(value: bigint): Num {
  return new Num('int64', BigInt.asIntN(64, value))
}

/** Parameter types a function can name, as Go spells them. */
export type ParamType =
  | 'interface {}' | 'string' | 'int' | 'int64' | 'float64' | 'bool' | 'map[string]interface {}' | 'reflect.Value' | 'time.Time' | '[]string' | '[]interface {}' | 'time.Duration'

/** A function that templates can call. Ints arrive as numbers in `int` parameters, otherwise as they are. */
export interface GoFunction {
  readonly params: readonly ParamType[]
  /** The last parameter takes any number of arguments. */
  readonly variadic: boolean
  /** The call receives the running template before its arguments. */
  readonly needsRun: boolean
  readonly call: (...args: never[]) => unknown
  /** Arguments after the first that come out of a map or a list arrive as Element: the builtin `slice` refuses them. */
  readonly marksElements?: boolean
  /** What it looks at in its arguments; everything unless it says so. */
  readonly reads?: ReadsOf
  /** A map of a named type arrives as NamedMap when its argument is the field that Go gave that type: `dig` refuses it. */
  readonly marksNamed?: boolean
  /** It takes long enough for its result to be worth keeping between executions. */
  readonly isCostly?: boolean
}

const paramNames: Readonly<Record<string, ParamType>> = {
  any: 'interface {}', string: 'string', int: 'int', int64: 'int64', float: 'float64', bool: 'bool', map: 'map[string]interface {}', value: 'reflect.Value',
  time: 'time.Time', strings: '[]string', list: '[]interface {}', duration: 'time.Duration',
}

/**
 * A function for templates from a short signature: `fn('int string', (n: number, s: string) => …)`, `fn('string ...any', …)`.
 * Words: any string int int64 float bool map value time strings list duration; `...` before the last makes it variadic.
 */
export function fn<A extends unknown[]>(signature: string, call: (...args: A) => unknown, needsRun = false): GoFunction {
  const words = signature.split(' ').filter((word) => word !== '')
  const params = words.map((word) => {
    const found = paramNames[word.replace(/^\.\.\./, '')]
    if (found === undefined) throw new TypeError(`unknown parameter type ${word}`)
    return found
  })
  return { params, variadic: words.at(-1)?.startsWith('...') ?? false, needsRun, call: call as (...args: never[]) => unknown }
}

/** The same function, with what it looks at in its arguments. */
export function reading(reads: ReadsOf, made: GoFunction): GoFunction {
  return { ...made, reads }
}

export interface StructShape {
  /** As %T prints it, e.g. `*semver.Version`. */
  readonly type: string
  readonly kind?: 'struct' | 'ptr' | 'map' | 'slice'
  readonly fields?: Readonly<Record<string, unknown>>
  readonly methods?: Readonly<Record<string, GoFunction>>
  /** What encoding/json sees, when it is not the fields. */
  readonly json?: () => unknown
  /** What an action prints when only a pointer to the value is a Stringer. */
  readonly printed?: () => string
  /** fmt.Stringer. */
  readonly string?: () => string
  /** For kinds `map` and `slice`: what range, index, len and printing see. */
  readonly content?: GoMap | GoSlice
  /** What a component keeps here for itself, e.g. the parsed version. */
  readonly inner?: unknown
}

/** A struct, a pointer to one, or a named type with methods. */
export class Struct {
  readonly shape: StructShape
  constructor(shape: StructShape) {
    this.shape = shape
  }
}

/** A slice of another element type, e.g. `[]string`. */
export function typedSlice(type: string, items: unknown[]): GoSlice {
  Object.defineProperty(items, goType, { value: type })
  return items
}

export function strings(items: string[]): GoSlice {
  return typedSlice('[]string', items)
}

/** A nil slice: empty, and null in JSON. */
export function emptySlice(type = '[]interface {}'): GoSlice {
  const items: unknown[] = []
  Object.defineProperty(items, nilSlice, { value: true })
  return type === '[]interface {}' ? items : typedSlice(type, items)
}

export function isNilSlice(value: unknown): boolean {
  return Array.isArray(value) && (value as GoSlice)[nilSlice] === true
}

/** A map of another type, e.g. `map[string]string`. */
export function typedMap(type: string, map: GoMap): GoMap {
  Object.defineProperty(map, goType, { value: type })
  return map
}

/** A map of a named type with methods, which are made when one is first asked for. */
export function namedMap(type: string, map: GoMap, makeMethods: () => Readonly<Record<string, GoFunction>>): GoMap {
  let methods: Readonly<Record<string, GoFunction>> | undefined
  Object.defineProperty(map, goMethods, { get: () => methods ??= makeMethods() })
  return typedMap(type, map)
}

/** Is it a map held in a plain object? */
export function isMap(value: unknown): value is GoMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Struct) && !(value instanceof Num) && !(value instanceof Uint8Array)
    && !isFunction(value)
}

export function isFunction(value: unknown): value is GoFunction {
  return typeof value === 'object' && value !== null && typeof (value as { call?: unknown }).call === 'function' && Array.isArray((value as { params?: unknown }).params)
}

/** The map or slice behind a named type, or the value itself. */
export function content(value: unknown): unknown {
  return value instanceof Struct && value.shape.content !== undefined ? value.shape.content : value
}

/** Stands for a map of a named type where the type matters: what it holds can be another map's member, and then has the ordinary type. */
export class NamedMap {
  readonly type: string
  constructor(type: string) {
    this.type = type
  }
}

/** Sets a key, `__proto__` too. */
export function setKey(map: GoMap, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true })
  else map[key] = value
}

/** What the missing key of a map reads as: the zero value of its element type. */
export function zeroOf(map: GoMap): unknown {
  const type = map[goType]
  if (type === undefined) return null
  if (type === 'map[string]string') return ''
  if (type === 'map[string]bool') return false
  return null
}

/** reflect.Kind's name. */
export function kindOf(value: unknown): string {
  switch (typeof value) {
    case 'undefined': return 'invalid'
    case 'string': return 'string'
    case 'boolean': return 'bool'
    case 'number': return 'float64'
    case 'bigint': return 'int'
  }
  if (value === null) return 'invalid'
  if (Array.isArray(value) || value instanceof Uint8Array) return 'slice'
  if (value instanceof Num) return value.kind
  if (value instanceof Struct) return value.shape.kind ?? 'struct'
  return isFunction(value) ? 'func' : 'map'
}

/** What %T prints. */
export function typeOf(value: unknown): string {
  switch (typeof value) {
    case 'string': return 'string'
    case 'boolean': return 'bool'
    case 'number': return 'float64'
    case 'bigint': return 'int'
  }
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return (value as GoSlice)[goType] ?? '[]interface {}'
  if (value instanceof Uint8Array) return '[]uint8'
  if (value instanceof Num) return value.type
  if (value instanceof Struct) return value.shape.type
  if (isFunction(value)) return `func(${value.params.join(', ')})`
  return (value as GoMap)[goType] ?? 'map[string]interface {}'
}

/** Go's truth of a value: not the zero of its type, not empty. */
export function isTrue(value: unknown): boolean {
  switch (typeof value) {
    case 'string': return value.length > 0
    case 'boolean': return value
    case 'number': return value !== 0
    case 'bigint': return value !== 0n
    case 'undefined': return false
  }
  if (value === null) return false
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length > 0
  if (value instanceof Num) return Number(value.value) !== 0
  if (value instanceof Struct) return value.shape.content === undefined ? true : isTrue(value.shape.content)
  if (isFunction(value)) return true
  for (const key in value as object) if (Object.hasOwn(value as object, key)) return true
  return false
}

function sameStruct(a: Struct, b: Struct): boolean {
  if (a.shape.type !== b.shape.type) return false
  const [x, y] = [a.shape.inner, b.shape.inner]
  if (typeof x === 'object' && x !== null && typeof y === 'object' && y !== null) return deepEqual({ ...x }, { ...y })
  return deepEqual(a.shape.content ?? a.shape.fields ?? {}, b.shape.content ?? b.shape.fields ?? {})
}

/** reflect.DeepEqual. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === undefined || a === null || b === undefined || b === null) return (a ?? null) === (b ?? null)
  if (typeof a !== 'object' || typeof b !== 'object') return false
  if (a instanceof Num) return b instanceof Num && a.type === b.type && a.value === b.value
  if (a instanceof Struct) return b instanceof Struct && sameStruct(a, b)
  if (typeOf(a) !== typeOf(b)) return false
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && isNilSlice(a) === isNilSlice(b) && a.every((item, i) => deepEqual(item, b[i]))
  if (a instanceof Uint8Array) return b instanceof Uint8Array && a.length === b.length && a.every((item, i) => item === b[i])
  const x = a as GoMap
  const y = b as GoMap
  const keys = Object.keys(x)
  return keys.length === Object.keys(y).length && keys.every((key) => Object.hasOwn(y, key) && deepEqual(x[key], y[key]))
}
