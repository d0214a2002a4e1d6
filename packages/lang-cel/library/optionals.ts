import { boolType, type CelType, dynType, intType, listType, mapType, optionalType, paramType, typeType } from '../check/cel-type.ts'
import { type CelFunction, type CelLibrary, global, member, signature } from '../environment.ts'
import { CelFault, noSuchOverload } from '../value/fault.ts'
import { isMap, mapSize } from '../value/map.ts'
import { CelBoxed, CelDouble, CelDuration, CelOptional, CelTypeValue, CelUint, CelTimestamp, type CelValue, optionalNone } from '../value/value.ts'

const V = paramType('V')
const K = paramType('K')
const optionalOfV = optionalType(V)

const held = (value: CelValue): CelOptional => {
  if (!(value instanceof CelOptional)) throw noSuchOverload()
  return value
}

/** The zero of Go's time: the start of the year 1. */
const goZeroTime = -62135596800

/** Whether a value is the zero of its type. */
function isZero(value: CelValue): boolean {
  if (value === null || value === false || value === 0 || value === '' || value === 0n) return true
  if (typeof value !== 'object') return false
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0
  if (value instanceof CelUint) return value.value === 0n
  if (value instanceof CelDouble) return value.value === 0
  if (value instanceof CelDuration) return value.nanos === 0n
  if (value instanceof CelTimestamp) return value.seconds === goZeroTime && value.nanos === 0
  if (value instanceof CelOptional) return value.value === undefined
  return (isMap(value) || !(value instanceof CelBoxed)) && isMap(value) && mapSize(value) === 0
}

const index = (result: CelType, name: string): CelFunction => ({
  name,
  overloads: [
    ...name === '_[?_]' ? [signature([listType(V), intType], result), signature([mapType(K, V), K], result)] : [],
    signature([optionalType(listType(V)), intType], result), signature([optionalType(mapType(K, V)), K], result),
  ],
})

const functions: CelFunction[] = [
  { name: 'optional.of', overloads: [global([V], optionalOfV, (value) => new CelOptional(value))] },
  { name: 'optional.ofNonZeroValue', overloads: [global([V], optionalOfV, (value) => isZero(value) ? optionalNone : new CelOptional(value))] },
  { name: 'optional.none', overloads: [global([], optionalOfV, () => optionalNone)] },
  {
    name: 'value',
    overloads: [member([optionalOfV], V, (optional) => {
      const { value } = held(optional)
      if (value === undefined) throw new CelFault('optional.none() dereference')
      return value
    })],
  },
  { name: 'hasValue', overloads: [member([optionalOfV], boolType, (optional) => held(optional).value !== undefined)] },
  { name: 'or', overloads: [member([optionalOfV, optionalOfV], optionalOfV, (optional, other) => held(optional).value === undefined ? held(other) : optional)] },
  { name: 'orValue', overloads: [member([optionalOfV, V], V, (optional, other) => held(optional).value ?? otherwise(held(optional), other))] },
  { name: 'first', overloads: [member([listType(V)], optionalOfV, (list) => at(list, 0))] },
  { name: 'last', overloads: [member([listType(V)], optionalOfV, (list) => at(list, -1))] },
  {
    name: 'optional.unwrap', overloads: [global([listType(optionalOfV)], listType(V), unwrap)],
  },
  { name: 'unwrapOpt', overloads: [member([listType(optionalOfV)], listType(V), unwrap)] },
  index(optionalOfV, '_[_]'),
  index(optionalOfV, '_[?_]'),
]

/** An optional may hold null, which `??` alone would take for none. */
function otherwise({ value }: CelOptional, other: CelValue): CelValue {
  return value === undefined ? other : value
}

function at(list: CelValue, position: number): CelOptional {
  if (!Array.isArray(list)) throw noSuchOverload()
  const value = (list as readonly CelValue[]).at(position)
  return value === undefined ? optionalNone : new CelOptional(value)
}

function unwrap(list: CelValue): CelValue {
  if (!Array.isArray(list)) throw noSuchOverload()
  return (list as readonly CelValue[]).map((item) => held(item).value).filter((value) => value !== undefined)
}

/** Optional values: `optional.of`, `?.`, `[?]`, `orValue`, `optMap` … (https://pkg.go.dev/github.com/google/cel-go/cel#OptionalTypes). */
export const optionalLibrary: CelLibrary = {
  name: 'optional',
  functions,
  constants: { optional_type: { type: typeType(optionalType(dynType)), value: new CelTypeValue('optional_type') } },
}
