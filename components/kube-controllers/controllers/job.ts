import { Job, Pod } from '@idp/api'
import { claim, ownersOfOrphan, slowStart, watch, type Controller, type Outcome, type Scope } from '@idp/controller'
import { rfc3339 } from '@idp/kit'
import { findCondition, setCondition } from '../engine/conditions.ts'
import { jobBackoffMs } from '../engine/job-policy.ts'
import { indexAnnotation, indexFailuresAnnotation, indexOf, isTracked, tally, tallyStatus, trackingFinalizer, type Tally } from '../engine/job-tally.ts'
import { successReached } from '../engine/job-success.ts'
import { podFromTemplate } from '../engine/pod-from-template.ts'
import { createPod, deletePod } from './pod-control.ts'

type Status = NonNullable<Job['status']>
type Condition = NonNullable<Status['conditions']>[number]
const maxParallel = 500

/** Runs Jobs: makes pods until enough have succeeded, or too many have failed. */
export const jobController: Controller<Job> = {
  name: 'job-controller',
  for: Job, owns: [Pod], concurrency: 5,
  watches: [watch(Pod, ownersOfOrphan(Job, (job) => job.spec?.selector))],
  async reconcile(job, scope) {
    const managedBy = job.spec?.managedBy
    if (managedBy !== undefined && managedBy !== 'kubernetes.io/job-controller') return
    const pods = await claim({ owner: job, ownerKind: Job, childKind: Pod, selector: job.spec?.selector ?? {}, adopts: () => job.spec?.selector !== undefined }, scope)
    if (isFinished(job) || job.metadata.deletionTimestamp !== undefined) return releaseAll(pods, scope)
    return pass(job, pods, scope)
  },
}

export function isFinished(job: Job): boolean {
  return (job.status?.conditions ?? []).some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True')
}

async function releaseAll(pods: readonly Pod[], scope: Scope): Promise<void> {
  await Promise.all(pods.filter(isTracked).map((pod) => releasePod(pod, scope)))
}

/** Takes the tracking finalizer away. */
export async function releasePod(pod: Pod, { client }: Scope): Promise<void> {
  const { name = '', namespace, uid = '', finalizers = [] } = pod.metadata
  const left = finalizers.filter((f) => f !== trackingFinalizer)
  await client.patch(Pod, name, { metadata: { uid, finalizers: left.length === 0 ? null : left } }, { namespace, type: 'merge' }).catch(ignoreGone)
}

function ignoreGone(error: unknown): void {
  if (!(error instanceof Error && 'reason' in error && (error.reason === 'NotFound' || error.reason === 'Conflict'))) throw error
}

async function pass(job: Job, pods: readonly Pod[], scope: Scope): Promise<Outcome> {
  const now = scope.clock.now()
  const before = tally(job, pods)
  // The stored status lists these as uncounted: once the finalizers are gone they move to the counters for good.
  await Promise.all(before.release.map((pod) => releasePod(pod, scope)))
  const t = before.release.length === 0 ? before : tally(job, withoutFinalizer(pods, before.release))
  let conditions: Condition[] = [...(job.status?.conditions ?? [])]
  const started = job.status?.startTime
  const failure = failureOf(job, t, now)
  const success = successReached(job, t)
  const ending = findCondition(conditions, 'FailureTarget') ?? findCondition(conditions, 'SuccessCriteriaMet')
  if (ending === undefined && failure !== undefined) conditions = set(conditions, 'FailureTarget', failure.reason, failure.message, now)
  else if (ending === undefined && success !== undefined) conditions = set(conditions, 'SuccessCriteriaMet', success.reason, success.message, now)
  const target = findCondition(conditions, 'FailureTarget') ?? findCondition(conditions, 'SuccessCriteriaMet')
  let active = t.active.length
  let terminating = t.terminating
  let again: number | undefined
  let failed: unknown
  if (target !== undefined || job.spec?.suspend === true) {
    await Promise.all(t.active.map((pod) => deletePod(pod, job, scope)))
    terminating += active
    active = 0
  } else {
    const managed = await manage(job, t, pods, scope)
    active = managed.active
    again = managed.again
    failed = managed.failed
  }
  conditions = suspendCondition(job, conditions, scope)
  const settled = t.uncounted.succeeded.length + t.uncounted.failed.length === 0 && !t.newIndexes && terminating === 0 && active === 0
  const { startTime, completionTime } = times(job, conditions, started, now)
  if (target !== undefined && settled) conditions = finishWith(job, target, conditions, scope)
  const complete = findCondition(conditions, 'Complete') !== undefined
  const status: Status = {
    ...tallyStatus(job, { ...t, terminating }, active), ...(startTime === undefined ? {} : { startTime }),
    ...(complete ? { completionTime: completionTime ?? rfc3339(now) } : {}), ...(conditions.length === 0 ? {} : { conditions }),
  }
  const deadline = untilDeadline(job, startTime, now)
  const waits = [again, deadline].filter((ms) => ms !== undefined)
  return { status, ...(failed === undefined ? {} : { failed }), ...(waits.length === 0 || isTargeted(conditions) ? {} : { requeueAfter: Math.max(1, Math.min(...waits)) }) }
}

