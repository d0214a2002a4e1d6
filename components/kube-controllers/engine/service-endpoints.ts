import type { EndpointSlice, Node, Pod, Service } from '@idp/api'
import { isPodReady } from '@idp/controller'

export type Endpoint = NonNullable<EndpointSlice['endpoints']>[number]
export type EndpointPort = NonNullable<EndpointSlice['ports']>[number]
type ServicePort = NonNullable<NonNullable<Service['spec']>['ports']>[number]

export interface PortGroup {
  readonly addressType: 'IPv4' | 'IPv6'
  readonly ports: readonly EndpointPort[]
  readonly endpoints: readonly Endpoint[]
}

/** True for a pod that has an address and may receive traffic. */
export function isRoutable(pod: Pod): boolean {
  return (pod.status?.podIP ?? '') !== '' && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed'
}

/** The endpoints of a Service's pods, grouped by address family and by the port numbers behind the Service's ports. */
export function endpointGroups(service: Service, pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): PortGroup[] {
  const groups = new Map<string, { addressType: 'IPv4' | 'IPv6'; ports: readonly EndpointPort[]; endpoints: Endpoint[] }>()
  for (const addressType of familiesOf(service)) {
    for (const pod of pods.filter(isRoutable)) {
      const addresses = (pod.status?.podIPs ?? [{ ip: pod.status?.podIP ?? '' }]).map(({ ip }) => ip).filter((ip) => ip.includes(':') === (addressType === 'IPv6'))
      if (addresses.length === 0) continue
      const ports = portsOf(service, pod)
      if (ports.length === 0 && (service.spec?.ports ?? []).length > 0 && service.spec?.clusterIP !== 'None') continue
      const key = JSON.stringify([addressType, ports])
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] }
      group.endpoints.push(endpointOf(service, pod, addresses.slice(0, 1), nodeOf))
      groups.set(key, group)
    }
  }
  return [...groups.values()]
}

export function familiesOf(service: Service): ('IPv4' | 'IPv6')[] {
  const named = (service.spec?.ipFamilies ?? []) as ('IPv4' | 'IPv6')[]
  return named.length === 0 ? [service.spec?.clusterIP?.includes(':') === true ? 'IPv6' : 'IPv4'] : named
}

function portsOf(service: Service, pod: Pod): EndpointPort[] {
  const found: EndpointPort[] = []
  for (const port of service.spec?.ports ?? []) {
    const number = targetPort(port, pod)
    if (number === undefined) continue
    found.push({ name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }) })
  }
  return found
}

/** The container port a Service port leads to; a name is looked up in the pod, so that pods of one Service may differ. */
export function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target === 0 ? port.port : target
  if (/^\d+$/.test(target)) return Number(target)
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always')
  for (const container of [...pod.spec.containers, ...sidecars]) {
    const named = container.ports?.find(({ name, protocol }) => name === target && (protocol ?? 'TCP') === (port.protocol ?? 'TCP'))
    if (named !== undefined) return named.containerPort
  }
  return undefined
}

function endpointOf(service: Service, pod: Pod, addresses: string[], nodeOf: (name: string) => Node | undefined): Endpoint {
  const { name = '', namespace = '', uid = '', deletionTimestamp } = pod.metadata
  const serving = isPodReady(pod)
  const terminating = deletionTimestamp !== undefined
  const always = service.spec?.publishNotReadyAddresses === true
  const node = pod.spec.nodeName
  const zone = node ? nodeOf(node)?.metadata.labels?.['topology.kubernetes.io/zone'] : undefined
  const hostname = pod.spec.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined
  return {
    addresses, conditions: { ready: always || (serving && !terminating), serving, terminating },
    targetRef: { kind: 'Pod', name, namespace, uid },
    ...(node ? { nodeName: node } : {}), ...(zone === undefined ? {} : { zone }), ...(hostname === undefined ? {} : { hostname }),
  }
}
