import { ControllerRevision, DaemonSet, Node, Pod } from '@idp/api'
import { claim, isPodAvailable, isPodReady, isPodTerminal, msUntilAvailable, ownersOfOrphan, slowStart, watch, type Controller, type Key, type Scope } from '@idp/controller'
import { cloneJson, deepEqual } from '@idp/formats'
import { daemonFits, daemonPodSpec, nodeOfDaemonPod, pinToNode } from '../engine/daemon-placement.ts'
import { intOrPercent } from '../engine/int-or-percent.ts'
import { podFromTemplate, revisionHashLabel } from '../engine/pod-from-template.ts'
import { createPod, deletePod } from './pod-control.ts'
import { revisionHistory, trimHistory } from './revision-history.ts'

const burst = 250

/** Keeps one pod of every DaemonSet on each node that fits. */
export const daemonSetController: Controller<DaemonSet> = {
  name: 'daemonset-controller',
  for: DaemonSet, owns: [Pod, ControllerRevision], concurrency: 2,
  watches: [watch(Node, everyDaemonSet), watch(Pod, ownersOfOrphan(DaemonSet, (set) => set.spec.selector))],
  async reconcile(set, scope) {
    if (set.metadata.deletionTimestamp !== undefined) return
    const pods = await claim({ owner: set, ownerKind: DaemonSet, childKind: Pod, selector: set.spec.selector }, scope)
    const history = await revisionHistory({
      owner: set, ownerKind: DaemonSet, selector: set.spec.selector, labels: set.spec.template.metadata?.labels ?? {},
      data: { spec: { template: { ...cloneJson(set.spec.template), $patch: 'replace' } } }, collisions: set.status?.collisionCount ?? 0,
    }, scope)
    const hash = history.update.metadata.labels?.[revisionHashLabel] ?? ''
    const spec = daemonPodSpec((set.spec.template.spec ?? { containers: [] }) as Pod['spec'])
    const pass: Pass = { set, scope, spec, hash, now: scope.clock.now(), nodes: scope.cache(Node).list(), byNode: groupByNode(pods) }
    await placePods(pass)
    if (set.spec.updateStrategy?.type !== 'OnDelete') await rollingUpdate(pass)
    await trimHistory(history.all, new Set([hash, ...pods.map((pod) => pod.metadata.labels?.[revisionHashLabel] ?? '')]), set.spec.revisionHistoryLimit ?? 10, scope)
    return finish(pass, history.collisions)
  },
}

interface Pass {
  readonly set: DaemonSet
  readonly scope: Scope
  readonly spec: Pod['spec']
  readonly hash: string
  readonly now: number
  readonly nodes: readonly Node[]
  readonly byNode: ReadonlyMap<string, readonly Pod[]>
}

/** Only what decides on placement matters here; a node's heartbeat must not wake every set. */
function everyDaemonSet(_node: Node, scope: Scope, { before, after }: { readonly before: Node | undefined; readonly after: Node | undefined }): Iterable<Key> {
  if (before !== undefined && after !== undefined && deepEqual(placementOf(before), placementOf(after))) return []
  return scope.cache(DaemonSet).list().map((set) => ({ namespace: set.metadata.namespace, name: set.metadata.name ?? '' }))
}

function placementOf(node: Node): unknown {
  return [node.metadata.labels, node.spec?.taints, node.spec?.unschedulable]
}

function groupByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const groups = new Map<string, Pod[]>()
  for (const pod of pods) {
    const node = nodeOfDaemonPod(pod)
    if (node !== undefined) groups.set(node, [...(groups.get(node) ?? []), pod])
  }
  return groups
}

const isTerminating = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined

