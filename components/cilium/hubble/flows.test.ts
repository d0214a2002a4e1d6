import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFlowMetrics } from './flow-metrics.ts'
import { createFlowRing } from './flow-ring.ts'
import { flowMessage, uuidOf } from './flow-message.ts'
import { compileFilters, type FlowFilter } from './flow-filter.ts'
import type { Flow, FlowEnd } from './flow.ts'
import { parseObserve } from './observe-options.ts'
import { observe } from './observe.ts'

const web: FlowEnd = { ip: '10.42.1.2', id: 7, identity: 300, labels: ['k8s:app=web', 'k8s:io.kubernetes.pod.namespace=shop'], namespace: 'shop', pod: 'web-5c9-x', workload: { kind: 'Deployment', name: 'web' } }
const client: FlowEnd = { ip: '10.42.0.2', id: 8, identity: 301, labels: ['k8s:app=client'], namespace: 'other', pod: 'client' }
const world: FlowEnd = { ip: '192.0.2.1', id: 0, identity: 2, labels: ['reserved:world'] }
const at = (sequence: number, more: Partial<Flow> = {}): Flow => ({
  sequence, node: 'one', time: 1_000 * sequence, verdict: 'FORWARDED', source: client, destination: web, protocol: 'TCP', sourcePort: 40_000, destinationPort: 8080, direction: 'INGRESS', type: 4, subType: 0, ...more,
})
const drop = at(1, { verdict: 'DROPPED', dropReason: 133, type: 1, subType: 133, service: { namespace: 'shop', name: 'web' } })
const http = at(2, { type: 129, verdict: 'FORWARDED', reply: true, source: web, destination: client, l7: { type: 'RESPONSE', latencyMs: 3, http: { method: 'GET', url: 'http://web/a', code: 404 } } })
const dns = at(3, { type: 129, protocol: 'UDP', destinationPort: 53, direction: 'EGRESS', reply: false, l7: { type: 'REQUEST', dns: { query: 'api.example.com.', ips: [], rcode: 0 } } })
const out = at(4, { destination: world, direction: 'EGRESS', subType: 3, names: ['api.example.com'] })
const all = [drop, http, dns, out]

const filters: [filter: FlowFilter, sequences: number[]][] = [
  [{}, [1, 2, 3, 4]], [{ verdict: ['DROPPED'] }, [1]], [{ source_pod: ['other/'] }, [1, 3, 4]], [{ source_pod: ['client'] }, []], [{ destination_pod: ['shop/web'], verdict: ['FORWARDED'] }, [3]],
  [{ destination_ip: ['192.0.2.0/24'] }, [4]], [{ source_label: ['app=web'] }, [2]], [{ source_label: ['app in (client, web),!x'] }, [1, 2, 3, 4]], [{ destination_label: ['reserved:world'] }, [4]], [{ destination_service: ['shop/web'] }, [1]],
  [{ protocol: ['http', 'udp'] }, [2, 3]], [{ http_status_code: ['4+'] }, [2]], [{ http_path: ['^/a$'] }, [2]], [{ dns_query: ['example'] }, [3]], [{ destination_fqdn: ['*.example.com'] }, [4]], [{ event_type: [{ type: 1 }, { type: 4, match_sub_type: true, sub_type: 3 }] }, [1, 4]],
  [{ destination_port: ['8000-9000'] }, [1, 2, 4]], [{ traffic_direction: ['EGRESS'] }, [3, 4]], [{ destination_identity: [2] }, [4]], [{ reply: [true] }, [2]], [{ source_workload: [{ kind: 'Deployment' }] }, [2]], [{ drop_reason_desc: ['POLICY_DENIED'] }, [1]],
  [{ uuid: [uuidOf(dns)] }, [3]], [{ node_name: ['default/on*'] }, [1, 2, 3, 4]], [{ ip_version: ['IPv6'] }, []],
]
test('filters of the flow API', () => {
  for (const [filter, sequences] of filters) assert.deepEqual(all.filter(compileFilters([filter], [])).map(({ sequence }) => sequence), sequences, JSON.stringify(filter))
  assert.deepEqual(all.filter(compileFilters([{ source_pod: ['other/'] }], [{ verdict: ['DROPPED'] }])).map(({ sequence }) => sequence), [3, 4])
  assert.throws(() => compileFilters([{ trace_id: ['x'] } as FlowFilter], []), /trace_id is not supported/)
})

