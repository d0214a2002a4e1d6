import type { Deployment, ReplicaSet } from '@idp/api'
import { rfc3339 } from '@idp/kit'
import { findCondition, removeCondition, setCondition } from './conditions.ts'
import type { Limits } from './rolling-update.ts'

export type DeploymentStatus = NonNullable<Deployment['status']>
type DeploymentCondition = NonNullable<DeploymentStatus['conditions']>[number]

const noDeadline = 2 ** 31 - 1

export function hasProgressDeadline(deployment: Deployment): boolean {
  return (deployment.spec.progressDeadlineSeconds ?? 600) !== noDeadline
}

/** The conditions with one set; its `lastUpdateTime` moves whenever it is set anew. */
export function withCondition(conditions: readonly DeploymentCondition[] | undefined, next: Pick<DeploymentCondition, 'type' | 'status' | 'reason' | 'message'>, now: number): DeploymentCondition[] {
  const old = findCondition(conditions, next.type)
  if (old !== undefined && old.status === next.status && old.reason === next.reason) return [...(conditions ?? [])]
  return setCondition(conditions, { ...next, lastUpdateTime: rfc3339(now) }, rfc3339(now))
}

/** The counts of a rollout and whether it is available. */
export function countStatus(deployment: Deployment, newSet: ReplicaSet | undefined, sets: readonly ReplicaSet[], limits: Limits, now: number): DeploymentStatus {
  const sum = (of: (set: ReplicaSet) => number | undefined) => sets.reduce((total, set) => total + (of(set) ?? 0), 0)
  const available = sum((set) => set.status?.availableReplicas)
  const wanted = deployment.spec.replicas ?? 1
  const enough = available >= wanted - limits.maxUnavailable
  const { collisionCount, conditions } = deployment.status ?? {}
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: sum((set) => set.status?.replicas),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum((set) => set.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum((set) => set.spec.replicas) - available),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: withCondition(conditions, enough
      ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
      : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' }, now),
  }
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = deployment.spec.replicas ?? 1
  return status.updatedReplicas === wanted && status.replicas === wanted && status.availableReplicas === wanted
    && (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0)
  return (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) || old(after) < old(before)
    || (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) || (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
}

/** Milliseconds until the rollout has gone `progressDeadlineSeconds` without progress; undefined when it cannot time out. */
function untilDeadline(deployment: Deployment, now: number): number | undefined {
  const progressing = findCondition(deployment.status?.conditions, 'Progressing')
  if (progressing === undefined || progressing.reason === 'NewReplicaSetAvailable' || progressing.reason === 'ProgressDeadlineExceeded') return undefined
  const from = Date.parse(String(progressing.lastUpdateTime ?? '')) || now
  return Math.max(0, from + (deployment.spec.progressDeadlineSeconds ?? 600) * 1000 - now)
}

/** The counts with the Progressing and ReplicaFailure conditions of a rollout; `again`: milliseconds until its deadline. */
export function rolloutStatus(deployment: Deployment, newSet: ReplicaSet | undefined, sets: readonly ReplicaSet[], counted: DeploymentStatus, now: number): { readonly status: DeploymentStatus; readonly again?: number } {
  let conditions = counted.conditions ?? []
  let again: number | undefined
  const before = deployment.status ?? {}
  const progressing = findCondition(before.conditions, 'Progressing')
  const settled = counted.replicas === counted.updatedReplicas && progressing?.reason === 'NewReplicaSetAvailable'
  if (!hasProgressDeadline(deployment)) conditions = removeCondition(conditions, 'Progressing')
  else if (!settled) {
    const subject = newSet === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`
    const left = untilDeadline(deployment, now)
    if (isComplete(deployment, counted)) {
      conditions = withCondition(conditions, { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message: `${subject} has successfully progressed.` }, now)
    } else if (hasProgressed(before, counted)) {
      // Progress starts the deadline anew: the condition is replaced even if its reason stays.
      const next = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: `${subject} is progressing.`, lastUpdateTime: rfc3339(now) }
      conditions = setCondition(conditions, next, rfc3339(now))
      again = (deployment.spec.progressDeadlineSeconds ?? 600) * 1000
    } else if (left === 0) {
      conditions = withCondition(conditions, { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: `${subject} has timed out progressing.` }, now)
    } else again = left
  }
  const failure = [newSet, ...sets].map((set) => findCondition(set?.status?.conditions, 'ReplicaFailure')).find((condition) => condition !== undefined)
  conditions = failure === undefined ? removeCondition(conditions, 'ReplicaFailure')
    : withCondition(conditions, { type: 'ReplicaFailure', status: failure.status, ...(failure.reason === undefined ? {} : { reason: failure.reason }), ...(failure.message === undefined ? {} : { message: failure.message }) }, now)
  return { status: { ...counted, conditions }, ...(again === undefined ? {} : { again }) }
}
