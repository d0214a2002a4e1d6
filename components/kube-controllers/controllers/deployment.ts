import { Deployment, Pod, ReplicaSet } from '@idp/api'
import { claim, controllerOf, isPodTerminal, ownersOfOrphan, watch, type Controller, type Key, type Outcome, type Scope } from '@idp/controller'
import { findCondition } from '../engine/conditions.ts'
import { byAge, revisionOf, sizedFor, splitSets } from '../engine/deployment-revision.ts'
import { countStatus, hasProgressDeadline, isComplete, rolloutStatus, withCondition, type DeploymentStatus } from '../engine/deployment-status.ts'
import { newSetSize, oldSetSizes, proportionalSizes, rollingLimits, type Limits, type SetSize } from '../engine/rolling-update.ts'
import { ensureNewSet, resizeSet, type Rollout } from './deployment-sets.ts'

/** Rolls Deployments out over ReplicaSets, one per pod template. */
export const deploymentController: Controller<Deployment> = {
  name: 'deployment-controller',
  for: Deployment, owns: [ReplicaSet], concurrency: 5,
  watches: [
    watch(ReplicaSet, ownersOfOrphan(Deployment, (deployment) => deployment.spec.selector)),
    watch(Pod, recreatingDeployment),
  ],
  async reconcile(deployment, scope) {
    const selector = deployment.spec.selector
    if (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0) {
      scope.event(deployment, 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.')
      return { status: { ...deployment.status, observedGeneration: deployment.metadata.generation ?? 0 } }
    }
    const sets = await claim({ owner: deployment, ownerKind: Deployment, childKind: ReplicaSet, selector }, scope)
    const { maxSurge, maxUnavailable } = deployment.spec.strategy?.rollingUpdate ?? {}
    const recreate = deployment.spec.strategy?.type === 'Recreate'
    const replicas = deployment.spec.replicas ?? 1
    const rollout: Rollout = {
      scope, replicas, deployment: withPauseCondition(deployment, scope.clock.now()), ...splitSets(deployment, sets),
      limits: recreate ? { maxSurge: 0, maxUnavailable: 0 } : rollingLimits(replicas, maxSurge ?? '25%', maxUnavailable ?? '25%'),
    }
    if (deployment.metadata.deletionTimestamp !== undefined) return finish(rollout)
    if (deployment.spec.paused === true || isScaling(rollout)) return finish(await scale(rollout))
    return recreate ? recreateStep(rollout) : rollingStep(rollout)
  },
}

/** A pod that vanishes matters to a Deployment only while it waits for all old ones to be gone. */
function recreatingDeployment(pod: Pod, scope: Scope): Key[] {
  const owner = controllerOf(pod)
  if (owner?.kind !== 'ReplicaSet') return []
  const { namespace = '' } = pod.metadata
  const set = scope.cache(ReplicaSet).get(owner.name, namespace)
  const above = set === undefined ? undefined : controllerOf(set)
  const deployment = above?.kind === 'Deployment' ? scope.cache(Deployment).get(above.name, namespace) : undefined
  return deployment?.spec.strategy?.type === 'Recreate' ? [{ namespace, name: deployment.metadata.name ?? '' }] : []
}

function withPauseCondition(deployment: Deployment, now: number): Deployment {
  if (!hasProgressDeadline(deployment)) return deployment
  const condition = findCondition(deployment.status?.conditions, 'Progressing')
  if (condition?.reason === 'ProgressDeadlineExceeded') return deployment
  const paused = deployment.spec.paused === true
  if (paused === (condition?.reason === 'DeploymentPaused')) return deployment
  const next = paused ? { reason: 'DeploymentPaused', message: 'Deployment is paused' } : { reason: 'DeploymentResumed', message: 'Deployment is resumed' }
  return { ...deployment, status: { ...deployment.status, conditions: withCondition(deployment.status?.conditions, { type: 'Progressing', status: 'Unknown', ...next }, now) } }
}

const setsOf = ({ newSet, oldSets }: Rollout): readonly ReplicaSet[] => (newSet === undefined ? oldSets : [...oldSets, newSet])
const isActive = (set: ReplicaSet) => (set.spec.replicas ?? 0) > 0
const sizeOf = (set: ReplicaSet | undefined): SetSize => ({ size: set?.spec.replicas ?? 0, available: set?.status?.availableReplicas ?? 0 })

/** True when `spec.replicas` changed since the sizes of the active sets were chosen. */
function isScaling(rollout: Rollout): boolean {
  return setsOf(rollout).filter(isActive).some((set) => {
    const { desired } = sizedFor(set)
    return desired !== undefined && desired !== rollout.replicas
  })
}

async function rollingStep(start: Rollout): Promise<Outcome> {
  const rollout = await ensureNewSet(start)
  const { newSet, oldSets, replicas, limits } = rollout
  const target = newSetSize(replicas, sizeOf(newSet), oldSets.map(sizeOf), limits)
  if (newSet !== undefined && target !== newSet.spec.replicas) return finish(await resize(rollout, newSet, target))
  const sizes = oldSetSizes(replicas, sizeOf(newSet), oldSets.map(sizeOf), limits)
  const shrunk = await resizeAll(rollout, oldSets, sizes)
  return finish(shrunk)
}

async function recreateStep(start: Rollout): Promise<Outcome> {
  const stopped = await resizeAll(start, start.oldSets, start.oldSets.map(() => 0))
  if (stopped !== start) return finish(stopped)
  const running = start.oldSets.some((set) => (set.status?.replicas ?? 0) > 0 || start.scope.cache(Pod).ownedBy(set.metadata.uid ?? '').some((pod) => !isPodTerminal(pod)))
  if (running) return finish(start)
  const rollout = await ensureNewSet(start)
  const { newSet, replicas } = rollout
  return finish(newSet === undefined ? rollout : await resize(rollout, newSet, replicas))
}

/** Follows a change of `spec.replicas` without changing what is rolled out. */
async function scale(rollout: Rollout): Promise<Rollout> {
  const { newSet, oldSets, replicas, limits, deployment } = rollout
  const active = setsOf(rollout).filter(isActive)
  const only = active.length === 0 ? newSet ?? oldSets.at(-1) : active.length === 1 ? active[0] : undefined
  if (only !== undefined) return resize(rollout, only, replicas)
  if (newSet !== undefined && isSaturated(newSet, replicas)) return resizeAll(rollout, oldSets, oldSets.map(() => 0))
  if (deployment.spec.strategy?.type === 'Recreate' || active.length === 0) return rollout
  const sizes = proportionalSizes(replicas, active.map((set) => ({
    size: set.spec.replicas ?? 0, created: Date.parse(set.metadata.creationTimestamp ?? ''), sizedFor: sizedFor(set).max ?? deployment.status?.replicas ?? replicas,
  })), limits.maxSurge)
  return resizeAll(rollout, active, sizes)
}

function isSaturated(set: ReplicaSet, replicas: number): boolean {
  return set.spec.replicas === replicas && sizedFor(set).desired === replicas && set.status?.availableReplicas === replicas
}

/** The rollout with one set at a new size; its size annotations are brought up to date even when the size stays. */
async function resize(rollout: Rollout, set: ReplicaSet, size: number): Promise<Rollout> {
  const written = await resizeSet(rollout, set, size)
  if (written === set) return rollout
  return {
    ...rollout,
    newSet: rollout.newSet?.metadata.uid === set.metadata.uid ? written : rollout.newSet,
    oldSets: rollout.oldSets.map((old) => (old.metadata.uid === set.metadata.uid ? written : old)),
  }
}

async function resizeAll(rollout: Rollout, sets: readonly ReplicaSet[], sizes: readonly number[]): Promise<Rollout> {
  let current = rollout
  for (const [i, set] of sets.entries()) {
    const size = sizes[i] ?? 0
    if (size !== (set.spec.replicas ?? 0) || (isActive(set) && sizedFor(set).desired !== rollout.replicas)) current = await resize(current, set, size)
  }
  return current
}

/** The status after a step; old sets beyond the history limit go when the rollout is complete. */
async function finish(rollout: Rollout): Promise<Outcome> {
  const { deployment, newSet, limits, scope, replicas } = rollout
  const sets = setsOf(rollout)
  const now = scope.clock.now()
  const counted: DeploymentStatus = countStatus(deployment, newSet, sets, availabilityLimits(deployment, limits, replicas), now)
  if (deployment.metadata.deletionTimestamp !== undefined) return { status: counted, object: deployment }
  if (isComplete(deployment, counted) || deployment.spec.paused === true) await forgetOldSets(rollout)
  if (deployment.spec.paused === true || isScaling(rollout)) return { status: counted, object: deployment }
  const { status, again } = rolloutStatus(deployment, newSet, sets, counted, now)
  return { status, object: deployment, ...(again === undefined ? {} : { requeueAfter: again + 1_000 }) }
}

function availabilityLimits(deployment: Deployment, limits: Limits, replicas: number): Limits {
  return deployment.spec.strategy?.type === 'Recreate' ? { ...limits, maxUnavailable: 0 } : { ...limits, maxUnavailable: Math.min(limits.maxUnavailable, replicas) }
}

async function forgetOldSets({ deployment, oldSets, scope }: Rollout): Promise<void> {
  const limit = deployment.spec.revisionHistoryLimit ?? 10
  const idle = oldSets.filter((set) => set.metadata.deletionTimestamp === undefined)
  const surplus = [...idle].sort((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b)).slice(0, Math.max(0, idle.length - limit))
  for (const set of surplus) {
    const settled = (set.status?.replicas ?? 0) === 0 && (set.spec.replicas ?? 0) === 0 && (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0)
    if (settled) await scope.client.delete(ReplicaSet, set.metadata.name ?? '', { namespace: set.metadata.namespace })
  }
}
