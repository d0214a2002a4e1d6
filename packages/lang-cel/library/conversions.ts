import { boolType as bool, bytesType as bytes, doubleType as double, durationType as duration, intType as int, stringType as string, timestampType as timestamp, uintType as uint, type CelType } from '../check/cel-type.ts'
import { traversalCost } from '../compile/cost.ts'
import { type CelFunction, signature } from '../environment.ts'
import { CelFault, noSuchOverload } from '../value/fault.ts'
import { formatDouble } from '../value/float-text.ts'
import { makeInt } from '../value/integer.ts'
import { formatDuration, formatTimestamp, makeTimestamp, parseDuration, parseTimestamp } from '../value/time.ts'
import { CelDouble, CelDuration, CelOpaque, CelTimestamp, CelTypeValue, CelUint, type CelValue, isInt, kindOf, makeDouble } from '../value/value.ts'

const names: Readonly<Partial<Record<ReturnType<typeof kindOf>, string>>> = { null: 'null_type', timestamp: 'google.protobuf.Timestamp', duration: 'google.protobuf.Duration', optional: 'optional_type' }

/** The name of the type of a value. */
export function typeNameOf(value: CelValue): string {
  if (value instanceof CelOpaque) return value.celType.name
  const kind = kindOf(value)
  return names[kind] ?? kind
}

/** The double of a value that is one. */
export function doubleOf(value: CelValue): number | undefined {
  if (typeof value === 'number') return isInt(value) ? undefined : value
  return value instanceof CelDouble ? value.value : undefined
}

export function toInt(value: CelValue): CelValue {
  const number = doubleOf(value)
  if (number !== undefined) {
    // Doubles at the very edge cannot be told from those beyond it.
    if (!(number > -(2 ** 63) && number < 2 ** 63)) throw new CelFault('integer overflow')
    return makeInt(BigInt(Math.trunc(number)))
  }
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (value instanceof CelUint) return makeInt(value.value)
  if (value instanceof CelTimestamp) return value.seconds
  if (value instanceof CelDuration) return makeInt(value.nanos)
  if (typeof value !== 'string') throw noSuchOverload()
  if (!/^[+-]?\d+$/.test(value)) throw conversionError('string', 'int')
  const parsed = BigInt(value.replace('+', ''))
  if (parsed < -(2n ** 63n) || parsed >= 2n ** 63n) throw conversionError('string', 'int')
  return makeInt(parsed)
}

const conversionError = (from: string, to: string) => new CelFault(`type conversion error from '${from}' to '${to}'`)

export function toUint(value: CelValue): CelUint {
  if (value instanceof CelUint) return value
  const number = doubleOf(value)
  if (number !== undefined) {
    if (!(number >= 0 && number < 2 ** 64)) throw new CelFault('unsigned integer overflow')
    return new CelUint(BigInt(Math.trunc(number)))
  }
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (value < 0) throw new CelFault('unsigned integer overflow')
    return new CelUint(BigInt(value))
  }
  if (typeof value !== 'string') throw noSuchOverload()
  const parsed = /^\d+$/.test(value) ? BigInt(value) : -1n
  if (parsed < 0n || parsed >= 2n ** 64n) throw conversionError('string', 'uint')
  return new CelUint(parsed)
}

const floatPattern = /^[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)$/

export function toDouble(value: CelValue): CelValue {
  if (doubleOf(value) !== undefined) return value
  if (typeof value === 'number' || typeof value === 'bigint') return makeDouble(Number(value))
  if (value instanceof CelUint) return makeDouble(Number(value.value))
  if (typeof value !== 'string') throw noSuchOverload()
  if (/^[+-]?inf(?:inity)?$/i.test(value)) return value.startsWith('-') ? -Infinity : Infinity
  if (/^nan$/i.test(value)) return NaN
  if (!floatPattern.test(value)) throw conversionError('string', 'double')
  return makeDouble(Number(value))
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function toText(value: CelValue): string {
  switch (typeof value) {
    case 'string': return value
    case 'boolean': case 'bigint': return String(value)
    case 'number': return isInt(value) ? String(value) : formatDouble(value)
    default:
  }
  if (value instanceof CelDouble) return formatDouble(value.value)
  if (value instanceof CelUint) return String(value.value)
  if (value instanceof CelTimestamp) return formatTimestamp(value)
  if (value instanceof CelDuration) return formatDuration(value)
  if (value instanceof CelTypeValue) return value.name
  if (!(value instanceof Uint8Array)) throw noSuchOverload()
  try {
    return decoder.decode(value)
  } catch {
    throw new CelFault('invalid UTF-8 in bytes, cannot convert to string')
  }
}

export function toBool(value: CelValue): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string') throw noSuchOverload()
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false
  throw conversionError('string', 'bool')
}

function toBytes(value: CelValue): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof value !== 'string') throw noSuchOverload()
  return new TextEncoder().encode(value)
}

export function toTimestamp(value: CelValue): CelTimestamp {
  if (value instanceof CelTimestamp) return value
  if (typeof value === 'bigint' || (typeof value === 'number' && isInt(value))) return makeTimestamp(Number(value), 0)
  if (typeof value !== 'string') throw noSuchOverload()
  const parsed = parseTimestamp(value)
  if (!parsed) throw conversionError('string', 'google.protobuf.Timestamp')
  return parsed
}

export function toDuration(value: CelValue): CelDuration {
  if (value instanceof CelDuration) return value
  if (typeof value === 'bigint' || (typeof value === 'number' && isInt(value))) return new CelDuration(BigInt(value))
  if (typeof value !== 'string') throw noSuchOverload()
  const parsed = parseDuration(value)
  if (!parsed) throw conversionError('string', 'google.protobuf.Duration')
  return parsed
}

function conversion(to: CelType, name: string, from: readonly CelType[], dispatch: (value: CelValue) => CelValue, extra: Partial<CelFunction> = {}): CelFunction {
  return { name, dispatch, overloads: from.map((type) => signature([type], to)), ...extra }
}

const literal = (parse: (text: string) => unknown, name: string): NonNullable<CelFunction['validate']> => ([value]) =>
  typeof value === 'string' && parse(value) === undefined ? { message: `invalid ${name} argument`, argument: 0 } : undefined


export const conversions: CelFunction[] = [
  conversion(int, 'int', [int, double, duration, string, timestamp, uint], toInt),
  conversion(uint, 'uint', [uint, double, int, string], toUint),
  conversion(double, 'double', [double, int, string, uint], toDouble),
  conversion(string, 'string', [string, bool, bytes, double, duration, int, timestamp, uint], toText, { cost: ([value = null]) => value instanceof Uint8Array ? traversalCost(value) : 1 }),
  conversion(bool, 'bool', [bool, string], toBool),
  conversion(bytes, 'bytes', [bytes, string], toBytes, { cost: ([value = null]) => typeof value === 'string' ? traversalCost(value) : 1 }),
  conversion(timestamp, 'timestamp', [timestamp, int, string], toTimestamp, { validate: literal(parseTimestamp, 'timestamp') }),
  conversion(duration, 'duration', [duration, string, int], toDuration, { validate: literal(parseDuration, 'duration') }),
]

