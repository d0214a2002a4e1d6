import { andFunction, Element, notFunction, orFunction } from './builtin-logic.ts'
import { escapeHtml, escapeJs, escapeQuery } from './escape.ts'
import { sprintf, sprintV } from './format.ts'
import { GoError } from './go-error.ts'
import { byteLength, byteSlice, bytesOf, compareStrings } from './go-string.ts'
import { notePath, readsShallow } from './reads.ts'
import { content, deepEqual, fn, isFunction, isMap, isNilSlice, kindOf, Num, reading, Struct, typeOf, typedSlice, zeroOf, goType, type GoFunction, type GoSlice } from './value.ts'

/** The functions text/template itself has. */
export const builtins: ReadonlyMap<string, GoFunction> = new Map<string, GoFunction>([
  ['and', andFunction],
  ['or', orFunction],
  ['not', notFunction],
  ['len', reading(readsShallow, fn('value', length))],
  ['index', reading((reads, [item, ...keys]) => notePath(reads, item, keys), fn('value ...value', index))],
  ['slice', { ...fn('value ...value', slice), marksElements: true }],
  ['call', fn('value ...value', call)],
  ['print', fn('...any', sprint)],
  ['println', fn('...any', (...args: unknown[]) => `${args.map(sprintV).join(' ')}\n`)],
  ['printf', fn('string ...any', (format: string, ...args: unknown[]) => sprintf(format, args))],
  ['html', fn('...any', (...args: unknown[]) => escapeHtml(joined(args)))],
  ['js', fn('...any', (...args: unknown[]) => escapeJs(joined(args)))],
  ['urlquery', fn('...any', (...args: unknown[]) => escapeQuery(joined(args)))],
  ['eq', fn('value ...value', eq)],
  ['ne', fn('value value', (a: unknown, b: unknown) => !eq(a, b))],
  ['lt', fn('value value', lt)],
  ['le', fn('value value', (a: unknown, b: unknown) => lt(a, b) || eq(a, b))],
  ['gt', fn('value value', (a: unknown, b: unknown) => !(lt(a, b) || eq(a, b)))],
  ['ge', fn('value value', (a: unknown, b: unknown) => !lt(a, b))],
])

/** fmt.Sprint: spaces between operands when neither is a string. */
export function sprint(...args: unknown[]): string {
  let out = ''
  args.forEach((arg, i) => {
    if (i > 0 && typeof arg !== 'string' && typeof args[i - 1] !== 'string') out += ' '
    out += sprintV(arg)
  })
  return out
}

function joined(args: unknown[]): string {
  return args.length === 1 && typeof args[0] === 'string' ? args[0] : sprint(...args.map((arg) => arg ?? '<no value>'))
}

function length(value: unknown): bigint {
  const inner = content(value)
  if (typeof inner === 'string') return BigInt(byteLength(inner))
  if (Array.isArray(inner) || inner instanceof Uint8Array) return BigInt(inner.length)
  if (inner === null) throw new GoError('len of nil pointer')
  if (inner === undefined) throw new GoError('reflect: call of reflect.Value.Type on zero Value')
  if (isMap(inner)) return BigInt(Object.keys(inner).length)
  throw new GoError(`len of type ${typeOf(value)}`)
}

function position(value: unknown, limit: number): number {
  const inner = value instanceof Num ? value.value : value
  if (value instanceof Element) throw new GoError('cannot index slice/array with type interface {}')
  if (value === undefined || value === null) throw new GoError('cannot index slice/array with nil')
  if (typeof inner !== 'bigint') throw new GoError(`cannot index slice/array with type ${typeOf(value)}`)
  if (inner < 0n || inner > BigInt(limit)) throw new GoError(`index out of range: ${inner}`)
  return Number(inner)
}

function index(item: unknown, ...indexes: unknown[]): unknown {
  if (item === undefined || item === null) throw new GoError('index of untyped nil')
  let value: unknown = item
  for (const key of indexes) {
    if (value === undefined || value === null) throw new GoError('index of nil pointer')
    value = indexOne(value, key)
  }
  return value
}

function indexOne(item: unknown, key: unknown): unknown {
  const inner = content(item)
  if (Array.isArray(inner)) return inner[inRange(position(key, inner.length), inner.length)]
  if (typeof inner === 'string' || inner instanceof Uint8Array) {
    const bytes = typeof inner === 'string' ? bytesOf(inner) : inner
    return new Num('uint8', BigInt(bytes[inRange(position(key, bytes.length), bytes.length)] ?? 0))
  }
  if (!isMap(inner)) throw new GoError(`can't index item of type ${typeOf(item)}`)
  if (typeof key !== 'string') {
    throw new GoError(key === undefined || key === null ? 'value is nil; should be of type string' : `value has type ${typeOf(key)}; should be string`)
  }
  return Object.hasOwn(inner, key) ? inner[key] : zeroOf(inner)
}

