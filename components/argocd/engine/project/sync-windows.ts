import { Cron } from 'croner'
import type { AppProject, SyncWindow } from '../../kinds/app-project.ts'
import type { Application } from '../../kinds/application.ts'
import { parseDuration } from '../duration.ts'
import { globMatches } from './glob.ts'
import { inCluster } from './permits.ts'

export interface WindowVerdict {
  readonly maySync: boolean
  /** Windows that cannot be read, in the user's words. */
  readonly problems: readonly string[]
}

/**
 * Whether the project's windows let an Application sync now. An active deny wins over everything; where there are allow windows,
 * one of them must be active. `manualSync` of all windows in the way lets a person sync anyway.
 */
export function syncWindowVerdict(project: AppProject, application: Application, now: number, isManual: boolean): WindowVerdict {
  const problems: string[] = []
  const windows = (project.spec.syncWindows ?? []).filter((one) => concernsApplication(one, application))
  const active = windows.filter((one) => {
    try {
      return isActive(one, now)
    } catch (error) {
      problems.push(`sync window ${one.schedule ?? ''} ${one.duration ?? ''}: ${error instanceof Error ? error.message : String(error)}`)
      // What cannot be read must not let a sync through that was to be denied.
      return one.kind === 'deny'
    }
  })
  const manual = (rows: readonly SyncWindow[]): boolean => isManual && rows.every((one) => one.manualSync === true)
  const denies = active.filter((one) => one.kind === 'deny')
  if (denies.length > 0) return { maySync: manual(denies), problems }
  const allows = windows.filter((one) => one.kind !== 'deny')
  if (allows.length === 0 || active.some((one) => one.kind !== 'deny')) return { maySync: true, problems }
  return { maySync: manual(allows), problems }
}

/** Active from each time of the schedule for the duration. Throws for a schedule or duration that is none. */
function isActive({ schedule = '', duration, timeZone }: SyncWindow, now: number): boolean {
  const length = parseDuration(duration)
  if (length === undefined) throw new Error(`'${duration ?? ''}' is not a duration; write 1h or 30m`)
  const cron = new Cron(schedule, { paused: true, timezone: timeZone === undefined || timeZone === '' ? 'UTC' : timeZone })
  const start = cron.nextRun(new Date(now - length))
  return start !== null && start.getTime() <= now
}

function concernsApplication({ applications = [], namespaces = [], clusters = [], andOperator }: SyncWindow, { metadata, spec }: Application): boolean {
  const { server = inCluster.server, name = inCluster.name, namespace = '' } = spec.destination
  const tests = [
    [applications, [metadata.name ?? '']], [namespaces, [namespace]], [clusters, [server, name]],
  ] as const
  const set = tests.filter(([patterns]) => patterns.length > 0)
  const holds = ([patterns, texts]: (typeof tests)[number]): boolean => patterns.some((pattern) => texts.some((text) => globMatches(pattern, text)))
  return set.length > 0 && (andOperator === true ? set.every(holds) : set.some(holds))
}
