import { Cron } from 'croner'
import { CodedError, messageOf } from '@idp/kit'

/** The first time after a moment (milliseconds since the epoch) that a schedule in cron's five fields names, in UTC; undefined when there is none. Throws CodedError `InvalidSchedule`. */
export function nextRun(schedule: string, after: number): number | undefined {
  try {
    return new Cron(schedule.trim(), { timezone: 'Etc/UTC', paused: true, mode: '5-part' }).nextRun(new Date(after))?.getTime()
  } catch (cause) {
    throw new CodedError({ code: 'InvalidSchedule', message: `schedule spec in the cleanupPolicy is not in proper cron format: ${messageOf(cause)}`, where: schedule, remedy: 'Write five fields, e.g. "*/5 * * * *".', cause })
  }
}
