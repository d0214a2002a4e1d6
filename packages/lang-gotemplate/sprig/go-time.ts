import { int64, fn, Num, Struct } from '../value.ts'

/** A moment in a zone. */
export interface GoTime { readonly nanos: bigint; readonly zone: string; readonly offset: number; readonly abbreviation: string }

const second = 1_000_000_000n
const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** Go's zero time: the first of January of year 1. */
export const zeroTime: GoTime = { nanos: -62_135_596_800n * second, zone: 'UTC', offset: 0, abbreviation: 'UTC' }

/** A moment in a named zone; undefined when the zone is unknown. "Local" is UTC: templates do not see the machine's zone. */
export function inZone(nanos: bigint, zone: string): GoTime | undefined {
  if (zone === '' || zone === 'UTC' || zone === 'Local') return { nanos, zone: 'UTC', offset: 0, abbreviation: 'UTC' }
  try {
    const ms = Number(nanos / 1_000_000n)
    const format = (locale: string, name: 'longOffset' | 'short') => new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: name }).formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value ?? ''
    const match = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?/.exec(format('en-US', 'longOffset'))
    const offset = match?.[1] === undefined ? 0 : (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0))
    // Each locale knows the letters of its own part of the world.
    const short = ['en-US', 'en-GB', 'en-AU', 'en-NZ', 'en-IN', 'en-ZA'].map((locale) => format(locale, 'short')).find((text) => /^[A-Z]{3,5}$/.test(text))
    return { nanos, zone, offset, abbreviation: short ?? numericAbbreviation(offset) }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function numericAbbreviation(offset: number): string {
  const minutes = Math.abs(offset) / 60
  const text = `${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60), 2)}`
  return minutes % 60 === 0 ? text : text + pad(minutes % 60, 2)
}

/** A moment at a fixed distance from UTC. */
export function atOffset(nanos: bigint, offset: number, abbreviation: string): GoTime {
  return { nanos, zone: '', offset, abbreviation }
}

interface Fields { year: number; month: number; day: number; weekday: number; yearDay: number; hour: number; minute: number; second: number; nanos: number }

/** Calendar fields in the time's own zone; month from 1. */
export function fieldsOf(time: GoTime): Fields {
  const local = time.nanos + BigInt(time.offset) * second
  const nanos = Number(((local % second) + second) % second)
  const date = new Date(Number((local - BigInt(nanos)) / 1_000_000n))
  const year = date.getUTCFullYear()
  const yearStart = new Date(0)
  yearStart.setUTCFullYear(year, 0, 1)
  return {
    year, month: date.getUTCMonth() + 1, day: date.getUTCDate(), weekday: date.getUTCDay(),
    yearDay: Math.floor((date.getTime() - yearStart.getTime()) / 86_400_000) + 1,
    hour: date.getUTCHours(), minute: date.getUTCMinutes(), second: date.getUTCSeconds(), nanos,
  }
}

/** Parts of a layout, longest first where one begins another. */
const layoutParts = /January|Jan|Monday|Mon|MST|2006|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07|__2|_2(?!006)|002|01|02|03|04|05|06|15|PM|pm|[.,]0+(?!\d)|[.,]9+(?!\d)|1|2|3|4|5/g

/** time.Format with Go's layout: the reference time is Mon Jan 2 15:04:05 MST 2006. */
export function formatTime(time: GoTime, layout: string): string {
  const f = fieldsOf(time)
  return layout.replace(layoutParts, (part) => formatPart(part, f, time))
}

function pad(value: number, width: number, fill = '0'): string {
  return String(value).padStart(width, fill)
}

function formatPart(part: string, f: Fields, time: GoTime): string {
  const hour12 = f.hour % 12 === 0 ? 12 : f.hour % 12
  switch (part) {
    case 'January': return months[f.month - 1] ?? ''
    case 'Jan': return (months[f.month - 1] ?? '').slice(0, 3)
    case 'Monday': return days[f.weekday] ?? ''
    case 'Mon': return (days[f.weekday] ?? '').slice(0, 3)
    case 'MST': return time.abbreviation
    case '2006': return f.year < 0 ? `-${pad(-f.year, 4)}` : pad(f.year, 4)
    case '06': return pad(((f.year % 100) + 100) % 100, 2)
    case '01': return pad(f.month, 2)
    case '1': return String(f.month)
    case '02': return pad(f.day, 2)
    case '_2': return pad(f.day, 2, ' ')
    case '2': return String(f.day)
    case '002': return pad(f.yearDay, 3)
    case '__2': return pad(f.yearDay, 3, ' ')
    case '15': return pad(f.hour, 2)
    case '03': return pad(hour12, 2)
    case '3': return String(hour12)
    case '04': return pad(f.minute, 2)
    case '4': return String(f.minute)
    case '05': return pad(f.second, 2)
    case '5': return String(f.second)
    case 'PM': return f.hour >= 12 ? 'PM' : 'AM'
    case 'pm': return f.hour >= 12 ? 'pm' : 'am'
  }
  if (part.startsWith('.') || part.startsWith(',')) return fraction(part, f.nanos)
  return offsetText(part, time.offset)
}

