import { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '@idp/api'
import { deepEqual } from '@idp/formats'
import { wantsNode } from './engine/wants-node.ts'
import { reportGated } from './report-unschedulable.ts'
import type { Scheduler } from './scheduler.ts'

const keyOf = (pod: Pod) => `${pod.metadata.namespace ?? ''}/${pod.metadata.name ?? ''}`

/** Keeps the scheduler's picture current, queues pods that want a node, and wakes those that a change may help. */
export function followCluster(scheduler: Scheduler): void {
  const { scope: { informers }, state, queue } = scheduler
  informers.of(Node).onChange(({ before, after }) => {
    if (after === undefined) {
      if (before !== undefined) state.removeNode(before.metadata.name ?? '')
      return
    }
    state.putNode(after)
    if (before === undefined) queue.wake('NodeAdded')
    else if (!deepEqual(placementOf(before), placementOf(after))) queue.wake('NodeChanged')
  })
  informers.of(Pod).onChange(({ before, after }) => {
    if (before !== undefined && before.metadata.uid !== after?.metadata.uid) removePod(scheduler, before)
    if (after !== undefined) putPod(scheduler, before?.metadata.uid === after.metadata.uid ? before : undefined, after)
  })
  const volumesChanged = () => queue.wake('VolumesChanged')
  informers.of(PersistentVolume).onChange(volumesChanged)
  informers.of(PersistentVolumeClaim).onChange(volumesChanged)
  informers.of(StorageClass).onChange(volumesChanged)
}

/** What placing depends on; a node's heartbeat changes none of it. */
function placementOf(node: Node): unknown {
  return [node.metadata.labels, node.spec, node.status?.allocatable]
}

function removePod({ state, queue, nominated }: Scheduler, pod: Pod): void {
  const uid = pod.metadata.uid ?? ''
  queue.remove(keyOf(pod))
  for (const there of nominated.values()) there.delete(uid)
  const counted = Boolean(pod.spec.nodeName) || state.isAssumed(uid)
  state.removePod(uid)
  if (counted) queue.wake('PodRemoved')
}

function putPod(scheduler: Scheduler, before: Pod | undefined, pod: Pod): void {
  const { state, queue } = scheduler
  nominate(scheduler, pod)
  state.putPod(pod)
  if (pod.spec.nodeName) {
    queue.remove(keyOf(pod))
    const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
    if (ended && before?.status?.phase !== pod.status?.phase) queue.wake('PodRemoved')
    else if (!before?.spec.nodeName || !deepEqual(before.metadata.labels, pod.metadata.labels)) queue.wake('PodAdded')
    return
  }
  if (wantsNode(pod)) {
    // Its own status (which we write) is no news.
    const news = before === undefined || !wantsNode(before) || !deepEqual([before.spec, before.metadata.labels], [pod.spec, pod.metadata.labels])
    if (news) queue.add(keyOf(pod), scheduler.priorityOf(pod))
  } else {
    queue.remove(keyOf(pod))
    if ((pod.spec.schedulingGates ?? []).length > 0 && pod.metadata.deletionTimestamp === undefined) void reportGated(scheduler, pod)
  }
}

function nominate({ nominated }: Scheduler, pod: Pod): void {
  const uid = pod.metadata.uid ?? ''
  for (const there of nominated.values()) there.delete(uid)
  const node = pod.status?.nominatedNodeName
  if (!node || pod.spec.nodeName) return
  const there = nominated.get(node) ?? new Map<string, Pod>()
  nominated.set(node, there.set(uid, pod))
}
