import type { AnyObject } from '@idp/formats'
import { rfc3339, uuid } from '@idp/kit'
import { equalJson } from '../json-value.ts'
import type { ServerContext } from '../server-context.ts'

export interface BootstrapOptions {
  /** Cluster address of the `kubernetes` Service. */
  readonly serviceIp: string
  /** Where the API is reached behind it. */
  readonly endpoint?: { readonly address: string; readonly port: number }
}

/** Creates what every cluster has: its namespaces, priority classes, and the `kubernetes` Service with its endpoints. */
export async function bootstrapObjects(server: Pick<ServerContext, 'storage' | 'registry' | 'clock' | 'random'>, options: BootstrapOptions): Promise<void> {
  const { storage, registry } = server
  const put = async (group: string, version: string, plural: string, wanted: AnyObject, keep: readonly string[] = []) => {
    const resource = registry.find(group, version, plural)
    if (resource === undefined) return
    const entry = storage.entry(resource, { namespace: wanted.metadata.namespace, name: wanted.metadata.name ?? '' })
    if (entry === undefined) {
      const object: AnyObject = { ...wanted, metadata: { ...wanted.metadata, uid: uuid(server.random), creationTimestamp: rfc3339(server.clock.now()) } }
      resource.decode(object)
      resource.normalize(object)
      await storage.create(resource, object)
      return
    }
    const live = storage.codec.object(entry)
    const next = { ...live, ...Object.fromEntries(keep.map((field) => [field, wanted[field]])) }
    if (!equalJson(live, next)) await storage.replace(resource, entry, next)
  }
  await Promise.all(['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((name) => put('', 'v1', 'namespaces', {
    apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name } }, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' },
  })))
  for (const [name, value, description] of priorities) await put('scheduling.k8s.io', 'v1', 'priorityclasses', { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name, generation: 1 }, value, description, preemptionPolicy: 'PreemptLowerPriority' })
  const labels = { component: 'apiserver', provider: 'kubernetes' }
  const port = { name: 'https', port: 443, protocol: 'TCP', targetPort: options.endpoint?.port ?? 6443 }
  await put('', 'v1', 'services', {
    apiVersion: 'v1', kind: 'Service', metadata: { name: 'kubernetes', namespace: 'default', labels },
    spec: { type: 'ClusterIP', clusterIP: options.serviceIp, clusterIPs: [options.serviceIp], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', internalTrafficPolicy: 'Cluster', sessionAffinity: 'None', ports: [port] }, status: { loadBalancer: {} },
  }, ['spec'])
  if (options.endpoint === undefined) return
  const { address, port: number } = options.endpoint
  await put('discovery.k8s.io', 'v1', 'endpointslices', {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' }, generation: 1 },
    addressType: 'IPv4', endpoints: [{ addresses: [address], conditions: { ready: true } }], ports: [{ name: 'https', port: number, protocol: 'TCP' }],
  }, ['endpoints', 'ports'])
  await put('', 'v1', 'endpoints', {
    apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'kubernetes', namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: [{ ip: address }], ports: [{ name: 'https', port: number, protocol: 'TCP' }] }],
  }, ['subsets'])
}

const priorities = [
  ['system-cluster-critical', 2_000_000_000, 'For pods that the cluster needs and that may move to another node.'],
  ['system-node-critical', 2_000_001_000, 'For pods that a node needs.'],
] as const
