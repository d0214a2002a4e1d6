import { Lease, Node, Pod } from '@idp/api'
import { isPodReady, watch, type Controller, type Index, type Outcome, type Scope } from '@idp/controller'
import { deepEqual } from '@idp/formats'
import { rfc3339 } from '@idp/kit'
import { findCondition, setCondition } from '../engine/conditions.ts'
import { wantedTaints } from '../engine/node-taints.ts'

/** A node that has not been heard of for so long is unreachable. */
const graceMs = 50_000
const told = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']

export const podsByNode: Index<Pod> = { name: 'pods by node', of: (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []) }

interface Heard { sign: string; at: number }

/** Notices nodes that fall silent, and taints nodes by their conditions. */
export function nodeLifecycleController(): Controller<Node> {
  // When each node last gave a new sign of life, by our own clock: what happened before we started does not count against it.
  const heard = new Map<string, Heard>()
  return {
    name: 'node-lifecycle-controller',
    for: Node, reads: [Pod],
    watches: [watch(Lease, (lease) => (lease.metadata.namespace === 'kube-node-lease' ? [{ name: lease.metadata.name ?? '' }] : []))],
    async reconcile(node, scope) {
      const now = scope.clock.now()
      const silent = now - listen(heard, node, scope).at
      const current = silent >= graceMs ? await markUnknown(node, scope) : node
      const tainted = await keepTaints(current, scope)
      const ready = findCondition(tainted.status?.conditions, 'Ready')
      if (ready !== undefined && ready.status !== 'True') await markPodsNotReady(node, scope)
      return { ...(current === node ? {} : { object: tainted }), requeueAfter: Math.max(1_000, graceMs - silent) } satisfies Outcome
    },
    async gone({ name }) {
      heard.delete(name)
    },
  }
}

function listen(heard: Map<string, Heard>, node: Node, { cache, clock }: Scope): Heard {
  const name = node.metadata.name ?? ''
  const lease = cache(Lease).get(name, 'kube-node-lease')
  const sign = JSON.stringify([lease?.spec?.renewTime, findCondition(node.status?.conditions, 'Ready')?.lastHeartbeatTime])
  const known = heard.get(name)
  if (known !== undefined && known.sign === sign) return known
  const fresh = { sign, at: clock.now() }
  heard.set(name, fresh)
  return fresh
}

async function markUnknown(node: Node, scope: Scope): Promise<Node> {
  const now = rfc3339(scope.clock.now())
  let conditions = node.status?.conditions ?? []
  for (const type of told) {
    const old = findCondition(conditions, type)
    if (old?.status === 'Unknown') continue
    const text = old === undefined ? { reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.' } : { reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' }
    conditions = setCondition(conditions, { ...old, type, status: 'Unknown', ...text, lastHeartbeatTime: old?.lastHeartbeatTime ?? node.metadata.creationTimestamp ?? now }, now)
  }
  if (conditions === node.status?.conditions || deepEqual(conditions, node.status?.conditions)) return node
  scope.event(node, 'Normal', 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`)
  return scope.client.update(Node, { ...node, status: { ...node.status, conditions } }, { subresource: 'status' })
}

async function keepTaints(node: Node, { client, clock }: Scope): Promise<Node> {
  const taints = wantedTaints(node, rfc3339(clock.now()))
  if (deepEqual(taints, node.spec?.taints ?? [])) return node
  const { name = '', resourceVersion = '' } = node.metadata
  return client.patch(Node, name, { metadata: { resourceVersion }, spec: { taints: taints.length === 0 ? null : (taints as never[]) } }, { type: 'merge' })
}

/** Pods of a node that is not ready receive no traffic. */
async function markPodsNotReady(node: Node, { client, cache, clock, event }: Scope): Promise<void> {
  const now = rfc3339(clock.now())
  for (const pod of cache(Pod).by(podsByNode, node.metadata.name ?? '')) {
    if (!isPodReady(pod)) continue
    const conditions = setCondition(pod.status?.conditions, { ...findCondition(pod.status?.conditions, 'Ready'), type: 'Ready', status: 'False' }, now)
    await client.patch(Pod, pod.metadata.name ?? '', { metadata: { uid: pod.metadata.uid ?? '' }, status: { conditions: conditions as never[] } }, { namespace: pod.metadata.namespace, subresource: 'status', type: 'merge' })
    event(pod, 'Warning', 'NodeNotReady', 'Node is not ready')
  }
}
