import { Deployment, Pod, PodDisruptionBudget, ReplicaSet, StatefulSet } from '@idp/api'
import { controllerOf, isPodReady, isPodTerminal, watch, type Controller, type Key, type Outcome, type Scope } from '@idp/controller'
import { matchesLabelSelector } from '@idp/formats'
import { rfc3339 } from '@idp/kit'
import { setCondition } from '../engine/conditions.ts'
import { intOrPercent } from '../engine/int-or-percent.ts'

/** A disruption that did not come to pass within this time is forgotten. */
const disruptionTimeoutMs = 120_000

/** Counts how many pods of a budget are healthy and how many may be disrupted. */
export const disruptionController: Controller<PodDisruptionBudget> = {
  name: 'disruption-controller',
  for: PodDisruptionBudget, reads: [ReplicaSet, Deployment, StatefulSet],
  watches: [watch(Pod, budgetsOfPod)],
  async reconcile(budget, scope) {
    if (budget.metadata.deletionTimestamp !== undefined) return
    const now = scope.clock.now()
    const pods = scope.cache(Pod).list({ namespace: budget.metadata.namespace ?? '' }).filter((pod) => matchesLabelSelector(budget.spec?.selector, pod.metadata.labels ?? {}))
    const { expected, desired } = expectations(budget, pods, scope)
    const disrupted = stillDisrupted(budget, pods, now)
    const healthy = pods.filter((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined && disrupted.left[pod.metadata.name ?? ''] === undefined).length
    const allowed = expected > 0 ? Math.max(0, healthy - desired) : 0
    const condition = { type: 'DisruptionAllowed', status: allowed > 0 ? 'True' : 'False', reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods', message: '', observedGeneration: budget.metadata.generation ?? 0 }
    return {
      status: {
        currentHealthy: healthy, desiredHealthy: desired, expectedPods: expected, disruptionsAllowed: allowed, observedGeneration: budget.metadata.generation ?? 0,
        conditions: setCondition(budget.status?.conditions, condition as never, rfc3339(now)),
        ...(Object.keys(disrupted.left).length === 0 ? {} : { disruptedPods: disrupted.left }),
      },
      ...(disrupted.again === undefined ? {} : { requeueAfter: disrupted.again }),
    } satisfies Outcome
  },
}

function budgetsOfPod(pod: Pod, { cache }: Scope): Key[] {
  const { namespace = '', labels } = pod.metadata
  return cache(PodDisruptionBudget).list({ namespace }).filter((budget) => matchesLabelSelector(budget.spec?.selector, labels ?? {}))
    .map(({ metadata: { name = '' } }) => ({ namespace, name }))
}

/** How many pods there should be, and how many of them healthy. */
function expectations(budget: PodDisruptionBudget, pods: readonly Pod[], scope: Scope): { expected: number; desired: number } {
  const { minAvailable, maxUnavailable } = budget.spec ?? {}
  if (maxUnavailable !== undefined) {
    const expected = expectedPods(pods, scope)
    return { expected, desired: Math.max(0, expected - intOrPercent(maxUnavailable, expected, 'up')) }
  }
  if (typeof minAvailable === 'string') {
    const expected = expectedPods(pods, scope)
    return { expected, desired: intOrPercent(minAvailable, expected, 'up') }
  }
  return { expected: pods.length, desired: minAvailable ?? 0 }
}

/** The sizes that the pods' controllers aim at, each once; a pod without a scalable controller counts for itself. */
function expectedPods(pods: readonly Pod[], { cache }: Scope): number {
  const sizes = new Map<string, number>()
  for (const pod of pods) {
    const owner = controllerOf(pod)
    const { namespace = '' } = pod.metadata
    if (owner === undefined) sizes.set(pod.metadata.uid ?? '', 1)
    else if (owner.kind === 'StatefulSet') sizes.set(owner.uid, cache(StatefulSet).get(owner.name, namespace)?.spec.replicas ?? 0)
    else if (owner.kind === 'ReplicaSet') {
      const set = cache(ReplicaSet).get(owner.name, namespace)
      const above = set === undefined ? undefined : controllerOf(set)
      if (above?.kind === 'Deployment') sizes.set(above.uid, cache(Deployment).get(above.name, namespace)?.spec.replicas ?? 0)
      else sizes.set(owner.uid, set?.spec.replicas ?? 0)
    } else sizes.set(pod.metadata.uid ?? '', 1)
  }
  return sizes.values().reduce((sum, size) => sum + size, 0)
}

function stillDisrupted(budget: PodDisruptionBudget, pods: readonly Pod[], now: number): { left: Record<string, string>; again: number | undefined } {
  const left: Record<string, string> = {}
  let again: number | undefined
  for (const [name, at] of Object.entries(budget.status?.disruptedPods ?? {})) {
    const pod = pods.find(({ metadata }) => metadata.name === name)
    const due = Date.parse(String(at)) + disruptionTimeoutMs - now
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod) || due <= 0) continue
    left[name] = String(at)
    again = Math.min(again ?? Infinity, due)
  }
  return { left, again }
}
