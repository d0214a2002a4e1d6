import { isApiError, Node, Pod } from '@idp/api'
import { toleratesTaint, watch, type Controller, type Scope, type Taint } from '@idp/controller'
import { deepEqual } from '@idp/formats'
import { rfc3339 } from '@idp/kit'
import { setCondition } from '../engine/conditions.ts'
import { podsByNode } from './node-lifecycle.ts'

const noExecute = (node: Node | undefined): readonly Taint[] => (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute')

/** Deletes pods from nodes whose NoExecute taints they do not tolerate, or no longer. */
export const taintEvictionController: Controller<Pod> = {
  name: 'taint-eviction-controller',
  for: Pod, concurrency: 4,
  concerns: (before, pod) => Boolean(pod.spec.nodeName) && (before === undefined || before.spec.nodeName !== pod.spec.nodeName || !deepEqual(before.spec.tolerations, pod.spec.tolerations)),
  watches: [watch(Node, (node, { cache }, { before, after }) => {
    if (deepEqual(noExecute(before), noExecute(after))) return []
    return cache(Pod).by(podsByNode, node.metadata.name ?? '').map(({ metadata: { namespace, name = '' } }) => ({ namespace, name }))
  })],
  async reconcile(pod, scope) {
    const taints = noExecute(scope.cache(Node).get(pod.spec.nodeName ?? ''))
    if (taints.length === 0 || pod.metadata.deletionTimestamp !== undefined) return
    const left = timeLeft(pod, taints, scope.clock.now())
    if (left === undefined) return
    if (left > 0) return { requeueAfter: left }
    await evict(pod, scope)
  },
}

/** Milliseconds the pod may stay; 0 when it has to go, undefined when it may stay for ever. */
function timeLeft(pod: Pod, taints: readonly Taint[], now: number): number | undefined {
  let left: number | undefined
  for (const taint of taints) {
    const tolerations = (pod.spec.tolerations ?? []).filter((toleration) => toleratesTaint(toleration, taint))
    if (tolerations.length === 0) return 0
    const seconds = tolerations.map(({ tolerationSeconds }) => tolerationSeconds).filter((s) => s !== undefined)
    if (seconds.length === 0) continue
    const since = Date.parse(String(taint.timeAdded ?? '')) || now
    left = Math.min(left ?? Infinity, Math.max(0, since + Math.min(...seconds) * 1000 - now))
  }
  return left
}

async function evict(pod: Pod, { client, clock, event }: Scope): Promise<void> {
  const { name = '', namespace, uid = '' } = pod.metadata
  event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`)
  const conditions = setCondition(pod.status?.conditions, { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint' }, rfc3339(clock.now()))
  try {
    await client.patch(Pod, name, { metadata: { uid }, status: { conditions: conditions as never[] } }, { namespace, subresource: 'status', type: 'merge' })
    await client.delete(Pod, name, { namespace, preconditions: { uid } })
  } catch (error) {
    if (!isApiError(error, 'NotFound', 'Conflict')) throw error
  }
}
