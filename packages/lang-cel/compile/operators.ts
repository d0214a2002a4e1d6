import { celCompare } from '../value/compare.ts'
import { celEquals, numeric } from '../value/equal.ts'
import { CelFault, noSuchOverload } from '../value/fault.ts'
import { addInt, divideInt, makeInt, makeUint, multiplyInt, remainderInt, subtractInt } from '../value/integer.ts'
import { isMap, mapGet, mapKeyOf } from '../value/map.ts'
import { UnorderedList } from '../value/schema-list.ts'
import { addDuration, makeDuration, subtractTimestamps } from '../value/time.ts'
import { CelDouble, CelDuration, CelTimestamp, CelUint, type CelValue, isInt, makeDouble } from '../value/value.ts'

type Int = number | bigint

const asInt = (value: CelValue): Int | undefined => typeof value === 'bigint' || (typeof value === 'number' && isInt(value)) ? value : undefined

function asDouble(value: CelValue): number | undefined {
  if (typeof value === 'number') return isInt(value) ? undefined : value
  return value instanceof CelDouble ? value.value : undefined
}

/** An operation on two numbers of one kind; undefined when the operands are something else. */
function arithmetic(a: CelValue, b: CelValue, int: (a: Int, b: Int) => Int, uint: ((a: bigint, b: bigint) => bigint) | undefined, double: ((a: number, b: number) => number) | undefined): CelValue | undefined {
  const left = asInt(a)
  if (left !== undefined) {
    const right = asInt(b)
    return right === undefined ? undefined : int(left, right)
  }
  if (double) {
    const x = asDouble(a)
    if (x !== undefined) {
      const y = asDouble(b)
      return y === undefined ? undefined : makeDouble(double(x, y))
    }
  }
  return uint && a instanceof CelUint && b instanceof CelUint ? makeUint(uint(a.value, b.value)) : undefined
}

const found = (value: CelValue | undefined): CelValue => {
  if (value === undefined) throw noSuchOverload()
  return value
}

export function add(a: CelValue, b: CelValue): CelValue {
  if (typeof a === 'string' && typeof b === 'string') return a + b
  const sum = arithmetic(a, b, addInt, (x, y) => x + y, (x, y) => x + y)
  if (sum !== undefined) return sum
  if (a instanceof UnorderedList && Array.isArray(b)) return a.merge(b as readonly CelValue[])
  if (Array.isArray(a) && Array.isArray(b)) return [...a as CelValue[], ...b as CelValue[]]
  if (a instanceof CelDuration) {
    if (b instanceof CelDuration) return makeDuration(a.nanos + b.nanos)
    if (b instanceof CelTimestamp) return addDuration(b, a.nanos)
  }
  if (a instanceof CelTimestamp && b instanceof CelDuration) return addDuration(a, b.nanos)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Uint8Array.from([...a, ...b])
  throw noSuchOverload()
}

export function subtract(a: CelValue, b: CelValue): CelValue {
  const difference = arithmetic(a, b, subtractInt, (x, y) => x - y, (x, y) => x - y)
  if (difference !== undefined) return difference
  if (a instanceof CelTimestamp) {
    if (b instanceof CelDuration) return addDuration(a, -b.nanos)
    if (b instanceof CelTimestamp) return subtractTimestamps(a, b)
  }
  if (a instanceof CelDuration && b instanceof CelDuration) return makeDuration(a.nanos - b.nanos)
  throw noSuchOverload()
}

export const multiply = (a: CelValue, b: CelValue): CelValue => found(arithmetic(a, b, multiplyInt, (x, y) => x * y, (x, y) => x * y))

export const divide = (a: CelValue, b: CelValue): CelValue => found(arithmetic(a, b, divideInt, (x, y) => {
  if (y === 0n) throw new CelFault('division by zero')
  return x / y
}, (x, y) => x / y))

export const remainder = (a: CelValue, b: CelValue): CelValue => found(arithmetic(a, b, remainderInt, (x, y) => {
  if (y === 0n) throw new CelFault('modulus by zero')
  return x % y
}, undefined))

export function negate(a: CelValue): CelValue {
  const int = asInt(a)
  if (int !== undefined) return typeof int === 'number' ? 0 - int : makeInt(-int)
  const double = asDouble(a)
  if (double === undefined) throw noSuchOverload()
  return makeDouble(-double)
}

export function not(a: CelValue): CelValue {
  if (typeof a !== 'boolean') throw noSuchOverload()
  return !a
}

export const less = (a: CelValue, b: CelValue): boolean => celCompare(a, b) < 0
export const lessOrEqual = (a: CelValue, b: CelValue): boolean => celCompare(a, b) <= 0
export const greater = (a: CelValue, b: CelValue): boolean => celCompare(a, b) > 0
export const greaterOrEqual = (a: CelValue, b: CelValue): boolean => celCompare(a, b) >= 0

/** `a in b`. */
export function isIn(a: CelValue, b: CelValue): boolean {
  if (Array.isArray(b)) {
    for (const item of b as readonly CelValue[]) if (celEquals(a, item)) return true
    return false
  }
  if (!isMap(b)) throw noSuchOverload()
  if (mapKeyOf(a) === undefined && numeric(a) === undefined) return false
  return mapGet(b, a) !== undefined
}
