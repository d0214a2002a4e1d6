import { Cron } from 'croner'
import { CodedError, messageOf } from '@idp/kit'
import type { CronWorkflow } from '../kinds/workflow.ts'

export const schedulesOf = ({ schedule, schedules }: CronWorkflow['spec']): string[] => [...(schedules ?? []), ...(schedule === undefined || schedule === '' ? [] : [schedule])]

/** The first time after a moment that one of a CronWorkflow's schedules names, in its time zone (UTC by default). Throws CodedError `InvalidSchedule`. */
export function nextRun(spec: CronWorkflow['spec'], after: number): number | undefined {
  const times = schedulesOf(spec).flatMap((schedule) => {
    try {
      return new Cron(schedule.trim(), { timezone: spec.timezone ?? 'Etc/UTC', paused: true, mode: '5-part' }).nextRun(new Date(after))?.getTime() ?? []
    } catch (cause) {
      throw new CodedError({ code: 'InvalidSchedule', message: `cron schedule ${schedule} is malformed: ${messageOf(cause)}`, where: schedule, cause })
    }
  })
  return times.length === 0 ? undefined : Math.min(...times)
}
