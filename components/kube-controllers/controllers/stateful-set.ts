import { ControllerRevision, PersistentVolumeClaim, Pod, StatefulSet } from '@idp/api'
import { claim, isPodAvailable, isPodReady, isPodTerminal, msUntilAvailable, ownersOfOrphan, watch, type Controller, type Outcome, type Scope } from '@idp/controller'
import { intOrPercent } from '../engine/int-or-percent.ts'
import { isRunningAndReady, ordinalOf, statefulPod, statefulRevisionData, templateOfRevision, wantedOrdinals } from '../engine/stateful-pods.ts'
import { type PodTemplate, revisionHashLabel } from '../engine/pod-from-template.ts'
import { revisionHistory, trimHistory } from './revision-history.ts'
import { keepRetentionPolicy } from './stateful-claims.ts'
import { createStatefulPod, deleteStatefulPod, fixIdentity } from './stateful-pod-control.ts'

/** Keeps StatefulSets: pods with stable names and claims, made, removed and updated in order. */
export const statefulSetController: Controller<StatefulSet> = {
  name: 'statefulset-controller',
  for: StatefulSet, owns: [Pod, ControllerRevision], reads: [PersistentVolumeClaim], concurrency: 5,
  watches: [watch(Pod, ownersOfOrphan(StatefulSet, (set) => set.spec.selector))],
  async reconcile(set, scope) {
    if (set.metadata.deletionTimestamp !== undefined) return
    const pods = await claim({ owner: set, ownerKind: StatefulSet, childKind: Pod, selector: set.spec.selector, adopts: (pod) => ordinalOf(set, pod) !== undefined }, scope)
    const history = await revisionHistory({
      owner: set, ownerKind: StatefulSet, selector: set.spec.selector, data: statefulRevisionData(set), labels: set.spec.template.metadata?.labels ?? {},
      collisions: set.status?.collisionCount ?? 0,
    }, scope)
    const current = history.all.find((revision) => revision.metadata.name === set.status?.currentRevision) ?? history.update
    const pass: Pass = {
      set, scope, now: scope.clock.now(), pods: new Map(pods.map((pod) => [ordinalOf(set, pod) ?? -1, pod])),
      current: { name: current.metadata.name ?? '', template: templateOfRevision(current.data) },
      update: { name: history.update.metadata.name ?? '', template: templateOfRevision(history.update.data) },
    }
    // Before a pod goes: its claims are to follow it.
    await keepRetentionPolicy(set, pass.pods, scope)
    await step(pass)
    const status = statusOf(pass, history.collisions)
    const inUse = new Set([pass.current.name, pass.update.name, ...[...pass.pods.values()].map((pod) => pod.metadata.labels?.[revisionHashLabel] ?? '')])
    await trimHistory(history.all, inUse, set.spec.revisionHistoryLimit ?? 10, scope)
    return { status, ...availabilityCheck(pass) }
  },
}

interface Revision { readonly name: string; readonly template: PodTemplate }

interface Pass {
  readonly set: StatefulSet
  readonly scope: Scope
  readonly now: number
  /** By ordinal; kept current as the pass goes. */
  readonly pods: Map<number, Pod>
  readonly current: Revision
  readonly update: Revision
}

const revisionOfPod = (pod: Pod) => pod.metadata.labels?.[revisionHashLabel] ?? ''
const isTerminating = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined
const isAvailable = ({ set, now }: Pass, pod: Pod) => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now)
const isOrdered = ({ set }: Pass) => set.spec.podManagementPolicy !== 'Parallel'

/** Fills the wanted ordinals upwards, removes the others downwards, then updates; ordered sets stop at the first pod that is not well. */
async function step(pass: Pass): Promise<void> {
  const wanted = wantedOrdinals(pass.set)
  for (const ordinal of wanted) if (!(await fillOrdinal(pass, ordinal))) return
  const condemned = [...pass.pods.keys()].filter((ordinal) => !wanted.includes(ordinal)).sort((a, b) => b - a)
  for (const ordinal of condemned) if (!(await removeOrdinal(pass, ordinal))) return
  await updateStep(pass, wanted)
}

/** False when an ordered set has to wait here. */
async function fillOrdinal(pass: Pass, ordinal: number): Promise<boolean> {
  const { set, scope, pods } = pass
  const pod = pods.get(ordinal)
  const goOn = !isOrdered(pass)
  if (pod !== undefined && isTerminating(pod)) return goOn
  if (pod !== undefined && isPodTerminal(pod)) {
    const failed = pod.status?.phase === 'Failed'
    scope.event(set, failed ? 'Warning' : 'Normal', failed ? 'RecreatingFailedPod' : 'RecreatingTerminatedPod', `StatefulSet ${set.metadata.namespace}/${set.metadata.name} is recreating ${failed ? 'failed' : 'terminated'} Pod ${pod.metadata.name}`)
    await deleteStatefulPod(set, pod, scope)
    refresh(pass, ordinal, pod)
    return goOn
  }
  if (pod === undefined) {
    const { name, template } = revisionFor(pass, ordinal)
    pods.set(ordinal, await createStatefulPod(set, statefulPod(set, template, name, ordinal), ordinal, scope))
    return goOn
  }
  if (!isRunningAndReady(pod) || !isAvailable(pass, pod)) return goOn
  pods.set(ordinal, await fixIdentity(set, pod, ordinal, scope))
  return true
}

