import type { PolicyRef } from '../policy/compiled-policy.ts'

/** One end of a flow. Shared by all records of an endpoint. */
export interface FlowEnd {
  readonly ip: string
  /** Number of the endpoint on its node; 0 for what is no endpoint. */
  readonly id: number
  readonly identity: number
  readonly labels: readonly string[]
  readonly namespace?: string
  readonly pod?: string
  readonly workload?: { readonly kind: string; readonly name: string }
}

export type VerdictName = 'FORWARDED' | 'DROPPED' | 'REDIRECTED'
export const eventTypes = { drop: 1, trace: 4, policyVerdict: 5, l7: 129 } as const
export const dropReasons = { 133: 'POLICY_DENIED', 181: 'POLICY_DENY' } as const
/** Observation points of traces that occur here. */
export const tracePoints = { toEndpoint: 0, toHost: 2, toStack: 3 } as const

export type Layer7 =
  | { readonly type: 'REQUEST' | 'RESPONSE'; readonly latencyMs?: number; readonly http: { readonly method: string; readonly url: string; readonly code?: number } }
  | { readonly type: 'REQUEST' | 'RESPONSE'; readonly latencyMs?: number; readonly dns: { readonly query: string; readonly ips: readonly string[]; readonly rcode: number } }

/** A flow as it is kept: small, shared where it can be. `flow-json.ts` and the gRPC API spell it out. */
export interface Flow {
  /** Counts the flows of its node from 1. */
  readonly sequence: number
  readonly node: string
  /** Unix milliseconds. */
  readonly time: number
  readonly verdict: VerdictName
  readonly dropReason?: keyof typeof dropReasons
  readonly source: FlowEnd
  readonly destination: FlowEnd
  readonly protocol: 'TCP' | 'UDP'
  readonly sourcePort: number
  readonly destinationPort: number
  readonly direction: 'INGRESS' | 'EGRESS'
  readonly type: (typeof eventTypes)[keyof typeof eventTypes]
  readonly subType: number
  readonly matchType?: number
  readonly reply?: boolean
  readonly service?: { readonly namespace: string; readonly name: string }
  /** Names outside the cluster that the destination is known by. */
  readonly names?: readonly string[]
  /** Policies that allowed or denied it. */
  readonly by?: readonly PolicyRef[]
  readonly l7?: Layer7
}

/** The one line that says what a flow is. */
export function summaryOf({ l7, protocol, reply }: Flow): string {
  if (l7 === undefined) return protocol === 'TCP' ? 'TCP Flags: SYN' : 'UDP'
  const latency = l7.latencyMs === undefined ? '' : ` ${l7.latencyMs}ms`
  if ('http' in l7) {
    const { method, url, code } = l7.http
    return l7.type === 'REQUEST' ? `HTTP/1.1 ${method} ${url}` : `HTTP/1.1 ${code ?? 0}${latency} (${method} ${url})`
  }
  const { query, ips, rcode } = l7.dns
  if (reply !== true) return `DNS Query ${query} A`
  return rcode === 0 ? `DNS Answer ${ips.length === 0 ? '' : `${JSON.stringify(ips.join(','))} `}(Query ${query} A)` : `DNS Answer RCode: ${rcodeNames[rcode] ?? rcode} (Query ${query} A)`
}

const rcodeNames: Readonly<Record<number, string>> = { 2: 'Server Failure', 3: 'Non-Existent Domain', 5: 'Query Refused' }

/** Name of the event, as filters and the compact form spell it: `to-endpoint`, `policy-verdict:L3-L4`, `Policy denied`, `http-request`. */
export function eventName({ type, subType, matchType = 0, l7, reply }: Flow): string {
  switch (type) {
    case eventTypes.drop: return subType === 181 ? 'Policy denied by denylist' : 'Policy denied'
    case eventTypes.policyVerdict: return `policy-verdict:${['none', 'L3-Only', 'L3-L4', 'L4-Only', 'all'][matchType] ?? 'none'}`
    case eventTypes.trace: return subType === tracePoints.toStack ? 'to-stack' : subType === tracePoints.toHost ? 'to-host' : 'to-endpoint'
    case eventTypes.l7: return `${l7 !== undefined && 'http' in l7 ? 'http' : 'dns'}-${reply === true ? 'response' : 'request'}`
  }
}
