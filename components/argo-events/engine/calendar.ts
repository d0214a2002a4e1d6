import { Cron } from 'croner'
import { CodedError, messageOf } from '@idp/kit'
import type { CalendarSource } from '../kinds/events.ts'

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Go's durations, or nanoseconds as a number, in milliseconds; undefined for what is neither. */
export function durationMs(text: string | number | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (typeof text === 'number' || /^\d+$/.test(text)) return Number(text) / 1e6
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smh])/g)]
  return parts.map(([all]) => all).join('') === text ? parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0), 0) : undefined
}

/** When a calendar's next event is due, in milliseconds since the epoch. Throws CodedError `InvalidSchedule`. */
export function nextTick({ schedule, interval, timezone }: CalendarSource, now: number): number | undefined {
  const every = durationMs(interval)
  if (every !== undefined) return now + every
  try {
    return new Cron(schedule ?? '', { timezone: timezone ?? 'Etc/UTC', paused: true }).nextRun(new Date(now))?.getTime()
  } catch (cause) {
    throw new CodedError({ code: 'InvalidSchedule', message: `failed to parse schedule ${schedule ?? interval ?? ''}: ${messageOf(cause)}`, cause })
  }
}
