import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { NetworkPolicy } from '@idp/api'
import { parseYaml } from '@idp/formats'
import type { CiliumNetworkPolicy } from '../kinds/cilium.ts'
import { compileCidr } from './cidr.ts'
import { compileNetworkPolicy } from './compile-network-policy.ts'
import { compilePolicy } from './compile-policy.ts'
import { apiServerElsewhere, createIdentities, host, ingress, remoteNode, world, type Identity } from './identity.ts'
import { compileSelector } from './label-selector.ts'
import { podLabels } from './labels.ts'
import { createPolicyEngine, type Answer, type Question } from './policy-engine.ts'

const identities = createIdentities()
const pod = (namespace: string, labels: Record<string, string>, serviceAccount = 'default'): Identity =>
  identities.of(podLabels({ namespace, labels, serviceAccount, cluster: 'test', namespaceLabels: { 'kubernetes.io/metadata.name': namespace, team: namespace === 'ns2' ? 'b' : 'a' } }))

const frontend = pod('default', { role: 'frontend', env: 'prod' })
const backend = pod('default', { role: 'backend', env: 'prod' })
const other = pod('default', { role: 'other' }, 'luke')
const elsewhere = pod('ns2', { role: 'frontend' })
const dns = pod('kube-system', { 'k8s-app': 'kube-dns' })
const gone = pod('default', { role: 'frontend', 'pod-template-hash': 'abc', 'statefulset.kubernetes.io/pod-name': 'x' })

interface Peer { readonly identity: Identity; readonly ip: string; readonly names?: readonly string[] }
const at = (identity: Identity, ip = '10.42.0.9', names: readonly string[] = []): Peer => ({ identity, ip, names })
const outside = (ip: string, ...names: string[]): Peer => at(world, ip, names)

function engineOf(specs: readonly string[], kind: 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy' | 'NetworkPolicy' = 'CiliumNetworkPolicy') {
  const engine = createPolicyEngine({
    services: () => [
      { namespace: 'default', name: 'myservice', labels: {}, selects: compileSelector({ matchLabels: { role: 'backend' } }), addresses: [] },
      { namespace: 'ns2', name: 'labelled', labels: { env: 'staging' }, selects: compileSelector({ matchLabels: { role: 'frontend' } }), addresses: [] },
      { namespace: 'default', name: 'external', labels: {}, addresses: ['192.0.2.7'] },
    ],
    cidrGroups: () => [{ name: 'partners', labels: { tier: 'gold' }, blocks: [compileCidr('198.51.100.0/24')] }],
  })
  engine.replace(specs.flatMap((text, i) => {
    const spec = parseYaml(text)
    const metadata = { name: `p${i}`, ...(kind === 'CiliumClusterwideNetworkPolicy' ? {} : { namespace: 'default' }) }
    if (kind === 'NetworkPolicy') return [compileNetworkPolicy({ apiVersion: 'networking.k8s.io/v1', kind, metadata, spec } as NetworkPolicy)]
    const { policies, errors } = compilePolicy({ apiVersion: 'cilium.io/v2', kind, metadata, spec } as CiliumNetworkPolicy, { cluster: 'test' })
    assert.deepEqual(errors, [], text)
    return policies
  }))
  return engine
}

/** `in` = ingress of the subject from the peer; `out` = egress to it. */
type Row = readonly [direction: 'in' | 'out', subject: Identity, peer: Identity | Peer, port: number | `${number}/udp`, verdict: 'allow' | 'deny' | 'none']
const asked = ([direction, subject, peer, port]: Row): Question => {
  const { identity, ip, names = [] } = 'identity' in peer ? peer : at(peer)
  return {
    direction: direction === 'in' ? 'ingress' : 'egress', subject, peer: identity, peerIp: ip, names, protocol: typeof port === 'string' ? 'UDP' : 'TCP', port: Number.parseInt(String(port), 10),
    portNamed: (name) => (name === 'http' ? 8080 : undefined), fromOwnNode: direction === 'in' && identity === host,
  }
}
/** none: no policy decides. */
const verdictOf = ({ allowed, enforced }: Answer): Row[4] => (allowed ? (enforced ? 'allow' : 'none') : 'deny')

