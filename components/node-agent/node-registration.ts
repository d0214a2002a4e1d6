import { isApiError, Lease, Node } from '@idp/api'
import type { Client } from '@idp/client'
import { backoff, messageOf, rfc3339Micro, sleep, type Clock, type Log } from '@idp/kit'
import { nodeObject, nodeStatus, type PlacedNode } from './node-object.ts'

const leaseSeconds = 40
/** As kubelet: the lease every 10 s, the status every 5 min when nothing has changed. */
const renewMs = 10_000
const statusMs = 300_000
const leaseNamespace = 'kube-node-lease'

export interface RegistrationOptions { readonly client: Client; readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal }

/** Makes the Node, or brings the one that is there up to date, and keeps its heartbeat until the signal aborts. Resolves when it is Ready. */
export async function registerNode(spec: PlacedNode, options: RegistrationOptions): Promise<Node> {
  const node = await register(spec, options)
  void heartbeat(spec, node, options)
  return node
}

async function register(spec: PlacedNode, { client, clock }: RegistrationOptions): Promise<Node> {
  const wanted = nodeObject(spec, clock.now())
  try {
    const created = await client.create(Node, wanted)
    return await client.patch(Node, spec.name, { status: created.status?.conditions === undefined ? wanted.status : nodeStatus(spec, clock.now(), created.status) } as never, { type: 'merge', subresource: 'status' })
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error
  }
  const found = await client.get(Node, spec.name)
  const labels = wanted.metadata.labels ?? {}
  const stale = Object.entries(labels).some(([k, v]) => found.metadata.labels?.[k] !== v)
  if (stale) await client.patch(Node, spec.name, { metadata: { labels } }, { type: 'merge' })
  return client.patch(Node, spec.name, { status: nodeStatus(spec, clock.now(), found.status) } as never, { type: 'merge', subresource: 'status' })
}

async function heartbeat(spec: PlacedNode, node: Node, options: RegistrationOptions): Promise<void> {
  const { client, clock, log, signal } = options
  let statusAt = clock.now()
  let failures = 0
  while (!signal.aborted) {
    try {
      await renewLease(spec, node, client, clock)
      if (clock.now() - statusAt >= statusMs) {
        const found = await client.get(Node, spec.name)
        await client.patch(Node, spec.name, { status: nodeStatus(spec, clock.now(), found.status) } as never, { type: 'merge', subresource: 'status' })
        statusAt = clock.now()
      }
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      failures++
      log.warn('heartbeat not written', { node: spec.name, error: messageOf(error) })
      if (isApiError(error, 'NotFound')) await register(spec, options).catch(() => {})
    }
    await sleep(clock, failures === 0 ? renewMs : backoff(failures, { initial: 500, max: renewMs }), signal).catch(() => {})
  }
}

async function renewLease(spec: PlacedNode, node: Node, client: Client, clock: Clock): Promise<void> {
  const renewTime = rfc3339Micro(clock.now())
  try {
    await client.patch(Lease, spec.name, { spec: { renewTime } }, { namespace: leaseNamespace, type: 'merge' })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
    await client.create(Lease, {
      apiVersion: 'coordination.k8s.io/v1', kind: 'Lease',
      metadata: { name: spec.name, namespace: leaseNamespace, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: spec.name, uid: node.metadata.uid ?? '' }] },
      spec: { holderIdentity: spec.name, leaseDurationSeconds: leaseSeconds, renewTime },
    })
  }
}
