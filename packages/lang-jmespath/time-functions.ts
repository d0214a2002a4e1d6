import type { Json } from '@idp/formats'
import type { JmesFunction } from './kyverno-functions.ts'
import { formatGoDuration, formatRfc3339, parseGoDuration, parseGoTime, type ZonedTime } from './go-time.ts'
import { ambient } from './ambient.ts'

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '')
const read = (value: Json | undefined): ZonedTime => parseGoTime('', text(value))
const now = (): ZonedTime => ({ ms: Math.floor(ambient.now() / 1000) * 1000, offsetMinutes: 0 })

/** Kyverno's functions of time. "Now" is the clock that the evaluation was given. */
export const timeFunctions: Readonly<Record<string, JmesFunction>> = {
  time_since: { args: ['string', 'string', 'string'], run: ([layout, from, to]) => formatGoDuration((text(to) === '' ? now() : parseGoTime(text(layout), text(to))).ms - parseGoTime(text(layout), text(from)).ms) },
  time_now: { args: [], run: () => formatRfc3339(now()) },
  time_now_utc: { args: [], run: () => formatRfc3339(now()) },
  time_add: { args: ['string', 'string'], run: ([at, by]) => formatRfc3339({ ...read(at), ms: read(at).ms + parseGoDuration(text(by)) }) },
  time_parse: { args: ['string', 'string'], run: ([layout, at]) => formatRfc3339(/^\d+$/.test(text(layout)) && layout === at ? { ms: Number(at) * 1000, offsetMinutes: 0 } : parseGoTime(text(layout), text(at))) },
  time_to_cron: {
    args: ['string'],
    run: ([at]) => {
      const { ms, offsetMinutes } = read(at)
      const local = new Date(ms + offsetMinutes * 60_000)
      return [local.getUTCMinutes(), local.getUTCHours(), local.getUTCDate(), local.getUTCMonth() + 1, local.getUTCDay()].join(' ')
    },
  },
  time_utc: { args: ['string'], run: ([at]) => formatRfc3339({ ms: read(at).ms, offsetMinutes: 0 }) },
  time_diff: { args: ['string', 'string'], run: ([from, to]) => formatGoDuration(read(to).ms - read(from).ms) },
  time_before: { args: ['string', 'string'], run: ([a, b]) => read(a).ms < read(b).ms },
  time_after: { args: ['string', 'string'], run: ([a, b]) => read(a).ms > read(b).ms },
  time_between: { args: ['string', 'string', 'string'], run: ([at, from, to]) => read(from).ms < read(at).ms && read(at).ms < read(to).ms },
  time_truncate: {
    args: ['string', 'string'],
    run: ([at, unit]) => {
      const [time, step] = [read(at), parseGoDuration(text(unit))]
      // Go counts from the year 1, which matters for steps such as a week.
      const zero = -62_135_596_800_000
      return formatRfc3339(step <= 0 ? time : { ...time, ms: time.ms - ((time.ms - zero) % step) })
    },
  },
}
