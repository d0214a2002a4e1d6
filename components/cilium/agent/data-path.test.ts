import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYaml } from '@idp/formats'
import { fakeClock } from '@idp/kit'
import type { Connection, Endpoint } from '@idp/sandbox'
import { summaryOf, type Flow } from '../hubble/flow.ts'
import type { CiliumNetworkPolicy } from '../kinds/cilium.ts'
import { compilePolicy } from '../policy/compile-policy.ts'
import { createIdentities } from '../policy/identity.ts'
import { createPolicyEngine } from '../policy/policy-engine.ts'
import { createDataPath } from './data-path.ts'
import { createEndpointRegistry } from './endpoint-registry.ts'
import { createNameCache } from './name-cache.ts'

const pod = (ip: string, app: string, nodeName: string, more: Partial<Endpoint> = {}): Endpoint => {
  const labels = { app, 'pod-template-hash': 'abc' }
  return { ip, namespace: 'shop', pod: `${app}-abc-1`, nodeName, serviceAccount: 'default', labels: () => labels, owner: { kind: 'ReplicaSet', name: `${app}-abc` }, ...more }
}
const [web, client] = [pod('10.42.0.2', 'web', 'one'), pod('10.42.1.2', 'client', 'two')]
const proxyLabels = { 'k8s-app': 'cilium-envoy' }
const proxy: Endpoint = { ip: '172.25.0.3', node: true, shared: true, nodeName: 'two', namespace: 'kube-system', pod: 'cilium-envoy-x', labels: () => proxyLabels }
const node = (name: string, ip: string): Endpoint => ({ ip, node: true, shared: true, nodeName: name })

