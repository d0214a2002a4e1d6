import { CronJob, isApiError, Pod, type Kind } from '@idp/api'
import { controllerOf, type Controller } from '@idp/controller'
import type { Report } from '../kinds/reports.ts'

/** Deletes reports whose time is over and whose workload has no pod any more (an old ReplicaSet, a finished Job); the others are scanned anew. */
export function expireReports(kind: Kind<Report>, ttlMs: number): Controller<Report> {
  return {
    name: `${kind.singular}-ttl`, for: kind, reads: [Pod],
    async reconcile({ metadata: { name = '', namespace, uid, ownerReferences }, report }, { cache, client, clock }) {
      const owner = controllerOf({ apiVersion: '', kind: '', metadata: { ownerReferences } } as never)
      const left = Date.parse(report.updateTimestamp) + ttlMs - clock.now()
      if (left > 0) return { requeueAfter: left + 1_000 }
      if (owner === undefined || owner.kind === CronJob.kind || cache(Pod).ownedBy(owner.uid).length > 0) return { requeueAfter: ttlMs }
      await client.delete(kind, name, { namespace, ...(uid === undefined ? {} : { preconditions: { uid } }) }).catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
      return undefined
    },
  }
}
