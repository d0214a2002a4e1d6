import { CelFault } from './fault.ts'
import { CelUint } from './value.ts'

const minInt = -(2n ** 63n)
const maxInt = 2n ** 63n - 1n
const maxUint = 2n ** 64n - 1n

/** An int: the number when it is exact, else the bigint; refuses what does not fit 64 bits. */
export function makeInt(value: bigint): number | bigint {
  if (value < minInt || value > maxInt) throw new CelFault('integer overflow')
  const small = Number(value)
  return Number.isSafeInteger(small) ? small : value
}

export function makeUint(value: bigint): CelUint {
  if (value < 0n || value > maxUint) throw new CelFault('unsigned integer overflow')
  return new CelUint(value)
}

export function addInt(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return makeInt(BigInt(a) + BigInt(b))
}

export function subtractInt(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b
    if (Number.isSafeInteger(difference)) return difference
  }
  return makeInt(BigInt(a) - BigInt(b))
}

export function multiplyInt(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b
    if (Number.isSafeInteger(product)) return product
  }
  return makeInt(BigInt(a) * BigInt(b))
}

export function divideInt(a: number | bigint, b: number | bigint): number | bigint {
  if (b === 0 || b === 0n) throw new CelFault('division by zero')
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a)) return Math.trunc(a / b)
  return makeInt(BigInt(a) / BigInt(b))
}

export function remainderInt(a: number | bigint, b: number | bigint): number | bigint {
  if (b === 0 || b === 0n) throw new CelFault('modulus by zero')
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a)) return a % b
  const divisor = BigInt(b)
  if (divisor === -1n && BigInt(a) === minInt) throw new CelFault('integer overflow')
  return makeInt(BigInt(a) % divisor)
}
