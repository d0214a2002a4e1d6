import { CodedError } from '@idp/kit'

/** How a quantity is written back: `500m`/`2k`, `1Ki`, or `1e3`. */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent'

/** An amount of a resource, exact to a billionth (`resource.Quantity` of Kubernetes). */
export interface Quantity {
  /** The amount times 10^9. */
  readonly nano: bigint
  readonly format: QuantityFormat
}

const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const DECIMAL_SUFFIX = new Map(Object.entries(DECIMAL).map(([suffix, exponent]) => [exponent, suffix]))
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
const NANO = 10n ** 9n
const MAX = (2n ** 63n - 1n) * NANO
const MAX_DIGITS = 1000

/**
 * Parses `100m`, `1.5Gi`, `1e3` … Amounts finer than a billionth round away from zero, larger than 2^63-1 are cut to that, as in Kubernetes.
 * @throws CodedError `InvalidQuantity`
 */
export function parseQuantity(text: string | number): Quantity {
  const input = String(text)
  const match = input.length <= MAX_DIGITS ? PATTERN.exec(input) : null
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match ?? []
  if (match === null || (whole === '' && fraction === '')) throw invalidQuantity(input)
  const binary = BINARY.indexOf(suffix)
  let numerator = BigInt(`${whole}${fraction}` || '0') * NANO
  let divisor = 10n ** BigInt(fraction.length)
  let format: QuantityFormat = 'DecimalSI'
  if (binary > 0) {
    numerator *= 1024n ** BigInt(binary)
    format = 'BinarySI'
  } else {
    const exponent = DECIMAL[suffix] ?? Number(suffix.slice(1))
    if (DECIMAL[suffix] === undefined) format = 'DecimalExponent'
    if (!Number.isInteger(exponent) || Math.abs(exponent) > MAX_DIGITS) throw invalidQuantity(input)
    if (exponent >= 0) numerator *= 10n ** BigInt(exponent)
    else divisor *= 10n ** BigInt(-exponent)
  }
  const rounded = (numerator + divisor - 1n) / divisor
  const nano = rounded > MAX ? MAX : rounded
  return { nano: sign === '-' ? -nano : nano, format }
}

/** The canonical text: no fraction, the largest suffix that keeps the amount whole (`0.5` → `500m`, `1024Ki` → `1Mi`). */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0'
  const absolute = nano < 0n ? -nano : nano
  if (format === 'BinarySI' && absolute >= 1024n * NANO && absolute % NANO === 0n) return formatBinary(nano / NANO)
  let mantissa = nano
  let exponent = -9
  while (mantissa % 1000n === 0n && (format === 'DecimalExponent' || exponent < 18)) {
    mantissa /= 1000n
    exponent += 3
  }
  if (format === 'DecimalExponent') return exponent === 0 ? String(mantissa) : `${mantissa}e${exponent}`
  return `${mantissa}${DECIMAL_SUFFIX.get(exponent) ?? ''}`
}

function formatBinary(whole: bigint): string {
  let power = 0
  while (whole % 1024n === 0n && power < BINARY.length - 1) {
    whole /= 1024n
    power++
  }
  return `${whole}${BINARY[power] ?? ''}`
}

/** The canonical form of a text, see {@link formatQuantity}. */
export function canonicalQuantity(text: string | number): string {
  return formatQuantity(parseQuantity(text))
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nano < b.nano ? -1 : a.nano > b.nano ? 1 : 0
}

/** The sum, in the format of the first that is not zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano + b.nano, format: a.nano === 0n ? b.format : a.format }
}

/** `a - b`, in the format of `a` unless that is zero. */
export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano - b.nano, format: a.nano === 0n ? b.format : a.format }
}

/** The amount as a JavaScript number (cores, bytes, pods); inexact beyond 2^53. */
export function quantityToNumber({ nano }: Quantity): number {
  return nano % NANO === 0n ? Number(nano / NANO) : Number(nano) / 1e9
}

/** Thousandths, rounded up: what the scheduler counts CPU in. */
export function quantityToMilli({ nano }: Quantity): number {
  const milli = 1_000_000n
  return Number(nano > 0n ? (nano + milli - 1n) / milli : nano / milli)
}

function invalidQuantity(text: string): CodedError {
  return new CodedError({
    code: 'InvalidQuantity',
    message: `quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$', got ${JSON.stringify(text.slice(0, 80))}`,
    remedy: 'write an amount such as 500m, 2, 1.5Gi or 1e3',
  })
}
