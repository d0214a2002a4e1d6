import type { Enum, FieldType, MessageType } from '../grpc/protobuf.ts'

// Numbers of the fields of upstream's protocol (packages flow, observer, relay, peer), as far as they occur here.

const one = (number: number, type: FieldType['type']): FieldType => ({ number, type })
const many = (number: number, type: FieldType['type']): FieldType => ({ number, type, repeated: true })
const named = (...names: readonly (readonly [string, number])[]): Enum => ({ names: Object.fromEntries(names) })

const verdict = named(['VERDICT_UNKNOWN', 0], ['FORWARDED', 1], ['DROPPED', 2], ['ERROR', 3], ['AUDIT', 4], ['REDIRECTED', 5], ['TRACED', 6], ['TRANSLATED', 7])
const dropReason = named(['DROP_REASON_UNKNOWN', 0], ['POLICY_DENIED', 133], ['POLICY_DENY', 181])
const direction = named(['TRAFFIC_DIRECTION_UNKNOWN', 0], ['INGRESS', 1], ['EGRESS', 2])
const ipVersion = named(['IP_NOT_USED', 0], ['IPv4', 1], ['IPv6', 2])
const flowType = named(['UNKNOWN_TYPE', 0], ['L3_L4', 1], ['L7', 2], ['SOCK', 3])
const l7Type = named(['UNKNOWN_L7_TYPE', 0], ['REQUEST', 1], ['RESPONSE', 2], ['SAMPLE', 3])
const tracePoint = named(['UNKNOWN_POINT', 0], ['TO_HOST', 2], ['TO_STACK', 3], ['TO_ENDPOINT', 101])
const nodeState = named(['UNKNOWN_NODE_STATE', 0], ['NODE_CONNECTED', 1], ['NODE_UNAVAILABLE', 2], ['NODE_GONE', 3], ['NODE_ERROR', 4])

const workload: MessageType = { name: one(1, 'string'), kind: one(2, 'string') }
const endpoint: MessageType = { ID: one(1, 'uint32'), identity: one(2, 'uint32'), namespace: one(3, 'string'), labels: many(4, 'string'), pod_name: one(5, 'string'), workloads: many(6, () => workload) }
const ip: MessageType = { source: one(1, 'string'), destination: one(2, 'string'), ipVersion: one(3, ipVersion) }
const tcpFlags: MessageType = { FIN: one(1, 'bool'), SYN: one(2, 'bool'), RST: one(3, 'bool'), PSH: one(4, 'bool'), ACK: one(5, 'bool') }
const tcp: MessageType = { source_port: one(1, 'uint32'), destination_port: one(2, 'uint32'), flags: one(3, () => tcpFlags) }
const udp: MessageType = { source_port: one(1, 'uint32'), destination_port: one(2, 'uint32') }
const layer4: MessageType = { TCP: one(1, () => tcp), UDP: one(2, () => udp) }
const dns: MessageType = { query: one(1, 'string'), ips: many(2, 'string'), ttl: one(3, 'uint32'), cnames: many(4, 'string'), observation_source: one(5, 'string'), rcode: one(6, 'uint32'), qtypes: many(7, 'string'), rrtypes: many(8, 'string') }
const http: MessageType = { code: one(1, 'uint32'), method: one(2, 'string'), url: one(3, 'string'), protocol: one(4, 'string') }
const layer7: MessageType = { type: one(1, l7Type), latency_ns: one(2, 'uint64'), dns: one(100, () => dns), http: one(101, () => http) }
const service: MessageType = { name: one(1, 'string'), namespace: one(2, 'string') }
const eventType: MessageType = { type: one(1, 'int32'), sub_type: one(2, 'int32') }
const policy: MessageType = { name: one(1, 'string'), namespace: one(2, 'string'), labels: many(3, 'string'), revision: one(4, 'uint64'), kind: one(5, 'string') }