async function placePods({ set, scope, spec, hash, nodes, byNode }: Pass): Promise<void> {
  const missing: string[] = []
  const surplus: Pod[] = []
  const known = new Set(nodes.map((node) => node.metadata.name ?? ''))
  for (const node of nodes) {
    const name = node.metadata.name ?? ''
    const { run, keep } = daemonFits(spec, node)
    const here = byNode.get(name) ?? []
    const live = here.filter((pod) => !isTerminating(pod) && !isPodTerminal(pod))
    for (const pod of here.filter((p) => !isTerminating(p) && isPodTerminal(p))) {
      surplus.push(pod)
      if (keep) scope.event(set, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${name}, will try to kill it`)
    }
    if (run && live.length === 0 && here.every((pod) => isTerminating(pod) ? false : isPodTerminal(pod))) missing.push(name)
    if (!keep) surplus.push(...live)
    // Two may share a node while a surge update replaces the older one; beyond that the youngest go.
    else if (live.length > 1) surplus.push(...beyondOne(live, hash, set))
  }
  for (const [node, here] of byNode) if (!known.has(node)) surplus.push(...here.filter((pod) => !isTerminating(pod)))
  await Promise.all(surplus.map((pod) => deletePod(pod, set, scope)))
  const { error } = await slowStart(Math.min(burst, missing.length), (i) => createPod(daemonPod(set, spec, hash, missing[i] ?? ''), set, scope))
  if (error !== undefined) throw error
}

function beyondOne(live: readonly Pod[], hash: string, set: DaemonSet): readonly Pod[] {
  const surge = intOrPercent(set.spec.updateStrategy?.rollingUpdate?.maxSurge, 1, 'up') > 0
  const isNew = (pod: Pod) => pod.metadata.labels?.[revisionHashLabel] === hash
  if (surge && live.length === 2 && live.filter(isNew).length === 1) return []
  return [...live].sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1)).slice(1)
}

function daemonPod(set: DaemonSet, spec: Pod['spec'], hash: string, node: string): Pod {
  const pod = podFromTemplate(set.spec.template, DaemonSet, set)
  pod.metadata.labels = { ...pod.metadata.labels, [revisionHashLabel]: hash, 'pod-template-generation': set.metadata.annotations?.['deprecated.daemonset.template.generation'] ?? '1' }
  return { ...pod, spec: pinToNode(spec, node) }
}

/** Replaces outdated pods, as many at a time as may be unavailable; or first adds a new one beside the old (maxSurge). */
async function rollingUpdate({ set, scope, spec, hash, now, nodes, byNode }: Pass): Promise<void> {
  const { maxSurge = 0, maxUnavailable = 1 } = set.spec.updateStrategy?.rollingUpdate ?? {}
  const fitting = nodes.filter((node) => daemonFits(spec, node).run)
  const surge = intOrPercent(maxSurge, fitting.length, 'up')
  let budget = surge > 0 ? 0 : Math.max(1, intOrPercent(maxUnavailable, fitting.length, 'up'))
  let extra = surge
  const minReady = set.spec.minReadySeconds ?? 0
  const outdated: { node: string; pod: Pod; available: boolean }[] = []
  for (const node of fitting) {
    const name = node.metadata.name ?? ''
    const live = (byNode.get(name) ?? []).filter((pod) => !isTerminating(pod) && !isPodTerminal(pod))
    const fresh = live.find((pod) => pod.metadata.labels?.[revisionHashLabel] === hash)
    const old = live.find((pod) => pod.metadata.labels?.[revisionHashLabel] !== hash)
    const oldAvailable = old !== undefined && isPodAvailable(old, minReady, now)
    const freshAvailable = fresh !== undefined && isPodAvailable(fresh, minReady, now)
    if (!oldAvailable && !freshAvailable) budget--
    if (old !== undefined && fresh !== undefined) {
      extra--
      if (freshAvailable || !oldAvailable) await deletePod(old, set, scope)
    } else if (old !== undefined) outdated.push({ node: name, pod: old, available: oldAvailable })
  }
  for (const { node, pod, available } of outdated) {
    if (surge > 0) {
      if (!available) await deletePod(pod, set, scope)
      else if (extra-- > 0) await createPod(daemonPod(set, spec, hash, node), set, scope)
    } else if (!available) await deletePod(pod, set, scope)
    else if (budget-- > 0) await deletePod(pod, set, scope)
  }
}

function finish({ set, scope, spec, hash, now, nodes }: Pass, collisions: number) {
  const minReady = set.spec.minReadySeconds ?? 0
  const byNode = groupByNode(scope.cache(Pod).ownedBy(set.metadata.uid ?? ''))
  const status = {
    observedGeneration: set.metadata.generation ?? 0, currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0,
    updatedNumberScheduled: 0, numberAvailable: 0, numberUnavailable: 0, collisionCount: collisions,
  }
  let next: number | undefined
  for (const node of nodes) {
    const live = (byNode.get(node.metadata.name ?? '') ?? []).filter((pod) => !isTerminating(pod))
    if (!daemonFits(spec, node).run) {
      if (live.length > 0) status.numberMisscheduled++
      continue
    }
    status.desiredNumberScheduled++
    if (live.length === 0) continue
    status.currentNumberScheduled++
    if (live.some((pod) => pod.metadata.labels?.[revisionHashLabel] === hash)) status.updatedNumberScheduled++
    if (live.some(isPodReady)) status.numberReady++
    if (live.some((pod) => isPodAvailable(pod, minReady, now))) status.numberAvailable++
    else for (const pod of live) next = Math.min(next ?? Infinity, msUntilAvailable(pod, minReady, now) ?? Infinity)
  }
  status.numberUnavailable = status.desiredNumberScheduled - status.numberAvailable
  // Conditions are nobody's here; what others wrote stays.
  return { status: { ...status, ...(set.status?.conditions === undefined ? {} : { conditions: set.status.conditions }) }, ...(next === undefined || next === Infinity ? {} : { requeueAfter: next }) }
}
