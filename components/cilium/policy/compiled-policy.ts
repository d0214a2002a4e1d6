import type { Contains } from './cidr.ts'
import type { HttpMatcher } from './http-match.ts'
import type { Matches } from './label-selector.ts'

/** Where a rule comes from. */
export interface PolicyRef {
  readonly kind: 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy' | 'NetworkPolicy'
  readonly namespace?: string
  readonly name: string
}

/** `CiliumNetworkPolicy shop/closed` */
export function describePolicy({ kind, namespace, name }: PolicyRef): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`
}

export type PeerMatch =
  | { readonly type: 'labels'; readonly matches: Matches }
  /** Addresses outside the cluster; a block selects no pod and no node. */
  | { readonly type: 'cidr'; readonly contains: Contains; readonly except: readonly Contains[] }
  | { readonly type: 'cidr-group'; readonly names: (name: string, labels: Readonly<Record<string, string>>) => boolean; readonly except: readonly Contains[] }
  | { readonly type: 'name'; readonly matches: (name: string) => boolean }
  | { readonly type: 'service'; readonly namespace: string | undefined; readonly name?: string; readonly matches?: Matches }

export interface PortMatch {
  /** A number (0: any) or the name of a container port. */
  readonly port: number | string
  readonly end?: number
  readonly protocol: 'TCP' | 'UDP' | 'ANY' | 'other'
}

export interface CompiledPortRule {
  /** Empty: any port. */
  readonly ports: readonly PortMatch[]
  /** Empty: every request, seen by the proxy. */
  readonly http?: readonly HttpMatcher[]
  readonly dns?: readonly ((name: string) => boolean)[]
}

export interface CompiledRule {
  readonly policy: PolicyRef
  readonly deny: boolean
  /** Undefined: any peer; empty: none. */
  readonly peers: readonly PeerMatch[] | undefined
  /** Undefined: any port. */
  readonly ports: readonly CompiledPortRule[] | undefined
}

/** One `spec` of a policy, ready to be asked. */
export interface CompiledPolicy {
  readonly ref: PolicyRef
  /** Of the host firewall, which is off: nothing is selected. */
  readonly ofNodes: boolean
  readonly subject: Matches
  /** Whether what no rule allows is denied for the selected, by direction. */
  readonly closes: { readonly ingress: boolean; readonly egress: boolean }
  readonly ingress: readonly CompiledRule[]
  readonly egress: readonly CompiledRule[]
}
