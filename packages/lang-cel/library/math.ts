import { boolType as bool, doubleType as double, dynType as dyn, intType as int, listType, uintType as uint } from '../check/cel-type.ts'
import { type CelFunction, type CelLibrary, global, type Overload, signature } from '../environment.ts'
import { celCompare } from '../value/compare.ts'
import { CelFault, noSuchOverload } from '../value/fault.ts'
import { makeInt } from '../value/integer.ts'
import { CelUint, type CelValue, isInt, kindOf, makeDouble } from '../value/value.ts'
import { doubleOf } from './conversions.ts'

const isNumber = (value: CelValue) => ['int', 'uint', 'double'].includes(kindOf(value))

function extreme(name: string, better: (order: number) => boolean) {
  return (...args: CelValue[]): CelValue => {
    const [first] = args
    const values = args.length === 1 && Array.isArray(first) ? first as readonly CelValue[] : args
    let best: CelValue | undefined
    for (const value of values) {
      if (!isNumber(value)) throw noSuchOverload()
      if (best === undefined || better(celCompare(value, best))) best = value
    }
    if (best === undefined) throw new CelFault(`${name}(list) argument must not be empty`)
    return best
  }
}

/** Any number of arguments is allowed; the check is given signatures for up to eight. */
const maxArguments = 8

function extremeSignatures(): Overload[] {
  const found: Overload[] = []
  for (const type of [double, int, uint]) {
    found.push(signature([type], type), signature([type, type], type), signature([listType(type)], type))
  }
  for (const a of [double, int, uint]) for (const b of [double, int, uint]) if (a !== b) found.push(signature([a, b], dyn))
  for (let count = 3; count <= maxArguments; count++) {
    for (const type of [double, int, uint]) found.push(signature(Array.from({ length: count }, () => type), type))
    found.push(signature(Array.from({ length: count }, () => dyn), dyn))
  }
  return found
}

function rounding(name: string, round: (value: number) => number): CelFunction {
  return { name, overloads: [global([double], double, (value) => makeDouble(round(doubleOf(value) ?? NaN)))] }
}

/** Half away from zero, which Math.round does not do below zero. */
const roundAway = (value: number) => Number.isFinite(value) ? Math.sign(value) * Math.floor(Math.abs(value) + 0.5) : value

const big = (value: CelValue): bigint => value instanceof CelUint ? value.value : BigInt(value as number | bigint)
const uint64 = (value: bigint) => new CelUint(BigInt.asUintN(64, value))
const int64 = (value: bigint) => makeInt(BigInt.asIntN(64, value))

function bitwise(name: string, run: (a: bigint, b: bigint) => bigint): CelFunction {
  return { name, overloads: [global([int, int], int, (a, b) => int64(run(big(a), big(b)))), global([uint, uint], uint, (a, b) => uint64(run(big(a), big(b))))] }
}

function shift(name: string, run: (value: bigint, by: bigint) => bigint): CelFunction {
  const by = (value: CelValue): bigint => {
    const distance = big(value)
    if (distance < 0n) throw new CelFault(`${name}() negative offset: ${distance}`)
    return distance
  }
  return {
    name,
    overloads: [
      global([int, int], int, (value, distance) => by(distance) > 63n ? 0 : int64(run(BigInt.asUintN(64, big(value)), big(distance)))),
      global([uint, int], uint, (value, distance) => by(distance) > 63n ? new CelUint(0n) : uint64(run(big(value), big(distance)))),
    ],
  }
}

function absolute(value: CelValue): CelValue {
  const real = doubleOf(value)
  if (real !== undefined) return makeDouble(Math.abs(real))
  if (value instanceof CelUint) return value
  const whole = big(value)
  return makeInt(whole < 0n ? -whole : whole)
}

function sign(value: CelValue): CelValue {
  const real = doubleOf(value)
  if (real !== undefined) return makeDouble(Math.sign(real))
  if (value instanceof CelUint) return new CelUint(value.value === 0n ? 0n : 1n)
  return typeof value === 'number' && isInt(value) ? Math.sign(value) : value as bigint > 0n ? 1 : -1
}

const classify = (name: string, test: (value: number) => boolean): CelFunction => ({ name, overloads: [global([double], bool, (value) => test(doubleOf(value) ?? NaN))] })

const functions: CelFunction[] = [
  { name: 'math.greatest', overloads: extremeSignatures(), dispatch: extreme('math.greatest', (order) => order > 0) },
  { name: 'math.least', overloads: extremeSignatures(), dispatch: extreme('math.least', (order) => order < 0) },
  rounding('math.ceil', Math.ceil), rounding('math.floor', Math.floor), rounding('math.round', roundAway), rounding('math.trunc', Math.trunc),
  { name: 'math.abs', overloads: [double, int, uint].map((type) => global([type], type, absolute)) },
  { name: 'math.sign', overloads: [double, int, uint].map((type) => global([type], type, sign)) },
  { name: 'math.sqrt', overloads: [double, int, uint].map((type) => global([type], double, (value) => makeDouble(Math.sqrt(doubleOf(value) ?? Number(big(value)))))) },
  classify('math.isInf', (value) => value === Infinity || value === -Infinity), classify('math.isNaN', Number.isNaN), classify('math.isFinite', Number.isFinite),
  bitwise('math.bitAnd', (a, b) => a & b), bitwise('math.bitOr', (a, b) => a | b), bitwise('math.bitXor', (a, b) => a ^ b),
  { name: 'math.bitNot', overloads: [global([int], int, (value) => int64(~big(value))), global([uint], uint, (value) => uint64(~big(value)))] },
  shift('math.bitShiftLeft', (value, by) => value << by), shift('math.bitShiftRight', (value, by) => value >> by),
]

/** `math.greatest`, `math.ceil`, `math.bitAnd` … (https://pkg.go.dev/github.com/google/cel-go/ext#Math). */
export const mathLibrary: CelLibrary = { name: 'cel.lib.ext.math', functions }
