import type { Pod } from '@idp/api'

export const schedulerName = 'default-scheduler'

/** True for a pod that this scheduler should place now. */
export function wantsNode(pod: Pod): boolean {
  return !pod.spec.nodeName && (pod.spec.schedulerName ?? schedulerName) === schedulerName && pod.metadata.deletionTimestamp === undefined
    && (pod.spec.schedulingGates ?? []).length === 0 && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed'
}
