import { binaryFloat, formatFloat, hexFloat } from './float-text.ts'
import { byteLength, bytesOf, sortedKeys, stringOf } from './go-string.ts'
import { quoteAscii, quoteCharacter, quoteGo } from './quote.ts'
import { isFunction, isNilSlice, Num, Struct, typeOf, type GoMap } from './value.ts'

/** fmt.Sprint of one value: what an action prints. */
export function printed(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint') return value.toString()
  if (value === undefined || value === null) return '<no value>'
  if (value instanceof Struct && value.shape.printed !== undefined) return value.shape.printed()
  return sprintV(value)
}

/** `%v` of a value. */
export function sprintV(value: unknown): string {
  switch (typeof value) {
    case 'string': return value
    case 'bigint': return value.toString()
    case 'boolean': return value ? 'true' : 'false'
    case 'number': return formatFloat(value, 'g', -1)
    case 'undefined': return '<nil>'
  }
  if (value === null) return '<nil>'
  if (value instanceof Num) return value.type === 'time.Duration' ? formatDuration(value.value as bigint) : typeof value.value === 'bigint' ? value.value.toString() : formatFloat(value.value, 'g', -1, value.type === 'float32' ? 32 : 64)
  if (Array.isArray(value)) return `[${value.map(sprintV).join(' ')}]`
  if (value instanceof Uint8Array) return `[${value.join(' ')}]`
  if (value instanceof Struct) return sprintStruct(value)
  if (isFunction(value)) return '0x0'
  const map = value as GoMap
  return `map[${sortedKeys(map).map((key) => `${key}:${sprintV(map[key])}`).join(' ')}]`
}

function sprintStruct(value: Struct): string {
  const { shape } = value
  if (shape.string !== undefined) return shape.string()
  if (shape.content !== undefined) return sprintV(shape.content)
  const inside = `{${Object.values(shape.fields ?? {}).map(sprintV).join(' ')}}`
  return shape.type.startsWith('*') ? `&${inside}` : inside
}

/** time.Duration's String. */
export function formatDuration(nanos: bigint): string {
  if (nanos === 0n) return '0s'
  const sign = nanos < 0n ? '-' : ''
  const u = nanos < 0n ? -nanos : nanos
  const fraction = (value: bigint, unit: bigint) => {
    const rest = (value % unit).toString().padStart(unit.toString().length - 1, '0').replace(/0+$/, '')
    return `${value / unit}${rest === '' ? '' : `.${rest}`}`
  }
  if (u < 1_000n) return `${sign}${u}ns`
  if (u < 1_000_000n) return `${sign}${fraction(u, 1_000n)}µs`
  if (u < 1_000_000_000n) return `${sign}${fraction(u, 1_000_000n)}ms`
  const seconds = u / 1_000_000_000n
  const hours = seconds / 3600n
  const minutes = (seconds / 60n) % 60n
  const rest = fraction(u % 60_000_000_000n, 1_000_000_000n)
  return `${sign}${hours > 0n ? `${hours}h` : ''}${seconds >= 60n ? `${minutes}m` : ''}${rest}s`
}

interface Flags { minus: boolean; plus: boolean; sharp: boolean; space: boolean; zero: boolean; width: number; precision: number }

/** fmt.Sprintf. */
export function sprintf(format: string, args: readonly unknown[]): string {
  return new Printer(format, args).run()
}

const longestPad = 1_000_000

class Printer {
  private readonly format: string
  private readonly args: readonly unknown[]
  private at = 0
  private arg = 0
  private reordered = false

  constructor(format: string, args: readonly unknown[]) {
    this.format = format
    this.args = args
  }

  run(): string {
    const { format } = this
    let out = ''
    while (this.at < format.length) {
      const percent = format.indexOf('%', this.at)
      if (percent < 0) {
        out += format.slice(this.at)
        break
      }
      out += format.slice(this.at, percent)
      this.at = percent + 1
      out += this.directive()
    }
    if (!this.reordered && this.arg < this.args.length) {
      out += `%!(EXTRA ${this.args.slice(this.arg).map((arg) => (arg === null || arg === undefined ? '<nil>' : `${typeOf(arg)}=${sprintV(arg)}`)).join(', ')})`
    }
    return out
  }