const tables: { readonly example: string; readonly kind?: 'CiliumClusterwideNetworkPolicy' | 'NetworkPolicy'; readonly specs: readonly string[]; readonly rows: readonly Row[] }[] = [
  { example: 'l3/simple/l3.yaml', specs: ['{endpointSelector: {matchLabels: {role: backend}}, ingress: [{fromEndpoints: [{matchLabels: {role: frontend}}]}]}'], rows: [
    ['in', backend, frontend, 80, 'allow'], ['in', backend, gone, 80, 'allow'], ['in', backend, other, 80, 'deny'], ['in', backend, elsewhere, 80, 'deny'], ['in', backend, world, 80, 'deny'], ['out', backend, other, 80, 'none'], ['in', frontend, other, 80, 'none'],
  ] },
  { example: 'l3/simple/l3_egress.yaml', specs: ['{endpointSelector: {matchLabels: {role: frontend}}, egress: [{toEndpoints: [{matchLabels: {role: backend}}]}]}'], rows: [
    ['out', frontend, backend, 80, 'allow'], ['out', frontend, other, 80, 'deny'], ['out', frontend, world, 443, 'deny'], ['in', frontend, other, 80, 'none'], ['out', elsewhere, other, 80, 'none'],
  ] },
  { example: 'l3/ingress-allow-all', specs: ['{endpointSelector: {matchLabels: {role: backend}}, ingress: [{fromEndpoints: [{}]}]}'], rows: [
    ['in', backend, other, 80, 'allow'], ['in', backend, elsewhere, 80, 'deny'], ['in', backend, world, 80, 'deny'],
  ] },
  { example: 'l3/egress-default-deny', specs: ['{endpointSelector: {matchLabels: {role: frontend}}, egress: [{}]}'], rows: [
    ['out', frontend, backend, 80, 'deny'], ['out', frontend, world, 80, 'deny'], ['in', frontend, backend, 80, 'none'],
  ] },
  { example: 'l3/egress-deny', specs: ['{endpointSelector: {matchLabels: {role: frontend}}, egress: [{toEntities: [all]}], egressDeny: [{toEndpoints: [{matchLabels: {role: backend}}]}]}'], rows: [
    ['out', frontend, backend, 80, 'deny'], ['out', frontend, other, 80, 'allow'], ['out', frontend, world, 80, 'allow'],
  ] },
  { example: 'l3/entities/from_world_deny', specs: ['{endpointSelector: {}, ingress: [{fromEntities: [all]}], ingressDeny: [{fromEntities: [world]}]}'], rows: [
    ['in', backend, outside('192.0.2.1'), 80, 'deny'], ['in', backend, other, 80, 'allow'], ['in', backend, ingress, 80, 'allow'],
  ] },
  { example: 'security/policy/deny: enableDefaultDeny is off', specs: ['{endpointSelector: {}, enableDefaultDeny: {ingress: false, egress: false}, ingressDeny: [{toPorts: [{ports: [{port: "22"}]}]}], egress: [{toEntities: [world]}]}'], rows: [
    ['in', backend, other, 22, 'deny'], ['in', backend, other, 80, 'none'], ['out', backend, other, 80, 'none'],
  ] },
  { example: 'l3/match-expressions/or-statement', specs: ['{endpointSelector: {}, ingress: [{fromEndpoints: [{matchExpressions: [{key: role, operator: In, values: [frontend, other]}]}]}]}'], rows: [
    ['in', backend, frontend, 80, 'allow'], ['in', backend, other, 80, 'allow'], ['in', backend, backend, 80, 'deny'],
  ] },
  { example: 'l3/match-expressions/and-statement', specs: ['{endpointSelector: {}, ingress: [{fromEndpoints: [{matchExpressions: [{key: role, operator: In, values: [frontend]}, {key: env, operator: Exists}]}]}]}'], rows: [
    ['in', backend, frontend, 80, 'allow'], ['in', backend, gone, 80, 'deny'],
  ] },
  { example: 'l3/service/service', specs: ['{endpointSelector: {matchLabels: {role: other}}, egress: [{toServices: [{k8sService: {serviceName: myservice, namespace: default}}, {k8sServiceSelector: {selector: {matchLabels: {env: staging}}, namespace: ns2}}]}]}'], rows: [
    ['out', other, backend, 80, 'allow'], ['out', other, elsewhere, 80, 'allow'], ['out', other, frontend, 80, 'deny'],
  ] },
  { example: 'l3: a Service without selector stands for its addresses', specs: ['{endpointSelector: {}, egress: [{toServices: [{k8sService: {serviceName: external}}]}]}'], rows: [
    ['out', other, outside('192.0.2.7'), 80, 'allow'], ['out', other, outside('192.0.2.8'), 80, 'deny'], ['out', other, at(backend, '192.0.2.7'), 80, 'deny'],
  ] },
  { example: 'l3/entities/apiserver', specs: ['{endpointSelector: {}, egress: [{toEntities: [kube-apiserver]}]}'], rows: [
    ['out', other, apiServerElsewhere, 6443, 'allow'], ['out', other, remoteNode, 6443, 'deny'], ['out', other, backend, 80, 'deny'],
  ] },
  { example: 'l3/entities/host', specs: ['{endpointSelector: {}, egress: [{toEntities: [host]}], ingress: [{}]}'], rows: [
    ['out', other, host, 80, 'allow'], ['out', other, remoteNode, 80, 'deny'], ['in', other, host, 80, 'none'], ['in', other, remoteNode, 80, 'deny'],
  ] },
  { example: 'l3/entities/nodes', specs: ['{endpointSelector: {}, ingress: [{fromEntities: [host, remote-node]}]}'], rows: [
    ['in', other, remoteNode, 80, 'allow'], ['in', other, apiServerElsewhere, 80, 'allow'], ['in', other, backend, 80, 'deny'], ['in', other, ingress, 80, 'deny'],
  ] },
  { example: 'l3/entities: cluster, ingress', specs: ['{endpointSelector: {matchLabels: {role: backend}}, ingress: [{fromEntities: [cluster]}]}', '{endpointSelector: {matchLabels: {role: other}}, ingress: [{fromEntities: [ingress]}]}'], rows: [
    ['in', backend, elsewhere, 80, 'allow'], ['in', backend, ingress, 80, 'allow'], ['in', backend, remoteNode, 80, 'allow'], ['in', backend, world, 80, 'deny'], ['in', other, ingress, 80, 'allow'], ['in', other, elsewhere, 80, 'deny'],
  ] },
  { example: 'l3/entities/world', specs: ['{endpointSelector: {}, ingress: [{fromEntities: [world]}]}'], rows: [['in', backend, outside('192.0.2.1'), 80, 'allow'], ['in', backend, other, 80, 'deny']] },
  { example: 'l3/cidr/cidr', specs: ['{endpointSelector: {}, egress: [{toCIDR: [20.1.1.1/32, 20.1.1.9]}, {toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.96.0.0/12]}]}]}'], rows: [
    ['out', other, outside('20.1.1.1'), 80, 'allow'], ['out', other, outside('20.1.1.9'), 80, 'allow'], ['out', other, outside('20.1.1.2'), 80, 'deny'], ['out', other, outside('10.1.1.1'), 80, 'allow'], ['out', other, outside('10.97.0.1'), 80, 'deny'],
    ['out', other, at(backend, '10.42.0.3'), 80, 'deny'], ['out', other, at(remoteNode, '10.1.2.3'), 80, 'deny'],
  ] },
  { example: 'l3: CIDR groups', specs: ['{endpointSelector: {}, egress: [{toCIDRSet: [{cidrGroupRef: partners, except: [198.51.100.8/32]}]}]}', '{endpointSelector: {matchLabels: {role: frontend}}, egress: [{toCIDRSet: [{cidrGroupSelector: {matchLabels: {tier: gold}}}]}]}'], rows: [
    ['out', other, outside('198.51.100.1'), 80, 'allow'], ['out', other, outside('198.51.100.8'), 80, 'deny'], ['out', frontend, outside('198.51.100.8'), 80, 'allow'], ['out', other, outside('192.0.2.1'), 80, 'deny'],
  ] },
  { example: 'l3/fqdn/fqdn', specs: ['{endpointSelector: {}, egress: [{toFQDNs: [{matchName: my-remote.example.com}, {matchPattern: "*.api.example.org"}]}]}'], rows: [
    ['out', other, outside('192.0.2.1', 'my-remote.example.com'), 443, 'allow'], ['out', other, outside('192.0.2.1'), 443, 'deny'], ['out', other, outside('192.0.2.1', 'x.api.example.org'), 443, 'allow'],
    ['out', other, outside('192.0.2.1', 'x.y.api.example.org'), 443, 'deny'], ['out', other, at(backend, '10.42.0.3', ['my-remote.example.com']), 443, 'deny'],
  ] },
  { example: 'l4/l4', specs: ['{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: "80", protocol: TCP}]}]}]}'], rows: [
    ['out', other, backend, 80, 'allow'], ['out', other, outside('192.0.2.1'), 80, 'allow'], ['out', other, backend, '80/udp', 'deny'], ['out', other, backend, 81, 'deny'],
  ] },
  { example: 'l4/l4_port_range', specs: ['{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: "80", endPort: 444, protocol: TCP}]}]}]}'], rows: [
    ['out', other, backend, 80, 'allow'], ['out', other, backend, 444, 'allow'], ['out', other, backend, 445, 'deny'],
  ] },
  { example: 'l4/l3_l4_combined', specs: ['{endpointSelector: {matchLabels: {role: backend}}, ingress: [{fromEndpoints: [{matchLabels: {role: frontend}}], toPorts: [{ports: [{port: "80", protocol: TCP}]}]}]}'], rows: [
    ['in', backend, frontend, 80, 'allow'], ['in', backend, frontend, 81, 'deny'], ['in', backend, other, 80, 'deny'],
  ] },
  { example: 'l4/cidr_l4_combined', specs: ['{endpointSelector: {}, egress: [{toCIDR: [192.0.2.0/24], toPorts: [{ports: [{port: "80", protocol: TCP}]}]}]}'], rows: [
    ['out', other, outside('192.0.2.9'), 80, 'allow'], ['out', other, outside('192.0.2.9'), 81, 'deny'],
  ] },
  { example: 'l4: named ports, any protocol, port 0', specs: ['{endpointSelector: {matchLabels: {role: backend}}, ingress: [{toPorts: [{ports: [{port: http}]}]}]}', '{endpointSelector: {matchLabels: {role: other}}, ingress: [{toPorts: [{ports: [{port: "0"}]}]}]}'], rows: [
    ['in', backend, other, 8080, 'allow'], ['in', backend, other, 80, 'deny'], ['in', other, backend, 1234, 'allow'], ['in', other, backend, '1234/udp', 'allow'],
  ] },
  { example: 'l4/icmp: closes, allows no connection', specs: ['{endpointSelector: {}, egress: [{icmps: [{fields: [{type: 8, family: IPv4}]}]}]}'], rows: [['out', other, backend, 80, 'deny']] },
  { example: 'kubernetes/namespace/isolate-namespaces', specs: ['{endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]}'], rows: [['in', backend, other, 80, 'allow'], ['in', backend, elsewhere, 80, 'deny'], ['in', elsewhere, backend, 80, 'none']] },
  { example: 'kubernetes/namespace/namespace-policy', specs: ['{endpointSelector: {matchLabels: {role: backend}}, ingress: [{fromEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": ns2, role: frontend}}]}]}'], rows: [['in', backend, elsewhere, 80, 'allow'], ['in', backend, frontend, 80, 'deny']] },
  { example: 'kubernetes/namespace/namespace-labels-policy', specs: ['{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: {"k8s:io.cilium.k8s.namespace.labels.team": b}}]}]}'], rows: [['in', backend, elsewhere, 80, 'allow'], ['in', backend, frontend, 80, 'deny']] },
  { example: 'kubernetes/namespace/kubedns-policy', specs: ['{endpointSelector: {}, egress: [{toEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": kube-system, k8s-app: kube-dns}}], toPorts: [{ports: [{port: "53", protocol: UDP}]}]}]}'], rows: [['out', other, dns, '53/udp', 'allow'], ['out', other, dns, 53, 'deny']] },
  { example: 'kubernetes/serviceaccount', specs: ['{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: luke}}]}]}'], rows: [['in', backend, other, 80, 'allow'], ['in', backend, frontend, 80, 'deny']] },
  { example: 'kubernetes/clusterwide/clusterscope-policy', kind: 'CiliumClusterwideNetworkPolicy', specs: ['{endpointSelector: {matchLabels: {role: frontend}}, ingress: [{fromEndpoints: [{matchLabels: {role: backend}}]}]}'], rows: [['in', elsewhere, backend, 80, 'allow'], ['in', frontend, backend, 80, 'allow'], ['in', elsewhere, other, 80, 'deny']] },
  { example: 'kubernetes/clusterwide/wildcard-from-endpoints', kind: 'CiliumClusterwideNetworkPolicy', specs: ['{endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]}'], rows: [['in', backend, elsewhere, 80, 'allow'], ['in', backend, outside('192.0.2.1'), 80, 'deny'], ['in', backend, ingress, 80, 'deny']] },
  { example: 'host/lock-down-ingress', kind: 'CiliumClusterwideNetworkPolicy', specs: ['{endpointSelector: {matchExpressions: [{key: "reserved:ingress", operator: Exists}]}, ingress: [{fromCIDR: [192.0.2.0/24]}]}'], rows: [['in', ingress, outside('192.0.2.4'), 443, 'allow'], ['in', ingress, outside('198.51.100.4'), 443, 'deny'], ['in', backend, other, 80, 'none']] },
  { example: 'host firewall is off: a nodeSelector selects nothing', kind: 'CiliumClusterwideNetworkPolicy', specs: ['{nodeSelector: {}, ingress: [{}]}'], rows: [['in', backend, other, 80, 'none'], ['in', host, other, 80, 'none']] },
  { example: 'an empty list of peers selects nobody', specs: ['{endpointSelector: {}, ingress: [{fromEndpoints: [], toPorts: [{ports: [{port: "80"}]}]}]}'], rows: [['in', backend, other, 80, 'deny']] },
  { example: 'rules of policies add up', specs: ['{endpointSelector: {}, ingress: [{}]}', '{endpointSelector: {matchLabels: {role: backend}}, ingress: [{fromEndpoints: [{matchLabels: {role: frontend}}]}]}'], rows: [['in', backend, frontend, 80, 'allow'], ['in', backend, other, 80, 'deny'], ['in', other, frontend, 80, 'deny']] },
  { example: 'NetworkPolicy: deny all, an empty rule allows all', kind: 'NetworkPolicy', specs: ['{podSelector: {}, policyTypes: [Ingress, Egress], egress: [{}]}'], rows: [['in', backend, other, 80, 'deny'], ['out', backend, world, 80, 'allow']] },
  { example: 'NetworkPolicy: peers and ports', kind: 'NetworkPolicy', specs: ['{podSelector: {matchLabels: {role: backend}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: b}}, podSelector: {matchLabels: {role: frontend}}}, {ipBlock: {cidr: 0.0.0.0/0, except: [192.0.2.0/24]}}], ports: [{port: http}, {port: 9000, endPort: 9010}]}]}'], rows: [
    ['in', backend, elsewhere, 8080, 'allow'], ['in', backend, elsewhere, 9005, 'allow'], ['in', backend, elsewhere, 80, 'deny'], ['in', backend, frontend, 8080, 'deny'], ['in', backend, outside('198.51.100.1'), 8080, 'allow'], ['in', backend, outside('192.0.2.1'), 8080, 'deny'],
  ] },
]