function inRange(at: number, limit: number): number {
  if (at >= limit) throw new GoError(typeof limit === 'number' ? 'reflect: slice index out of range' : '')
  return at
}

function slice(item: unknown, ...indexes: unknown[]): unknown {
  if (item === undefined || item === null) throw new GoError('slice of untyped nil')
  if (indexes.length > 3) throw new GoError(`too many slice indexes: ${indexes.length}`)
  const inner = content(item)
  if (typeof inner === 'string' && indexes.length === 3) throw new GoError('cannot 3-index slice a string')
  if (typeof inner !== 'string' && !Array.isArray(inner) && !(inner instanceof Uint8Array)) throw new GoError(`can't slice item of type ${typeOf(item)}`)
  const size = typeof inner === 'string' ? byteLength(inner) : inner.length
  const bounds = indexes.map((at) => position(at, size))
  const [from = 0, to = size, most = size] = bounds
  if (from > to) throw new GoError(`invalid slice index: ${from} > ${to}`)
  if (to > most) throw new GoError(`invalid slice index: ${to} > ${most}`)
  if (typeof inner === 'string') return byteSlice(inner, from, to)
  if (inner instanceof Uint8Array) return inner.subarray(from, to)
  const type = (inner as GoSlice)[goType]
  const part = inner.slice(from, to)
  return type === undefined ? part : typedSlice(type, part)
}

function call(target: unknown, ...args: unknown[]): unknown {
  if (target === undefined || target === null) throw new GoError('call of nil')
  if (!isFunction(target)) throw new GoError(`non-function of type ${typeOf(target)}`)
  const { params, variadic } = target
  if (variadic ? args.length < params.length - 1 : args.length !== params.length) {
    throw new GoError(`wrong number of args: got ${args.length} want ${variadic ? 'at least ' : ''}${variadic ? params.length - 1 : params.length}`)
  }
  return (target.call as (...values: unknown[]) => unknown)(...args)
}

type Basic = 'bool' | 'int' | 'uint' | 'float' | 'string' | ''

function basicKind(value: unknown): Basic {
  switch (typeof value) {
    case 'boolean': return 'bool'
    case 'bigint': return 'int'
    case 'number': return 'float'
    case 'string': return 'string'
  }
  if (!(value instanceof Num)) return ''
  if (value.kind.startsWith('uint')) return 'uint'
  return value.kind.startsWith('int') ? 'int' : 'float'
}

function raw(value: unknown): bigint | number | string | boolean {
  return (value instanceof Num ? value.value : value) as bigint
}

function eq(first: unknown, ...others: unknown[]): boolean {
  if (others.length === 0) throw new GoError('missing argument for comparison')
  return others.some((other) => equal(first, other))
}

function equal(a: unknown, b: unknown): boolean {
  const ka = basicKind(a)
  const kb = basicKind(b)
  if (ka !== kb) {
    if ((ka === 'int' && kb === 'uint') || (ka === 'uint' && kb === 'int')) return raw(a) === raw(b)
    if (isNothing(a) || isNothing(b)) return false
    throw new GoError(`incompatible types for comparison: ${typeOf(a)} and ${typeOf(b)}`)
  }
  if (ka !== '') return raw(a) === raw(b)
  return equalComposite(a, b)
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null
}

function equalComposite(a: unknown, b: unknown): boolean {
  if (isNothing(a) || isNothing(b)) {
    const empty = (value: unknown) => isNothing(value) || isNilSlice(value)
    return empty(a) === empty(b)
  }
  if (kindOf(a) !== kindOf(b)) throw new GoError(sprintf('non-comparable types %s: %v, %s: %v', [a, typeOf(a), typeOf(b), b]))
  if (b instanceof Struct && b.shape.content === undefined) return deepEqual(a, b)
  throw new GoError(sprintf('non-comparable type %s: %v', [b, typeOf(b)]))
}

function lt(a: unknown, b: unknown): boolean {
  const ka = basicKind(a)
  const kb = basicKind(b)
  if (ka === '' || kb === '') throw new GoError('invalid type for comparison')
  if (ka !== kb && !((ka === 'int' && kb === 'uint') || (ka === 'uint' && kb === 'int'))) {
    throw new GoError(`incompatible types for comparison: ${typeOf(a)} and ${typeOf(b)}`)
  }
  if (ka === 'bool') throw new GoError('invalid type for comparison')
  if (ka === 'string') return compareStrings(a as string, b as string) < 0
  return raw(a) < raw(b)
}