  private directive(): string {
    const flags: Flags = { minus: false, plus: false, sharp: false, space: false, zero: false, width: -1, precision: -1 }
    this.readFlags(flags)
    const badIndex = this.index()
    const problem = this.width(flags)
    if (problem !== '') return problem
    if (this.at >= this.format.length) return '%!(NOVERB)'
    const verb = String.fromCodePoint(this.format.codePointAt(this.at) ?? 0)
    this.at += verb.length
    if (verb === '%') return '%'
    if (badIndex || this.badIndexLater) {
      this.badIndexLater = false
      return `%!${verb}(BADINDEX)`
    }
    if (this.arg >= this.args.length) return `%!${verb}(MISSING)`
    return formatVerb(verb, this.args[this.arg++], flags)
  }

  private badIndexLater = false

  private readFlags(flags: Flags): void {
    for (; this.at < this.format.length; this.at++) {
      switch (this.format[this.at]) {
        case '-': flags.minus = true; flags.zero = false; continue
        case '+': flags.plus = true; continue
        case '#': flags.sharp = true; continue
        case ' ': flags.space = true; continue
        case '0': flags.zero = true; continue
      }
      return
    }
  }

  /** `[n]`: the next argument's number. True when it is bad. */
  private index(): boolean {
    if (this.format[this.at] !== '[') return false
    this.reordered = true
    const close = this.format.indexOf(']', this.at)
    if (close < 0) {
      this.at++
      return true
    }
    const wanted = Number(this.format.slice(this.at + 1, close))
    this.at = close + 1
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > this.args.length) return true
    this.arg = wanted - 1
    return false
  }

  private width(flags: Flags): string {
    let problem = ''
    const width = this.number()
    if (width === 'bad') problem += '%!(BADWIDTH)'
    else if (width !== undefined) {
      flags.width = Math.abs(width)
      if (width < 0) {
        flags.minus = true
        flags.zero = false
      }
    }
    if (this.format[this.at] === '.') {
      this.at++
      if (this.index()) this.badIndexLater = true
      const precision = this.number()
      if (precision === 'bad') problem += '%!(BADPREC)'
      else flags.precision = Math.max(precision ?? 0, 0)
    }
    if (this.index()) this.badIndexLater = true
    return problem
  }

  private number(): number | 'bad' | undefined {
    if (this.format[this.at] === '*') {
      this.at++
      const value = this.args[this.arg++]
      const n = typeof value === 'bigint' ? Number(value) : value instanceof Num ? Number(value.value) : Number.NaN
      return Number.isInteger(n) && Math.abs(n) <= longestPad ? n : 'bad'
    }
    const start = this.at
    while (this.at < this.format.length && this.format.charCodeAt(this.at) >= 48 && this.format.charCodeAt(this.at) <= 57) this.at++
    return this.at > start ? Math.min(Number(this.format.slice(start, this.at)), longestPad) : undefined
  }
}

function pad(text: string, flags: Flags, zeroOk = true): string {
  if (flags.width < 0) return text
  const missing = flags.width - [...text].length
  if (missing <= 0) return text
  if (flags.minus) return text + ' '.repeat(missing)
  return (flags.zero && zeroOk ? '0' : ' ').repeat(missing) + text
}

/** A verb that does not fit the value. Flags hold for the value inside. */
function bad(verb: string, value: unknown, flags: Flags): string {
  if (value === null || value === undefined) return `%!${verb}(<nil>)`
  return `%!${verb}(${typeOf(value)}=${formatValue('v', value, flags)})`
}

function formatVerb(verb: string, value: unknown, given: Flags): string {
  // %+v means field names, not signs.
  return formatValue(verb, value, verb === 'v' && given.plus ? { ...given, plus: false } : given)
}

/** A value inside another: nil is always <nil>. */
function formatInner(verb: string, value: unknown, flags: Flags): string {
  return value === null || value === undefined ? '<nil>' : formatValue(verb, value, flags)
}

