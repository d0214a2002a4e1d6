import { CelFault } from '../value/fault.ts'
import { formatDouble, plainDouble } from '../value/float-text.ts'
import { isMap, mapEntries } from '../value/map.ts'
import { formatDuration, formatTimestamp } from '../value/time.ts'
import { CelDouble, CelDuration, CelTimestamp, CelTypeValue, CelUint, type CelValue, isInt } from '../value/value.ts'
import { doubleOf, typeNameOf } from './conversions.ts'

const failed = (message: string) => new CelFault(`error during formatting: ${message}`)

type Verbs = Readonly<Record<string, (value: CelValue, precision: number) => string>>

/** `'%d items'.format([n])`: %s %d %b %x %X %o %e %f with a precision for the last two; `%%` is a percent sign. */
export function formatString(template: string, args: readonly CelValue[], style: 'plain' | 'kubernetes' = 'plain'): string {
  const verbs = style === 'plain' ? plainVerbs : kubernetesVerbs
  let out = ''
  let next = 0
  for (let i = 0; i < template.length; i++) {
    const char = template[i]
    if (char !== '%') {
      out += char
      continue
    }
    i++
    if (i >= template.length) throw new CelFault('unexpected end of string')
    if (template[i] === '%') {
      out += '%'
      continue
    }
    const clause = /^(?:\.(\d*))?(.)/su.exec(template.slice(i))
    if (!clause) throw new CelFault('could not parse formatting clause: unexpected end of string')
    const [whole, precisionText, verb = ''] = clause
    i += whole.length - 1
    const precision = precisionText === undefined || precisionText === '' ? 6 : Number(precisionText)
    const format = verbs[verb]
    if (!format) throw new CelFault(`could not parse formatting clause: unrecognized formatting clause "${verb}"`)
    const arg = args[next]
    if (arg === undefined) throw new CelFault(`index ${next} out of range`)
    next++
    out += format(arg, precision)
  }
  return out
}

const infinite = (value: number) => Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'

function shown(value: CelValue): string {
  switch (typeof value) {
    case 'string': return value
    case 'boolean': case 'bigint': return String(value)
    case 'number': return isInt(value) ? String(value) : doubleText(value)
    default:
  }
  if (value === null) return 'null'
  if (Array.isArray(value)) return `[${(value as readonly CelValue[]).map(shown).join(', ')}]`
  if (value instanceof CelUint) return String(value.value)
  if (value instanceof CelDouble) return doubleText(value.value)
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  if (value instanceof CelDuration) return formatDuration(value)
  if (value instanceof CelTimestamp) return formatTimestamp(new CelTimestamp(value.seconds, value.nanos))
  if (value instanceof CelTypeValue) return value.name
  if (!isMap(value)) throw failed(`string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`)
  const entries = [...mapEntries(value)].map(([key, item]) => [shown(key), shown(item)] as const).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)
  return `{${entries.map(([key, item]) => `${key}: ${item}`).join(', ')}}`
}

const doubleText = (value: number) => Number.isFinite(value) ? Object.is(value, -0) ? '-0' : plainDouble(value) : infinite(value)

function integer(value: CelValue): bigint | undefined {
  if (value instanceof CelUint) return value.value
  return typeof value === 'bigint' || (typeof value === 'number' && isInt(value)) ? BigInt(value) : undefined
}

function decimal(value: CelValue): string {
  const whole = integer(value)
  if (whole !== undefined) return String(whole)
  const double = doubleOf(value)
  if (double === undefined) throw failed(`decimal clause can only be used on integers, was given ${typeNameOf(value)}`)
  return doubleText(double)
}

function binary(value: CelValue): string {
  if (typeof value === 'boolean') return value ? '1' : '0'
  const whole = integer(value)
  if (whole === undefined) throw failed(`only integers and bools can be formatted as binary, was given ${typeNameOf(value)}`)
  return whole.toString(2)
}

function octal(value: CelValue): string {
  const whole = integer(value)
  if (whole === undefined) throw failed(`octal clause can only be used on integers, was given ${typeNameOf(value)}`)
  return whole.toString(8)
}

function hexadecimal(value: CelValue): string {
  const whole = integer(value)
  if (whole !== undefined) return whole.toString(16)
  if (typeof value === 'string') return Buffer.from(value, 'utf8').toString('hex')
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  throw failed(`only integers, byte buffers, and strings can be formatted as hex, was given ${typeNameOf(value)}`)
}

function real(value: CelValue, clause: string): number {
  const double = doubleOf(value) ?? integer(value)
  if (double === undefined) throw failed(`${clause} clause can only be used on doubles, was given ${typeNameOf(value)}`)
  return Number(double)
}

