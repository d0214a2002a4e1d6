import { isApiError, Node, Pod } from '@idp/api'
import { isPodTerminal, type Loop, type Scope } from '@idp/controller'
import { messageOf, rfc3339, sleep } from '@idp/kit'
import { setCondition } from '../engine/conditions.ts'

const periodMs = 20_000
const quarantineMs = 40_000
/** Pods that have ended are kept up to this number. */
const terminatedLimit = 12_500

/** Removes pods that nobody else will: too many that have ended, those of nodes that are gone, and deleted ones that never had a node. */
export function podGarbageCollector(): Loop {
  return {
    name: 'pod-garbage-collector-controller', reads: [Pod, Node],
    async run(scope) {
      const missingSince = new Map<string, number>()
      while (!scope.signal.aborted) {
        await sweep(scope, missingSince).catch((error: unknown) => {
          if (!scope.signal.aborted) scope.log.warn('pods not collected', { error: messageOf(error) })
        })
        await sleep(scope.clock, periodMs, scope.signal).catch(() => {})
      }
    },
  }
}

async function sweep(scope: Scope, missingSince: Map<string, number>): Promise<void> {
  const pods = scope.cache(Pod).list()
  const now = scope.clock.now()
  const nodes = scope.cache(Node)
  const missing = new Set(pods.map((pod) => pod.spec.nodeName ?? '').filter((name) => name !== '' && nodes.get(name) === undefined))
  for (const name of missingSince.keys()) if (!missing.has(name)) missingSince.delete(name)
  for (const name of missing) if (!missingSince.has(name)) missingSince.set(name, now)
  const ended = pods.filter(isPodTerminal).sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1))
  for (const pod of ended.slice(0, Math.max(0, ended.length - terminatedLimit))) await remove(pod, scope)
  for (const pod of pods) {
    const since = missingSince.get(pod.spec.nodeName ?? '')
    if (since !== undefined && now - since >= quarantineMs) await failAndRemove(pod, scope)
    else if (!pod.spec.nodeName && pod.metadata.deletionTimestamp !== undefined) await remove(pod, scope)
  }
}

async function failAndRemove(pod: Pod, scope: Scope): Promise<void> {
  if (!isPodTerminal(pod)) {
    const { name = '', namespace, uid = '' } = pod.metadata
    const conditions = setCondition(pod.status?.conditions, { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' }, rfc3339(scope.clock.now()))
    await scope.client.patch(Pod, name, { metadata: { uid }, status: { phase: 'Failed', conditions: conditions as never[] } }, { namespace, subresource: 'status', type: 'merge' }).catch(ignoreGone)
  }
  await remove(pod, scope)
}

async function remove({ metadata: { name = '', namespace, uid } }: Pod, { client }: Scope): Promise<void> {
  await client.delete(Pod, name, { namespace, gracePeriodSeconds: 0, ...(uid === undefined ? {} : { preconditions: { uid } }) }).catch(ignoreGone)
}

function ignoreGone(error: unknown): void {
  if (!isApiError(error, 'NotFound', 'Conflict')) throw error
}
