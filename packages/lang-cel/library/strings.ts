import { dynType, intType as int, listType, stringType as string } from '../check/cel-type.ts'
import { traversalCost } from '../compile/cost.ts'
import { type CelFunction, type CelLibrary, global, member } from '../environment.ts'
import { CelFault, noSuchOverload } from '../value/fault.ts'
import { codePoints, isBasic } from '../value/text.ts'
import type { CelValue } from '../value/value.ts'
import { formatString } from './string-format.ts'

/** Kubernetes has an older version, which formats by locale and takes offsets beyond the end. */
type Style = 'plain' | 'kubernetes'

const text = (value: CelValue | undefined): string => {
  if (typeof value !== 'string') throw noSuchOverload()
  return value
}

const whole = (value: CelValue | undefined): number => {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'number') throw noSuchOverload()
  return value
}

const outOfRange = (index: number) => new CelFault(`index out of range: ${index}`)

/** A text whose positions are code points, as CEL counts. */
function units(value: string): string | readonly string[] {
  return isBasic(value) ? value : [...value]
}

const join = (part: string | readonly string[]): string => typeof part === 'string' ? part : part.join('')

function charAt(value: string, index: number): string {
  const chars = units(value)
  if (index < 0 || index > chars.length) throw outOfRange(index)
  return chars[index] ?? ''
}

function indexOf(value: string, part: string, offset: number, style: Style = 'plain'): number {
  const chars = units(value)
  if (style === 'kubernetes' && offset > chars.length) return part === '' ? chars.length : -1
  if (offset < 0) throw outOfRange(offset)
  if (part === '') {
    if (offset > chars.length) throw outOfRange(offset)
    return offset
  }
  if (offset > chars.length) throw outOfRange(offset)
  if (typeof chars === 'string') return chars.indexOf(part, offset)
  const found = value.indexOf(part, join(chars.slice(0, offset)).length)
  return found < 0 ? -1 : codePoints(value.slice(0, found))
}

function lastIndexOf(value: string, part: string, offset: number | undefined, style: Style = 'plain'): number {
  const chars = units(value)
  if (style === 'kubernetes' && offset !== undefined && offset > chars.length) return part === '' ? chars.length : -1
  if (offset !== undefined && (offset < 0 || offset > chars.length)) throw outOfRange(offset)
  const from = offset ?? chars.length
  if (part === '') return from
  if (typeof chars === 'string') return chars.lastIndexOf(part, from)
  const found = value.lastIndexOf(part, join(chars.slice(0, from)).length)
  return found < 0 ? -1 : codePoints(value.slice(0, found))
}

function substring(value: string, start: number, end: number | undefined): string {
  const chars = units(value)
  if (end === undefined) {
    if (start < 0 || start > chars.length) throw outOfRange(start)
    return join(chars.slice(start))
  }
  if (start > end) throw new CelFault(`invalid substring range. start: ${start}, end: ${end}`)
  if (start < 0 || start > chars.length) throw outOfRange(start)
  if (end < 0 || end > chars.length) throw outOfRange(end)
  return join(chars.slice(start, end))
}

/** Longest text that a function may make out of shorter ones: the cost of a call does not always tell how much that is. */
const longestResult = 16 * 1024 * 1024

function refuseLonger(length: number): void {
  if (length > longestResult) throw new CelFault(`string of ${length} characters is too long`)
}

function replace(value: string, from: string, to: string, count: number): string {
  const most = from === '' ? value.length + 1 : Math.floor(value.length / from.length)
  refuseLonger(value.length + Math.min(most, count < 0 ? most : count) * to.length)
  if (count < 0) return value.replaceAll(from, () => to)
  if (from === '') {
    const chars = [...value]
    let out = ''
    chars.forEach((char, i) => out += (i < count ? to : '') + char)
    return count > chars.length ? out + to : out
  }
  const parts = value.split(from)
  const head = parts.slice(0, count + 1).join(to)
  return parts.length <= count + 1 ? head : [head, ...parts.slice(count + 1)].join(from)
}

function split(value: string, separator: string, count: number): string[] {
  if (count === 0) return []
  const parts = separator === '' ? [...value] : value.split(separator)
  return count < 0 || parts.length <= count ? parts : [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)]
}

const lower = (value: string) => value.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
const upper = (value: string) => value.replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase())