for (const { example, kind, specs, rows } of tables) {
  test(`verdicts: ${example}`, () => {
    const engine = engineOf(specs, kind)
    for (const row of rows) assert.equal(verdictOf(engine.ask(asked(row))), row[4], `${row[0]} ${row[1].strings.join()} <-> ${JSON.stringify(row[2])} ${row[3]}`)
  })
}

test('an answer names the policies it comes from', () => {
  const engine = engineOf(['{endpointSelector: {}, ingress: [{}]}', '{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: {role: frontend}}]}], ingressDeny: [{toPorts: [{ports: [{port: "22"}]}]}]}'])
  const by = (peer: Identity, port: number) => engine.ask(asked(['in', backend, peer, port, 'none'])).by.map(({ name }) => name)
  assert.deepEqual([by(frontend, 80), by(other, 80), by(other, 22)], [['p1'], ['p0', 'p1'], ['p1']])
})

test('HTTP rules count unless another rule allows the same without them', () => {
  const http = '{endpointSelector: {matchLabels: {role: backend}}, ingress: [{fromEndpoints: [{matchLabels: {role: frontend}}], toPorts: [{ports: [{port: "80", protocol: TCP}], rules: {http: [{method: GET, path: "/public/.*"}]}}]}]}'
  const filtered = (specs: string[], peer: Identity) => engineOf(specs).ask(asked(['in', backend, peer, 80, 'none'])).http?.length
  assert.equal(filtered([http], frontend), 1)
  assert.equal(filtered([http, '{endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]}'], frontend), undefined)
  assert.equal(filtered([http, '{endpointSelector: {}, ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: "80", protocol: TCP}], rules: {http: [{}]}}]}]}'], frontend), 2)
  assert.equal(filtered([http.replace('[{method: GET, path: "/public/.*"}]', '[]')], frontend), 0)
})