function formatValue(verb: string, value: unknown, flags: Flags): string {
  if (verb === 'T') return pad(typeOf(value), flags)
  if (value === null || value === undefined) return verb === 'v' ? pad('<nil>', flags) : `%!${verb}(<nil>)`
  if (verb === 'p') return bad(verb, value, flags)
  if (value instanceof Struct && value.shape.string !== undefined && 'vsxXq'.includes(verb) && !(verb === 'v' && flags.sharp)) return formatString(verb, value.shape.string(), flags, value)
  if (value instanceof Num && value.type === 'time.Duration' && 'vsxXq'.includes(verb) && !(verb === 'v' && flags.sharp)) return formatString(verb, sprintV(value), flags, value)
  if (typeof value === 'string') return formatString(verb, value, flags, value)
  if (typeof value === 'boolean') return verb === 't' || verb === 'v' ? pad(String(value), flags) : bad(verb, value, flags)
  if (typeof value === 'bigint') return formatInteger(verb, value, flags, value)
  if (typeof value === 'number') return formatNumber(verb, value, flags, value)
  if (value instanceof Num) return typeof value.value === 'bigint' ? formatInteger(verb, value.value, flags, value) : formatNumber(verb, value.value, flags, value)
  return formatComposite(verb, value, flags)
}

function formatComposite(verb: string, value: object, flags: Flags): string {
  const inner = value instanceof Struct && value.shape.content !== undefined ? value.shape.content : value
  const type = typeOf(value)
  if (inner instanceof Uint8Array) {
    if ('sqxX'.includes(verb)) return formatString(verb, stringOf(inner), flags, value)
    return `[${[...inner].map((byte) => formatInteger(verb === 'v' ? 'd' : verb, BigInt(byte), flags, new Num('uint8', BigInt(byte)))).join(' ')}]`
  }
  const sharp = verb === 'v' && flags.sharp
  if (Array.isArray(inner)) {
    if (sharp) return isNilSlice(inner) ? `${type}(nil)` : `${type}{${inner.map((item) => sharpItem(item, flags)).join(', ')}}`
    return `[${inner.map((item) => formatInner(verb, item, flags)).join(' ')}]`
  }
  if (inner instanceof Struct) {
    const values = Object.values(inner.shape.fields ?? {}).map((item) => formatInner(verb, item, flags))
    return `${type.startsWith('*') ? '&' : ''}{${values.join(' ')}}`
  }
  if (isFunction(inner)) return verb === 'v' ? '0x0' : bad(verb, value, flags)
  const map = inner as GoMap
  const keys = sortedKeys(map)
  if (sharp) return `${type}{${keys.map((key) => `${quoteGo(key)}:${sharpItem(map[key], flags)}`).join(', ')}}`
  return `map[${keys.map((key) => `${formatInner(verb, key, flags)}:${formatInner(verb, map[key], flags)}`).join(' ')}]`
}

function sharpItem(item: unknown, flags: Flags): string {
  return item === null || item === undefined ? 'interface {}(nil)' : formatValue('v', item, flags)
}

function formatString(verb: string, text: string, flags: Flags, original: unknown): string {
  const cut = flags.precision >= 0 && verb !== 'x' && verb !== 'X' ? [...text].slice(0, flags.precision).join('') : text
  switch (verb) {
    case 'v': return flags.sharp ? pad(quoteGo(cut), flags) : pad(cut, flags)
    case 's': return pad(cut, flags)
    case 'q': return pad(flags.sharp && isBackquotable(cut) ? `\`${cut}\`` : flags.plus ? quoteAscii(cut) : quoteGo(cut), flags)
    case 'x': case 'X': return pad(hexString(text, verb, flags), flags)
    default: return bad(verb, original, flags)
  }
}

