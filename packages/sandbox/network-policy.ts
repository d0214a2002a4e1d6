import type { NetworkPolicy } from '@idp/api'
import { BlockList, isIPv6 } from 'node:net'
import { CodedError } from '@idp/kit'
import type { ClusterView } from './cluster-view.ts'

/** Who has an address. */
export interface Endpoint {
  readonly ip: string
  readonly namespace?: string
  readonly pod?: string
  /** The pod's labels now. */
  labels?(): Readonly<Record<string, string>>
  /** Port numbers of the pod's named container ports. */
  portNamed?(name: string): number | undefined
  /** True for an address of a node (also of pods in the host network): policies do not select it. */
  readonly node?: boolean
  /** Several may attach with this address (pods in the host network). */
  readonly shared?: boolean
  /** The node it is on; an agent of that node decides for it. */
  readonly nodeName?: string
  readonly uid?: string
  readonly serviceAccount?: string
  /** What controls the pod, e.g. `{ kind: 'ReplicaSet', name: 'web-5c9' }`. */
  readonly owner?: { readonly kind: string; readonly name: string }
}

export interface PolicyCheck {
  /** Throws `ConnectionTimedOut`, naming the policy, when a NetworkPolicy drops the connection at the end that `direction` names. */
  check(direction: 'ingress' | 'egress', source: Endpoint, target: Endpoint, port: number): void
}

type Spec = NonNullable<NetworkPolicy['spec']>
type Peer = NonNullable<NonNullable<Spec['ingress']>[number]['from']>[number]
type Port = NonNullable<NonNullable<Spec['ingress']>[number]['ports']>[number]
type Selector = { readonly matchLabels?: Readonly<Record<string, string>> | undefined; readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }[] | undefined }

/** NetworkPolicy (networking.k8s.io/v1): a pod that no policy selects for a direction accepts everything in that direction. */
export function createPolicyCheck(view: ClusterView): PolicyCheck {
  const peerMatches = (peer: Peer, other: Endpoint, policyNamespace: string): boolean => {
    if (peer.ipBlock !== undefined) return inBlock(other.ip, peer.ipBlock.cidr, peer.ipBlock.except ?? [])
    if (other.namespace === undefined || other.node === true) return false
    if (peer.namespaceSelector === undefined) {
      if (other.namespace !== policyNamespace) return false
    } else if (!selects(peer.namespaceSelector as Selector, view.namespace(other.namespace)?.metadata.labels ?? {})) return false
    return peer.podSelector === undefined || selects(peer.podSelector as Selector, other.labels?.() ?? {})
  }
  const allows = (policy: NetworkPolicy, direction: 'Ingress' | 'Egress', other: Endpoint, port: number, server: Endpoint): boolean => {
    const rules = direction === 'Ingress' ? (policy.spec?.ingress ?? []).map((r) => ({ peers: r.from, ports: r.ports })) : (policy.spec?.egress ?? []).map((r) => ({ peers: r.to, ports: r.ports }))
    return rules.some(({ peers, ports }) =>
      (ports === undefined || ports.length === 0 || ports.some((p) => portMatches(p, port, server)))
      && (peers === undefined || peers.length === 0 || peers.some((p) => peerMatches(p, other, policy.metadata.namespace ?? ''))))
  }
  const verdict = (subject: Endpoint, direction: 'Ingress' | 'Egress', other: Endpoint, port: number, server: Endpoint) => {
    if (subject.namespace === undefined || subject.node === true) return
    const policies = view.policies(subject.namespace)
    if (policies.length === 0) return
    const labels = subject.labels?.() ?? {}
    const selecting = policies.filter((p) => typesOf(p).includes(direction) && selects((p.spec?.podSelector ?? {}) as Selector, labels))
    if (selecting.length === 0 || selecting.some((p) => allows(p, direction, other, port, server))) return
    throw new CodedError({
      code: 'ConnectionTimedOut', message: `${direction.toLowerCase()} of pod ${subject.namespace}/${subject.pod ?? subject.ip} is not allowed by NetworkPolicy ${selecting.map((p) => p.metadata.name).join(', ')}`,
      where: `${other.ip} port ${port}`, remedy: `add a rule that allows it to one of these policies`,
    })
  }
  return {
    check(direction, source, target, port) {
      if (direction === 'egress') verdict(source, 'Egress', target, port, target)
      // Nodes always reach pods (probes), and so do pods of the host network, which have a node's address.
      else if (source.node !== true) verdict(target, 'Ingress', source, port, target)
    },
  }
}

function typesOf(policy: NetworkPolicy): readonly string[] {
  return policy.spec?.policyTypes ?? ['Ingress', ...(policy.spec?.egress === undefined ? [] : ['Egress'])]
}

function portMatches(rule: Port, port: number, server: Endpoint): boolean {
  if ((rule.protocol ?? 'TCP') !== 'TCP') return false
  if (rule.port === undefined) return true
  const number = typeof rule.port === 'string' ? server.portNamed?.(rule.port) : rule.port
  if (number === undefined) return false
  return rule.endPort === undefined ? port === number : port >= number && port <= rule.endPort
}

/** Label selectors as the API defines them; an empty one selects everything. */
function selects(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels[key] !== value) return false
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined
    if (operator === 'In') return value !== undefined && values.includes(value)
    if (operator === 'NotIn') return value === undefined || !values.includes(value)
    return operator === 'Exists' ? value !== undefined : operator === 'DoesNotExist' && value === undefined
  })
}

function inBlock(ip: string, cidr: string, except: readonly string[]): boolean {
  const inside = (block: string) => {
    const [network = '', prefix = ''] = block.split('/')
    const type = isIPv6(network) ? 'ipv6' : 'ipv4'
    const list = new BlockList()
    list.addSubnet(network, Number(prefix), type)
    return list.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4')
  }
  return inside(cidr) && !except.some(inside)
}
