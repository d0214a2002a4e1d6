import type { KubeObject } from '@idp/formats'
import type { DiscoveryRole } from './config.ts'

/** What the cluster has, by kind; what a role needs of it is in `kindsOfRole`. */
export interface ClusterObjects {
  nodes(): readonly NodeFields[]
  pods(): readonly PodFields[]
  services(): readonly ServiceFields[]
  slices(): readonly SliceFields[]
  endpoints(): readonly EndpointsFields[]
  ingresses(): readonly IngressFields[]
}

export const kindsOfRole: Readonly<Record<DiscoveryRole, readonly (keyof ClusterObjects)[]>> = {
  node: ['nodes'], pod: ['pods'], service: ['services'], endpoints: ['endpoints', 'services', 'pods'], endpointslice: ['slices', 'services', 'pods'], ingress: ['ingresses'],
}

export interface NodeFields extends KubeObject { status?: { addresses?: { type: string; address: string }[]; daemonEndpoints?: { kubeletEndpoint?: { Port?: number } } } }
interface PortFields { name?: string; containerPort: number; protocol?: string }
interface ContainerFields { name: string; image?: string; ports?: PortFields[] }
export interface PodFields extends KubeObject {
  spec?: { nodeName?: string; containers?: ContainerFields[]; initContainers?: ContainerFields[] }
  status?: { podIP?: string; hostIP?: string; phase?: string; conditions?: { type: string; status: string }[] }
}
export interface ServiceFields extends KubeObject { spec?: { type?: string; clusterIP?: string; externalName?: string; ports?: { name?: string; port: number; protocol?: string }[] } }
interface Reference { kind?: string; name?: string; namespace?: string }
export interface SliceFields extends KubeObject {
  addressType?: string
  ports?: { name?: string; port?: number; protocol?: string }[] | null
  endpoints?: { addresses: string[]; hostname?: string; nodeName?: string; targetRef?: Reference; conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean } }[] | null
}
interface EndpointAddress { ip: string; hostname?: string; nodeName?: string; targetRef?: Reference }
export interface EndpointsFields extends KubeObject { subsets?: { addresses?: EndpointAddress[]; notReadyAddresses?: EndpointAddress[]; ports?: { name?: string; port: number; protocol?: string }[] }[] }
export interface IngressFields extends KubeObject { spec?: { ingressClassName?: string; tls?: { hosts?: string[] }[]; rules?: { host?: string; http?: { paths?: { path?: string }[] } }[] } }

export type Labels = Map<string, string>

/** The targets of one role, with the `__meta_kubernetes_…` labels that relabelling works on. What comes of objects that have not changed is the same value as before. */
export function discover(role: DiscoveryRole, cluster: ClusterObjects, namespaces: readonly string[]): Labels[] {
  const wanted = <T extends KubeObject>(objects: readonly T[]): readonly T[] => (namespaces.length === 0 ? objects : objects.filter(({ metadata }) => namespaces.includes(metadata.namespace ?? '')))
  switch (role) {
    case 'node': return cluster.nodes().flatMap((node) => remembered(node, [], () => nodeTargets(node)))
    case 'pod': return wanted(cluster.pods()).flatMap((pod) => remembered(pod, [], () => podTargets(pod)))
    case 'service': return wanted(cluster.services()).flatMap((service) => remembered(service, [], () => serviceTargets(service)))
    case 'ingress': return wanted(cluster.ingresses()).flatMap((ingress) => remembered(ingress, [], () => ingressTargets(ingress)))
    case 'endpoints': {
      const look = lookUp(cluster)
      return wanted(cluster.endpoints()).flatMap((one) => remembered(one, behindEndpoints(one, look), () => endpointsTargets(one, look)))
    }
    case 'endpointslice': {
      const look = lookUp(cluster)
      return wanted(cluster.slices()).flatMap((one) => remembered(one, behindSlice(one, look), () => sliceTargets(one, look)))
    }
  }
}

/** Targets by the object they come from, with what else they were made of: objects of caches are never changed in place. */
const made = new WeakMap<KubeObject, { readonly of: readonly unknown[]; readonly targets: Labels[] }>()

function remembered(object: KubeObject, of: readonly unknown[], make: () => Labels[]): Labels[] {
  const known = made.get(object)
  if (known?.of.length === of.length && known.of.every((one, i) => one === of[i])) return known.targets
  const targets = make()
  made.set(object, { of, targets })
  return targets
}

interface LookUp { pod(namespace: string, name: string): PodFields | undefined; service(namespace: string, name: string): ServiceFields | undefined }

function lookUp(cluster: ClusterObjects): LookUp {
  const named = <T extends KubeObject>(objects: readonly T[]): Map<string, T> => new Map(objects.map((object) => [`${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`, object]))
  const [pods, services] = [named(cluster.pods()), named(cluster.services())]
  return { pod: (namespace, name) => pods.get(`${namespace}/${name}`), service: (namespace, name) => services.get(`${namespace}/${name}`) }
}

