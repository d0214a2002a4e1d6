import { isApiError, Job } from '@idp/api'
import type { Controller } from '@idp/controller'
import { isFinished } from './job.ts'

/** Deletes Jobs `ttlSecondsAfterFinished` after their end. */
export const ttlAfterFinishedController: Controller<Job> = {
  name: 'ttl-after-finished-controller',
  for: Job,
  concerns: (_before, after) => after.spec?.ttlSecondsAfterFinished !== undefined,
  async reconcile(job, { client, clock }) {
    const ttl = job.spec?.ttlSecondsAfterFinished
    if (ttl === undefined || job.metadata.deletionTimestamp !== undefined || !isFinished(job)) return
    const end = job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True')?.lastTransitionTime
    const left = Date.parse(String(end ?? '')) + ttl * 1000 - clock.now()
    if (left > 0) return { requeueAfter: left }
    const { name = '', namespace, uid } = job.metadata
    try {
      await client.delete(Job, name, { namespace, propagationPolicy: 'Foreground', ...(uid === undefined ? {} : { preconditions: { uid } }) })
    } catch (error) {
      if (!isApiError(error, 'NotFound', 'Conflict')) throw error
    }
  },
}
