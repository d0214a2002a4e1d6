import { Deployment, isApiError, ReplicaSet } from '@idp/api'
import { controllerReference, isControlledBy, type Scope } from '@idp/controller'
import { cloneJson, deepEqual } from '@idp/formats'
import { messageOf } from '@idp/kit'
import { findCondition } from '../engine/conditions.ts'
import { hashLabel, newSetAnnotations, revisionAnnotation, revisionOf, sameTemplate, sizeAnnotations, sizedFor } from '../engine/deployment-revision.ts'
import { hasProgressDeadline, withCondition } from '../engine/deployment-status.ts'
import { newSetSize, type Limits } from '../engine/rolling-update.ts'
import { safeHash } from '../engine/safe-hash.ts'

/** A Deployment and its sets in the middle of a pass. `deployment` may carry conditions that are not written yet. */
export interface Rollout {
  readonly deployment: Deployment
  readonly replicas: number
  readonly newSet: ReplicaSet | undefined
  /** Oldest first. */
  readonly oldSets: readonly ReplicaSet[]
  readonly limits: Limits
  readonly scope: Scope
}

/** The rollout with a ReplicaSet for the present template, its revision above all others; the Deployment carries the same revision. */
export async function ensureNewSet(rollout: Rollout): Promise<Rollout> {
  const revision = Math.max(0, ...rollout.oldSets.map(revisionOf)) + 1
  const updated = rollout.newSet === undefined ? await createSet(rollout, revision) : await refreshSet(rollout, rollout.newSet, revision)
  return withRevision(updated)
}

async function refreshSet(rollout: Rollout, set: ReplicaSet, revision: number): Promise<Rollout> {
  const { deployment, scope } = rollout
  const annotations = newSetAnnotations(deployment, set, revision)
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0
  const same = deepEqual(annotations, set.metadata.annotations ?? {}) && minReadySeconds === (set.spec.minReadySeconds ?? 0)
  const newSet = same ? set : await scope.client.update(ReplicaSet, { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, minReadySeconds } })
  const needsCondition = hasProgressDeadline(deployment) && findCondition(deployment.status?.conditions, 'Progressing') === undefined
  return needsCondition ? progress({ ...rollout, newSet }, 'True', 'FoundNewReplicaSet', `Found new replica set "${set.metadata.name}"`) : { ...rollout, newSet }
}

async function createSet(rollout: Rollout, revision: number): Promise<Rollout> {
  const { deployment, scope, replicas, limits, oldSets } = rollout
  const draft = draftSet(deployment, revision)
  const size = deployment.spec.strategy?.type === 'Recreate' ? replicas
    : newSetSize(replicas, { size: 0, available: 0 }, oldSets.map((set) => ({ size: set.spec.replicas ?? 0, available: 0 })), limits)
  draft.spec.replicas = size
  draft.metadata.annotations = { ...draft.metadata.annotations, ...sizeAnnotations(replicas, limits.maxSurge) }
  let newSet: ReplicaSet
  try {
    newSet = await scope.client.create(ReplicaSet, draft)
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) return afterCollision(rollout, draft)
    await writeFailure(rollout, `Failed to create new replica set "${draft.metadata.name}": ${messageOf(error)}`)
    throw error
  }
  if (size > 0) scope.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${newSet.metadata.name} from 0 to ${size}`)
  const next = { ...rollout, newSet }
  return hasProgressDeadline(deployment) ? progress(next, 'True', 'NewReplicaSetCreated', `Created new replica set "${newSet.metadata.name}"`) : next
}

function draftSet(deployment: Deployment, revision: number): ReplicaSet & { metadata: { labels: Record<string, string> } } {
  const hash = safeHash(deployment.spec.template, deployment.status?.collisionCount ?? 0)
  const template = cloneJson(deployment.spec.template) as NonNullable<ReplicaSet['spec']['template']>
  const labels = { ...template.metadata?.labels, [hashLabel]: hash }
  return {
    apiVersion: 'apps/v1', kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`, ...(deployment.metadata.namespace === undefined ? {} : { namespace: deployment.metadata.namespace }), labels,
      annotations: newSetAnnotations(deployment, undefined, revision), ownerReferences: [controllerReference(Deployment, deployment)],
    },
    spec: {
      replicas: 0, minReadySeconds: deployment.spec.minReadySeconds ?? 0,
      selector: { ...deployment.spec.selector, matchLabels: { ...deployment.spec.selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  }
}

/** The name is taken: by our own set that the cache does not show yet, or by another template with the same hash. */
async function afterCollision(rollout: Rollout, draft: ReplicaSet): Promise<Rollout> {
  const { deployment, scope } = rollout
  const found = await scope.client.get(ReplicaSet, draft.metadata.name ?? '', { namespace: draft.metadata.namespace })
  if (isControlledBy(found, deployment) && sameTemplate(found, deployment)) return { ...rollout, newSet: found }
  const status = { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 }
  await scope.client.update(Deployment, { ...deployment, status }, { subresource: 'status' })
  throw new Error(`the hash of the pod template collides with ReplicaSet ${draft.metadata.name}; trying the next`)
}

async function writeFailure({ deployment, scope }: Rollout, message: string): Promise<void> {
  if (!hasProgressDeadline(deployment)) return
  const conditions = withCondition(deployment.status?.conditions, { type: 'Progressing', status: 'False', reason: 'ReplicaSetCreateError', message }, scope.clock.now())
  await scope.client.update(Deployment, { ...deployment, status: { ...deployment.status, conditions } }, { subresource: 'status' })
}

function progress(rollout: Rollout, status: string, reason: string, message: string): Rollout {
  const { deployment, scope } = rollout
  const conditions = withCondition(deployment.status?.conditions, { type: 'Progressing', status, reason, message }, scope.clock.now())
  return { ...rollout, deployment: { ...deployment, status: { ...deployment.status, conditions } } }
}

/** Copies the newest set's revision to the Deployment. */
async function withRevision(rollout: Rollout): Promise<Rollout> {
  const { deployment, newSet, scope } = rollout
  const revision = newSet?.metadata.annotations?.[revisionAnnotation]
  if (revision === undefined || deployment.metadata.annotations?.[revisionAnnotation] === revision) return rollout
  const { name = '', namespace } = deployment.metadata
  const written = await scope.client.patch(Deployment, name, { metadata: { annotations: { [revisionAnnotation]: revision } } }, { namespace, type: 'merge' })
  return { ...rollout, deployment: { ...written, ...(deployment.status === undefined ? {} : { status: deployment.status }) } }
}

/** The set at its new size, with the annotations that say what the size was chosen for. Returns the set itself when nothing changes. */
export async function resizeSet({ deployment, replicas, limits, scope }: Rollout, set: ReplicaSet, size: number): Promise<ReplicaSet> {
  const before = set.spec.replicas ?? 0
  const wanted = sizeAnnotations(replicas, limits.maxSurge)
  const noted = sizedFor(set)
  if (before === size && noted.desired === replicas && noted.max === replicas + limits.maxSurge) return set
  const written = await scope.client.update(ReplicaSet, {
    ...set, metadata: { ...set.metadata, annotations: { ...set.metadata.annotations, ...wanted } }, spec: { ...set.spec, replicas: size },
  })
  if (before !== size) scope.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled ${size > before ? 'up' : 'down'} replica set ${set.metadata.name} from ${before} to ${size}`)
  return written
}
