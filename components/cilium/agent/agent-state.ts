import { EndpointSlice, Namespace } from '@idp/api'
import { informer, metadataOnly } from '@idp/controller'
import type { Client } from '@idp/client'
import { CodedError, type Clock, type Log } from '@idp/kit'
import type { Container, Endpoint, NodeNetwork } from '@idp/sandbox'
import { createFlowMetrics, type FlowMetrics } from '../hubble/flow-metrics.ts'
import { createFlowRing, defaultCapacity, type FlowRing } from '../hubble/flow-ring.ts'
import { createIdentities, type Identity } from '../policy/identity.ts'
import type { Enforcement, PolicyEngine } from '../policy/policy-engine.ts'
import { createDataPath } from './data-path.ts'
import { createEndpointRegistry, type EndpointRegistry } from './endpoint-registry.ts'
import { createNameCache, type NameCache } from './name-cache.ts'
import { keepObjects } from './object-keeper.ts'
import { watchPolicies } from './policy-watch.ts'

/** What a running agent has. */
export interface AgentState {
  readonly node: string
  readonly startedAt: number
  readonly engine: PolicyEngine
  readonly registry: EndpointRegistry
  readonly names: NameCache
  readonly identities: ReadonlyMap<number, Identity>
  readonly endpoints: ReadonlySet<Endpoint>
  /** Undefined where Hubble is off. */
  readonly flows: FlowRing | undefined
  readonly metrics: FlowMetrics
  /** Resolves when policies are in force on the node. */
  readonly ready: Promise<void>
}

export interface AgentOptions {
  readonly client: Client
  readonly admin: NodeNetwork
  readonly ip: string
  readonly namespace: string
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** ConfigMap cilium-config. */
  readonly config: Readonly<Record<string, string>>
}

const modes: readonly Enforcement[] = ['default', 'always', 'never']
const nothing: Readonly<Record<string, string>> = {}

/** Starts what cilium-agent does: policies into verdicts of the node's data path, flows, and its objects in the API. */
export function startAgent({ client, admin, ip, namespace, clock, log, signal, config }: AgentOptions): AgentState {
  const { node } = admin
  const cluster = config['cluster-name'] ?? 'default'
  const enforcement = modes.find((mode) => mode === (config['enable-policy'] ?? 'default'))
  if (enforcement === undefined) throw new CodedError({ code: 'InvalidConfig', message: `enable-policy is ${JSON.stringify(config['enable-policy'])}`, where: 'ConfigMap cilium-config', remedy: 'use default, always or never' })
  const watching = { clock, log, signal }
  const namespaces = informer(client, Namespace, { ...watching, transform: metadataOnly })
  const apiServers = apiServerAddresses(client, watching)
  const identities = createIdentities()
  const registry = createEndpointRegistry({
    node, cluster, identities: identities.of, namespaceLabels: (name) => namespaces.cache.get(name)?.metadata.labels ?? nothing,
    apiServers: () => apiServers.addresses, proxy: { namespace, label: ['k8s-app', 'cilium-envoy'] },
  })
  const names = createNameCache(clock)
  const { engine, synced } = watchPolicies({ client, ...watching, cluster, enforcement, changed: () => admin.reevaluate() })
  const flows = config['enable-hubble'] === 'false' ? undefined : createFlowRing(Number(config['hubble-event-buffer-capacity'] ?? defaultCapacity))
  const metrics = createFlowMetrics((config['hubble-metrics'] ?? '').split(/[\s]+/).filter((group) => group !== ''))
  const path = createDataPath({
    node, engine, registry, names, clock, dns: clusterDns(config),
    record(flow) {
      if (flows === undefined) return
      const made = Object.assign(flow, { sequence: flows.seen + 1, node, time: clock.now() })
      flows.add(made)
      metrics.count(made)
    },
  })
  const endpoints = new Set<Endpoint>()
  const keeper = keepObjects({ client, ...watching, node, nodeIp: ip, registry, endpoints: () => endpoints })
  const following = admin.onEndpoint((endpoint, state) => {
    if (state === 'present') endpoints.add(endpoint)
    else endpoints.delete(endpoint)
    keeper.wake()
  })
  signal.addEventListener('abort', () => following[Symbol.dispose](), { once: true })
  const ready = Promise.all([namespaces.synced, apiServers.synced, synced]).then(() => admin.attach(path))
  return { node, startedAt: clock.now(), engine, registry, names, identities: identities.all, endpoints, flows, metrics, ready }
}

function apiServerAddresses(client: Client, watching: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal }): { readonly addresses: ReadonlySet<string>; readonly synced: Promise<void> } {
  const addresses = new Set<string>()
  const slices = informer(client, EndpointSlice, { ...watching, query: { namespace: 'default', labelSelector: 'kubernetes.io/service-name=kubernetes' } })
  slices.onChange(() => {
    addresses.clear()
    for (const slice of slices.cache.list()) for (const endpoint of slice.endpoints ?? []) for (const address of endpoint.addresses) addresses.add(address)
  })
  return { addresses, synced: slices.synced }
}

/** The engine answers names itself; to policies it is the pod that people write rules for. */
function clusterDns(config: Readonly<Record<string, string>>): Endpoint {
  const labels = { 'k8s-app': 'kube-dns' }
  return { ip: config['cluster-dns'] ?? '10.43.0.10', namespace: 'kube-system', pod: 'coredns', serviceAccount: 'coredns', labels: () => labels, portNamed: (name) => (name === 'dns' || name === 'dns-tcp' ? 53 : undefined) }
}

/** The agent's rights on its node's network. @throws CodedError `NotPermitted` */
export function adminOf({ net, pod }: Pick<Container, 'net' | 'pod'>): NodeNetwork {
  if (net.admin !== undefined) return net.admin
  throw new CodedError({ code: 'NotPermitted', message: 'cilium-agent may not program the network of its node', where: `pod ${pod.namespace}/${pod.name}`, remedy: 'run it with hostNetwork and the capability NET_ADMIN, as the chart does' })
}
