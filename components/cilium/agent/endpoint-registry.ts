import type { Endpoint } from '@idp/sandbox'
import type { FlowEnd } from '../hubble/flow.ts'
import { apiServerElsewhere, apiServerOnHost, host, ingress, remoteNode, world, type Identity } from '../policy/identity.ts'
import { podLabels, type SecurityLabels } from '../policy/labels.ts'

export interface RegistryOptions {
  /** The agent's own node: other nodes are remote. */
  readonly node: string
  readonly cluster: string
  identities(labels: SecurityLabels): Identity
  namespaceLabels(namespace: string): Readonly<Record<string, string>>
  /** Addresses behind the Service `default/kubernetes`. */
  apiServers(): ReadonlySet<string>
  /** Where the gateway's proxy runs. */
  readonly proxy: { readonly namespace: string; readonly label: readonly [string, string] }
}

/** Who is who: endpoints of the network as identities, and as ends of flows. */
export interface EndpointRegistry {
  identityOf(endpoint: Endpoint, port?: number): Identity
  endOf(endpoint: Endpoint, identity: Identity): FlowEnd
}

/** Ports of the proxy that belong to its node: health and metrics. */
const proxyOwnPorts = new Set([9878, 9964])

interface Known { readonly labels: unknown; readonly namespaceLabels: unknown; readonly identity: Identity }

export function createEndpointRegistry({ node, cluster, identities, namespaceLabels, apiServers, proxy }: RegistryOptions): EndpointRegistry {
  const pods = new WeakMap<Endpoint, Known>()
  const ends = new WeakMap<Endpoint, FlowEnd>()
  const isProxy = ({ namespace, labels }: Endpoint) => namespace === proxy.namespace && labels?.()[proxy.label[0]] === proxy.label[1]

  const ofNode = (endpoint: Endpoint, port: number | undefined): Identity => {
    if (isProxy(endpoint) && (port === undefined || !proxyOwnPorts.has(port))) return ingress
    const own = endpoint.nodeName === node
    if (apiServers().has(endpoint.ip)) return own ? apiServerOnHost : apiServerElsewhere
    return own ? host : remoteNode
  }
  return {
    identityOf(endpoint, port) {
      if (endpoint.node === true) return ofNode(endpoint, port)
      const { namespace } = endpoint
      if (namespace === undefined) return world
      const labels = endpoint.labels?.() ?? {}
      const ofNamespace = namespaceLabels(namespace)
      const known = pods.get(endpoint)
      if (known !== undefined && known.labels === labels && known.namespaceLabels === ofNamespace) return known.identity
      const identity = identities(podLabels({ namespace, labels, namespaceLabels: ofNamespace, serviceAccount: endpoint.serviceAccount ?? 'default', cluster }))
      pods.set(endpoint, { labels, namespaceLabels: ofNamespace, identity })
      return identity
    },
    endOf(endpoint, identity) {
      const known = ends.get(endpoint)
      if (known !== undefined && known.identity === identity.id) return known
      const pod = identity.kind === 'pod'
      const end: FlowEnd = {
        ip: endpoint.ip, id: pod ? endpointId(endpoint.ip) : 0, identity: identity.id, labels: identity.strings,
        ...(pod && endpoint.namespace !== undefined ? { namespace: endpoint.namespace } : {}), ...(pod && endpoint.pod !== undefined ? { pod: endpoint.pod } : {}),
        ...(pod && endpoint.owner !== undefined ? { workload: workloadOf(endpoint.owner, endpoint.labels?.() ?? {}) } : {}),
      }
      ends.set(endpoint, end)
      return end
    },
  }
}

/** Number of an endpoint on its node: from its address, so that it is unique there and never 0. */
export function endpointId(ip: string): number {
  return ip.split('.').slice(2).reduce((value, part) => value * 256 + Number(part), 0) % 65_535 + 1
}

/** What people call the workload: the Deployment of a ReplicaSet, the CronJob of a Job. */
function workloadOf({ kind, name }: { readonly kind: string; readonly name: string }, labels: Readonly<Record<string, string>>): { readonly kind: string; readonly name: string } {
  const hash = labels['pod-template-hash']
  if (kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`)) return { kind: 'Deployment', name: name.slice(0, -hash.length - 1) }
  const scheduled = kind === 'Job' ? /^(.+)-\d{8,}$/.exec(name) : null
  return scheduled === null ? { kind, name } : { kind: 'CronJob', name: scheduled[1] ?? name }
}
