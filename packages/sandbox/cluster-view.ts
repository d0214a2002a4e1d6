import type { EndpointSlice, Namespace, NetworkPolicy, Service } from '@idp/api'

/** What the network needs to know of the cluster's objects. */
export interface ClusterView {
  service(name: string, namespace: string): Service | undefined
  /** Services that have this cluster, external or load balancer address; several may share one of the latter. */
  servicesAt(address: string): readonly Service[]
  serviceOnNodePort(port: number): Service | undefined
  slices(service: string, namespace: string): Iterable<EndpointSlice>
  namespace(name: string): Namespace | undefined
  policies(namespace: string): readonly NetworkPolicy[]
}

/** One change of the objects behind a view: `before` is absent for a new object, `after` for one that is gone. */
interface Change<T> { readonly before: T | undefined; readonly after: T | undefined }

/** A ClusterView that is told of changes; its indexes are kept up with each of them. */
export interface ClusterIndex extends ClusterView {
  service: ClusterView['service']
  onService(change: Change<Service>): void
  onSlice(change: Change<EndpointSlice>): void
  onNamespace(change: Change<Namespace>): void
  onPolicy(change: Change<NetworkPolicy>): void
}

const serviceNameLabel = 'kubernetes.io/service-name'
const nothing: readonly never[] = []

/** An empty view. */
export function createClusterIndex(): ClusterIndex {
  const services = new Map<string, Service>()
  const byAddress = new Map<string, Map<string, Service>>()
  const byNodePort = new Map<number, string>()
  const slices = new Map<string, Map<string, EndpointSlice>>()
  const namespaces = new Map<string, Namespace>()
  const policies = new Map<string, Map<string, NetworkPolicy>>()
  return {
    service: (name, namespace) => services.get(`${namespace}/${name}`),
    servicesAt: (address) => [...(byAddress.get(address)?.values() ?? nothing)],
    serviceOnNodePort: (port) => services.get(byNodePort.get(port) ?? ''),
    slices: (service, namespace) => slices.get(`${namespace}/${service}`)?.values() ?? nothing,
    namespace: (name) => namespaces.get(name),
    policies: (namespace) => [...(policies.get(namespace)?.values() ?? nothing)],
    onService({ before, after }) {
      if (before !== undefined) {
        const key = keyOf(before)
        services.delete(key)
        for (const address of addressesOf(before)) removeFrom(byAddress, address, key)
        for (const port of nodePortsOf(before)) if (byNodePort.get(port) === key) byNodePort.delete(port)
      }
      if (after !== undefined) {
        const key = keyOf(after)
        services.set(key, after)
        for (const address of addressesOf(after)) addTo(byAddress, address, key, after)
        for (const port of nodePortsOf(after)) byNodePort.set(port, key)
      }
    },
    onSlice({ before, after }) {
      if (before !== undefined) removeFrom(slices, sliceOwner(before), before.metadata.name ?? '')
      if (after !== undefined) addTo(slices, sliceOwner(after), after.metadata.name ?? '', after)
    },
    onNamespace({ before, after }) {
      if (after !== undefined) namespaces.set(after.metadata.name ?? '', after)
      else if (before !== undefined) namespaces.delete(before.metadata.name ?? '')
    },
    onPolicy({ before, after }) {
      if (before !== undefined) removeFrom(policies, before.metadata.namespace ?? '', before.metadata.name ?? '')
      if (after !== undefined) addTo(policies, after.metadata.namespace ?? '', after.metadata.name ?? '', after)
    },
  }
}

/** True for a Service without cluster address whose name stands for its endpoints. */
export function isHeadless(service: Service): boolean {
  return service.spec.clusterIP === 'None'
}

function keyOf(service: Service): string {
  return `${service.metadata.namespace}/${service.metadata.name}`
}

function addressesOf(service: Service): string[] {
  const { clusterIP, clusterIPs, externalIPs } = service.spec
  const balancers = (service.status?.loadBalancer?.ingress ?? []).flatMap((i) => (i.ip === undefined ? [] : [i.ip]))
  return [...new Set([...(clusterIPs ?? []), ...(clusterIP === undefined ? [] : [clusterIP]), ...(externalIPs ?? []), ...balancers])].filter((a) => a !== '' && a !== 'None')
}

function nodePortsOf(service: Service): number[] {
  return (service.spec.ports ?? []).flatMap((p) => (p.nodePort === undefined || p.nodePort === 0 ? [] : [p.nodePort]))
}

function sliceOwner(slice: EndpointSlice): string {
  return `${slice.metadata.namespace}/${slice.metadata.labels?.[serviceNameLabel] ?? ''}`
}

function addTo<T>(map: Map<string, Map<string, T>>, row: string, name: string, value: T): void {
  const found = map.get(row)
  if (found === undefined) map.set(row, new Map([[name, value]]))
  else found.set(name, value)
}

function removeFrom<T>(map: Map<string, Map<string, T>>, row: string, name: string): void {
  const found = map.get(row)
  found?.delete(name)
  if (found?.size === 0) map.delete(row)
}
