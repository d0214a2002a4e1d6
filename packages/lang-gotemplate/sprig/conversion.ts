import { sprintV } from '../format.ts'
import { stringOf } from '../go-string.ts'
import { readFloat, readInteger } from '../number-literal.ts'
import { Num, Struct } from '../value.ts'

const maxInt64 = 2 ** 63

/** Sprig's strval: strings and bytes as they are, everything else as %v. */
export function strval(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return stringOf(value)
  if (value instanceof Struct && value.shape.string !== undefined) return value.shape.string()
  return sprintV(value ?? null)
}

/** cast.ToInt64: what is no number is 0. */
export function toInt64(value: unknown): bigint {
  switch (typeof value) {
    case 'bigint': return value
    case 'number': return truncated(value)
    case 'boolean': return value ? 1n : 0n
    case 'string': return textToInt(value)
  }
  if (value instanceof Num) return typeof value.value === 'bigint' ? BigInt.asIntN(64, value.value) : truncated(value.value)
  return 0n
}

function truncated(value: number): bigint {
  if (!Number.isFinite(value) || Math.abs(value) >= maxInt64) return -(2n ** 63n)
  return BigInt(Math.trunc(value))
}

/** In Go's base-0 syntax, so that "010" is eight; a fraction of zeros is allowed. */
function textToInt(text: string): bigint {
  const value = readInteger(text.replace(/\.0+$/, ''))
  return value === undefined || value >= 2n ** 63n || value < -(2n ** 63n) ? 0n : value
}

/** cast.ToFloat64. */
export function toFloat64(value: unknown): number {
  switch (typeof value) {
    case 'bigint': return Number(value)
    case 'number': return value
    case 'boolean': return value ? 1 : 0
    case 'string': return textToFloat(value)
  }
  return value instanceof Num ? Number(value.value) : 0
}

function textToFloat(text: string): number {
  const word = /^([+-]?)(?:(inf|infinity)|nan)$/i.exec(text)
  if (word !== null) return word[2] === undefined ? Number.NaN : word[1] === '-' ? -Infinity : Infinity
  return readFloat(text) ?? 0
}

/** Sprig's strslice: the strings of a list, without nil. */
export function strslice(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((item) => item !== null && item !== undefined).map(strval)
  if (value instanceof Uint8Array) return [...value].map(String)
  if (value === null || value === undefined) return []
  return [strval(value)]
}