const isTargeted = (conditions: readonly Condition[]) => conditions.some(({ type }) => type === 'FailureTarget' || type === 'SuccessCriteriaMet')

function set(conditions: readonly Condition[], type: string, reason: string, message: string, now: number, status = 'True'): Condition[] {
  const at = rfc3339(now)
  return setCondition(conditions, { type, status, reason, message, lastProbeTime: at }, at) as Condition[]
}

function withoutFinalizer(pods: readonly Pod[], released: readonly Pod[]): Pod[] {
  const uids = new Set(released.map((pod) => pod.metadata.uid))
  return pods.map((pod) => (uids.has(pod.metadata.uid) ? { ...pod, metadata: { ...pod.metadata, finalizers: (pod.metadata.finalizers ?? []).filter((f) => f !== trackingFinalizer) } } : pod))
}

function times(job: Job, conditions: readonly Condition[], started: Status['startTime'], now: number): { startTime: string | undefined; completionTime: string | undefined } {
  const startTime = started === undefined || started === null ? (job.spec?.suspend === true && !isTargeted(conditions) ? undefined : rfc3339(now)) : String(started)
  return { startTime: job.spec?.suspend === true ? undefined : startTime, completionTime: job.status?.completionTime === undefined ? undefined : String(job.status.completionTime) }
}

function untilDeadline(job: Job, startTime: string | undefined, now: number): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds
  return seconds === undefined || startTime === undefined ? undefined : Math.max(0, Date.parse(startTime) + seconds * 1000 - now)
}

