import { GoError } from '../go-error.ts'
import { compareStrings } from '../go-string.ts'
import { readsNothing, readsShallow, type ReadsOf } from '../reads.ts'
import { deepEqual, emptySlice, fn, goType, isTrue, kindOf, Num, reading, strings, typedSlice, type GoFunction, type GoSlice } from '../value.ts'
import { strslice, strval, toInt64 } from './conversion.ts'
import { content } from '../value.ts'

/** The members of the list are looked at, a new one is not. */
const readsList: ReadsOf = (reads, [list]) => readsShallow(reads, [list])
/** What these look at; the others look at everything. */
const readsOfLists: Readonly<Record<string, ReadsOf>> = {
  append: readsList, push: readsList, prepend: readsList, first: readsList, last: readsList, rest: readsList, initial: readsList, reverse: readsList, slice: readsList,
}

/** Sprig's functions on lists; each has a twin that begins with must and differs in Go only by how it fails. */
export const listFunctions: readonly (readonly [string, GoFunction])[] = [
  ['list', reading(readsNothing, fn('...any', (...items: unknown[]) => items))],
  ['tuple', reading(readsNothing, fn('...any', (...items: unknown[]) => items))],
  ['sortAlpha', fn('any', sortAlpha)],
  ...twins('append', 'any any', (list: unknown, item: unknown) => [...items(list, 'push on'), item]),
  ...twins('push', 'any any', (list: unknown, item: unknown) => [...items(list, 'push on'), item]),
  ...twins('prepend', 'any any', (list: unknown, item: unknown) => [item, ...items(list, 'prepend on')]),
  ...twins('first', 'any', (list: unknown) => items(list, 'find first on')[0] ?? null),
  ...twins('last', 'any', (list: unknown) => items(list, 'find last on').at(-1) ?? null),
  ...twins('rest', 'any', (list: unknown) => orNil(items(list, 'find rest on'), (all) => all.slice(1))),
  ...twins('initial', 'any', (list: unknown) => orNil(items(list, 'find initial on'), (all) => all.slice(0, -1))),
  ...twins('reverse', 'any', (list: unknown) => [...items(list, 'find reverse on')].reverse()),
  ...twins('compact', 'any', (list: unknown) => items(list, 'compact on').filter((item) => !isEmpty(item))),
  ...twins('uniq', 'any', (list: unknown) => unique(items(list, 'find uniq on'))),
  ...twins('without', 'any ...any', (list: unknown, ...omit: unknown[]) => items(list, 'find without on').filter((item) => !omit.some((other) => deepEqual(other, item)))),
  ...twins('has', 'any any', (needle: unknown, list: unknown) => (list === null ? false : items(list, 'find has on').some((item) => deepEqual(needle, item)))),
  ...twins('slice', 'any ...any', slice),
  ...twins('chunk', 'int any', chunk),
  ['concat', reading(readsShallow, fn('...any', concat))],
]

function twins<A extends unknown[]>(name: string, signature: string, call: (...args: A) => unknown): [string, GoFunction][] {
  const reads = readsOfLists[name]
  const made = reads === undefined ? fn(signature, call) : reading(reads, fn(signature, call))
  return [[name, made], [`must${name[0]?.toUpperCase()}${name.slice(1)}`, made]]
}

/** The items of a list, or Go's complaint about what it is instead. */
function items(list: unknown, doing: string): readonly unknown[] {
  const inner = content(list)
  if (Array.isArray(inner)) return inner
  if (inner instanceof Uint8Array) return [...inner].map((byte) => new Num('uint8', BigInt(byte)))
  if (list === null || list === undefined) throw new GoError('runtime error: invalid memory address or nil pointer dereference')
  throw new GoError(doing === 'chunk' ? `Cannot chunk type ${kindOf(list)}` : `Cannot ${doing} type ${kindOf(list)}`)
}

function orNil(all: readonly unknown[], take: (all: readonly unknown[]) => unknown[]): unknown[] {
  return all.length === 0 ? emptySlice() : take(all)
}

/** Sprig's empty: the zero of its type. */
export function isEmpty(value: unknown): boolean {
  return !isTrue(value)
}

function unique(all: readonly unknown[]): unknown[] {
  const seen = new Set<unknown>()
  const out: unknown[] = []
  for (const item of all) {
    const isSimple = typeof item !== 'object' || item === null
    if (isSimple ? seen.has(item) : out.some((other) => deepEqual(item, other))) continue
    if (isSimple) seen.add(item)
    out.push(item)
  }
  return out
}

function sortAlpha(list: unknown): GoSlice {
  if (Array.isArray(list) || list instanceof Uint8Array) return strings(strslice(list).sort(compareStrings))
  return strings([strval(list)])
}

function slice(list: unknown, ...indices: unknown[]): unknown {
  if (!Array.isArray(list)) throw new GoError(`list should be type of slice or array but ${kindOf(list)}`)
  if (list.length === 0) return null
  const from = indices.length > 0 ? Number(toInt64(indices[0])) : 0
  const to = indices.length > 1 ? Number(toInt64(indices[1])) : list.length
  if (from < 0 || to < from || to > list.length) throw new GoError('reflect.Value.Slice: slice index out of bounds')
  const type = (list as GoSlice)[goType]
  return type === undefined ? list.slice(from, to) : typedSlice(type, list.slice(from, to))
}

function chunk(size: number, list: unknown): unknown {
  const all = items(list, 'chunk')
  if (size <= 0) throw new GoError('runtime error: makeslice: len out of range')
  const out: unknown[][] = []
  for (let i = 0; i < all.length; i += size) out.push(all.slice(i, i + size))
  return typedSlice('[][]interface {}', out)
}

function concat(...lists: unknown[]): unknown {
  const out: unknown[] = []
  for (const list of lists) {
    if (!Array.isArray(list)) {
      if (list === null) throw new GoError('runtime error: invalid memory address or nil pointer dereference')
      throw new GoError(`Cannot concat type ${kindOf(list)} as list`)
    }
    for (const item of list) out.push(item)
  }
  return out.length === 0 ? emptySlice() : out
}
