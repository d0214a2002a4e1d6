import { CronJob, isApiError, Job } from '@idp/api'
import { controllerReference, type Controller, type Outcome, type Scope } from '@idp/controller'
import { cloneJson } from '@idp/formats'
import { messageOf, rfc3339 } from '@idp/kit'
import { cronSchedule, scheduledTimes } from '../engine/cron-schedule.ts'

type Reference = NonNullable<NonNullable<CronJob['status']>['active']>[number]
const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp'

/** Starts Jobs on a schedule. */
export const cronJobController: Controller<CronJob> = {
  name: 'cronjob-controller',
  for: CronJob, owns: [Job], concurrency: 2,
  async reconcile(cron, scope) {
    if (cron.metadata.deletionTimestamp !== undefined) return
    const jobs = scope.cache(Job).ownedBy(cron.metadata.uid ?? '')
    const pass: Pass = { cron, scope, jobs, active: [], lastScheduled: cron.status?.lastScheduleTime, lastSuccess: cron.status?.lastSuccessfulTime }
    takeStock(pass)
    await trim(pass)
    const requeueAfter = await schedule(pass)
    return finish(pass, requeueAfter)
  },
}

interface Pass {
  readonly cron: CronJob
  readonly scope: Scope
  readonly jobs: readonly Job[]
  active: Reference[]
  lastScheduled: NonNullable<CronJob['status']>['lastScheduleTime']
  lastSuccess: NonNullable<CronJob['status']>['lastSuccessfulTime']
}

const endOf = (job: Job) => job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True')

function referenceTo(job: Job): Reference {
  const { name = '', namespace = '', uid = '', resourceVersion = '' } = job.metadata
  return { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid, resourceVersion }
}

/** Compares the jobs that are there with those the status calls active, and tells of what ended, appeared or vanished. */
function takeStock(pass: Pass): void {
  const { cron, scope, jobs } = pass
  const before = cron.status?.active ?? []
  for (const job of jobs) {
    const end = endOf(job)
    const known = before.find(({ uid }) => uid === job.metadata.uid)
    if (end === undefined) {
      pass.active.push(known ?? referenceTo(job))
      if (known === undefined) scope.event(cron, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${job.metadata.name}`)
      continue
    }
    if (known !== undefined) scope.event(cron, 'Normal', 'SawCompletedJob', `Saw completed job: ${job.metadata.name}, condition: ${end.type}`)
    const time = job.status?.completionTime
    if (end.type === 'Complete' && time !== undefined && String(time) > String(pass.lastSuccess ?? '')) pass.lastSuccess = time
  }
  for (const { name, uid } of before) if (!jobs.some((job) => job.metadata.uid === uid)) scope.event(cron, 'Normal', 'MissingJob', `Active job went missing: ${name}`)
}

async function trim({ cron, scope, jobs }: Pass): Promise<void> {
  const limits = { Complete: cron.spec?.successfulJobsHistoryLimit ?? 3, Failed: cron.spec?.failedJobsHistoryLimit ?? 1 }
  for (const [type, limit] of Object.entries(limits)) {
    const ended = jobs.filter((job) => endOf(job)?.type === type && job.metadata.deletionTimestamp === undefined)
      .sort((a, b) => (String(a.status?.startTime ?? '') < String(b.status?.startTime ?? '') ? -1 : 1))
    for (const job of ended.slice(0, Math.max(0, ended.length - limit))) await deleteJob(job, cron, scope)
  }
}

async function deleteJob(job: Job, cron: CronJob, { client, event }: Scope): Promise<void> {
  const { name = '', namespace } = job.metadata
  try {
    await client.delete(Job, name, { namespace, propagationPolicy: 'Background' })
    event(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`)
  } catch (error) {
    if (isApiError(error, 'NotFound')) return
    event(cron, 'Warning', 'FailedDelete', `Deleted job: ${messageOf(error)}`)
    throw error
  }
}

/** Starts the job that is due, if one is; returns the milliseconds until the next. */
async function schedule(pass: Pass): Promise<number | undefined> {
  const { cron, scope } = pass
  const { schedule: text = '', timeZone, suspend, startingDeadlineSeconds, concurrencyPolicy } = cron.spec ?? {}
  if (suspend === true) return undefined
  const now = scope.clock.now()
  let times: ReturnType<typeof scheduledTimes>
  try {
    const from = Math.max(Date.parse(String(cron.status?.lastScheduleTime ?? cron.metadata.creationTimestamp ?? '')) || now, startingDeadlineSeconds === undefined ? 0 : now - startingDeadlineSeconds * 1000)
    times = scheduledTimes(cronSchedule(text, timeZone), from, now)
  } catch (error) {
    scope.event(cron, 'Warning', timeZone === undefined ? 'UnparseableSchedule' : 'UnknownTimeZone', timeZone === undefined ? `unparseable schedule: ${JSON.stringify(text)} : ${messageOf(error)}` : `invalid timeZone or schedule: ${JSON.stringify(timeZone)} ${JSON.stringify(text)}: ${messageOf(error)}`)
    return undefined
  }
  const wait = times.next === undefined ? undefined : Math.max(1, times.next - now)
  if (times.missed > 100) scope.event(cron, 'Warning', 'TooManyMissedTimes', 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew')
  if (times.due === undefined) return wait
  if (concurrencyPolicy === 'Forbid' && pass.active.length > 0) {
    scope.event(cron, 'Normal', 'JobAlreadyActive', 'Not starting job because prior execution is running and concurrency policy is Forbid')
    return wait
  }
  if (concurrencyPolicy === 'Replace') {
    for (const job of pass.jobs.filter((j) => endOf(j) === undefined)) await deleteJob(job, cron, scope)
    pass.active = []
  }
  await start(pass, times.due)
  return wait
}

async function start(pass: Pass, due: number): Promise<void> {
  const { cron, scope } = pass
  const draft = jobFor(cron, due)
  try {
    const job = await scope.client.create(Job, draft)
    pass.active.push(referenceTo(job))
    scope.event(cron, 'Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`)
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) {
      scope.event(cron, 'Warning', 'FailedCreate', `Error creating job: ${messageOf(error)}`)
      throw error
    }
  }
  pass.lastScheduled = rfc3339(due)
}

/** The job of one scheduled time; its name says which (minutes since the epoch), so that a time never starts twice. */
function jobFor(cron: CronJob, due: number): Job {
  const template = cron.spec?.jobTemplate
  const { name = '', namespace } = cron.metadata
  return {
    apiVersion: 'batch/v1', kind: 'Job',
    metadata: {
      name: `${name}-${Math.floor(due / 60_000)}`, ...(namespace === undefined ? {} : { namespace }),
      labels: { ...template?.metadata?.labels }, annotations: { ...template?.metadata?.annotations, [scheduledAnnotation]: rfc3339(due) },
      ownerReferences: [controllerReference(CronJob, cron)],
    },
    spec: cloneJson(template?.spec ?? { template: {} }) as NonNullable<Job['spec']>,
  }
}

function finish({ active, lastScheduled, lastSuccess }: Pass, requeueAfter: number | undefined): Outcome {
  return {
    status: {
      ...(active.length === 0 ? {} : { active }), ...(lastScheduled === undefined ? {} : { lastScheduleTime: lastScheduled }),
      ...(lastSuccess === undefined ? {} : { lastSuccessfulTime: lastSuccess }),
    },
    ...(requeueAfter === undefined ? {} : { requeueAfter }),
  }
}
