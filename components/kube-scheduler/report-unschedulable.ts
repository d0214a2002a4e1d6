import { isApiError, Pod } from '@idp/api'
import { podCondition } from '@idp/controller'
import { messageOf, rfc3339 } from '@idp/kit'
import type { Preemption } from './engine/preemption.ts'
import type { Scheduler } from './scheduler.ts'

/** Why nothing more is removed for a pod: what was removed for it is still on its way out. */
export const stillTerminating = 'not eligible due to terminating pod on the nominated node.'

/**
 * Tells why a pod has no node: event and condition. With a preemption it names the node and removes the victims; without one a node that was
 * named before is taken back, so that nobody keeps a place for the pod there.
 */
export async function reportUnschedulable(scheduler: Scheduler, pod: Pod, message: string, preemption: Preemption | string | undefined): Promise<void> {
  const { scope } = scheduler
  scope.event(pod, 'Warning', 'FailedScheduling', message)
  const none = preemption === stillTerminating || !pod.status?.nominatedNodeName ? undefined : null
  await writeCondition(scheduler, pod, 'Unschedulable', message, typeof preemption === 'object' ? preemption.node : none)
  if (typeof preemption !== 'object') return
  await Promise.all(preemption.victims.map((victim) => evict(scheduler, victim, pod, preemption.node)))
}

/** A pod with scheduling gates says that it is not looked at. */
export async function reportGated(scheduler: Scheduler, pod: Pod): Promise<void> {
  try {
    await writeCondition(scheduler, pod, 'SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates', undefined)
  } catch (error) {
    if (!isApiError(error, 'NotFound', 'Conflict')) scheduler.scope.log.warn('cannot write condition', { pod: pod.metadata.name, error: messageOf(error) })
  }
}

async function writeCondition({ scope }: Scheduler, pod: Pod, reason: string, message: string, nominatedNodeName: string | null | undefined): Promise<void> {
  const { name = '', namespace, uid = '' } = pod.metadata
  const old = podCondition(pod, 'PodScheduled')
  const sameNode = nominatedNodeName === undefined || pod.status?.nominatedNodeName === nominatedNodeName
  if (old?.status === 'False' && old.reason === reason && old.message === message && sameNode) return
  const now = rfc3339(scope.clock.now())
  const lastTransitionTime = old?.status === 'False' ? String(old.lastTransitionTime ?? now) : now
  const condition = { type: 'PodScheduled', status: 'False', reason, message, lastProbeTime: null, lastTransitionTime }
  const status = { conditions: [condition], ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }) }
  try {
    await scope.client.patch(Pod, name, { metadata: { uid }, status }, { namespace, subresource: 'status', type: 'strategic' })
  } catch (error) {
    if (!isApiError(error, 'NotFound', 'Conflict')) throw error
  }
}

async function evict({ scope }: Scheduler, victim: Pod, pod: Pod, node: string): Promise<void> {
  const { name = '', namespace, uid = '' } = victim.metadata
  if (victim.metadata.deletionTimestamp !== undefined) return
  try {
    const condition = { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message: 'default-scheduler: preempting to accommodate a higher priority pod', lastProbeTime: null, lastTransitionTime: rfc3339(scope.clock.now()) }
    await scope.client.patch(Pod, name, { metadata: { uid }, status: { conditions: [condition] } }, { namespace, subresource: 'status', type: 'strategic' })
    await scope.client.delete(Pod, name, { namespace, preconditions: { uid } })
    scope.event(victim, 'Normal', 'Preempted', `Preempted by pod ${pod.metadata.uid ?? ''} on node ${node}`)
  } catch (error) {
    if (!isApiError(error, 'NotFound', 'Conflict')) throw error
  }
}
