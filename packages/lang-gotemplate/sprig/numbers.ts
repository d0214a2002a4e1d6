import { sprintV } from '../format.ts'
import { GoError, LimitError } from '../go-error.ts'
import { fn, int64, typedSlice, type GoFunction, type GoSlice } from '../value.ts'
import { toFloat64, toInt64 } from './conversion.ts'
import { addDecimals, divideDecimals, multiplyDecimals, subtractDecimals } from './decimal.ts'

const mostItems = 1_000_000

/** Sprig's arithmetic: integers are int64, the names with f work on decimals. */
export const numberFunctions: readonly (readonly [string, GoFunction])[] = [
  ['atoi', fn('string', (s: string) => (/^[+-]?\d+$/.test(s) ? clampInt(BigInt(s)) : 0n))],
  ['int64', fn('any', (value: unknown) => int64(toInt64(value)))],
  ['int', fn('any', toInt64)],
  ['float64', fn('any', toFloat64)],
  ['toDecimal', fn('any', toDecimal)],
  ['seq', fn('...int', seq)],
  ['until', fn('int', (count: number) => ints(steps(0, count, count < 0 ? -1 : 1)))],
  ['untilStep', fn('int int int', (start: number, stop: number, step: number) => ints(steps(start, stop, step)))],
  ['add1', fn('any', (value: unknown) => int64(toInt64(value) + 1n))],
  ['add', fn('...any', (...values: unknown[]) => int64(values.reduce<bigint>((sum, value) => sum + toInt64(value), 0n)))],
  ['sub', fn('any any', (a: unknown, b: unknown) => int64(toInt64(a) - toInt64(b)))],
  ['div', fn('any any', (a: unknown, b: unknown) => int64(toInt64(a) / divisor(toInt64(b))))],
  ['mod', fn('any any', (a: unknown, b: unknown) => int64(toInt64(a) % divisor(toInt64(b))))],
  ['mul', fn('any ...any', (a: unknown, ...values: unknown[]) => int64(values.reduce<bigint>((product, value) => BigInt.asIntN(64, product * toInt64(value)), toInt64(a))))],
  ['add1f', fn('any', (value: unknown) => addDecimals(toFloat64(value), [1]))],
  ['addf', fn('...any', (...values: unknown[]) => addDecimals(0, values.map(toFloat64)))],
  ['subf', fn('any ...any', (a: unknown, ...values: unknown[]) => subtractDecimals(toFloat64(a), values.map(toFloat64)))],
  ['divf', fn('any ...any', (a: unknown, ...values: unknown[]) => divideDecimals(toFloat64(a), values.map(toFloat64)))],
  ['mulf', fn('any ...any', (a: unknown, ...values: unknown[]) => multiplyDecimals(toFloat64(a), values.map(toFloat64)))],
  ['max', fn('any ...any', (...values: unknown[]) => int64(values.map(toInt64).reduce((a, b) => (b > a ? b : a))))],
  ['biggest', fn('any ...any', (...values: unknown[]) => int64(values.map(toInt64).reduce((a, b) => (b > a ? b : a))))],
  ['min', fn('any ...any', (...values: unknown[]) => int64(values.map(toInt64).reduce((a, b) => (b < a ? b : a))))],
  ['maxf', fn('any ...any', (...values: unknown[]) => Math.max(...values.map(toFloat64)))],
  ['minf', fn('any ...any', (...values: unknown[]) => Math.min(...values.map(toFloat64)))],
  ['ceil', fn('any', (value: unknown) => Math.ceil(toFloat64(value)))],
  ['floor', fn('any', (value: unknown) => Math.floor(toFloat64(value)))],
  ['round', fn('any int ...float', round)],
]

function clampInt(value: bigint): bigint {
  const max = 2n ** 63n - 1n
  return value > max ? max : value < -max - 1n ? -max - 1n : value
}

function divisor(value: bigint): bigint {
  if (value === 0n) throw new GoError('runtime error: integer divide by zero')
  return value
}

function toDecimal(value: unknown) {
  const text = sprintV(value)
  return int64(/^[+-]?[0-7]+$/.test(text) ? (text.startsWith('-') ? -BigInt(`0o${text.slice(1)}`) : BigInt(`0o${text.replace('+', '')}`)) : 0n)
}

function steps(start: number, stop: number, step: number): number[] {
  const found: number[] = []
  if ((stop < start && step >= 0) || (stop >= start && step <= 0)) return found
  if (Math.abs((stop - start) / step) > mostItems) throw new LimitError('output', `a list of more than ${mostItems} numbers`)
  if (stop < start) for (let i = start; i > stop; i += step) found.push(i)
  else for (let i = start; i < stop; i += step) found.push(i)
  return found
}

function ints(values: number[]): GoSlice {
  return typedSlice('[]int', values.map(BigInt))
}

function seq(...params: number[]): string {
  const [a = 0, b = 0, c = 0] = params
  switch (params.length) {
    case 1: return steps(1, a < 1 ? a - 1 : a + 1, a < 1 ? -1 : 1).join(' ')
    case 2: return steps(a, b < a ? b - 1 : b + 1, b < a ? -1 : 1).join(' ')
    case 3:
      if (c < a && b > 0) return ''
      return steps(a, c < a ? c - 1 : c + 1, b).join(' ')
    default: return ''
  }
}

function round(value: unknown, places: number, roundOn = 0.5): number {
  const power = 10 ** places
  const digit = power * toFloat64(value)
  const fraction = digit - Math.trunc(digit)
  return (fraction >= roundOn ? Math.ceil(digit) : Math.floor(digit)) / power
}