test('the ring keeps the last ones, and is read from either end', async () => {
  const ring = createFlowRing(3)
  for (let i = 1; i <= 5; i++) ring.add(at(i))
  assert.deepEqual([ring.size, ring.seen, [...ring.all()].map((f) => f.sequence), [...ring.backwards()].map((f) => f.sequence)], [3, 5, [3, 4, 5], [5, 4, 3]])
  const read = async (request: Parameters<typeof observe>[1]) => (await Array.fromAsync(observe(ring, request, new AbortController().signal))).map((f) => f.sequence)
  assert.deepEqual([await read({ number: '2' }), await read({ number: '2', first: true }), await read({ since: new Date(4_000).toISOString() }), await read({ until: new Date(3_500).toISOString() })], [[4, 5], [3, 4], [4, 5], [3]])
  const stop = new AbortController()
  const following = observe(ring, { follow: true, number: '1' }, stop.signal)
  assert.equal((await following.next()).value?.sequence, 5)
  const next = following.next()
  ring.add(at(6))
  assert.equal((await next).value?.sequence, 6)
  const last = following.next()
  stop.abort()
  assert.equal((await last).done, true)
})

test('a flow in upstream\'s JSON form', () => {
  assert.deepEqual(flowMessage({ ...drop, by: [{ kind: 'CiliumNetworkPolicy', namespace: 'shop', name: 'closed' }] }), {
    time: '1970-01-01T00:00:01.000000Z', uuid: uuidOf(drop), verdict: 'DROPPED', drop_reason: 133, drop_reason_desc: 'POLICY_DENIED', IP: { source: '10.42.0.2', destination: '10.42.1.2', ipVersion: 'IPv4' },
    l4: { TCP: { source_port: 40_000, destination_port: 8080, flags: { SYN: true } } }, source: { ID: 8, identity: 301, namespace: 'other', labels: client.labels, pod_name: 'client' },
    destination: { ID: 7, identity: 300, namespace: 'shop', labels: web.labels, pod_name: 'web-5c9-x', workloads: [{ kind: 'Deployment', name: 'web' }] }, Type: 'L3_L4', node_name: 'one', event_type: { type: 1, sub_type: 133 },
    destination_service: { namespace: 'shop', name: 'web' }, traffic_direction: 'INGRESS', ingress_denied_by: [{ name: 'closed', namespace: 'shop', kind: 'CiliumNetworkPolicy', revision: '1' }], Summary: 'TCP Flags: SYN',
  })
  assert.deepEqual([flowMessage(http)['l7'], flowMessage(http)['Summary']], [{ type: 'RESPONSE', latency_ns: '3000000', http: { code: 404, method: 'GET', url: 'http://web/a', protocol: 'HTTP/1.1' } }, 'HTTP/1.1 404 3ms (GET http://web/a)'])
})

test('metrics of the groups that are on', () => {
  const metrics = createFlowMetrics(['flow', 'drop:labelsContext=x', 'httpV2', 'dns'])
  for (const each of all) metrics.count(each)
  const text = metrics.render()
  for (const line of [
    'hubble_flows_processed_total{protocol="TCP",subtype="",type="Drop",verdict="DROPPED"} 1', 'hubble_drop_total{protocol="TCP",reason="POLICY_DENIED"} 1', 'hubble_http_requests_total{method="GET",protocol="HTTP/1.1",reporter="server",status="404"} 1',
    'hubble_dns_queries_total{ips_returned="0",qtypes="A",rcode="No Error"} 1', 'hubble_http_request_duration_seconds_bucket{method="GET",reporter="server",le="0.005"} 1',
  ]) assert.ok(text.includes(`${line}\n`), `${line}\n${text}`)
  assert.ok(!text.includes('hubble_tcp_flags_total'))
})

test('options of hubble observe', () => {
  assert.deepEqual(parseObserve(['--last', '5', '-o', 'json', '--namespace=shop', '--verdict', 'dropped']), {
    request: { number: '5', first: false, whitelist: [{ verdict: ['DROPPED'], source_pod: ['shop/'] }, { verdict: ['DROPPED'], destination_pod: ['shop/'] }] }, output: 'json',
  })
  assert.deepEqual(parseObserve(['-t', 'drop', '--to-pod', 'a/b', '--follow']).request, { follow: true, whitelist: [{ destination_pod: ['a/b'], event_type: [{ type: 1 }] }] })
  assert.throws(() => parseObserve(['--colour', 'never']), /unknown option --colour/)
})