test('without policies everything is allowed; each closes only its own direction', () => {
  const everyone = [frontend, backend, other, elsewhere, dns, ingress, host, remoteNode, world, apiServerElsewhere]
  const none = engineOf([])
  const closed = { in: engineOf(['{endpointSelector: {}, ingress: [{}]}'], 'CiliumClusterwideNetworkPolicy'), out: engineOf(['{endpointSelector: {}, egress: [{}]}'], 'CiliumClusterwideNetworkPolicy') }
  for (const subject of everyone) for (const peer of everyone) for (const direction of ['in', 'out'] as const) for (const port of [80, '53/udp'] as const) {
    const row: Row = [direction, subject, peer, port, 'none']
    assert.equal(verdictOf(none.ask(asked(row))), 'none')
    assert.equal(verdictOf(closed[direction === 'in' ? 'out' : 'in'].ask(asked(row))), 'none')
    const enforced = (subject.kind === 'pod' || subject.kind === 'ingress') && !(direction === 'in' && peer === host)
    assert.equal(verdictOf(closed[direction].ask(asked(row))), enforced ? 'deny' : 'none')
  }
})

test('the platform\'s own walls: a guarded namespace takes connections of its own pods, of observability and of the gateway, an unguarded one of everybody', async () => {
  const blueprint = new URL('../../../blueprint/', import.meta.url)
  const gateway = parseYaml(await readFile(new URL('IT/gateway/network-policy.yaml', blueprint), 'utf8')) as unknown as CiliumNetworkPolicy
  const { spec } = parseYaml(await readFile(new URL('Policies/policies/generate-namespace-defaults.yaml', blueprint), 'utf8')) as unknown as { spec: { rules: { generate: { kind: string; data: { spec: object } } }[] } }
  const walls = spec.rules.find(({ generate }) => generate.kind === 'NetworkPolicy')?.generate.data.spec
  const { policies, errors } = compilePolicy(gateway, { cluster: 'test' })
  assert.deepEqual(errors, [])
  const engine = createPolicyEngine({ services: () => [], cidrGroups: () => [] })
  engine.replace([...policies, compileNetworkPolicy({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'default-ingress', namespace: 'guarded' }, spec: walls } as NetworkPolicy)])
  const of = (namespace: string, labels: Record<string, string> = {}) => identities.of(podLabels({ namespace, labels: { app: 'x' }, serviceAccount: 'default', cluster: 'test', namespaceLabels: { 'kubernetes.io/metadata.name': namespace, ...labels } }))
  const guarded = of('guarded', { 'idp.dev/guardrails': 'enforce' })
  const from = (subject: Identity) => [guarded, of('observability'), ingress, of('other'), world].map((peer) => verdictOf(engine.ask(asked(['in', subject, peer, 80, 'none']))))
  assert.deepEqual([from(guarded), from(of('open'))], [['allow', 'allow', 'allow', 'deny', 'deny'], ['none', 'none', 'none', 'none', 'none']])
})

test('identities are the same for the same labels, whoever computes them, and different for others', () => {
  const again = createIdentities().of(frontend.labels)
  assert.equal(again.id, createIdentities().of(frontend.labels).id)
  assert.notEqual(frontend.id, backend.id)
  assert.equal(pod('default', { role: 'frontend' }).id, gone.id)
  assert.ok(frontend.strings.includes('k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=default'))
})
