import type { Job, Pod } from '@idp/api'
import { isPodReady } from '@idp/controller'
import { failureVerdict, finishedAt } from './job-policy.ts'
import { formatIndexes, parseIndexes } from './index-set.ts'

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking'
export const indexAnnotation = 'batch.kubernetes.io/job-completion-index'
export const indexFailuresAnnotation = 'batch.kubernetes.io/job-index-failure-count'

export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[indexAnnotation]
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text)
}

export const isTracked = (pod: Pod): boolean => (pod.metadata.finalizers ?? []).includes(trackingFinalizer)

/** Where a Job stands, from its status and its pods. Counters include pods that are listed as uncounted. */
export interface Tally {
  readonly active: readonly Pod[]
  /** Deleted and not ended yet. */
  readonly terminating: number
  readonly ready: number
  readonly succeeded: number
  readonly failed: number
  /** Finished pods that still hold the finalizer and are in the stored list of uncounted: the finalizer may go. */
  readonly release: readonly Pod[]
  /** uids to list as uncounted in the next status. */
  readonly uncounted: { readonly succeeded: string[]; readonly failed: string[] }
  /** Counters for the next status: without those listed as uncounted. */
  readonly counted: { readonly succeeded: number; readonly failed: number }
  readonly completedIndexes: readonly number[]
  /** True when some of them are not in the stored status yet. */
  readonly newIndexes: boolean
  readonly failedIndexes: readonly number[]
  /** Message of the first pod that fails the whole Job by policy. */
  readonly failJob: string | undefined
  /** Failures since the last success, and when the newest was. */
  readonly recentFailures: number
  readonly lastFailure: number | undefined
}

const hasSucceeded = (pod: Pod) => pod.status?.phase === 'Succeeded'
/** A pod deleted while it ran counts as failed (with a failure policy: only once it has ended). */
function hasFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true
  if (pod.metadata.deletionTimestamp === undefined || hasSucceeded(pod)) return false
  return job.spec?.podReplacementPolicy !== 'Failed' && job.spec?.podFailurePolicy === undefined
}

/** Takes stock. A pod moves from "uncounted" to the counters once its finalizer is gone, so that none is counted twice or lost. */
export function tally(job: Job, pods: readonly Pod[]): Tally {
  const indexed = job.spec?.completionMode === 'Indexed'
  const completions = job.spec?.completions
  const stored = { succeeded: new Set(job.status?.uncountedTerminatedPods?.succeeded ?? []), failed: new Set(job.status?.uncountedTerminatedPods?.failed ?? []) }
  const tracked = new Set(pods.filter(isTracked).map((pod) => pod.metadata.uid ?? ''))
  const uncounted = { succeeded: [...stored.succeeded].filter((uid) => tracked.has(uid)), failed: [...stored.failed].filter((uid) => tracked.has(uid)) }
  const completed = new Set(parseIndexes(job.status?.completedIndexes, completions ?? Infinity))
  const storedIndexes = new Set(completed)
  const failedIndexes = new Set(parseIndexes(job.status?.failedIndexes))
  const counted = {
    succeeded: indexed ? completed.size : (job.status?.succeeded ?? 0) + stored.succeeded.size - uncounted.succeeded.length,
    failed: (job.status?.failed ?? 0) + stored.failed.size - uncounted.failed.length,
  }
  let failJob: string | undefined
  const release: Pod[] = []
  for (const pod of pods.filter(isTracked)) {
    const uid = pod.metadata.uid ?? ''
    if (stored.succeeded.has(uid) || stored.failed.has(uid)) release.push(pod)
    else if (hasSucceeded(pod)) {
      const index = indexOf(pod)
      if (!indexed) uncounted.succeeded.push(uid)
      else if (index === undefined || index >= (completions ?? 0) || storedIndexes.has(index)) release.push(pod)
      // The stored status has to name the index before the pod may go.
      else completed.add(index)
    } else if (hasFailed(job, pod)) {
      const verdict = failureVerdict(job, pod)
      if (verdict.action === 'FailJob') failJob ??= verdict.message
      if (verdict.action === 'FailIndex') failedIndexes.add(indexOf(pod) ?? -1)
      if (verdict.action === 'Ignore') release.push(pod)
      else uncounted.failed.push(uid)
      const perIndex = job.spec?.backoffLimitPerIndex
      const before = Number(pod.metadata.annotations?.[indexFailuresAnnotation] ?? 0)
      if (perIndex !== undefined && verdict.action !== 'Ignore' && before + 1 > perIndex) failedIndexes.add(indexOf(pod) ?? -1)
    }
  }
  failedIndexes.delete(-1)
  const active = pods.filter((pod) => !hasSucceeded(pod) && pod.status?.phase !== 'Failed' && pod.metadata.deletionTimestamp === undefined)
  return {
    active, release, uncounted, failJob, counted: indexed ? { ...counted, succeeded: completed.size } : counted,
    terminating: pods.filter((pod) => !hasSucceeded(pod) && pod.status?.phase !== 'Failed' && pod.metadata.deletionTimestamp !== undefined).length,
    ready: active.filter(isPodReady).length,
    succeeded: indexed ? completed.size : counted.succeeded + uncounted.succeeded.length,
    failed: counted.failed + uncounted.failed.length,
    newIndexes: completed.size > storedIndexes.size,
    completedIndexes: [...completed].sort((a, b) => a - b), failedIndexes: [...failedIndexes].sort((a, b) => a - b),
    ...recentFailures(job, pods),
  }
}

function recentFailures(job: Job, pods: readonly Pod[]): { recentFailures: number; lastFailure: number | undefined } {
  const lastSuccess = Math.max(0, ...pods.filter(hasSucceeded).map((pod) => finishedAt(pod) ?? 0))
  const failures = pods.filter((pod) => hasFailed(job, pod) && pod.status?.phase === 'Failed').map((pod) => finishedAt(pod) ?? 0).filter((at) => at > lastSuccess)
  return { recentFailures: failures.length, lastFailure: failures.length === 0 ? undefined : Math.max(...failures) }
}

/** The status fields that a tally decides. */
export function tallyStatus(job: Job, t: Tally, startedActive: number): Partial<NonNullable<Job['status']>> {
  const indexed = job.spec?.completionMode === 'Indexed'
  const pending = t.uncounted.succeeded.length + t.uncounted.failed.length > 0
  return {
    ...(startedActive === 0 ? {} : { active: startedActive }),
    ready: t.ready, terminating: t.terminating,
    ...(t.counted.succeeded === 0 ? {} : { succeeded: t.counted.succeeded }), ...(t.counted.failed === 0 ? {} : { failed: t.counted.failed }),
    uncountedTerminatedPods: pending ? { ...(t.uncounted.succeeded.length === 0 ? {} : { succeeded: t.uncounted.succeeded }), ...(t.uncounted.failed.length === 0 ? {} : { failed: t.uncounted.failed }) } : {},
    ...(indexed && t.completedIndexes.length > 0 ? { completedIndexes: formatIndexes(t.completedIndexes) } : {}),
    ...(job.spec?.backoffLimitPerIndex === undefined ? {} : { failedIndexes: formatIndexes(t.failedIndexes) }),
  }
}