function fraction(part: string, nanos: number): string {
  const digits = pad(nanos, 9).slice(0, part.length - 1)
  if (part[1] === '0') return (part[0] ?? '') + digits
  const trimmed = digits.replace(/0+$/, '')
  return trimmed === '' ? '' : (part[0] ?? '') + trimmed
}

function offsetText(part: string, offset: number): string {
  if (part.startsWith('Z') && offset === 0) return 'Z'
  const size = Math.abs(offset)
  const colon = part.includes(':') ? ':' : ''
  const sign = offset < 0 ? '-' : '+'
  const hours = pad(Math.floor(size / 3600), 2)
  const pieces = part.replace(/[^0-9]/g, '').length / 2
  return sign + hours + (pieces > 1 ? colon + pad(Math.floor(size / 60) % 60, 2) : '') + (pieces > 2 ? colon + pad(size % 60, 2) : '')
}

interface Parsed { year: number; month: number; day: number; hour: number; minute: number; second: number; nanos: number; pm: boolean | undefined; offset: number | undefined; zone: string; yearDay: number }

/** time.Parse; undefined when the text does not follow the layout. */
export function parseTime(layout: string, text: string): GoTime | undefined {
  const found: Parsed = { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanos: 0, pm: undefined, offset: undefined, zone: '', yearDay: 0 }
  let rest = text
  let last = 0
  for (const match of layout.matchAll(layoutParts)) {
    const literal = layout.slice(last, match.index)
    if (!rest.startsWith(literal)) return undefined
    rest = rest.slice(literal.length)
    last = match.index + match[0].length
    const left = parsePart(match[0], rest, found, layout.slice(last))
    if (left === undefined) return undefined
    rest = left
  }
  return rest === layout.slice(last) ? assembled(found) : undefined
}

function parsePart(part: string, text: string, into: Parsed, after: string): string | undefined {
  const take = (pattern: RegExp, use: (value: string) => boolean | void): string | undefined => {
    const match = pattern.exec(text)
    if (match === null || use(match[0]) === false) return undefined
    return text.slice(match[0].length)
  }
  const within = (low: number, high: number, set: (value: number) => void) => (value: string) => {
    const n = Number(value)
    if (n < low || n > high) return false
    set(n)
    return true
  }
  switch (part) {
    case '2006': return take(/^\d{4}/, (value) => { into.year = Number(value) })
    case '06': return take(/^\d\d/, (value) => { into.year = Number(value) + (Number(value) >= 69 ? 1900 : 2000) })
    case '01': return take(/^\d\d/, within(1, 12, (n) => { into.month = n }))
    case '1': return take(/^\d{1,2}/, within(1, 12, (n) => { into.month = n }))
    case 'Jan': case 'January': return takeName(text, months, part === 'Jan', (i) => { into.month = i + 1 })
    case 'Mon': case 'Monday': return takeName(text, days, part === 'Mon', () => {})
    case '02': return take(/^\d\d/, within(1, 31, (n) => { into.day = n }))
    case '2': case '_2': return take(/^ ?\d{1,2}/, within(1, 31, (n) => { into.day = n }))
    case '002': case '__2': return take(/^ {0,2}\d{1,3}/, within(1, 366, (n) => { into.yearDay = n }))
    case '15': return take(/^\d{1,2}/, within(0, 23, (n) => { into.hour = n }))
    case '03': case '3': return take(/^\d{1,2}/, within(0, 12, (n) => { into.hour = n }))
    case '04': return take(/^\d\d/, within(0, 59, (n) => { into.minute = n }))
    case '4': return take(/^\d{1,2}/, within(0, 59, (n) => { into.minute = n }))
    case '05': case '5': {
      const left = take(part === '05' ? /^\d\d/ : /^\d{1,2}/, within(0, 59, (n) => { into.second = n }))
      const extra = left === undefined || /^[.,][09]/.test(after) ? null : /^[.,]\d+/.exec(left)
      if (left === undefined || extra === null) return left
      into.nanos = Number(extra[0].slice(1).padEnd(9, '0').slice(0, 9))
      return left.slice(extra[0].length)
    }
    case 'PM': case 'pm': return take(part === 'PM' ? /^(?:AM|PM)/ : /^(?:am|pm)/, (value) => { into.pm = value.toLowerCase() === 'pm' })
    case 'MST': return take(/^(?:[A-Z]{3,5}|[+-]\d\d)/, (value) => { into.zone = value })
  }
  if (part.startsWith('.') || part.startsWith(',')) return take(part[1] === '0' ? new RegExp(`^[.,]\\d{${part.length - 1}}`) : /^(?:[.,]\d+)?/, (value) => { into.nanos = Number(value.slice(1).padEnd(9, '0').slice(0, 9)) })
  return parseOffset(part, text, into)
}

