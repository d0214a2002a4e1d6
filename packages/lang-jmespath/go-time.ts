import { CodedError } from '@idp/kit'

/** An instant with the offset it was written with, as Go's `time.Time` keeps it. */
export interface ZonedTime { readonly ms: number; readonly offsetMinutes: number; readonly zone?: string }

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const short = (name: string): string => name.slice(0, 3)

type Field = 'year' | 'month' | 'day' | 'hour' | 'hour12' | 'minute' | 'second' | 'fraction' | 'zone' | 'offset' | 'pm' | 'monthName' | 'shortYear' | 'ignored'
/** Go's layout words, longest first, with what they read. */
const words: readonly (readonly [word: string, pattern: string, field: Field])[] = [
  ['Z07:00', 'Z|[+-]\\d\\d:\\d\\d', 'offset'], ['-07:00', '[+-]\\d\\d:\\d\\d', 'offset'], ['Z0700', 'Z|[+-]\\d{4}', 'offset'], ['-0700', '[+-]\\d{4}', 'offset'], ['-07', '[+-]\\d\\d', 'offset'],
  ['January', '[A-Za-z]+', 'monthName'], ['Monday', '[A-Za-z]+', 'ignored'], ['2006', '\\d{4}', 'year'], ['.000000000', '\\.\\d{9}', 'fraction'], ['.999999999', '(?:\\.\\d{1,9})?', 'fraction'], ['.000', '\\.\\d{3}', 'fraction'],
  ['Jan', '[A-Za-z]{3}', 'monthName'], ['Mon', '[A-Za-z]{3}', 'ignored'], ['MST', '[A-Z]{3,4}', 'zone'], ['01', '\\d\\d', 'month'], ['02', '\\d\\d', 'day'], ['_2', '[ \\d]\\d', 'day'], ['15', '\\d\\d', 'hour'], ['03', '\\d\\d', 'hour12'],
  ['04', '\\d\\d', 'minute'], ['05', '\\d\\d', 'second'], ['06', '\\d\\d', 'shortYear'], ['PM', 'AM|PM', 'pm'], ['pm', 'am|pm', 'pm'], ['1', '\\d{1,2}', 'month'], ['2', '\\d{1,2}', 'day'], ['3', '\\d{1,2}', 'hour12'], ['4', '\\d{1,2}', 'minute'], ['5', '\\d{1,2}', 'second'],
]
const rfc3339 = '2006-01-02T15:04:05Z07:00'
const invalid = (text: string, layout: string): CodedError => new CodedError({ code: 'InvalidTime', message: `"${text}" is not a time of the form "${layout}"`, where: text })

/** Reads a time by a Go layout ('' is RFC 3339). Throws CodedError `InvalidTime`. */
export function parseGoTime(layout: string, text: string): ZonedTime {
  const form = layout === '' ? rfc3339 : layout
  const fields: Field[] = []
  let pattern = ''
  for (let at = 0; at < form.length;) {
    const word = words.find(([one]) => form.startsWith(one, at))
    if (word === undefined) {
      pattern += (form[at] ?? '').replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
      at++
      continue
    }
    // RFC 3339 seconds may carry a fraction that the layout does not name.
    pattern += word[2] === 'second' && !form.startsWith('.', at + word[0].length) ? `(${word[1]})(?:\\.\\d+)?` : `(${word[1]})`
    fields.push(word[2])
    at += word[0].length
  }
  const found = new RegExp(`^${pattern}$`).exec(text)
  if (found === null) throw invalid(text, form)
  const read = new Map<Field, string>(fields.map((field, index) => [field, found[index + 1] ?? '']))
  const number = (field: Field, other: number): number => (read.has(field) ? Number(read.get(field)?.trim()) : other)
  const name = read.get('monthName')?.toLowerCase()
  const month = name === undefined ? number('month', 1) - 1 : months.findIndex((one) => one.toLowerCase() === name || short(one).toLowerCase() === name)
  const afternoon = read.get('pm')?.toLowerCase()
  const hour = read.has('hour12') ? (number('hour12', 0) % 12) + (afternoon === 'pm' ? 12 : 0) : number('hour', 0)
  const year = read.has('shortYear') ? 2000 + number('shortYear', 0) : number('year', 0)
  const offsetMinutes = offsetOf(read.get('offset') ?? 'Z')
  const ms = Date.UTC(year, month, number('day', 1), hour, number('minute', 0), number('second', 0)) + Math.round(Number(`0${read.get('fraction') ?? ''}`) * 1000)
  if (Number.isNaN(ms) || month < 0) throw invalid(text, form)
  const zone = read.get('zone')
  return { ms: ms - offsetMinutes * 60_000, offsetMinutes, ...(zone === undefined ? {} : { zone }) }
}

function offsetOf(text: string): number {
  const [, sign = '+', hours = '0', minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(text) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

/** RFC 3339 with the offset kept. */
export function formatRfc3339({ ms, offsetMinutes }: ZonedTime): string {
  const local = new Date(ms + offsetMinutes * 60_000).toISOString().replace(/\.000Z$|Z$/, '')
  if (offsetMinutes === 0) return `${local}Z`
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${local}${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offsetMinutes) / 60))}:${two(Math.abs(offsetMinutes) % 60)}`
}

const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Go's durations (`1h30m`, `-15s`) in milliseconds. Throws CodedError `InvalidDuration`. */
export function parseGoDuration(text: string): number {
  if (text === '0') return 0
  if (!/^[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*$/.test(text)) throw new CodedError({ code: 'InvalidDuration', message: `time: invalid duration "${text}"`, where: text })
  let sum = 0
  for (const [, amount = '0', unit = 's'] of text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) sum += Number(amount) * (units[unit] ?? 0)
  return text.startsWith('-') ? -sum : sum
}

/** Milliseconds as Go prints a duration: `24h0m0s`, `1.5s`, `0s`. */
export function formatGoDuration(ms: number): string {
  if (ms === 0) return '0s'
  const [sign, left] = [ms < 0 ? '-' : '', Math.abs(ms)]
  if (left < 1000) return left < 1 ? `${sign}${left * 1000}µs` : `${sign}${left}ms`
  const [hours, minutes, seconds] = [Math.floor(left / 3_600_000), Math.floor(left / 60_000) % 60, (left % 60_000) / 1000]
  return `${sign}${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${Number(seconds.toFixed(9))}s`
}
