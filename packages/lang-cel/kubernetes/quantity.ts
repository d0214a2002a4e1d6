import { addQuantities, compareQuantities, parseQuantity, type Quantity, quantityToNumber, subtractQuantities } from '@idp/formats'
import { isCoded } from '@idp/kit'
import { boolType, doubleType, intType, opaqueType, stringType } from '../check/cel-type.ts'
import { traversalCost } from '../compile/cost.ts'
import { type CelFunction, type CelLibrary, global, member } from '../environment.ts'
import { CelFault } from '../value/fault.ts'
import { makeInt } from '../value/integer.ts'
import { CelOpaque, type CelValue, makeDouble } from '../value/value.ts'

export const quantityType = opaqueType('kubernetes.Quantity')

export class CelQuantity extends CelOpaque {
  override readonly celType = quantityType
  readonly value: Quantity
  constructor(value: Quantity) {
    super()
    this.value = value
  }
  override equals(other: CelOpaque): boolean {
    return other instanceof CelQuantity && compareQuantities(this.value, other.value) === 0
  }
}

const billion = 1_000_000_000n
const of = (value: CelValue): Quantity => (value as CelQuantity).value

function parse(text: CelValue): Quantity | undefined {
  try {
    return parseQuantity(text as string)
  } catch (error) {
    if (isCoded(error)) return undefined
    throw error
  }
}

const malformed = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

function quantity(text: CelValue): CelQuantity {
  const value = parse(text)
  if (!value) throw new CelFault(malformed)
  return new CelQuantity(value)
}

const fromInt = (value: CelValue): Quantity => ({ nano: BigInt(value as number | bigint) * billion, format: 'DecimalSI' })
/** The largest int itself is what larger quantities are cut to, so it does not count. */
const fitsInt = ({ nano }: Quantity) => nano % billion === 0n && nano / billion >= -(2n ** 63n) && nano / billion < 2n ** 63n - 1n

function arithmetic(name: string, run: (a: Quantity, b: Quantity) => Quantity): CelFunction {
  return {
    name,
    overloads: [
      member([quantityType, quantityType], quantityType, (a, b) => new CelQuantity(run(of(a), of(b)))),
      member([quantityType, intType], quantityType, (a, b) => new CelQuantity(run(of(a), fromInt(b)))),
    ],
  }
}

const cost = ([text = '']: readonly CelValue[]) => traversalCost(text)

const functions: CelFunction[] = [
  { name: 'quantity', overloads: [global([stringType], quantityType, quantity, cost)] },
  { name: 'isQuantity', overloads: [global([stringType], boolType, (text) => parse(text) !== undefined, cost)] },
  { name: 'sign', overloads: [member([quantityType], intType, (value) => of(value).nano === 0n ? 0 : of(value).nano > 0n ? 1 : -1)] },
  { name: 'isInteger', overloads: [member([quantityType], boolType, (value) => fitsInt(of(value)))] },
  {
    name: 'asInteger',
    overloads: [member([quantityType], intType, (value) => {
      if (!fitsInt(of(value))) throw new CelFault('cannot convert value to integer')
      return makeInt(of(value).nano / billion)
    })],
  },
  { name: 'asApproximateFloat', overloads: [member([quantityType], doubleType, (value) => makeDouble(quantityToNumber(of(value))))] },
  { name: 'isGreaterThan', overloads: [member([quantityType, quantityType], boolType, (a, b) => compareQuantities(of(a), of(b)) > 0)] },
  { name: 'isLessThan', overloads: [member([quantityType, quantityType], boolType, (a, b) => compareQuantities(of(a), of(b)) < 0)] },
  { name: 'compareTo', overloads: [member([quantityType, quantityType], intType, (a, b) => Math.sign(compareQuantities(of(a), of(b))))] },
  arithmetic('add', addQuantities),
  arithmetic('sub', subtractQuantities),
]

/** `quantity('1.5Gi')` and its arithmetic (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library). */
export const quantityLibrary: CelLibrary = { name: 'kubernetes.quantity', functions, types: [quantityType] }