function fixed(value: CelValue, precision: number): string {
  const double = real(value, 'fixed-point')
  return Number.isFinite(double) ? fixedText(double, precision) : infinite(double)
}

/** Round half to even on the exact binary value, as C does; JavaScript's own rounds ties away and stops at 100 digits. */
function fixedText(value: number, precision: number): string {
  const text = value.toFixed(Math.min(precision, 100))
  const exact = Math.abs(value) * 10 ** precision
  if (precision <= 15 && exact < 2 ** 52 && exact % 1 === 0.5 && Math.floor(exact) % 2 === 0) return (Math.sign(value) * Math.floor(exact) / 10 ** precision).toFixed(precision)
  return text
}

function scientific(value: CelValue, precision: number): string {
  const double = real(value, 'scientific')
  if (!Number.isFinite(double)) return infinite(double)
  const [mantissa, exponent = '0'] = double.toExponential(Math.min(precision, 100)).split('e')
  return `${mantissa}e${exponent.startsWith('-') ? '-' : '+'}${exponent.replace(/^[+-]/, '').padStart(2, '0')}`
}

const plainVerbs: Verbs = {
  s: shown, d: decimal, b: binary, o: octal, x: hexadecimal, X: (value) => hexadecimal(value).toUpperCase(), f: fixed, e: scientific,
}

const quotedText = (value: string) => JSON.stringify(value)

/** An element of a list or map as the first version of the library writes it: as one would write it in an expression. */
function element(value: CelValue): string {
  if (typeof value === 'string') return quotedText(value)
  if (value instanceof Uint8Array) return `b${quotedText(new TextDecoder().decode(value))}`
  if (value instanceof CelTypeValue) return `type(${value.name})`
  if (value instanceof CelDuration) return `duration("${formatDuration(value)}")`
  if (value instanceof CelTimestamp) return `timestamp("${formatTimestamp(value)}")`
  const double = doubleOf(value)
  if (double !== undefined) return Number.isFinite(double) ? double.toFixed(6) : quotedText(double > 0 ? '+Inf' : Number.isNaN(double) ? 'NaN' : '-Inf')
  return kubernetesShown(value)
}

function kubernetesShown(value: CelValue): string {
  if (Array.isArray(value)) return `[${(value as readonly CelValue[]).map(element).join(', ')}]`
  if (value === null || typeof value !== 'object' || !isMap(value)) {
    const double = doubleOf(value)
    return double === undefined ? shown(value) : formatDouble(double)
  }
  return `{${[...mapEntries(value)].map(([key, item]) => [element(key), element(item)] as const).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map((pair) => pair.join(':')).join(', ')}}`
}

function wholeOnly(value: CelValue): string {
  const whole = integer(value)
  if (whole === undefined) throw failed(`decimal clause can only be used on integers, was given ${typeNameOf(value)}`)
  return String(whole)
}

function realOnly(value: CelValue, clause: string): number {
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  const double = doubleOf(value)
  if (double === undefined) throw failed(`${clause} clause can only be used on doubles, was given ${typeNameOf(value)}`)
  return double
}

const infinity = (value: number) => Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '-∞'
const raised: Readonly<Record<string, string>> = { '-': '⁻', 0: '⁰', 1: '¹', 2: '²', 3: '³', 4: '⁴', 5: '⁵', 6: '⁶', 7: '⁷', 8: '⁸', 9: '⁹' }

/** Numbers as they are written in American English, which is the locale that Kubernetes leaves set. */
function localFixed(value: CelValue, precision: number): string {
  const double = realOnly(value, 'fixed-point')
  if (!Number.isFinite(double)) return infinity(double)
  const [whole = '', ...fraction] = fixedText(double, precision).split('.')
  return [whole.replaceAll(/\B(?=(\d{3})+$)/g, ','), ...fraction].join('.')
}

function localScientific(value: CelValue, precision: number): string {
  const double = realOnly(value, 'scientific')
  if (!Number.isFinite(double)) return infinity(double)
  const [mantissa = '', exponent = '0'] = double.toExponential(Math.min(precision, 100)).split('e')
  const digits = exponent.replace(/^[+-]/, '').padStart(2, '0')
  return `${mantissa}×10${[...(exponent.startsWith('-') ? `-${digits}` : digits)].map((char) => raised[char] ?? char).join('')}`
}

/** The verbs of the library's version that Kubernetes has kept: numbers by locale, elements as they are written in expressions. */
const kubernetesVerbs: Verbs = { ...plainVerbs, s: kubernetesShown, d: wholeOnly, f: localFixed, e: localScientific }
