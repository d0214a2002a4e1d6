import type { NetworkPolicy } from '@idp/api'
import type { LabelSelector } from '../kinds/cilium.ts'
import { compileCidr } from './cidr.ts'
import type { CompiledPolicy, CompiledPortRule, CompiledRule, PeerMatch, PolicyRef, PortMatch } from './compiled-policy.ts'
import { compileSelector, type Matches } from './label-selector.ts'
import { namespaceKey, namespaceLabelsPrefix } from './labels.ts'

type Spec = NonNullable<NetworkPolicy['spec']>
type Peer = NonNullable<NonNullable<Spec['ingress']>[number]['from']>[number]
type Port = NonNullable<NonNullable<Spec['ingress']>[number]['ports']>[number]

/** A NetworkPolicy (networking.k8s.io/v1) as rules: what any policy of either kind allows is allowed. As upstream, a block (`ipBlock`) selects no pod of the cluster. */
export function compileNetworkPolicy({ metadata, spec }: NetworkPolicy): CompiledPolicy {
  const namespace = metadata.namespace ?? 'default'
  const ref: PolicyRef = { kind: 'NetworkPolicy', namespace, name: metadata.name ?? '' }
  const types = spec?.policyTypes ?? ['Ingress', ...(spec?.egress === undefined ? [] : ['Egress'])]
  const rule = (peers: readonly Peer[] | undefined, ports: readonly Port[] | undefined): CompiledRule => ({
    policy: ref, deny: false,
    peers: peers === undefined || peers.length === 0 ? undefined : peers.map((peer) => compilePeer(peer, namespace)),
    ports: ports === undefined || ports.length === 0 ? undefined : [{ ports: ports.map(compilePort) } satisfies CompiledPortRule],
  })
  return {
    ref, ofNodes: false, subject: both(inNamespace(namespace), pods(spec?.podSelector as LabelSelector | undefined)),
    closes: { ingress: types.includes('Ingress'), egress: types.includes('Egress') },
    ingress: types.includes('Ingress') ? (spec?.ingress ?? []).map(({ from, ports }) => rule(from, ports)) : [],
    egress: types.includes('Egress') ? (spec?.egress ?? []).map(({ to, ports }) => rule(to, ports)) : [],
  }
}

const inNamespace = (namespace: string): Matches => (labels) => labels.get(`k8s:${namespaceKey}`) === namespace
const both = (a: Matches, b: Matches): Matches => (labels) => a(labels) && b(labels)

function pods(selector: LabelSelector | undefined): Matches {
  return prefixed(selector ?? {}, 'k8s:')
}

function prefixed({ matchLabels = {}, matchExpressions = [] }: LabelSelector, prefix: string): Matches {
  return compileSelector({
    matchLabels: Object.fromEntries(Object.entries(matchLabels).map(([key, value]) => [`${prefix}${key}`, value])),
    matchExpressions: matchExpressions.map((e) => ({ ...e, key: `${prefix}${e.key}` })),
  })
}

function compilePeer({ ipBlock, podSelector, namespaceSelector }: Peer, namespace: string): PeerMatch {
  if (ipBlock !== undefined) return { type: 'cidr', contains: compileCidr(ipBlock.cidr), except: (ipBlock.except ?? []).map((block) => compileCidr(block)) }
  const isPod: Matches = (labels) => labels.has(`k8s:${namespaceKey}`)
  const where = namespaceSelector === undefined ? inNamespace(namespace) : both(isPod, prefixed(namespaceSelector as LabelSelector, `k8s:${namespaceLabelsPrefix}`))
  return { type: 'labels', matches: both(where, pods(podSelector as LabelSelector | undefined)) }
}

function compilePort({ port, endPort, protocol = 'TCP' }: Port): PortMatch {
  const kind = protocol === 'TCP' || protocol === 'UDP' ? protocol : 'other'
  return { port: port ?? 0, protocol: kind, ...(endPort === undefined ? {} : { end: endPort }) }
}
