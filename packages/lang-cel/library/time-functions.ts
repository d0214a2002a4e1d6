import { durationType, intType, stringType, timestampType } from '../check/cel-type.ts'
import { type CelFunction, member } from '../environment.ts'
import { CelFault, noSuchOverload } from '../value/fault.ts'
import { CelDuration, CelTimestamp, type CelValue } from '../value/value.ts'

const formats = new Map<string, Intl.DateTimeFormat>()

/** Seconds that a zone is ahead of UTC at a moment. Zones are IANA names, `UTC`, or `±hh:mm`. */
function offsetSeconds(zone: string, { seconds }: CelTimestamp): number {
  if (zone === '' || zone === 'UTC') return 0
  const fixed = /^([+-]?)(\d{1,2}):(\d\d)$/.exec(zone)
  if (fixed) return (Number(fixed[2]) * 3600 + Number(fixed[3]) * 60) * (fixed[1] === '-' ? -1 : 1)
  let format = formats.get(zone)
  if (!format) {
    try {
      format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', era: 'short', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })
    } catch {
      throw new CelFault(`unknown time zone ${zone}`)
    }
    formats.set(zone, format)
  }
  const parts: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(seconds * 1000)) parts[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
  const local = new Date(0)
  local.setUTCFullYear(year, month - 1, day)
  local.setUTCHours(hour, minute, second)
  return local.getTime() / 1000 - seconds
}

function dateIn(value: CelTimestamp, zone: CelValue | undefined): Date {
  if (zone === undefined) return new Date(value.seconds * 1000)
  if (typeof zone !== 'string') throw noSuchOverload()
  return new Date((value.seconds + offsetSeconds(zone, value)) * 1000)
}

const dayOfYear = (date: Date) => {
  const start = new Date(0)
  start.setUTCFullYear(date.getUTCFullYear(), 0, 1)
  return Math.floor((date.getTime() - start.getTime()) / 86_400_000)
}

function part(name: string, ofDate: (date: Date, at: CelTimestamp) => number, ofDuration?: (nanos: bigint) => bigint): CelFunction {
  const get = (value: CelValue, zone?: CelValue): CelValue => {
    if (value instanceof CelDuration && ofDuration) return Number(ofDuration(value.nanos))
    if (!(value instanceof CelTimestamp)) throw noSuchOverload()
    return ofDate(dateIn(value, zone), value)
  }
  return {
    name,
    overloads: [
      member([timestampType], intType, get), member([timestampType, stringType], intType, get), ...ofDuration ? [member([durationType], intType, get)] : [],
    ],
  }
}

/** `getFullYear` and the like of timestamps, in UTC or a named zone, and of durations. */
export const timeFunctions: CelFunction[] = [
  part('getFullYear', (date) => date.getUTCFullYear()),
  part('getMonth', (date) => date.getUTCMonth()),
  part('getDayOfYear', dayOfYear),
  part('getDayOfMonth', (date) => date.getUTCDate() - 1),
  part('getDate', (date) => date.getUTCDate()),
  part('getDayOfWeek', (date) => date.getUTCDay()),
  part('getHours', (date) => date.getUTCHours(), (nanos) => nanos / 3_600_000_000_000n),
  part('getMinutes', (date) => date.getUTCMinutes(), (nanos) => nanos / 60_000_000_000n),
  part('getSeconds', (date) => date.getUTCSeconds(), (nanos) => nanos / 1_000_000_000n),
  part('getMilliseconds', (_, { nanos }) => Math.floor(nanos / 1_000_000), (nanos) => nanos / 1_000_000n),
]
