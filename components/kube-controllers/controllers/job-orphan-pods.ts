import { isApiError, Job, Pod } from '@idp/api'
import { controllerOf, watch, type Controller, type Scope } from '@idp/controller'
import { isTracked } from '../engine/job-tally.ts'
import { releasePod } from './job.ts'

/** Lets pods go that a Job tracked and no Job owns any more: released, orphaned, or left behind by a Job that is gone. */
export const jobOrphanPodController: Controller<Pod> = {
  name: 'job-orphan-pod-controller',
  for: Pod,
  concerns: (_before, pod) => isTracked(pod),
  watches: [watch(Job, (job, { cache }, { after }) => {
    if (after !== undefined && after.metadata.uid === job.metadata.uid) return []
    return cache(Pod).ownedBy(job.metadata.uid ?? '').map(({ metadata: { namespace, name = '' } }) => ({ namespace, name }))
  })],
  async reconcile(pod, scope) {
    if (isTracked(pod) && !(await hasJob(pod, scope))) await releasePod(pod, scope)
  },
}

async function hasJob(pod: Pod, { cache, client }: Scope): Promise<boolean> {
  const owner = controllerOf(pod)
  if (owner?.kind !== 'Job') return false
  const { namespace } = pod.metadata
  if (cache(Job).get(owner.name, namespace)?.metadata.uid === owner.uid) return true
  // The cache may not have a young Job yet.
  try {
    return (await client.get(Job, owner.name, { namespace })).metadata.uid === owner.uid
  } catch (error) {
    if (isApiError(error, 'NotFound')) return false
    throw error
  }
}
