import { type AnyMap, CelMap, mapEntries, mapGet, mapSize } from './map.ts'
import { UnorderedList } from './schema-list.ts'
import { CelBoxed, CelDouble, CelDuration, CelOpaque, CelOptional, CelTimestamp, CelTypeValue, CelUint, type CelValue } from './value.ts'

/** A number's mathematical value; undefined for what is no number. */
export function numeric(value: CelValue): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  return value instanceof CelDouble || value instanceof CelUint ? value.value : undefined
}

/** Equality of numbers whatever they are held in: 1 and 1n are the same. */
export function sameNumber(a: number | bigint, b: number | bigint | undefined): boolean {
  return b !== undefined && !(a < b) && !(a > b) && !Number.isNaN(a) && !Number.isNaN(b)
}

/** Equality of CEL: numbers by their value whatever their kind, lists and maps by their content, different kinds never. */
export function celEquals(a: CelValue, b: CelValue): boolean {
  if (a === b) return true
  const type = typeof a
  if (type === 'string' || type === 'boolean' || a === null || b === null) return false
  if (type === 'number' && typeof b === 'number') return false
  const left = numeric(a)
  if (left !== undefined) return sameNumber(left, numeric(b))
  if (typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a)) return Array.isArray(b) && listEquals(a as readonly CelValue[], b as readonly CelValue[])
  if (a instanceof CelMap || !(a instanceof CelBoxed || a instanceof Uint8Array)) {
    return !Array.isArray(b) && (b instanceof CelMap || !(b instanceof CelBoxed || b instanceof Uint8Array)) && mapEquals(a as AnyMap, b as AnyMap)
  }
  return boxedEquals(a, b)
}

function boxedEquals(a: CelBoxed | Uint8Array, b: CelValue): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0
  if (a instanceof CelTimestamp) return b instanceof CelTimestamp && a.seconds === b.seconds && a.nanos === b.nanos
  if (a instanceof CelDuration) return b instanceof CelDuration && a.nanos === b.nanos
  if (a instanceof CelTypeValue) return b instanceof CelTypeValue && a.name === b.name
  if (a instanceof CelOptional) {
    return b instanceof CelOptional && (a.value === undefined || b.value === undefined ? a.value === b.value : celEquals(a.value, b.value))
  }
  return a instanceof CelOpaque && b instanceof CelOpaque && a.equals(b)
}

function listEquals(a: readonly CelValue[], b: readonly CelValue[]): boolean {
  if (a.length !== b.length) return false
  if (a instanceof UnorderedList) return a.equals(b, celEquals)
  if (b instanceof UnorderedList) return b.equals(a, celEquals)
  for (let i = 0; i < a.length; i++) if (!celEquals(a[i] ?? null, b[i] ?? null)) return false
  return true
}

function mapEquals(a: AnyMap, b: AnyMap): boolean {
  if (mapSize(a) !== mapSize(b)) return false
  for (const [key, value] of mapEntries(a)) {
    const other = mapGet(b, key)
    if (other === undefined || !celEquals(value, other)) return false
  }
  return true
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference < 0 ? -1 : 1
  }
  return Math.sign(a.length - b.length)
}
