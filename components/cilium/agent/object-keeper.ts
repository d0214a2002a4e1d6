import { isApiError, Node } from '@idp/api'
import type { Client } from '@idp/client'
import type { JsonObject } from '@idp/formats'
import { messageOf, type Clock, type Log } from '@idp/kit'
import type { Endpoint } from '@idp/sandbox'
import { CiliumEndpoint, CiliumIdentity, CiliumNode, type CiliumEndpointStatus } from '../kinds/cilium.ts'
import type { Identity } from '../policy/identity.ts'
import { endpointId, type EndpointRegistry } from './endpoint-registry.ts'

export interface ObjectKeeperOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly node: string
  readonly nodeIp: string
  readonly registry: Pick<EndpointRegistry, 'identityOf'>
  /** The endpoints of the node, now. */
  endpoints(): Iterable<Endpoint>
}

/** Keeps the agent's own objects: CiliumNode, and for each pod of the node a CiliumEndpoint and the CiliumIdentity of its labels. */
export interface ObjectKeeper {
  /** An endpoint has come or gone. */
  wake(): void
}

/** Nobody waits for these objects, and while a cluster starts everybody waits for everything else. */
const afterMs = 10_000
/** Labels of pods and namespaces change without a word to the keeper. */
const againMs = 60_000

export function keepObjects({ client, clock, log, signal, node, nodeIp, registry, endpoints }: ObjectKeeperOptions): ObjectKeeper {
  const identities = new Set<number>()
  /** What is written, by `namespace/name`. */
  let written: Map<string, { readonly uid: string; readonly status: string }> | undefined
  let timer: Disposable | undefined
  let running = false

  const pass = async (): Promise<void> => {
    if (written === undefined) {
      await keepNode(client, node, nodeIp)
      written = await existing(client, nodeIp)
    }
    const present = new Map<string, Endpoint>()
    for (const endpoint of endpoints()) if (endpoint.node !== true && endpoint.namespace !== undefined && endpoint.pod !== undefined) present.set(`${endpoint.namespace}/${endpoint.pod}`, endpoint)
    for (const [key, endpoint] of present) {
      if (signal.aborted) return
      const identity = registry.identityOf(endpoint)
      if (!identities.has(identity.id)) await keepIdentity(client, identity, log)
      identities.add(identity.id)
      const status = statusOf(endpoint, identity, nodeIp)
      const wanted = { uid: endpoint.uid ?? '', status: JSON.stringify(status) }
      const known = written.get(key)
      if (known?.uid === wanted.uid && known.status === wanted.status) continue
      await keepEndpoint(client, endpoint, status, known?.uid)
      written.set(key, wanted)
    }
    // Those of pods that are gone go with them: they are owned.
    for (const key of written.keys()) if (!present.has(key)) written.delete(key)
  }
  const schedule = (ms: number) => {
    timer?.[Symbol.dispose]()
    timer = clock.timer(ms, () => {
      timer = undefined
      if (running || signal.aborted) return
      running = true
      pass().catch((error: unknown) => { if (!signal.aborted) log.warn('the agent\'s objects could not be written; trying again', { error: messageOf(error) }) }).finally(() => {
        running = false
        if (!signal.aborted && timer === undefined) schedule(againMs)
      })
    })
  }
  signal.addEventListener('abort', () => timer?.[Symbol.dispose](), { once: true })
  schedule(afterMs)
  let soon = true
  return {
    wake() {
      // The first pass takes all that came before it; later a pod is written shortly after it came.
      if (soon && written === undefined) return
      soon = false
      schedule(1_000)
    },
  }
}

async function keepNode(client: Client, name: string, ip: string): Promise<void> {
  const { metadata, spec, status } = await client.get(Node, name)
  const podCIDRs = spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR])
  await client.apply(CiliumNode, {
    apiVersion: 'cilium.io/v2', kind: 'CiliumNode',
    metadata: { name, labels: metadata.labels ?? {}, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid: metadata.uid ?? '' }] },
    spec: { addresses: (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ type, address }) => ({ type, ip: address })).concat([{ type: 'CiliumInternalIP', ip }]), ipam: { podCIDRs } },
  }, { fieldManager: 'cilium-agent', force: true })
}

async function existing(client: Client, nodeIp: string): Promise<Map<string, { uid: string; status: string }>> {
  const { items } = await client.list(CiliumEndpoint, {})
  return new Map(items.filter(({ status }) => status?.networking.node === nodeIp).map(({ metadata, status }) => [`${metadata.namespace}/${metadata.name}`, { uid: metadata.ownerReferences?.[0]?.uid ?? '', status: JSON.stringify(status) }]))
}

/** The object's name is the number. */
async function keepIdentity(client: Client, { id, labels }: Identity, log: Log): Promise<void> {
  const security = Object.fromEntries(labels)
  const plain = Object.fromEntries([...labels].filter(([key]) => /^k8s:[A-Za-z0-9./_-]{1,253}$/.test(key) && !key.includes('namespace.labels')).map(([key, value]) => [key.slice('k8s:'.length), value]))
  try {
    await client.create(CiliumIdentity, { apiVersion: 'cilium.io/v2', kind: 'CiliumIdentity', metadata: { name: String(id), labels: plain }, 'security-labels': security })
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error
    const found = await client.get(CiliumIdentity, String(id))
    if (JSON.stringify(sorted(found['security-labels'])) !== JSON.stringify(sorted(security))) log.warn('two sets of labels share an identity number; the object names the first', { identity: id })
  }
}

function sorted(labels: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
}

function statusOf({ ip, namespace, pod, serviceAccount }: Endpoint, identity: Identity, nodeIp: string): CiliumEndpointStatus {
  return {
    encryption: {},
    'external-identifiers': { 'k8s-namespace': namespace ?? '', 'k8s-pod-name': pod ?? '', 'pod-name': `${namespace}/${pod}` },
    id: endpointId(ip), identity: { id: identity.id, labels: [...identity.strings].sort() },
    networking: { addressing: [{ ipv4: ip }], node: nodeIp },
    'service-account': serviceAccount ?? 'default', state: 'ready',
  }
}

async function keepEndpoint(client: Client, { namespace = '', pod = '', uid = '' }: Endpoint, status: CiliumEndpointStatus, before: string | undefined): Promise<void> {
  // A pod of the same name has taken the place of another: the old object goes with its owner, which may take a moment.
  if (before !== undefined && before !== uid) await client.delete(CiliumEndpoint, pod, { namespace }).catch(unlessGone)
  const object: CiliumEndpoint = {
    apiVersion: 'cilium.io/v2', kind: 'CiliumEndpoint',
    metadata: { name: pod, namespace, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: pod, uid }] }, status,
  }
  try {
    if (before === uid) await client.patch(CiliumEndpoint, pod, { status } as unknown as JsonObject, { type: 'merge', namespace })
    else await client.create(CiliumEndpoint, object)
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) await client.patch(CiliumEndpoint, pod, { metadata: { ownerReferences: object.metadata.ownerReferences }, status } as unknown as JsonObject, { type: 'merge', namespace })
    else unlessGone(error)
  }
}

function unlessGone(error: unknown): void {
  if (!isApiError(error, 'NotFound')) throw error
}
