import { defineKind, type Kind } from '@idp/api'
import type { ObjectMeta } from '@idp/formats'

const group = 'cilium.io'
const version = 'v2'

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[]
}
export interface CidrRule {
  readonly cidr?: string
  readonly cidrGroupRef?: string
  readonly cidrGroupSelector?: LabelSelector
  readonly except?: readonly string[]
}
export interface ServiceReference {
  readonly k8sService?: { readonly serviceName?: string; readonly namespace?: string }
  readonly k8sServiceSelector?: { readonly selector: LabelSelector; readonly namespace?: string }
}
export interface NameMatch { readonly matchName?: string; readonly matchPattern?: string }
export interface HeaderMatch { readonly name: string; readonly value?: string; readonly secret?: unknown; readonly mismatch?: string }
export interface HttpMatch {
  readonly path?: string
  readonly method?: string
  readonly host?: string
  readonly headers?: readonly string[]
  readonly headerMatches?: readonly HeaderMatch[]
}
export interface PortRule {
  readonly ports?: readonly { readonly port?: string; readonly endPort?: number; readonly protocol?: string }[]
  readonly rules?: { readonly http?: readonly HttpMatch[]; readonly dns?: readonly NameMatch[]; readonly kafka?: unknown; readonly l7proto?: string; readonly l7?: unknown }
  readonly serverNames?: readonly string[]
  readonly terminatingTLS?: unknown
  readonly originatingTLS?: unknown
  readonly listener?: unknown
}
interface AnyRule {
  readonly toPorts?: readonly PortRule[]
  readonly icmps?: readonly { readonly fields?: readonly { readonly family?: string; readonly type: number | string }[] }[]
  readonly authentication?: { readonly mode: string }
}
export interface IngressRule extends AnyRule {
  readonly fromEndpoints?: readonly LabelSelector[]
  readonly fromCIDR?: readonly string[]
  readonly fromCIDRSet?: readonly CidrRule[]
  readonly fromEntities?: readonly string[]
  readonly fromRequires?: readonly LabelSelector[]
  readonly fromGroups?: unknown
  readonly fromNodes?: unknown
}
export interface EgressRule extends AnyRule {
  readonly toEndpoints?: readonly LabelSelector[]
  readonly toCIDR?: readonly string[]
  readonly toCIDRSet?: readonly CidrRule[]
  readonly toEntities?: readonly string[]
  readonly toServices?: readonly ServiceReference[]
  readonly toFQDNs?: readonly NameMatch[]
  readonly toRequires?: readonly LabelSelector[]
  readonly toGroups?: unknown
  readonly toNodes?: unknown
}
/** `spec`, or one of `specs`, of both kinds of policy. */
export interface PolicySpec {
  readonly description?: string
  readonly endpointSelector?: LabelSelector
  readonly nodeSelector?: LabelSelector
  readonly ingress?: readonly IngressRule[]
  readonly ingressDeny?: readonly IngressRule[]
  readonly egress?: readonly EgressRule[]
  readonly egressDeny?: readonly EgressRule[]
  readonly enableDefaultDeny?: { readonly ingress?: boolean; readonly egress?: boolean }
}
export interface PolicyCondition { readonly type: string; readonly status: string; readonly lastTransitionTime?: string; readonly message?: string }
interface Policy {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  spec?: PolicySpec
  specs?: readonly PolicySpec[]
  status?: { conditions?: readonly PolicyCondition[] }
}
export interface CiliumNetworkPolicy extends Policy {}
export const CiliumNetworkPolicy: Kind<CiliumNetworkPolicy> = defineKind({ group, version, kind: 'CiliumNetworkPolicy', plural: 'ciliumnetworkpolicies', scope: 'Namespaced', subresources: ['status'] })
export interface CiliumClusterwideNetworkPolicy extends Policy {}
export const CiliumClusterwideNetworkPolicy: Kind<CiliumClusterwideNetworkPolicy> = defineKind({ group, version, kind: 'CiliumClusterwideNetworkPolicy', plural: 'ciliumclusterwidenetworkpolicies', scope: 'Cluster', subresources: ['status'] })

export interface CiliumCIDRGroup { apiVersion: string; kind: string; metadata: ObjectMeta; spec?: { readonly externalCIDRs?: readonly string[] } }
export const CiliumCIDRGroup: Kind<CiliumCIDRGroup> = defineKind({ group, version, kind: 'CiliumCIDRGroup', plural: 'ciliumcidrgroups', scope: 'Cluster' })

export interface CiliumIdentity { apiVersion: string; kind: string; metadata: ObjectMeta; 'security-labels': Readonly<Record<string, string>> }
export const CiliumIdentity: Kind<CiliumIdentity> = defineKind({ group, version, kind: 'CiliumIdentity', plural: 'ciliumidentities', scope: 'Cluster' })

export interface CiliumEndpoint { apiVersion: string; kind: string; metadata: ObjectMeta; status?: CiliumEndpointStatus }
export interface CiliumEndpointStatus {
  readonly id: number
  readonly identity: { readonly id: number; readonly labels: readonly string[] }
  readonly networking: { readonly addressing: readonly { readonly ipv4: string }[]; readonly node: string }
  readonly state: string
  readonly 'external-identifiers': Readonly<Record<string, string>>
  readonly 'named-ports'?: readonly { readonly name: string; readonly port: number; readonly protocol: string }[]
  readonly encryption: Readonly<Record<string, never>>
  readonly 'service-account'?: string
}
export const CiliumEndpoint: Kind<CiliumEndpoint> = defineKind({ group, version, kind: 'CiliumEndpoint', plural: 'ciliumendpoints', scope: 'Namespaced', subresources: ['status'] })

export interface CiliumNode {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  spec?: { readonly addresses?: readonly { readonly type: string; readonly ip: string }[]; readonly ipam?: { readonly podCIDRs?: readonly string[] } }
}
export const CiliumNode: Kind<CiliumNode> = defineKind({ group, version, kind: 'CiliumNode', plural: 'ciliumnodes', scope: 'Cluster', subresources: ['status'] })

export interface CiliumLoadBalancerIPPool {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  spec: {
    readonly blocks?: readonly { readonly cidr?: string; readonly start?: string; readonly stop?: string }[]
    readonly serviceSelector?: LabelSelector
    readonly disabled?: boolean
    readonly allowFirstLastIPs?: 'Yes' | 'No'
  }
  status?: { readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message?: string; readonly lastTransitionTime?: string; readonly observedGeneration?: number }[] }
}
export const CiliumLoadBalancerIPPool: Kind<CiliumLoadBalancerIPPool> = defineKind({ group, version, kind: 'CiliumLoadBalancerIPPool', plural: 'ciliumloadbalancerippools', scope: 'Cluster', subresources: ['status'] })