function world(...specs: string[]) {
  const clock = fakeClock()
  const engine = createPolicyEngine({ services: () => [], cidrGroups: () => [] })
  engine.replace(specs.flatMap((spec, i) => {
    const { policies, errors } = compilePolicy({ apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', metadata: { name: `p${i}`, namespace: 'shop' }, spec: parseYaml(spec) } as CiliumNetworkPolicy, { cluster: 'test' })
    assert.deepEqual(errors, [])
    return policies
  }))
  const flows: Omit<Flow, 'sequence' | 'node' | 'time'>[] = []
  const registry = createEndpointRegistry({
    node: 'one', cluster: 'test', identities: createIdentities().of, namespaceLabels: () => ({}), apiServers: () => new Set(['172.25.0.9']), proxy: { namespace: 'kube-system', label: ['k8s-app', 'cilium-envoy'] },
  })
  const path = createDataPath({ node: 'one', engine, registry, names: createNameCache(clock), clock, dns: { ip: '10.43.0.10', namespace: 'kube-system', pod: 'coredns', labels: () => ({ 'k8s-app': 'kube-dns' }) }, record: (flow) => flows.push(flow) })
  const connect = (direction: 'ingress' | 'egress', source: Endpoint, destination: Endpoint, port = 80, more: Partial<Connection> = {}) => path.connect(direction, { protocol: 'TCP', source, sourcePort: 40_000, destination, port, ...more })
  return { clock, engine, flows, registry, path, connect }
}

test('who an endpoint is: pods by labels, nodes as seen from the agent, the gateway as ingress', () => {
  const { registry } = world()
  const reserved = (endpoint: Endpoint, port?: number) => registry.identityOf(endpoint, port).strings.join()
  assert.deepEqual([reserved(node('one', '172.25.0.2')), reserved(node('two', '172.25.0.3')), reserved(node('two', '172.25.0.9')), reserved(proxy), reserved(proxy, 10_000), reserved(proxy, 9964), reserved({ ip: '192.0.2.1' })],
    ['reserved:host', 'reserved:remote-node', 'reserved:kube-apiserver,reserved:remote-node', 'reserved:ingress', 'reserved:ingress', 'reserved:remote-node', 'reserved:world'])
  const end = registry.endOf(web, registry.identityOf(web))
  assert.deepEqual([end.workload, end.pod, end.labels.includes('k8s:pod-template-hash=abc')], [{ kind: 'Deployment', name: 'web' }, 'web-abc-1', false])
})

test('what is recorded: verdicts where policies decide, arrivals, drops with their policy', () => {
  const open = world()
  open.connect('ingress', client, web)
  open.connect('egress', web, client)
  open.connect('egress', web, { ip: '192.0.2.1' })
  assert.deepEqual(open.flows.map(({ type, subType, verdict, direction }) => [type, subType, verdict, direction]), [[4, 0, 'FORWARDED', 'INGRESS'], [4, 3, 'FORWARDED', 'EGRESS']])
  const closed = world('{endpointSelector: {matchLabels: {app: web}}, ingress: [{fromEndpoints: [{matchLabels: {app: client}}], toPorts: [{ports: [{port: "80", protocol: TCP}]}]}]}')
  assert.deepEqual([closed.connect('ingress', client, web).allowed, closed.connect('ingress', client, web, 81), closed.connect('ingress', proxy, web).allowed, closed.connect('ingress', node('one', '172.25.0.2'), web).allowed], [true, { allowed: false, why: 'CiliumNetworkPolicy shop/p0' }, false, true])
  assert.deepEqual(closed.flows.map(({ type, subType, matchType = 0, verdict, by = [] }) => [type, subType, matchType, verdict, by.map(({ name }) => name).join()]), [
    [5, 0, 2, 'FORWARDED', 'p0'], [4, 0, 0, 'FORWARDED', ''], [5, 0, 0, 'DROPPED', 'p0'], [1, 133, 0, 'DROPPED', 'p0'], [5, 0, 0, 'DROPPED', 'p0'], [1, 133, 0, 'DROPPED', 'p0'], [4, 0, 0, 'FORWARDED', ''],
  ])
})

const dns = '{toEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": kube-system, k8s-app: kube-dns}}], toPorts: [{ports: [{port: "53", protocol: ANY}], rules: {dns: [{matchPattern: "*.example.com"}]}}]}'

test('toFQDNs: a name counts once the DNS proxy has seen its answer, for an hour', async () => {
  const { path, connect, flows, clock } = world(`{endpointSelector: {matchLabels: {app: web}}, egress: [${dns}, {toFQDNs: [{matchName: api.example.com}], toPorts: [{ports: [{port: "443", protocol: TCP}]}]}]}`)
  const to = (ip: string) => connect('egress', web, { ip }, 443, { name: 'api.example.com' }).allowed
  assert.equal(to('192.0.2.5'), false)
  assert.equal(path.query(web, 'evil.test').verdict, 'refused')
  const asked = path.query(web, 'api.example.com')
  asked.answered?.(['192.0.2.5'])
  assert.deepEqual([asked.verdict, to('192.0.2.5'), to('192.0.2.6')], ['allowed', true, false])
  path.query(web, 'other.example.com').answered?.(['192.0.2.6'])
  assert.equal(to('192.0.2.6'), false)
  assert.deepEqual(flows.filter(({ l7 }) => l7 !== undefined).map((flow) => `${flow.verdict} ${summaryOf(flow as Flow)}`), [
    'DROPPED DNS Query evil.test. A', 'FORWARDED DNS Answer RCode: Query Refused (Query evil.test. A)', 'FORWARDED DNS Query api.example.com. A', 'FORWARDED DNS Answer "192.0.2.5" (Query api.example.com. A)',
    'FORWARDED DNS Query other.example.com. A', 'FORWARDED DNS Answer "192.0.2.6" (Query other.example.com. A)',
  ])
  await clock.advance(3_600_001)
  assert.equal(to('192.0.2.5'), false)
})

test('names are not asked about where egress is open, and do not get out where DNS is not allowed', () => {
  assert.deepEqual(world().path.query(web, 'any.test'), { verdict: 'allowed' })
  const closed = world('{endpointSelector: {}, egress: [{toEndpoints: [{}]}]}')
  assert.deepEqual(closed.path.query(web, 'any.test'), { verdict: 'dropped', why: 'CiliumNetworkPolicy shop/p0' })
  assert.deepEqual(closed.flows.at(-1)?.destinationPort, 53)
})

test('a connection that is asked for again is recorded only when it falls', () => {
  const { path, engine, flows } = world()
  const connection: Connection = { protocol: 'TCP', source: client, sourcePort: 1, destination: web, port: 80 }
  assert.deepEqual([path.recheck('ingress', connection), flows.length], [{ allowed: true }, 0])
  engine.replace(compilePolicy({ apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', metadata: { name: 'shut', namespace: 'shop' }, spec: { endpointSelector: {}, ingress: [{}] } }, { cluster: 'test' }).policies)
  assert.deepEqual([path.recheck('ingress', connection).allowed, flows.at(-1)?.verdict], [false, 'DROPPED'])
})