const space = '[\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const leading = new RegExp(`^${space}+`)
const trailing = new RegExp(`${space}+$`)

function joinList(list: CelValue, separator = ''): string {
  if (!Array.isArray(list)) throw noSuchOverload()
  refuseLonger((list as readonly CelValue[]).reduce<number>((sum, item) => sum + separator.length + (typeof item === 'string' ? item.length : 0), 0))
  return (list as readonly CelValue[]).map((item) => {
    if (typeof item !== 'string') throw new CelFault(`join: invalid input: ${String(item)}`)
    return item
  }).join(separator)
}

const escapes: Readonly<Record<string, string>> = { '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\', '"': '\\"' }

export function quote(value: string): string {
  let out = '"'
  for (const char of value) out += escapes[char] ?? (/^[\ud800-\udfff]$/.test(char) ? '\ufffd' : char)
  return `${out}"`
}

const once = ([value = '']: readonly CelValue[]) => traversalCost(value)
const twice = ([value = '']: readonly CelValue[]) => Math.ceil(text(value).length * 0.2)
/** Kubernetes counts these by bytes and rounds down. */
const bytewise = ([value = '']: readonly CelValue[]) => Math.floor(Buffer.byteLength(text(value)) * 0.1)
const ofResult = (_: readonly CelValue[], result: CelValue) => Math.ceil(text(result).length * 0.2)

const functions = (style: Style): CelFunction[] => [
  { name: 'charAt', overloads: [member([string, int], string, (value, index) => charAt(text(value), whole(index)))] },
  {
    name: 'indexOf',
    overloads: [member([string, string], int, (value, part) => indexOf(text(value), text(part), 0), bytewise), member([string, string, int], int, (value, part, offset) => indexOf(text(value), text(part), whole(offset), style), bytewise)],
  },
  {
    name: 'lastIndexOf',
    overloads: [
      member([string, string], int, (value, part) => lastIndexOf(text(value), text(part), undefined), bytewise),
      member([string, string, int], int, (value, part, offset) => lastIndexOf(text(value), text(part), whole(offset), style), bytewise),
    ],
  },
  { name: 'lowerAscii', overloads: [member([string], string, (value) => lower(text(value)), once)] },
  { name: 'upperAscii', overloads: [member([string], string, (value) => upper(text(value)), once)] },
  {
    name: 'replace',
    overloads: [
      member([string, string, string], string, (value, from, to) => replace(text(value), text(from), text(to), -1), twice),
      member([string, string, string, int], string, (value, from, to, count) => replace(text(value), text(from), text(to), whole(count)), twice),
    ],
  },
  {
    name: 'split',
    overloads: [member([string, string], listType(string), (value, separator) => split(text(value), text(separator), -1), twice), member([string, string, int], listType(string), (value, separator, count) => split(text(value), text(separator), whole(count)), twice)],
  },
  {
    name: 'substring',
    overloads: [member([string, int], string, (value, start) => substring(text(value), whole(start), undefined), once), member([string, int, int], string, (value, start, end) => substring(text(value), whole(start), whole(end)), once)],
  },
  { name: 'trim', overloads: [member([string], string, (value) => text(value).replace(leading, '').replace(trailing, ''), once)] },
  { name: 'join', overloads: [member([listType(string)], string, (list) => joinList(list), ofResult), member([listType(string), string], string, (list, separator) => joinList(list, text(separator)), ofResult)] },
  { name: 'format', overloads: [member([string, listType(dynType)], string, (value, args) => formatString(text(value), args as readonly CelValue[], style), once)] },
  { name: 'strings.quote', overloads: [global([string], string, (value) => quote(text(value)), once)] },
  ...style === 'kubernetes' ? [] : [{ name: 'reverse', overloads: [member([string], string, (value) => [...text(value)].reverse().join(''))] }],
]

/** `charAt`, `indexOf`, `replace`, `split`, `format` … of texts (https://pkg.go.dev/github.com/google/cel-go/ext#Strings). */
export const stringsLibrary: CelLibrary = { name: 'cel.lib.ext.strings', functions: functions('plain') }

/** The same as Kubernetes has it: the library's version 2, which formats numbers by locale and has no `reverse`. */
export const kubernetesStringsLibrary: CelLibrary = { name: 'cel.lib.ext.strings', functions: functions('kubernetes') }