/** flow.Flow */
export const flow: MessageType = {
  time: one(1, 'timestamp'), uuid: one(34, 'string'), verdict: one(2, verdict), drop_reason: one(3, 'uint32'), IP: one(5, () => ip), l4: one(6, () => layer4), source: one(8, () => endpoint), destination: one(9, () => endpoint),
  Type: one(10, flowType), node_name: one(11, 'string'), source_names: many(13, 'string'), destination_names: many(14, 'string'), l7: one(15, () => layer7), event_type: one(19, () => eventType),
  source_service: one(20, () => service), destination_service: one(21, () => service), traffic_direction: one(22, direction), policy_match_type: one(23, 'uint32'), trace_observation_point: one(24, tracePoint),
  drop_reason_desc: one(25, dropReason), is_reply: one(26, 'bool-value'),
  egress_allowed_by: many(21001, () => policy), ingress_allowed_by: many(21002, () => policy), egress_denied_by: many(21004, () => policy), ingress_denied_by: many(21005, () => policy), Summary: one(100000, 'string'),
}

const eventTypeFilter: MessageType = { type: one(1, 'int32'), match_sub_type: one(2, 'bool'), sub_type: one(3, 'int32') }
/** flow.FlowFilter; tcp_flags, trace_id and newer ones are known by name, so that they can be refused. */
export const flowFilter: MessageType = {
  source_ip: many(1, 'string'), source_pod: many(2, 'string'), destination_ip: many(3, 'string'), destination_pod: many(4, 'string'), verdict: many(5, verdict), event_type: many(6, () => eventTypeFilter), source_fqdn: many(7, 'string'),
  destination_fqdn: many(8, 'string'), http_status_code: many(9, 'string'), source_label: many(10, 'string'), destination_label: many(11, 'string'), protocol: many(12, 'string'), source_port: many(13, 'string'), destination_port: many(14, 'string'),
  reply: many(15, 'bool'), source_service: many(16, 'string'), destination_service: many(17, 'string'), dns_query: many(18, 'string'), source_identity: many(19, 'uint32'), destination_identity: many(20, 'uint32'), http_method: many(21, 'string'),
  http_path: many(22, 'string'), tcp_flags: many(23, () => tcpFlags), node_name: many(24, 'string'), ip_version: many(25, ipVersion), source_workload: many(26, () => workload), destination_workload: many(27, () => workload), trace_id: many(28, 'string'),
  uuid: many(29, 'string'), traffic_direction: many(30, direction), http_url: many(31, 'string'), http_header: many(32, () => workload), drop_reason_desc: many(33, dropReason),
}

const nodeStatus: MessageType = { state_change: one(1, nodeState), node_names: many(2, 'string'), message: one(3, 'string') }
const lostEvent: MessageType = { num_events_lost: one(2, 'uint64') }

/** observer.GetFlowsRequest */
export const getFlowsRequest: MessageType = { number: one(1, 'uint64'), follow: one(3, 'bool'), blacklist: many(5, () => flowFilter), whitelist: many(6, () => flowFilter), since: one(7, 'timestamp'), until: one(8, 'timestamp'), first: one(9, 'bool') }
/** observer.GetFlowsResponse */
export const getFlowsResponse: MessageType = { flow: one(1, () => flow), node_status: one(2, () => nodeStatus), lost_events: one(3, () => lostEvent), node_name: one(1000, 'string'), time: one(1001, 'timestamp') }
/** observer.ServerStatusResponse */
export const serverStatusResponse: MessageType = {
  num_flows: one(1, 'uint64'), max_flows: one(2, 'uint64'), seen_flows: one(3, 'uint64'), uptime_ns: one(4, 'uint64'), num_connected_nodes: one(5, 'uint32-value'), num_unavailable_nodes: one(6, 'uint32-value'),
  unavailable_nodes: many(7, 'string'), version: one(8, 'string'),
}
const tls: MessageType = { enabled: one(1, 'bool'), server_name: one(2, 'string') }
const node: MessageType = {
  name: one(1, 'string'), version: one(2, 'string'), address: one(3, 'string'), state: one(4, nodeState), tls: one(5, () => tls), uptime_ns: one(6, 'uint64'), num_flows: one(7, 'uint64'), max_flows: one(8, 'uint64'), seen_flows: one(9, 'uint64'),
}
/** observer.GetNodesResponse */
export const getNodesResponse: MessageType = { nodes: many(1, () => node) }
/** A request without fields. */
export const empty: MessageType = {}

const changeType = named(['UNKNOWN', 0], ['PEER_ADDED', 1], ['PEER_DELETED', 2], ['PEER_UPDATED', 3])
/** peer.ChangeNotification */
export const changeNotification: MessageType = { name: one(1, 'string'), address: one(2, 'string'), type: one(3, changeType) }