function podOf(look: LookUp, namespace: string, reference: Reference | undefined): PodFields | undefined {
  return reference?.kind === 'Pod' ? look.pod(reference.namespace ?? namespace, reference.name ?? '') : undefined
}

function behindEndpoints({ metadata: { name = '', namespace = '' }, subsets = [] }: EndpointsFields, look: LookUp): unknown[] {
  return [look.service(namespace, name), ...subsets.flatMap(({ addresses = [], notReadyAddresses = [] }) => [...addresses, ...notReadyAddresses].map(({ targetRef }) => podOf(look, namespace, targetRef)))]
}

function behindSlice({ metadata: { namespace = '', labels = {} }, endpoints }: SliceFields, look: LookUp): unknown[] {
  return [look.service(namespace, labels['kubernetes.io/service-name'] ?? ''), ...(endpoints ?? []).map(({ targetRef }) => podOf(look, namespace, targetRef))]
}

const safe = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, '_')
const authority = (host: string, port: number | undefined): string => (port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`)

function targetOf(address: string, ...parts: readonly Readonly<Record<string, string | undefined>>[]): Labels {
  const labels: Labels = new Map([['__address__', address]])
  for (const part of parts) for (const [name, value] of Object.entries(part)) if (value !== undefined && value !== '') labels.set(name, value)
  return labels
}

function metadataOf(what: string, { metadata }: KubeObject): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [kind, values] of [['label', metadata.labels], ['annotation', metadata.annotations]] as const) {
    for (const [name, value] of Object.entries(values ?? {})) {
      labels[`__meta_kubernetes_${what}_${kind}_${safe(name)}`] = value
      labels[`__meta_kubernetes_${what}_${kind}present_${safe(name)}`] = 'true'
    }
  }
  return labels
}

function nodeTargets(node: NodeFields): Labels[] {
  const addresses = node.status?.addresses ?? []
  const address = addresses.find(({ type }) => type === 'InternalIP') ?? addresses[0]
  if (address === undefined) return []
  const byType = Object.fromEntries(addresses.map(({ type, address: one }) => [`__meta_kubernetes_node_address_${safe(type)}`, one]))
  return [targetOf(authority(address.address, node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 10250), { instance: node.metadata.name, __meta_kubernetes_node_name: node.metadata.name }, metadataOf('node', node), byType)]
}

function podLabels(pod: PodFields): Record<string, string | undefined> {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true)
  return {
    __meta_kubernetes_pod_name: pod.metadata.name, __meta_kubernetes_pod_ip: pod.status?.podIP, __meta_kubernetes_pod_phase: pod.status?.phase,
    __meta_kubernetes_pod_ready: (pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'unknown').toLowerCase(),
    __meta_kubernetes_pod_node_name: pod.spec?.nodeName, __meta_kubernetes_pod_host_ip: pod.status?.hostIP, __meta_kubernetes_pod_uid: pod.metadata.uid,
    __meta_kubernetes_pod_controller_kind: owner?.kind, __meta_kubernetes_pod_controller_name: owner?.name, ...metadataOf('pod', pod),
  }
}

function containerLabels({ name, image }: ContainerFields, port: PortFields | undefined, init: boolean): Record<string, string | undefined> {
  return {
    __meta_kubernetes_pod_container_name: name, __meta_kubernetes_pod_container_image: image, __meta_kubernetes_pod_container_init: String(init),
    ...(port === undefined ? {} : { __meta_kubernetes_pod_container_port_name: port.name, __meta_kubernetes_pod_container_port_number: String(port.containerPort), __meta_kubernetes_pod_container_port_protocol: port.protocol ?? 'TCP' }),
  }
}

function podTargets(pod: PodFields): Labels[] {
  const ip = pod.status?.podIP
  if (ip === undefined || ip === '') return []
  const own = { __meta_kubernetes_namespace: pod.metadata.namespace, ...podLabels(pod) }
  const containers = [...(pod.spec?.containers ?? []).map((one) => [one, false] as const), ...(pod.spec?.initContainers ?? []).map((one) => [one, true] as const)]
  return containers.flatMap(([container, init]) => ((container.ports ?? []).length === 0 ? [undefined] : container.ports ?? []).map((port) => targetOf(authority(ip, port?.containerPort), own, containerLabels(container, port, init))))
}

function serviceLabels(service: ServiceFields | undefined): Record<string, string | undefined> {
  return service === undefined ? {} : { __meta_kubernetes_service_name: service.metadata.name, ...metadataOf('service', service) }
}

function serviceTargets(service: ServiceFields): Labels[] {
  const { name = '', namespace = '' } = service.metadata
  return (service.spec?.ports ?? []).map((port) => targetOf(`${name}.${namespace}.svc:${port.port}`, {
    __meta_kubernetes_namespace: namespace, __meta_kubernetes_service_port_name: port.name, __meta_kubernetes_service_port_number: String(port.port), __meta_kubernetes_service_port_protocol: port.protocol ?? 'TCP',
    __meta_kubernetes_service_type: service.spec?.type, __meta_kubernetes_service_cluster_ip: service.spec?.clusterIP, __meta_kubernetes_service_external_name: service.spec?.externalName,
  }, serviceLabels(service)))
}

/** A pod behind an address, with the container that has the port. */
function targetPod(look: LookUp, namespace: string, reference: Reference | undefined, portNumber: number | undefined): Record<string, string | undefined> {
  const pod = podOf(look, namespace, reference)
  if (pod === undefined) return {}
  const container = pod.spec?.containers?.find(({ ports }) => ports?.some(({ containerPort }) => containerPort === portNumber))
  return { ...podLabels(pod), ...(container === undefined ? {} : containerLabels(container, container.ports?.find(({ containerPort }) => containerPort === portNumber), false)) }
}

function endpointsTargets(endpoints: EndpointsFields, look: LookUp): Labels[] {
  const { name = '', namespace = '' } = endpoints.metadata
  const own = { __meta_kubernetes_namespace: namespace, __meta_kubernetes_endpoints_name: name, ...metadataOf('endpoints', endpoints), ...serviceLabels(look.service(namespace, name)) }
  return (endpoints.subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => ports.flatMap((port) =>
    [...addresses.map((one) => [one, 'true'] as const), ...notReadyAddresses.map((one) => [one, 'false'] as const)].map(([address, ready]) => targetOf(authority(address.ip, port.port), own, {
      __meta_kubernetes_endpoint_port_name: port.name, __meta_kubernetes_endpoint_port_protocol: port.protocol ?? 'TCP', __meta_kubernetes_endpoint_ready: ready, __meta_kubernetes_endpoint_hostname: address.hostname,
      __meta_kubernetes_endpoint_node_name: address.nodeName, __meta_kubernetes_endpoint_address_target_kind: address.targetRef?.kind, __meta_kubernetes_endpoint_address_target_name: address.targetRef?.name,
    }, targetPod(look, namespace, address.targetRef, port.port)))))
}

function sliceTargets(slice: SliceFields, look: LookUp): Labels[] {
  const { name = '', namespace = '', labels = {} } = slice.metadata
  const own = { __meta_kubernetes_namespace: namespace, __meta_kubernetes_endpointslice_name: name, __meta_kubernetes_endpointslice_address_type: slice.addressType, ...metadataOf('endpointslice', slice), ...serviceLabels(look.service(namespace, labels['kubernetes.io/service-name'] ?? '')) }
  return (slice.endpoints ?? []).flatMap((endpoint) => (slice.ports ?? []).flatMap((port) => endpoint.addresses.map((address) => targetOf(authority(address, port.port), own, {
    __meta_kubernetes_endpointslice_port: port.port === undefined ? undefined : String(port.port), __meta_kubernetes_endpointslice_port_name: port.name, __meta_kubernetes_endpointslice_port_protocol: port.protocol ?? 'TCP',
    __meta_kubernetes_endpointslice_endpoint_conditions_ready: text(endpoint.conditions?.ready), __meta_kubernetes_endpointslice_endpoint_conditions_serving: text(endpoint.conditions?.serving), __meta_kubernetes_endpointslice_endpoint_conditions_terminating: text(endpoint.conditions?.terminating),
    __meta_kubernetes_endpointslice_endpoint_hostname: endpoint.hostname, __meta_kubernetes_endpointslice_endpoint_node_name: endpoint.nodeName,
    __meta_kubernetes_endpointslice_address_target_kind: endpoint.targetRef?.kind, __meta_kubernetes_endpointslice_address_target_name: endpoint.targetRef?.name,
  }, targetPod(look, namespace, endpoint.targetRef, port.port)))))
}

const text = (value: boolean | undefined): string | undefined => (value === undefined ? undefined : String(value))

function ingressTargets(ingress: IngressFields): Labels[] {
  const { name, namespace } = ingress.metadata
  const hosts = new Set((ingress.spec?.tls ?? []).flatMap(({ hosts: all = [] }) => all))
  return (ingress.spec?.rules ?? []).flatMap(({ host = '', http }) => (http?.paths ?? [{}]).map(({ path = '/' }) => targetOf(host, {
    __meta_kubernetes_namespace: namespace, __meta_kubernetes_ingress_name: name, __meta_kubernetes_ingress_host: host, __meta_kubernetes_ingress_path: path,
    __meta_kubernetes_ingress_scheme: hosts.has(host) ? 'https' : 'http', __meta_kubernetes_ingress_class_name: ingress.spec?.ingressClassName,
  }, metadataOf('ingress', ingress))))
}