function isBackquotable(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return !/[\x00-\x08\x0a-\x1f\x7f`\ufeff]/.test(text)
}

function hexString(text: string, verb: string, flags: Flags): string {
  const bytes = bytesOf(text)
  const length = flags.precision >= 0 ? Math.min(flags.precision, byteLength(text)) : bytes.length
  let parts = Array.from(bytes.subarray(0, length), (byte) => byte.toString(16).padStart(2, '0'))
  if (verb === 'X') parts = parts.map((part) => part.toUpperCase())
  const prefix = flags.sharp ? `0${verb}` : ''
  return parts.length === 0 ? '' : prefix + parts.join(flags.space ? ` ${prefix}` : '')
}

const bases: Readonly<Record<string, number>> = { d: 10, b: 2, o: 8, O: 8, x: 16, X: 16, v: 10 }

function formatInteger(verb: string, value: bigint, flags: Flags, original: unknown): string {
  if (verb === 'c') return pad(String.fromCodePoint(Number(value >= 0n && value <= 0x10ffffn ? value : 0xfffdn)), flags)
  if (verb === 'q') return pad(quoteCharacter(Number(value)), flags)
  if (verb === 'U') return pad(`U+${value.toString(16).toUpperCase().padStart(Math.max(flags.precision, 4), '0')}${flags.sharp ? ` '${String.fromCodePoint(Number(value))}'` : ''}`, flags, false)
  const base = bases[verb]
  if (base === undefined) return bad(verb, original, flags)
  const negative = value < 0n
  let digits = (negative ? -value : value).toString(base)
  if (verb === 'X') digits = digits.toUpperCase()
  if (flags.precision === 0 && value === 0n) return pad('', flags, false)
  if (flags.precision > 0) digits = digits.padStart(flags.precision, '0')
  const sharpV = verb === 'v' && flags.sharp && original instanceof Num && original.kind.startsWith('uint')
  const prefix = verb === 'O' ? '0o' : sharpV ? '0x' : !flags.sharp ? '' : verb === 'b' ? '0b' : verb === 'o' ? (digits.startsWith('0') ? '' : '0') : verb === 'x' || verb === 'X' ? `0${verb}` : ''
  if (sharpV) digits = value.toString(16)
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  if (flags.zero && flags.precision < 0 && flags.width > 0 && !flags.minus) digits = digits.padStart(flags.width - sign.length - (prefix === '' ? 0 : 0), '0')
  return pad(sign + prefix + digits, flags, false)
}

/** `#`: always a point, and for `g` and `x` zeros up to the precision. */
function pointed(text: string, verb: string, precision: number): string {
  const isHex = verb === 'x' || verb === 'X'
  const [, sign = '', number = '', tail = ''] = (isHex ? /^([+-]?)(.*?)([pP].*)?$/ : /^([+-]?)(.*?)([eE].*)?$/).exec(text) ?? []
  let digits = verb !== 'g' && verb !== 'G' && verb !== 'x' ? 0 : precision < 0 ? 6 : precision
  let hasBegun = false
  for (const sign of number) {
    if (sign === '.') continue
    hasBegun ||= sign !== '0'
    if (hasBegun) digits--
  }
  const point = number.includes('.') ? '' : '.'
  // A zero counts as a digit when it stands alone.
  if (point !== '' && number === '0') digits--
  return `${sign}${number}${point}${'0'.repeat(Math.max(digits, 0))}${tail}`
}

function formatNumber(verb: string, value: number, flags: Flags, original: unknown): string {
  const bits = original instanceof Num && original.type === 'float32' ? 32 : 64
  let text: string
  switch (verb) {
    case 'v': text = formatFloat(value, 'g', flags.precision, bits); break
    case 'g': case 'G': text = formatFloat(value, verb, flags.precision, bits); break
    case 'e': case 'E': case 'f': case 'F': text = formatFloat(value, verb === 'F' ? 'f' : verb, flags.precision < 0 ? 6 : flags.precision, bits); break
    case 'b': text = binaryFloat(value); break
    case 'x': case 'X': text = hexFloat(value, verb, flags.precision); break
    default: return bad(verb, original, flags)
  }
  if (flags.sharp && verb !== 'v' && verb !== 'b' && Number.isFinite(value)) text = pointed(text, verb, flags.precision)
  if (Number.isFinite(value) && flags.plus && value >= 0 && !text.startsWith('-')) text = `+${text}`
  else if (text === '+Inf' && !flags.plus) text = '+Inf'
  else if (flags.space && !text.startsWith('-') && !text.startsWith('+')) text = ` ${text}`
  const signed = /^[+\- ]/.test(text)
  if (flags.zero && !flags.minus && Number.isFinite(value) && flags.width > text.length) {
    return signed ? (text[0] ?? '') + text.slice(1).padStart(flags.width - 1, '0') : text.padStart(flags.width, '0')
  }
  return pad(text, flags, false)
}
