import { boolType, bytesType, type CelType, doubleType, durationType, dynType, intType, listType, paramType, stringType, timestampType, uintType } from '../check/cel-type.ts'
import { type CelFunction, type CelLibrary, global, member } from '../environment.ts'
import { celCompare } from '../value/compare.ts'
import { celEquals } from '../value/equal.ts'
import { CelFault } from '../value/fault.ts'
import { isMap, mapEntries } from '../value/map.ts'
import { CelDouble, CelDuration, CelUint, type CelValue } from '../value/value.ts'
import { add } from '../compile/operators.ts'

const T = paramType('T')
const listOfT = listType(T)
const summable: readonly (readonly [CelType, CelValue])[] = [[intType, 0], [uintType, new CelUint(0n)], [doubleType, new CelDouble(0)], [durationType, new CelDuration(0n)]]
const comparable = [intType, uintType, doubleType, boolType, durationType, timestampType, stringType, bytesType]

const items = (value: CelValue): readonly CelValue[] => value as readonly CelValue[]

/** Going once through a value with all that is in it, texts by their bytes. */
function traversal(value: CelValue): number {
  if (typeof value === 'string') return Math.floor(Buffer.byteLength(value) * 0.1)
  if (value instanceof Uint8Array) return Math.floor(value.length * 0.1)
  if (Array.isArray(value)) return items(value).reduce<number>((sum, item) => sum + traversal(item), 0)
  if (value === null || typeof value !== 'object' || !isMap(value)) return 1
  let sum = 0
  for (const [key, item] of mapEntries(value)) sum += traversal(key) + traversal(item)
  return sum
}

const cost = ([list = null]: readonly CelValue[]) => traversal(list)

function isSorted(list: CelValue): boolean {
  const all = items(list)
  for (let i = 1; i < all.length; i++) if (celCompare(all[i - 1] ?? null, all[i] ?? null) > 0) return false
  return true
}

function extreme(name: string, wanted: number) {
  return (list: CelValue): CelValue => {
    const [first, ...rest] = items(list)
    if (first === undefined) throw new CelFault(`${name} called on empty list`)
    return rest.reduce((best, item) => Math.sign(celCompare(item, best)) === wanted ? item : best, first)
  }
}

const functions: CelFunction[] = [
  { name: 'isSorted', overloads: comparable.map((type) => member([listType(type)], boolType, isSorted, cost)) },
  {
    name: 'sum',
    overloads: summable.map(([type, zero]) => member([listType(type)], type, (list) => {
      const [first = zero, ...rest] = items(list)
      return rest.reduce(add, first)
    }, cost)),
  },
  { name: 'min', overloads: comparable.map((type) => member([listType(type)], type, extreme('min', -1), cost)) },
  { name: 'max', overloads: comparable.map((type) => member([listType(type)], type, extreme('max', 1), cost)) },
  { name: 'indexOf', overloads: [member([listOfT, T], intType, (list, item) => items(list).findIndex((one) => celEquals(one, item)), cost)] },
  { name: 'lastIndexOf', overloads: [member([listOfT, T], intType, (list, item) => items(list).findLastIndex((one) => celEquals(one, item)), cost)] },
]

/** `sum`, `min`, `max`, `isSorted`, `indexOf`, `lastIndexOf` of lists (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-list-library). */
export const listsLibrary: CelLibrary = { name: 'kubernetes.lists', functions }

/** Making a list of so many elements. */
const listCost = (count: number) => 11 + count
const resultCost = (_: readonly CelValue[], result: CelValue) => listCost(items(result).length)

/** Every element against every other one. */
function comparisonCost([list = []]: readonly CelValue[]): number {
  const all = items(list)
  const factor = typeof all[0] === 'string' || all[0] instanceof Uint8Array ? 2.1 : 2
  return listCost(Math.floor(all.length ** 2 * factor))
}

const flattenCost = ([list = [], depth = 1]: readonly CelValue[]) => listCost(items(list).length * Number(depth as number))

const whole = (value: CelValue) => Number(value as number | bigint)

function slice(list: CelValue, from: CelValue, to: CelValue): CelValue {
  const [start, end] = [whole(from), whole(to)]
  const { length } = items(list)
  if (start < 0 || end < 0) throw new CelFault(`cannot slice(${start}, ${end}), negative indexes not supported`)
  if (start > end) throw new CelFault('cannot slice(' + `${start}, ${end}), start index must be less than or equal to end index`)
  if (length < end) throw new CelFault(`cannot slice(${start}, ${end}), list is length ${length}`)
  return items(list).slice(start, end)
}

function flatten(list: CelValue, depth: number): CelValue[] {
  return items(list).flatMap((item) => Array.isArray(item) ? depth > 0 ? flatten(item as readonly CelValue[], depth - 1) : [item as CelValue] : [item])
}

function distinct(list: CelValue): CelValue[] {
  const seen = new Set<CelValue>()
  const unique: CelValue[] = []
  for (const item of items(list)) {
    if (typeof item === 'string' ? seen.has(item) : unique.some((one) => celEquals(one, item))) continue
    if (typeof item === 'string') seen.add(item)
    unique.push(item)
  }
  return unique
}

function sorted(list: CelValue): CelValue[] {
  const [first, ...rest] = items(list)
  for (const item of rest) celCompare(item, first ?? null)
  return [...items(list)].sort(celCompare)
}

function range(count: CelValue): CelValue[] {
  if (whole(count) > 1_000_000) throw new CelFault(`lists.range(${whole(count)}) is too long`)
  return Array.from({ length: Math.max(0, whole(count)) }, (_, i) => i)
}

const extended: CelFunction[] = [
  { name: 'slice', overloads: [member([listOfT, intType, intType], listOfT, slice, resultCost)] },
  {
    name: 'flatten',
    overloads: [
      member([listType(listOfT)], listOfT, (list) => flatten(list, 1), flattenCost), member([listType(dynType)], listType(dynType), (list) => flatten(list, 1), flattenCost),
      member([listType(dynType), intType], listType(dynType), (list, depth) => {
        if (whole(depth) < 0) throw new CelFault('level must be non-negative')
        return flatten(list, whole(depth))
      }, flattenCost),
    ],
  },
  { name: 'lists.range', overloads: [global([intType], listType(intType), range, ([count = 0]) => listCost(Math.max(0, whole(count))))] },
  { name: 'distinct', overloads: [member([listOfT], listOfT, distinct, comparisonCost)] },
  { name: 'reverse', overloads: [member([listOfT], listOfT, (list) => [...items(list)].reverse(), resultCost)] },
  { name: 'sort', overloads: comparable.map((type) => member([listType(type)], listType(type), sorted, comparisonCost)) },
]

/** `slice`, `flatten`, `distinct`, `sort`, `reverse`, `lists.range` (https://pkg.go.dev/github.com/google/cel-go/ext#Lists); `sortBy` is a macro of the parser. */
export const extendedListsLibrary: CelLibrary = { name: 'cel.lib.ext.lists', functions: extended }
