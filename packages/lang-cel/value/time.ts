import { CelFault } from './fault.ts'
import { CelDuration, CelTimestamp } from './value.ts'

const minSeconds = -62135596800
const maxSeconds = 253402300799
const minNanos = -(2n ** 63n)
const maxNanos = 2n ** 63n - 1n
const billion = 1_000_000_000n

/** A moment between the years 1 and 9999. */
export function makeTimestamp(seconds: number, nanos: number, offset = 0): CelTimestamp {
  if (seconds < minSeconds || seconds > maxSeconds) throw new CelFault('timestamp overflow')
  return new CelTimestamp(seconds, nanos, offset)
}

export function makeDuration(nanos: bigint): CelDuration {
  if (nanos < minNanos || nanos > maxNanos) throw new CelFault('duration overflow')
  return new CelDuration(nanos)
}

export function addDuration(at: CelTimestamp, nanos: bigint): CelTimestamp {
  const total = BigInt(at.seconds) * billion + BigInt(at.nanos) + nanos
  const rest = ((total % billion) + billion) % billion
  return makeTimestamp(Number((total - rest) / billion), Number(rest), at.offset)
}

export function subtractTimestamps(a: CelTimestamp, b: CelTimestamp): CelDuration {
  return makeDuration(BigInt(a.seconds - b.seconds) * billion + BigInt(a.nanos - b.nanos))
}

const timestampPattern = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** Reads RFC 3339; undefined when the text is no moment. */
export function parseTimestamp(text: string): CelTimestamp | undefined {
  const match = timestampPattern.exec(text)
  if (!match) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) return undefined
  const offset = match[8] === undefined ? 0 : (Number(match[9]) * 3600 + Number(match[10]) * 60) * (match[8] === '-' ? -1 : 1)
  const seconds = date.getTime() / 1000 - offset
  if (seconds < minSeconds || seconds > maxSeconds) return undefined
  return new CelTimestamp(seconds, Number((match[7] ?? '').padEnd(9, '0').slice(0, 9)), offset)
}

/** RFC 3339 with the offset that the moment was read with, and as many digits of the fraction as are needed. */
export function formatTimestamp({ seconds, nanos, offset }: CelTimestamp): string {
  const date = new Date((seconds + offset) * 1000)
  const pad = (value: number, width = 2) => String(value).padStart(width, '0')
  const away = Math.abs(offset) / 60
  const zone = offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${pad(Math.floor(away / 60))}:${pad(away % 60)}`
  const fraction = nanos === 0 ? '' : `.${pad(nanos, 9).replace(/0+$/, '')}`
  return `${pad(date.getUTCFullYear(), 4)}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}T${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())}${fraction}${zone}`
}

const units: Readonly<Record<string, bigint>> = { ns: 1n, us: 1000n, µs: 1000n, μs: 1000n, ms: 1_000_000n, s: billion, m: 60n * billion, h: 3600n * billion }

/** Reads a duration as Go writes it: `1h30m`, `-1.5s`, `0`; undefined when the text is none or does not fit. */
export function parseDuration(text: string): CelDuration | undefined {
  const signed = /^[+-]/.test(text)
  const body = signed ? text.slice(1) : text
  if (body === '0') return new CelDuration(0n)
  if (body === '' || !/^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined
  let nanos = 0n
  for (const [, whole = '', fraction = '', unit = ''] of body.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)) {
    const scale = units[unit] ?? 0n
    nanos += BigInt(whole || '0') * scale
    if (fraction !== '') nanos += BigInt(fraction) * scale / 10n ** BigInt(fraction.length)
  }
  if (text.startsWith('-')) nanos = -nanos
  return nanos < minNanos || nanos > maxNanos ? undefined : new CelDuration(nanos)
}

/** The seconds of a duration with `s`, as `string(duration)` gives. */
export function formatDuration({ nanos }: CelDuration): string {
  const magnitude = nanos < 0n ? -nanos : nanos
  const fraction = String(magnitude % billion).padStart(9, '0').replace(/0+$/, '')
  return `${nanos < 0n ? '-' : ''}${magnitude / billion}${fraction === '' ? '' : `.${fraction}`}s`
}