async function removeOrdinal(pass: Pass, ordinal: number): Promise<boolean> {
  const { set, scope, pods } = pass
  const pod = pods.get(ordinal)
  if (pod === undefined) return true
  if (isTerminating(pod)) return !isOrdered(pass)
  const firstUnhealthy = [...pods].filter(([, p]) => !isRunningAndReady(p) || isTerminating(p)).map(([o]) => o).sort((a, b) => a - b)[0]
  if (isOrdered(pass) && firstUnhealthy !== undefined && firstUnhealthy !== ordinal && !isRunningAndReady(pod)) return false
  await deleteStatefulPod(set, pod, scope)
  refresh(pass, ordinal, pod)
  return !isOrdered(pass)
}

/** After a delete: as the cache shows it now (terminating, or gone). */
function refresh({ scope, pods }: Pass, ordinal: number, pod: Pod): void {
  const now = scope.cache(Pod).get(pod.metadata.name ?? '', pod.metadata.namespace)
  if (now === undefined) pods.delete(ordinal)
  else pods.set(ordinal, now)
}

/** A new pod gets the update revision unless its ordinal is below the partition. */
function revisionFor({ set, current, update }: Pass, ordinal: number): Revision {
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {}
  const held = type !== 'OnDelete' && ordinal < (set.spec.ordinals?.start ?? 0) + (rollingUpdate?.partition ?? 0)
  return held ? current : update
}

/** Replaces outdated pods from the highest ordinal down to the partition, as many at a time as may be unavailable. */
async function updateStep(pass: Pass, wanted: readonly number[]): Promise<void> {
  const { set, scope, pods, update } = pass
  if (set.spec.updateStrategy?.type === 'OnDelete') return
  const { partition = 0, maxUnavailable } = set.spec.updateStrategy?.rollingUpdate ?? {}
  const allowed = Math.max(1, intOrPercent(maxUnavailable, set.spec.replicas ?? 1, 'up'))
  const targets = wanted.slice(partition).reverse()
  let unavailable = wanted.filter((ordinal) => {
    const pod = pods.get(ordinal)
    return pod === undefined || isTerminating(pod) || !isRunningAndReady(pod) || !isAvailable(pass, pod)
  }).length
  for (const ordinal of targets) {
    const pod = pods.get(ordinal)
    if (pod === undefined) continue
    const well = isRunningAndReady(pod) && isAvailable(pass, pod) && !isTerminating(pod)
    if (revisionOfPod(pod) !== update.name && !isTerminating(pod)) {
      // A pod that is down already costs nothing more when it is replaced.
      if (well && unavailable >= allowed) return
      await deleteStatefulPod(set, pod, scope)
      refresh(pass, ordinal, pod)
      if (well) unavailable++
      if (unavailable >= allowed) return
    } else if (!well && unavailable >= allowed) return
  }
}

function statusOf(pass: Pass, collisions: number): NonNullable<StatefulSet['status']> {
  const { set, current, update } = pass
  const pods = [...pass.pods.values()]
  const live = pods.filter((pod) => !isTerminating(pod))
  const count = (matches: (pod: Pod) => boolean) => pods.filter(matches).length
  const liveCount = (matches: (pod: Pod) => boolean) => live.filter(matches).length
  const status = {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    readyReplicas: count(isRunningAndReady),
    availableReplicas: count((pod) => isRunningAndReady(pod) && isAvailable(pass, pod)),
    currentReplicas: liveCount((pod) => revisionOfPod(pod) === current.name),
    updatedReplicas: liveCount((pod) => revisionOfPod(pod) === update.name),
    currentRevision: current.name, updateRevision: update.name, collisionCount: collisions,
    ...(set.status?.conditions === undefined ? {} : { conditions: set.status.conditions }),
  }
  const rolling = set.spec.updateStrategy?.type !== 'OnDelete'
  if (rolling && status.updatedReplicas === status.replicas && status.readyReplicas === status.replicas && status.replicas === (set.spec.replicas ?? 1)) {
    status.currentReplicas = status.updatedReplicas
    status.currentRevision = status.updateRevision
  }
  return status
}

function availabilityCheck({ set, pods, now }: Pass): Outcome {
  const minReady = set.spec.minReadySeconds ?? 0
  if (minReady === 0) return {}
  const waits = [...pods.values()].filter(isPodReady).map((pod) => msUntilAvailable(pod, minReady, now) ?? 0).filter((ms) => ms > 0)
  return waits.length === 0 ? {} : { requeueAfter: Math.min(...waits) }
}
