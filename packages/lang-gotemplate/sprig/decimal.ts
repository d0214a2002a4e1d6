import { GoError } from '../go-error.ts'

/** A decimal number: units × 10^-scale. */
interface Decimal { readonly units: bigint; readonly scale: number }

/** Digits after the point that a division keeps. */
const divisionPlaces = 16

function decimalOf(value: number): Decimal {
  if (!Number.isFinite(value)) return { units: 0n, scale: 0 }
  const [mantissa = '0', exponent = '0'] = value.toExponential().split('e')
  const [whole = '0', fraction = ''] = mantissa.split('.')
  return normal({ units: BigInt(whole + fraction), scale: fraction.length - Number(exponent) })
}

function normal({ units, scale }: Decimal): Decimal {
  return scale < 0 ? { units: units * 10n ** BigInt(-scale), scale: 0 } : { units, scale }
}

function toNumber({ units, scale }: Decimal): number {
  return Number(`${units}e${-scale}`)
}

function aligned(a: Decimal, b: Decimal): { x: bigint; y: bigint; scale: number } {
  const scale = Math.max(a.scale, b.scale)
  return { x: a.units * 10n ** BigInt(scale - a.scale), y: b.units * 10n ** BigInt(scale - b.scale), scale }
}

function fold(first: number, rest: readonly number[], step: (a: Decimal, b: Decimal) => Decimal): number {
  return toNumber(rest.map(decimalOf).reduce(step, decimalOf(first)))
}

/** Sums in decimal, so that 0.1 + 0.2 is 0.3. */
export function addDecimals(first: number, rest: readonly number[]): number {
  return fold(first, rest, (a, b) => {
    const { x, y, scale } = aligned(a, b)
    return { units: x + y, scale }
  })
}

export function subtractDecimals(first: number, rest: readonly number[]): number {
  return fold(first, rest, (a, b) => {
    const { x, y, scale } = aligned(a, b)
    return { units: x - y, scale }
  })
}

export function multiplyDecimals(first: number, rest: readonly number[]): number {
  return fold(first, rest, (a, b) => ({ units: a.units * b.units, scale: a.scale + b.scale }))
}

/** Quotients, rounded half away from zero at sixteen places. Throws Go's panic for zero. */
export function divideDecimals(first: number, rest: readonly number[]): number {
  return fold(first, rest, (a, b) => {
    if (b.units === 0n) throw new GoError('decimal division by 0')
    const { x, y } = aligned(a, b)
    const power = 10n ** BigInt(divisionPlaces)
    const quotient = (x * power) / y
    const rest2 = ((x * power) % y) * 2n
    const away = (rest2 < 0n ? -rest2 : rest2) >= (y < 0n ? -y : y) ? ((x < 0n) === (y < 0n) ? 1n : -1n) : 0n
    return { units: quotient + away, scale: divisionPlaces }
  })
}