/** Why the Job has failed as a whole, if it has. */
function failureOf(job: Job, t: Tally, now: number): { reason: string; message: string } | undefined {
  const { backoffLimit, backoffLimitPerIndex, maxFailedIndexes, completions = 1 } = job.spec ?? {}
  if (t.failJob !== undefined) return { reason: 'PodFailurePolicy', message: t.failJob }
  const started = job.status?.startTime
  if (started !== undefined && job.spec?.suspend !== true && untilDeadline(job, String(started), now) === 0) return { reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' }
  const limit = backoffLimit ?? (backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1)
  const restarts = job.spec?.template.spec?.restartPolicy === 'OnFailure' ? t.active.reduce((sum, pod) => sum + (pod.status?.containerStatuses ?? []).reduce((n, c) => n + c.restartCount, 0), 0) : 0
  if (t.failed > limit || (restarts > 0 && restarts >= Math.max(1, limit))) return { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' }
  if (maxFailedIndexes !== undefined && t.failedIndexes.length > maxFailedIndexes) return { reason: 'MaxFailedIndexesExceeded', message: 'Job has exceeded the specified maximal number of failed indexes' }
  if (backoffLimitPerIndex !== undefined && t.failedIndexes.length > 0 && t.failedIndexes.length + t.completedIndexes.length >= completions) return { reason: 'FailedIndexes', message: 'Job has failed indexes' }
  return undefined
}

function suspendCondition(job: Job, conditions: Condition[], scope: Scope): Condition[] {
  const now = scope.clock.now()
  const old = findCondition(conditions, 'Suspended')
  if (job.spec?.suspend === true && old?.status !== 'True') {
    scope.event(job, 'Normal', 'Suspended', 'Job suspended')
    return set(conditions, 'Suspended', 'JobSuspended', 'Job suspended', now)
  }
  if (job.spec?.suspend !== true && old?.status === 'True') {
    scope.event(job, 'Normal', 'Resumed', 'Job resumed')
    return set(conditions, 'Suspended', 'JobResumed', 'Job resumed', now, 'False')
  }
  return conditions
}

function finishWith(job: Job, target: Condition, conditions: Condition[], scope: Scope): Condition[] {
  const { reason = '', message = '' } = target
  const failed = target.type === 'FailureTarget'
  scope.event(job, failed ? 'Warning' : 'Normal', failed ? reason : 'Completed', failed ? message : 'Job completed')
  return set(conditions, failed ? 'Failed' : 'Complete', reason, message, scope.clock.now())
}

/** Makes or removes pods; returns how many are active afterwards, and when to look again if a back-off holds new ones. */
async function manage(job: Job, t: Tally, pods: readonly Pod[], scope: Scope): Promise<{ active: number; again?: number; failed?: unknown }> {
  const { parallelism = 1, completions } = job.spec ?? {}
  const indexed = job.spec?.completionMode === 'Indexed'
  const active = t.active.length
  const blocked = job.spec?.podReplacementPolicy === 'Failed' || job.spec?.podFailurePolicy !== undefined ? t.terminating : 0
  const wanted = completions === undefined ? (t.succeeded > 0 ? active : parallelism) : Math.min(Math.max(0, completions - t.succeeded - t.failedIndexes.length), parallelism)
  if (active > wanted) {
    await Promise.all([...t.active].sort((a, b) => Number(b.status?.phase === 'Pending') - Number(a.status?.phase === 'Pending')).slice(0, active - wanted).map((pod) => deletePod(pod, job, scope)))
    return { active: wanted }
  }
  const missing = Math.min(maxParallel, wanted - active - blocked)
  if (missing <= 0) return { active }
  const now = scope.clock.now()
  const wait = t.lastFailure === undefined ? 0 : t.lastFailure + jobBackoffMs(t.recentFailures) - now
  if (wait > 0) return { active, again: wait }
  const indexes = indexed ? freeIndexes(t, completions ?? 0, missing) : Array.from({ length: missing }, () => undefined)
  const { done, error } = await slowStart(indexes.length, (i) => createPod(jobPod(job, indexes[i], pods), job, scope))
  return { active: active + done, failed: error }
}

function freeIndexes(t: Tally, completions: number, count: number): number[] {
  const taken = new Set([...t.completedIndexes, ...t.failedIndexes, ...t.active.map((pod) => indexOf(pod) ?? -1)])
  const free: number[] = []
  for (let i = 0; i < completions && free.length < count; i++) if (!taken.has(i)) free.push(i)
  return free
}

function jobPod(job: Job, index: number | undefined, pods: readonly Pod[]): Pod {
  const { name = '', uid = '' } = job.metadata
  const pod = podFromTemplate(job.spec?.template ?? {}, Job, job)
  pod.metadata.finalizers = [...(pod.metadata.finalizers ?? []), trackingFinalizer]
  pod.metadata.labels = {
    ...pod.metadata.labels, 'batch.kubernetes.io/job-name': name, 'batch.kubernetes.io/controller-uid': uid, 'job-name': name, 'controller-uid': uid,
  }
  if (index === undefined) return pod
  const failures = pods.filter((p) => indexOf(p) === index && p.status?.phase === 'Failed').length
  pod.metadata.generateName = `${name}-${index}-`
  pod.metadata.annotations = {
    ...pod.metadata.annotations, [indexAnnotation]: String(index), ...(job.spec?.backoffLimitPerIndex === undefined ? {} : { [indexFailuresAnnotation]: String(failures) }),
  }
  pod.metadata.labels[indexAnnotation] = String(index)
  pod.spec.hostname = `${name}-${index}`
  const variable = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${indexAnnotation}']` } } }
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    if (!container.env?.some((env) => env.name === variable.name)) container.env = [...(container.env ?? []), variable]
  }
  return pod
}
