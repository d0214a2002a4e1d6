import { Pod, ReplicaSet } from '@idp/api'
import { claim, controllerOf, isPodActive, isPodAvailable, isPodReady, msUntilAvailable, ownersOfOrphan, slowStart, watch, type Controller, type Outcome, type Scope } from '@idp/controller'
import { matchesRequirements, selectorRequirements } from '@idp/formats'
import { messageOf, rfc3339 } from '@idp/kit'
import { findCondition, removeCondition, setCondition } from '../engine/conditions.ts'
import { compareForDeletion } from '../engine/pod-ranking.ts'
import { podFromTemplate } from '../engine/pod-from-template.ts'
import { createPod, deletePod, isNamespaceTerminating } from './pod-control.ts'

/** No pass makes or removes more pods than this; the next one goes on. */
const burst = 500

/** Keeps the number of pods of every ReplicaSet. */
export const replicaSetController: Controller<ReplicaSet> = {
  name: 'replicaset-controller',
  for: ReplicaSet, owns: [Pod], concurrency: 5,
  watches: [watch(Pod, ownersOfOrphan(ReplicaSet, (set) => set.spec.selector))],
  async reconcile(set, scope) {
    const pods = await claim({ owner: set, ownerKind: ReplicaSet, childKind: Pod, selector: set.spec.selector }, scope)
    const active = pods.filter(isPodActive)
    let failure: ManageFailure | undefined
    if (set.metadata.deletionTimestamp === undefined) failure = await manageReplicas(set, active, scope)
    const now = scope.clock.now()
    // The cache has what this pass has created, adopted and deleted.
    const requirements = selectorRequirements(set.spec.selector)
    const current = scope.cache(Pod).ownedBy(set.metadata.uid ?? '').filter((pod) => isPodActive(pod) && matchesRequirements(requirements, pod.metadata.labels ?? {}))
    const outcome = { status: replicaSetStatus(set, current, failure, now), ...availabilityCheck(set, current, now) }
    if (failure === undefined) return outcome
    // Nothing can be made where a namespace goes away; otherwise the reason may pass (a quota, a webhook).
    return isNamespaceTerminating(failure.error) ? outcome : { ...outcome, failed: failure.error }
  },
}

interface ManageFailure { readonly reason: 'FailedCreate' | 'FailedDelete'; readonly error: unknown }

async function manageReplicas(set: ReplicaSet, active: readonly Pod[], scope: Scope): Promise<ManageFailure | undefined> {
  const wanted = set.spec.replicas ?? 1
  if (active.length < wanted) {
    const { template } = set.spec
    if (template === undefined) return undefined
    const { error } = await slowStart(Math.min(burst, wanted - active.length), () => createPod(podFromTemplate(template, ReplicaSet, set), set, scope))
    return error === undefined ? undefined : { reason: 'FailedCreate', error }
  }
  const surplus = Math.min(burst, active.length - wanted)
  if (surplus === 0) return undefined
  const results = await Promise.allSettled(choose(set, active, surplus, scope).map((pod) => deletePod(pod, set, scope)))
  const failed = results.find((result) => result.status === 'rejected')
  return failed === undefined ? undefined : { reason: 'FailedDelete', error: failed.reason }
}

/** The pods to delete. Pods of sibling sets (same Deployment) on a node count as its crowd. */
function choose(set: ReplicaSet, active: readonly Pod[], count: number, { cache, clock }: Scope): readonly Pod[] {
  if (count >= active.length) return active
  const owner = controllerOf(set)
  const kin = owner === undefined ? [set] : cache(ReplicaSet).ownedBy(owner.uid)
  const crowd = new Map<string, number>()
  for (const sibling of kin) {
    for (const pod of cache(Pod).ownedBy(sibling.metadata.uid ?? '')) {
      if (isPodActive(pod) && pod.spec.nodeName) crowd.set(pod.spec.nodeName, (crowd.get(pod.spec.nodeName) ?? 0) + 1)
    }
  }
  const now = clock.now()
  return active.map((pod) => ({ pod, neighbours: crowd.get(pod.spec.nodeName ?? '') ?? 0 }))
    .sort((a, b) => compareForDeletion(a, b, now)).slice(0, count).map(({ pod }) => pod)
}

function replicaSetStatus(set: ReplicaSet, pods: readonly Pod[], failure: ManageFailure | undefined, now: number): NonNullable<ReplicaSet['status']> {
  const labels = Object.entries(set.spec.template?.metadata?.labels ?? {})
  const minReady = set.spec.minReadySeconds ?? 0
  const known = set.status?.conditions
  const conditions = failure === undefined ? removeCondition(known, 'ReplicaFailure') : setFailure(known, failure, now)
  return {
    replicas: pods.length,
    fullyLabeledReplicas: pods.filter((pod) => labels.every(([key, value]) => pod.metadata.labels?.[key] === value)).length,
    readyReplicas: pods.filter(isPodReady).length,
    availableReplicas: pods.filter((pod) => isPodAvailable(pod, minReady, now)).length,
    observedGeneration: set.metadata.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  }
}

type Conditions = NonNullable<NonNullable<ReplicaSet['status']>['conditions']>

function setFailure(conditions: Conditions | undefined, failure: ManageFailure, now: number): Conditions {
  if (findCondition(conditions, 'ReplicaFailure') !== undefined) return conditions ?? []
  return setCondition(conditions, { type: 'ReplicaFailure', status: 'True', reason: failure.reason, message: messageOf(failure.error) }, rfc3339(now))
}

/** A ready pod becomes available without any event: look again when the next one does. */
function availabilityCheck(set: ReplicaSet, pods: readonly Pod[], now: number): Outcome {
  const minReady = set.spec.minReadySeconds ?? 0
  if (minReady === 0) return {}
  const waits = pods.map((pod) => msUntilAvailable(pod, minReady, now)).filter((ms) => ms !== undefined && ms > 0)
  return waits.length === 0 ? {} : { requeueAfter: Math.min(...(waits as number[])) }
}
