import { Cron } from 'croner'

/** Finds the next time after a moment, in milliseconds since the epoch; undefined when there is none. */
export type Schedule = (after: number) => number | undefined

const everyPattern = /^@every\s+(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/

/**
 * A schedule in cron's five fields, `@hourly` and its like, or `@every 1h30m`. Times are those of `timeZone`, UTC by default.
 * Throws for what is none.
 */
export function cronSchedule(text: string, timeZone = 'Etc/UTC'): Schedule {
  const every = everyPattern.exec(text.trim())
  if (every !== null) {
    const ms = (Number(every[1] ?? 0) * 3600 + Number(every[2] ?? 0) * 60 + Number(every[3] ?? 0)) * 1000
    if (ms <= 0) throw new Error(`no interval in ${JSON.stringify(text)}`)
    return (after) => after + ms
  }
  // Both day fields restricted means either, as in cron and in Kubernetes; croner calls that legacy mode.
  const cron = new Cron(text.trim(), { timezone: timeZone, paused: true, mode: '5-part' })
  return (after) => cron.nextRun(new Date(after))?.getTime()
}

/** The latest time that is due in (from, now], how many were due in all (counted up to 101), and the next one after now. */
export function scheduledTimes(schedule: Schedule, from: number, now: number): { readonly due: number | undefined; readonly missed: number; readonly next: number | undefined } {
  let due: number | undefined
  let missed = 0
  let at = schedule(from)
  while (at !== undefined && at <= now && missed <= 100) {
    due = at
    missed++
    at = schedule(at)
  }
  if (missed > 100) due = latestBefore(schedule, now, due ?? now)
  return { due, missed, next: schedule(now) }
}

/** After a long time without the controller: looks back in doubling steps instead of walking through every missed time. */
function latestBefore(schedule: Schedule, now: number, fallback: number): number {
  for (let back = 60_000; back < now; back *= 2) {
    let found: number | undefined
    for (let at = schedule(now - back); at !== undefined && at <= now; at = schedule(at)) found = at
    if (found !== undefined) return found
  }
  return fallback
}
