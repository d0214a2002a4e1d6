import { boolType as bool, bytesType as bytes, type CelType, doubleType as double, durationType as duration, dynType as dyn, intType as int, listType, mapType, nullType, paramType, stringType as string, timestampType as timestamp, typeType, uintType as uint } from '../check/cel-type.ts'
import { costSize, traversalCost } from '../compile/cost.ts'
import { type CelFunction, type CelLibrary, global, member, type Overload, signature } from '../environment.ts'
import { noSuchOverload } from '../value/fault.ts'
import { isMap, mapSize } from '../value/map.ts'
import { regularExpression } from '../value/regular-expression.ts'
import { codePoints } from '../value/text.ts'
import { CelTypeValue, type CelValue } from '../value/value.ts'
import { conversions, typeNameOf } from './conversions.ts'
import { timeFunctions } from './time-functions.ts'

const A = paramType('A')
const B = paramType('B')
const listOfA = listType(A)
const mapOfAB = mapType(A, B)

const same = (types: readonly CelType[], result?: CelType): Overload[] => types.map((type) => signature([type, type], result ?? type))
const numbers = [int, uint, double]

function comparison(name: string): CelFunction {
  const cross = numbers.flatMap((a) => numbers.filter((b) => b !== a).map((b) => signature([a, b], bool)))
  return { name, overloads: [...same([bool, int, uint, double, string, bytes, timestamp, duration], bool), ...cross] }
}

/** Operators: known to the compiler by name, here for the check. */
const operators: CelFunction[] = [
  { name: '_?_:_', overloads: [signature([bool, A, A], A)] },
  { name: '_&&_', overloads: [signature([bool, bool], bool)] },
  { name: '_||_', overloads: [signature([bool, bool], bool)] },
  { name: '!_', overloads: [signature([bool], bool)] },
  { name: '-_', overloads: [signature([int], int), signature([double], double)] },
  { name: '_==_', overloads: [signature([A, A], bool)] },
  { name: '_!=_', overloads: [signature([A, A], bool)] },
  {
    name: '_+_',
    overloads: [
      ...same([bytes, double, duration, int, string, uint]), signature([duration, timestamp], timestamp), signature([timestamp, duration], timestamp), signature([listOfA, listOfA], listOfA),
    ],
  },
  { name: '_-_', overloads: [...same([double, duration, int, uint]), signature([timestamp, duration], timestamp), signature([timestamp, timestamp], duration)] },
  { name: '_*_', overloads: same(numbers) },
  { name: '_/_', overloads: same(numbers) },
  { name: '_%_', overloads: same([int, uint]) },
  ...['_<_', '_<=_', '_>_', '_>=_'].map(comparison),
  { name: '_[_]', overloads: [signature([listOfA, int], A), signature([mapOfAB, A], B)] },
  { name: '@in', overloads: [signature([A, listOfA], bool), signature([A, mapOfAB], bool)] },
]

export function sizeOf(value: CelValue): number {
  if (typeof value === 'string') return codePoints(value)
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length
  if (value === null || typeof value !== 'object' || !isMap(value)) throw noSuchOverload()
  return mapSize(value)
}

const text = (value: CelValue): string => {
  if (typeof value !== 'string') throw noSuchOverload()
  return value
}

const matchCost = ([value = '', pattern = '']: readonly CelValue[]) => Math.ceil((1 + costSize(value)) * 0.1) * Math.ceil(costSize(pattern) * 0.25)

/** What the argument of a call says at compile time about a pattern. */
export function validatePattern(position: number): NonNullable<CelFunction['validate']> {
  return (literals) => {
    const pattern = literals[position]
    if (typeof pattern !== 'string') return undefined
    try {
      regularExpression(pattern)
      return undefined
    } catch {
      return { message: 'invalid matches argument', argument: position }
    }
  }
}

const functions: CelFunction[] = [
  ...operators,
  {
    name: 'size', dispatch: sizeOf,
    overloads: [bytes, listOfA, mapOfAB, string].flatMap((type) => [signature([type], int), signature([type], int, 'member')]),
  },
  { name: 'contains', overloads: [member([string, string], bool, (a, b) => text(a).includes(text(b)), ([a = '', b = '']) => Math.ceil(costSize(a) * 0.1) * Math.ceil(costSize(b) * 0.1))] },
  { name: 'endsWith', overloads: [member([string, string], bool, (a, b) => text(a).endsWith(text(b)), ([, b = '']) => traversalCost(b))] },
  { name: 'startsWith', overloads: [member([string, string], bool, (a, b) => text(a).startsWith(text(b)), ([, b = '']) => traversalCost(b))] },
  {
    name: 'matches', validate: validatePattern(1),
    overloads: [global, member].map((style) => style([string, string], bool, (a, b) => regularExpression(text(b)).test(text(a)), matchCost)),
  },
  { name: 'type', overloads: [global([A], typeType(A), (value) => new CelTypeValue(typeNameOf(value)))] },
  { name: 'dyn', overloads: [global([A], dyn, (value) => value)] },
  ...conversions,
  ...timeFunctions,
]

const emptyMap = mapType(dyn, dyn)

/** What the language itself has (https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions). */
export const standardLibrary: CelLibrary = {
  name: 'stdlib',
  functions,
  types: [bool, bytes, double, duration, int, nullType, string, timestamp, uint, typeType(), { ...listType(dyn), text: 'list(dyn)' }, { ...emptyMap }],
}