function takeName(text: string, names: readonly string[], short: boolean, use: (index: number) => void): string | undefined {
  const found = names.findIndex((name) => text.toLowerCase().startsWith((short ? name.slice(0, 3) : name).toLowerCase()))
  if (found < 0) return undefined
  use(found)
  return text.slice(short ? 3 : names[found]?.length ?? 0)
}

function parseOffset(part: string, text: string, into: Parsed): string | undefined {
  if (part.startsWith('Z') && text.startsWith('Z')) {
    into.offset = 0
    return text.slice(1)
  }
  const pieces = part.replace(/[^0-9]/g, '').length / 2
  const colon = part.includes(':') ? ':' : ''
  const match = new RegExp(`^([+-])(\\d\\d)${pieces > 1 ? `${colon}(\\d\\d)` : ''}${pieces > 2 ? `${colon}(\\d\\d)` : ''}`).exec(text)
  if (match === null) return undefined
  into.offset = (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 3600 + Number(match[3] ?? 0) * 60 + Number(match[4] ?? 0))
  return text.slice(match[0].length)
}

function assembled(found: Parsed): GoTime | undefined {
  let { hour } = found
  if (found.pm === true && hour < 12) hour += 12
  if (found.pm === false && hour === 12) hour = 0
  const date = new Date(0)
  date.setUTCFullYear(found.year, found.yearDay > 0 ? 0 : found.month - 1, found.yearDay > 0 ? found.yearDay : found.day)
  if (found.yearDay === 0 && date.getUTCDate() !== found.day) return undefined
  date.setUTCHours(hour, found.minute, found.second)
  const nanos = BigInt(date.getTime()) * 1_000_000n + BigInt(found.nanos)
  if (found.offset === undefined) return found.zone === '' || found.zone === 'UTC' || found.zone === 'GMT' ? atOffset(nanos, 0, found.zone || 'UTC') : atOffset(nanos, 0, found.zone)
  return found.offset === 0 ? inZone(nanos, 'UTC') : atOffset(nanos - BigInt(found.offset) * second, found.offset, '')
}

/** A time as templates see it, with the methods of time.Time that take and give simple values. */
export function timeValue(time: GoTime): Struct {
  const f = () => fieldsOf(time)
  const text = () => formatTime(time, `2006-01-02 15:04:05.999999999 -0700 MST`)
  const number = (get: () => number) => fn('', () => BigInt(get()))
  const other = (value: unknown) => (value instanceof Struct ? (value.shape.inner as GoTime).nanos : 0n)
  return new Struct({
    type: 'time.Time', inner: time, string: text, json: () => formatTime(time, '2006-01-02T15:04:05.999999999Z07:00'),
    methods: {
      String: fn('', text), Format: fn('string', (layout: string) => formatTime(time, layout)),
      Unix: fn('', () => int64(floorDivide(time.nanos, second))), UnixMilli: fn('', () => int64(floorDivide(time.nanos, 1_000_000n))),
      UnixMicro: fn('', () => int64(floorDivide(time.nanos, 1_000n))), UnixNano: fn('', () => int64(time.nanos)),
      Year: number(() => f().year), Day: number(() => f().day), Hour: number(() => f().hour), Minute: number(() => f().minute),
      Second: number(() => f().second), Nanosecond: number(() => f().nanos), YearDay: number(() => f().yearDay),
      Month: fn('', () => named('time.Month', f().month, months[f().month - 1] ?? '')),
      Weekday: fn('', () => named('time.Weekday', f().weekday, days[f().weekday] ?? '')),
      UTC: fn('', () => timeValue({ ...time, zone: 'UTC', offset: 0, abbreviation: 'UTC' })), Local: fn('', () => timeValue({ ...time, zone: 'UTC', offset: 0, abbreviation: 'UTC' })),
      IsZero: fn('', () => time.nanos === zeroTime.nanos),
      AddDate: fn('int int int', (years: number, monthCount: number, dayCount: number) => timeValue(addDate(time, years, monthCount, dayCount))),
      Add: fn('duration', (by: bigint) => timeValue({ ...time, nanos: time.nanos + by })),
      Sub: fn('time', (value: unknown) => new Num('time.Duration', time.nanos - other(value), 'int64')),
      Before: fn('time', (value: unknown) => time.nanos < other(value)), After: fn('time', (value: unknown) => time.nanos > other(value)),
      Equal: fn('time', (value: unknown) => time.nanos === other(value)),
    },
  })
}

function named(type: string, value: number, text: string): Struct {
  return new Struct({ type, string: () => text, json: () => value })
}

function floorDivide(a: bigint, b: bigint): bigint {
  return a >= 0n || a % b === 0n ? a / b : a / b - 1n
}

function addDate(time: GoTime, years: number, monthCount: number, dayCount: number): GoTime {
  const f = fieldsOf(time)
  const date = new Date(0)
  date.setUTCFullYear(f.year + years, f.month - 1 + monthCount, f.day + dayCount)
  date.setUTCHours(f.hour, f.minute, f.second)
  return { ...time, nanos: BigInt(date.getTime()) * 1_000_000n + BigInt(f.nanos) - BigInt(time.offset) * second }
}
