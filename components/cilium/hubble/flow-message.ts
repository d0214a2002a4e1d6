import { rfc3339Micro } from '@idp/kit'
import type { PolicyRef } from '../policy/compiled-policy.ts'
import { hash } from '../policy/identity.ts'
import { dropReasons, eventTypes, summaryOf, tracePoints, type Flow, type FlowEnd } from './flow.ts'

/** A flow as message `flow.Flow` of upstream's API, in the JSON form of `hubble observe -o json`. Fields that are empty are left out. */
export interface FlowMessage { readonly [field: string]: unknown }

/** The fields of flow.Flow that occur here. Query strings and headers of HTTP requests are left out: they may hold secrets. */
export function flowMessage(flow: Flow): FlowMessage {
  const { verdict, dropReason, source, destination, protocol, sourcePort, destinationPort, l7, type, subType, reply, service, names, by = [], matchType } = flow
  const ports = { source_port: sourcePort, destination_port: destinationPort }
  return withoutEmpty({
    time: rfc3339Micro(flow.time), uuid: uuidOf(flow), verdict,
    ...(dropReason === undefined ? {} : { drop_reason: dropReason, drop_reason_desc: dropReasons[dropReason] }),
    IP: { source: source.ip, destination: destination.ip, ipVersion: destination.ip.includes(':') ? 'IPv6' : 'IPv4' },
    l4: protocol === 'TCP' ? { TCP: { ...ports, ...(l7 === undefined ? { flags: { SYN: true } } : {}) } } : { UDP: ports },
    source: endMessage(source), destination: endMessage(destination), Type: l7 === undefined ? 'L3_L4' : 'L7', node_name: flow.node,
    ...(names === undefined || names.length === 0 ? {} : { destination_names: names }),
    ...(l7 === undefined ? {} : { l7: l7Message(flow) }),
    event_type: { type, ...(subType === 0 ? {} : { sub_type: subType }) },
    ...(service === undefined ? {} : { [reply === true ? 'source_service' : 'destination_service']: service }),
    traffic_direction: flow.direction,
    ...(type === eventTypes.policyVerdict && matchType !== undefined && matchType > 0 ? { policy_match_type: matchType } : {}),
    ...(type === eventTypes.trace ? { trace_observation_point: subType === tracePoints.toStack ? 'TO_STACK' : subType === tracePoints.toHost ? 'TO_HOST' : 'TO_ENDPOINT' } : {}),
    ...(reply === undefined ? {} : { is_reply: reply }),
    ...(by.length === 0 || l7 !== undefined ? {} : { [`${flow.direction.toLowerCase()}_${verdict === 'DROPPED' ? 'denied' : 'allowed'}_by`]: by.map(policyMessage) }),
    Summary: summaryOf(flow),
  })
}

/** What `hubble observe -o json` prints for a flow. */
export function observedMessage(flow: Flow): FlowMessage {
  return { flow: flowMessage(flow), node_name: flow.node, time: rfc3339Micro(flow.time) }
}

function endMessage({ id, identity, namespace, labels, pod, workload }: FlowEnd): FlowMessage {
  return withoutEmpty({
    ...(id === 0 ? {} : { ID: id }), identity, ...(namespace === undefined ? {} : { namespace }), labels,
    ...(pod === undefined ? {} : { pod_name: pod }), ...(workload === undefined ? {} : { workloads: [workload] }),
  })
}

function policyMessage({ kind, namespace, name }: PolicyRef): FlowMessage {
  return { name, ...(namespace === undefined ? {} : { namespace }), kind, revision: '1' }
}

function l7Message({ l7 }: Flow): FlowMessage {
  if (l7 === undefined) return {}
  const latency = l7.latencyMs === undefined ? {} : { latency_ns: String(Math.round(l7.latencyMs * 1e6)) }
  if ('http' in l7) return { type: l7.type, ...latency, http: withoutEmpty({ ...(l7.http.code === undefined ? {} : { code: l7.http.code }), method: l7.http.method, url: l7.http.url, protocol: 'HTTP/1.1' }) }
  const { query, ips, rcode } = l7.dns
  return { type: l7.type, ...latency, dns: withoutEmpty({ query, ips, ...(rcode === 0 ? {} : { rcode }), observation_source: 'proxy', qtypes: ['A'] }) }
}

function withoutEmpty(message: FlowMessage): FlowMessage {
  return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)))
}

/** The same flow has the same one whenever it is asked for. */
export function uuidOf({ node, sequence, time }: Flow): string {
  const hex = (value: number, digits: number) => Math.floor(value).toString(16).padStart(digits, '0').slice(-digits)
  return `${hex(hash(node), 8)}-${hex(sequence / 0x1000, 4)}-4${hex(sequence % 0x1000, 3)}-8${hex(hash(String(time)), 3)}-${hex(time, 12)}`
}
