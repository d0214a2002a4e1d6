import { formatDuration } from '../format.ts'
import { GoError } from '../go-error.ts'
import { quoteGo } from '../quote.ts'
import { fn, Num, Struct, type GoFunction } from '../value.ts'
import { parseDuration, roundDuration } from './go-duration.ts'
import { formatTime, inZone, parseTime, timeValue, zeroTime, type GoTime } from './go-time.ts'

const second = 1_000_000_000n

/** Sprig's functions on dates. The zone "Local" is UTC. `used` is told when the clock is read. */
export function dateFunctions(now: () => number, used: () => void): readonly (readonly [string, GoFunction])[] {
  const current = (): GoTime => {
    used()
    return { ...zeroTime, nanos: BigInt(now()) * 1_000_000n }
  }
  /** Times as they are, integers as seconds since the epoch, everything else is now. */
  const asTime = (value: unknown): GoTime => {
    if (value instanceof Struct && value.shape.type === 'time.Time') return value.shape.inner as GoTime
    if (typeof value === 'bigint') return { ...zeroTime, nanos: value * second }
    if (value instanceof Num && (value.type === 'int64' || value.type === 'int32')) return { ...zeroTime, nanos: (value.value as bigint) * second }
    return current()
  }
  const inZoneOf = (layout: string, value: unknown, zone: string): string => {
    const time = asTime(value)
    return formatTime(inZone(time.nanos, zone) ?? { ...time, zone: 'UTC', offset: 0, abbreviation: 'UTC' }, layout)
  }
  const modify = (text: string, value: unknown): unknown => timeValue({ ...asTime(value), nanos: asTime(value).nanos + parseDuration(text) })
  const modifyOrKeep = (text: string, value: unknown): unknown => {
    try {
      return modify(text, value)
    } catch (error) {
      if (error instanceof GoError) return value
      throw error
    }
  }
  const read = (layout: string, text: string): Struct => {
    const time = parseTime(layout, text)
    if (time === undefined) throw new GoError(`parsing time ${quoteGo(text)} as ${quoteGo(layout)}: cannot parse ${quoteGo(text)} as ${quoteGo(layout)}`)
    return timeValue(time)
  }
  return [
    ['now', fn('', () => timeValue(current()))],
    ['date', fn('string any', (layout: string, value: unknown) => inZoneOf(layout, value, 'Local'))],
    ['dateInZone', fn('string any string', inZoneOf)],
    ['date_in_zone', fn('string any string', inZoneOf)],
    ['htmlDate', fn('any', (value: unknown) => inZoneOf('2006-01-02', value, 'Local'))],
    ['htmlDateInZone', fn('any string', (value: unknown, zone: string) => inZoneOf('2006-01-02', value, zone))],
    ['dateModify', fn('string time', modifyOrKeep)],
    ['date_modify', fn('string time', modifyOrKeep)],
    ['mustDateModify', fn('string time', modify)],
    ['must_date_modify', fn('string time', modify)],
    ['toDate', fn('string string', (layout: string, text: string) => timeValue(parseTime(layout, text) ?? zeroTime))],
    ['mustToDate', fn('string string', read)],
    ['unixEpoch', fn('time', (value: unknown) => String(asTime(value).nanos / second))],
    ['ago', fn('any', (value: unknown) => formatDuration(roundDuration(current().nanos - asTime(value).nanos, second)))],
    ['duration', fn('any', (value: unknown) => formatDuration(seconds(value) * second))],
    ['durationRound', fn('any', (value: unknown) => rounded(durationOf(value, current)))],
  ]
}

function seconds(value: unknown): bigint {
  if (typeof value === 'string') return /^[+-]?\d+$/.test(value) ? BigInt(value) : 0n
  return value instanceof Num && value.type === 'int64' ? value.value as bigint : 0n
}

function durationOf(value: unknown, current: () => GoTime): bigint {
  if (typeof value === 'string') {
    try {
      return parseDuration(value)
    } catch (error) {
      if (error instanceof GoError) return 0n
      throw error
    }
  }
  if (value instanceof Num && value.type === 'int64') return value.value as bigint
  if (value instanceof Struct && value.shape.type === 'time.Time') return current().nanos - (value.shape.inner as GoTime).nanos
  return 0n
}

const hour = 3_600n * second
const steps: readonly (readonly [bigint, string])[] = [[hour * 24n * 365n, 'y'], [hour * 24n * 30n, 'mo'], [hour * 24n, 'd'], [hour, 'h'], [60n * second, 'm'], [second, 's']]

function rounded(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos
  for (const [unit, name] of steps) if (size > unit) return `${size / unit}${name}`
  return '0s'
}
