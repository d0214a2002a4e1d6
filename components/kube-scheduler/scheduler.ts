import { Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, PodDisruptionBudget, PriorityClass, StorageClass } from '@idp/api'
import type { Informers, Loop, Scope } from '@idp/controller'
import { messageOf, type Random } from '@idp/kit'
import { bindPod } from './bind-pod.ts'
import { createClusterState, type ClusterState } from './engine/cluster-state.ts'
import { createFilters, findFit } from './engine/find-node.ts'
import { fitMessage } from './engine/fit-message.ts'
import type { Filter } from './engine/plugin.ts'
import { findPreemption, type Preemption } from './engine/preemption.ts'
import { bestNode } from './engine/scores.ts'
import { createSchedulingQueue, type QueuedPod, type SchedulingQueue } from './engine/scheduling-queue.ts'
import { schedulerName, wantsNode } from './engine/wants-node.ts'
import { followCluster } from './follow-cluster.ts'
import { reportUnschedulable, stillTerminating } from './report-unschedulable.ts'

/** Bindings under way at once. */
const maxBinding = 100

/** Everything a scheduling cycle uses. */
export interface Scheduler {
  readonly scope: Scope & { readonly informers: Informers }
  readonly state: ClusterState
  readonly queue: SchedulingQueue
  readonly filters: readonly Filter[]
  readonly random: Random
  /** Pods for which victims were removed, by the node that was chosen for them. */
  readonly nominated: Map<string, Map<string, Pod>>
  priorityOf(pod: Pod): number
}

/** Gives every pod that has no node the best one. */
export function schedulerLoop(random: Random): Loop {
  let idle = () => false
  return {
    name: schedulerName,
    reads: [Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, PodDisruptionBudget, PriorityClass, StorageClass],
    idle: () => idle(),
    async run(scope) {
      const scheduler = createScheduler(scope, random)
      const { queue, state } = scheduler
      let binding = 0
      let wake = () => {}
      idle = () => queue.ready === 0 && binding === 0
      queue.onReady = () => wake()
      scope.signal.addEventListener('abort', () => {
        queue.stop()
        wake()
      }, { once: true })
      followCluster(scheduler)
      while (!scope.signal.aborted) {
        const next = binding < maxBinding ? queue.pop() : undefined
        if (next === undefined) {
          await new Promise<void>((resolve) => { wake = resolve; if (queue.ready > 0 && binding < maxBinding) resolve() })
          continue
        }
        const pod = livePod(scheduler, next)
        if (pod === undefined) continue
        const node = await scheduleOne(scheduler, next, pod)
        if (node === undefined) continue
        state.assume(pod, node)
        binding++
        void bindPod(scheduler, pod, node).catch((error: unknown) => {
          state.forget(pod.metadata.uid ?? '')
          if (scope.signal.aborted || livePod(scheduler, next) === undefined) return
          scope.event(pod, 'Warning', 'FailedScheduling', messageOf(error))
          queue.retry(next)
        }).finally(() => {
          binding--
          wake()
        })
      }
    },
  }
}

function createScheduler(scope: Scope & { readonly informers: Informers }, random: Random): Scheduler {
  const { cache } = scope
  const volumes = {
    claim: (name: string, namespace: string) => cache(PersistentVolumeClaim).get(name, namespace),
    volume: (name: string) => cache(PersistentVolume).get(name),
    volumes: () => cache(PersistentVolume).list(),
    storageClass: (name: string) => cache(StorageClass).get(name),
  }
  const priorities = cache(PriorityClass)
  return {
    scope, random, nominated: new Map(), filters: createFilters(volumes), queue: createSchedulingQueue(scope.clock),
    state: createClusterState((name) => cache(Namespace).get(name)),
    // Admission writes the number into the pod; where it does not run the class tells it.
    priorityOf: (pod) => pod.spec.priority ?? (pod.spec.priorityClassName ? priorities.get(pod.spec.priorityClassName)?.value ?? 0 : 0),
  }
}

/** The pod as it is now, if it still wants a node. */
function livePod({ scope, state }: Scheduler, { key }: QueuedPod): Pod | undefined {
  const [namespace = '', name = ''] = key.split('/')
  const pod = scope.cache(Pod).get(name, namespace)
  if (pod === undefined || !wantsNode(pod) || state.isAssumed(pod.metadata.uid ?? '')) return undefined
  return pod
}

/** The node for a pod; undefined after having parked it with its reasons (and perhaps made room for it). */
async function scheduleOne(scheduler: Scheduler, queued: QueuedPod, pod: Pod): Promise<string | undefined> {
  const { state, filters, queue, scope, priorityOf } = scheduler
  try {
    const fit = findFit(pod, state, filters, (node) => nominatedOn(scheduler, node, pod))
    const own = pod.status?.nominatedNodeName
    const kept = own ? fit.feasible.find(({ name }) => name === own) : undefined
    const chosen = kept ?? bestNode(pod, fit.feasible, state, (count) => pickIndex(scheduler.random, count))
    if (chosen !== undefined) return chosen.name
    const nodes = state.nodes().length
    const preemption = nodes === 0 ? undefined : tryPreemption(scheduler, pod, fit.misfits)
    const base = fitMessage(nodes, fit.misfits, fit.nowhere)
    const message = typeof preemption === 'string' ? `${base} preemption: ${preemption}` : base
    queue.park(queued, new Set([...fit.misfits.values()].map(({ plugin }) => plugin)))
    await reportUnschedulable(scheduler, pod, message, preemption)
  } catch (error) {
    if (scope.signal.aborted) return undefined
    scope.log.warn('cannot schedule', { pod: queued.key, error: messageOf(error), priority: priorityOf(pod) })
    queue.retry(queued)
  }
  return undefined
}

function tryPreemption(scheduler: Scheduler, pod: Pod, misfits: Parameters<typeof findPreemption>[0]['misfits']): Preemption | string {
  const { state, filters, scope, priorityOf } = scheduler
  const own = pod.status?.nominatedNodeName
  const victimsLeft = own !== undefined && own !== '' && misfits.get(own)?.final === false
    && [...(state.node(own)?.pods.values() ?? [])].some((other) => other.metadata.deletionTimestamp !== undefined && priorityOf(other) < priorityOf(pod))
  if (victimsLeft) return stillTerminating
  return findPreemption({ pod, view: state, filters, misfits, budgets: scope.cache(PodDisruptionBudget).list(), priorityOf })
}

function nominatedOn({ nominated, priorityOf }: Scheduler, node: string, pod: Pod): readonly Pod[] {
  const there = nominated.get(node)
  if (there === undefined) return []
  return [...there.values()].filter((other) => other.metadata.uid !== pod.metadata.uid && priorityOf(other) >= priorityOf(pod))
}

function pickIndex(random: Random, count: number): number {
  const [a = 0, b = 0] = random(2)
  return (a * 256 + b) % count
}
