/** strconv.FormatFloat for verbs e, E, f, F, g, G; precision -1 is the shortest that reads back. */
export function formatFloat(value: number, verb: string, precision: number, bits: 32 | 64 = 64): string {
  // Most numbers of most templates.
  if (verb === 'g' && precision < 0 && Number.isInteger(value) && value > -1e6 && value < 1e6 && value !== 0) return String(value)
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const negative = value < 0 || Object.is(value, -0)
  const { digits, point } = decimal(Math.abs(value), verb.toLowerCase(), precision, bits)
  const text = layout(digits, point, verb, precision)
  return negative ? `-${text}` : text
}

/** Digits d1 d2 … and the place of the decimal point: 0.d1d2… × 10^point. */
function decimal(value: number, verb: string, precision: number, bits: 32 | 64): { digits: string; point: number } {
  if (value === 0) return { digits: '', point: 0 }
  if (precision < 0) {
    const [mantissa = '', exponent = '0'] = (bits === 32 ? shortest32(value) : value.toExponential()).split('e')
    return { digits: mantissa.replace('.', '').replace(/0+$/, ''), point: Number(exponent) + 1 }
  }
  if (verb === 'f') return exactFixed(value, precision)
  const count = verb === 'g' ? Math.max(precision, 1) : precision + 1
  return exactDigits(value, count)
}

function shortest32(value: number): string {
  for (let p = 1; p < 10; p++) {
    const text = value.toPrecision(p)
    if (Math.fround(Number(text)) === Math.fround(value)) return Number(text).toExponential()
  }
  return value.toExponential()
}

/** The exact binary value as an integer over a power of ten: value = units / 10^scale. */
function exact(value: number): { units: bigint; scale: number } {
  let scale = 0
  let mantissa = value
  let shift = 0
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2
    shift++
  }
  let units = BigInt(mantissa)
  if (shift > 0) {
    units *= 5n ** BigInt(shift)
    scale = shift
  }
  return { units, scale }
}

/** Rounded half to even at 10^-places. */
function roundUnits(units: bigint, drop: number): bigint {
  if (drop <= 0) return units * 10n ** BigInt(-drop)
  const power = 10n ** BigInt(drop)
  const quotient = units / power
  const twice = (units % power) * 2n
  return twice > power || (twice === power && quotient % 2n === 1n) ? quotient + 1n : quotient
}

function exactFixed(value: number, places: number): { digits: string; point: number } {
  const { units, scale } = exact(value)
  const text = roundUnits(units, scale - places).toString()
  return { digits: text === '0' ? '' : text, point: text.length - places }
}

function exactDigits(value: number, count: number): { digits: string; point: number } {
  const { units, scale } = exact(value)
  const all = units.toString()
  let text = roundUnits(units, all.length - count).toString()
  let point = all.length - scale
  if (text.length > count && all.length >= count) {
    text = text.slice(0, count)
    point++
  }
  return { digits: text.slice(0, count), point }
}

function layout(digits: string, point: number, verb: string, precision: number): string {
  const kind = verb.toLowerCase()
  if (kind === 'f') return fixed(digits, point, precision < 0 ? Math.max(digits.length - point, 0) : precision)
  if (kind === 'e') return exponential(digits, point, precision < 0 ? Math.max(digits.length - 1, 0) : precision, verb)
  const trimmed = precision < 0 ? digits : digits.replace(/0+$/, '')
  const exponent = point - 1
  const limit = precision < 0 ? 6 : Math.max(precision, 1) > trimmed.length && trimmed.length >= point ? trimmed.length : Math.max(precision, 1)
  if (digits !== '' && (exponent < -4 || exponent >= limit)) {
    return exponential(trimmed, point, Math.max(trimmed.length - 1, 0), verb === 'G' ? 'E' : 'e')
  }
  return fixed(trimmed, point, Math.max(trimmed.length - point, 0))
}

function fixed(digits: string, point: number, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
  if (places <= 0) return whole
  const fraction = point >= 0 ? digits.slice(point) : '0'.repeat(-point) + digits
  return `${whole}.${fraction.slice(0, places).padEnd(places, '0')}`
}

function exponential(digits: string, point: number, places: number, verb: string): string {
  const exponent = digits === '' ? 0 : point - 1
  const first = digits[0] ?? '0'
  const rest = places > 0 ? `.${digits.slice(1, places + 1).padEnd(places, '0')}` : ''
  return `${first}${rest}${verb}${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

/** Mantissa and exponent of base two of a finite float64: value = mantissa × 2^exponent. */
function split(value: number): { mantissa: bigint; exponent: number } {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, Math.abs(value))
  const raw = bits.getBigUint64(0)
  const exponent = Number(raw >> 52n)
  const fraction = raw & 0xfffffffffffffn
  return exponent === 0 ? { mantissa: fraction, exponent: -1074 } : { mantissa: fraction | 0x10000000000000n, exponent: exponent - 1075 }
}

/** %b of a float. */
export function binaryFloat(value: number): string {
  if (!Number.isFinite(value)) return formatFloat(value, 'g', -1)
  const { mantissa, exponent } = split(value)
  return `${value < 0 || Object.is(value, -0) ? '-' : ''}${mantissa}p${exponent < 0 ? '' : '+'}${exponent}`
}

/** %x of a float: a hexadecimal fraction with a power of two. */
export function hexFloat(value: number, verb: string, precision: number): string {
  if (!Number.isFinite(value)) return formatFloat(value, 'g', -1)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  let { mantissa, exponent } = split(value)
  if (mantissa === 0n) exponent = 0
  else {
    while (mantissa < 1n << 52n) {
      mantissa <<= 1n
      exponent--
    }
    exponent += 52
  }
  if (precision >= 0 && precision < 13) {
    const drop = BigInt((13 - precision) * 4)
    const half = 1n << (drop - 1n)
    const rest = mantissa & ((1n << drop) - 1n)
    mantissa >>= drop
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++
    mantissa <<= drop
    if (mantissa >= 1n << 53n) {
      mantissa >>= 1n
      exponent++
    }
  }
  const digits = (mantissa & 0xfffffffffffffn).toString(16).padStart(13, '0')
  const shown = precision < 0 ? digits.replace(/0+$/, '') : digits.slice(0, precision).padEnd(precision, '0')
  const text = `${sign}0x${mantissa >> 52n}${shown === '' ? '' : `.${shown}`}p${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  return verb === 'X' ? text.toUpperCase() : text
}
