import { compareBytes, numeric, sameNumber } from './equal.ts'
import { noSuchOverload } from './fault.ts'
import { CelDouble, CelDuration, CelTimestamp, type CelValue, isInt } from './value.ts'

/** Order of two values of one kind (numbers of all kinds together): negative, 0, positive; NaN when there is none (NaN itself). */
export function celCompare(a: CelValue, b: CelValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : a === b ? 0 : NaN
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  const left = numeric(a)
  if (left !== undefined) {
    const right = numeric(b)
    if (right === undefined) throw noSuchOverload()
    if (typeof left !== typeof right && (isDouble(a) || isDouble(b))) return celCompare(Number(left), Number(right))
    return left < right ? -1 : left > right ? 1 : sameNumber(left, right) ? 0 : NaN
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof CelTimestamp && b instanceof CelTimestamp) return a.seconds - b.seconds || a.nanos - b.nanos
  if (a instanceof CelDuration && b instanceof CelDuration) return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b)
  throw noSuchOverload()
}

/** An int beyond 2^53 is compared with a double as a double, as the reference implementation does. */
const isDouble = (value: CelValue) => value instanceof CelDouble || (typeof value === 'number' && !isInt(value))

/** Order by code point, which UTF-16's own is not beyond the basic plane. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const wide = (unit: number) => unit >= 0xd800 && unit <= 0xdfff
    if (wide(x) !== wide(y)) return wide(x) ? 1 : -1
    return x < y ? -1 : 1
  }
  return a.length < b.length ? -1 : 1
}
