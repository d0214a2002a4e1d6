import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import type { EndpointSlice, NetworkPolicy, Service } from '@idp/api'
import { fakeClock } from '@idp/kit'
import { createCa, issueCertificate } from '@idp/pki'
import { createClusterIndex, createFabric, type FabricOptions } from './index.ts'

const clock = fakeClock()

function world(options: Partial<FabricOptions> = {}) {
  const view = createClusterIndex()
  const fabric = createFabric({ view, clock, ca: () => '', ...options })
  const pod = (ip: string, name: string, namespace = 'shop', labels: Record<string, string> = {}) => fabric.attach({ ip, namespace, pod: name, labels: () => labels, portNamed: (n) => (n === 'http' ? 8080 : undefined) }).open()
  const service = (name: string, spec: Partial<Service['spec']>, namespace = 'shop') => view.onService({ before: view.service(name, namespace), after: { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec } as Service })
  const slice = (name: string, endpoints: EndpointSlice['endpoints'], ports: EndpointSlice['ports'], namespace = 'shop') => view.onSlice({
    before: undefined, after: { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } }, addressType: 'IPv4', endpoints, ports } as EndpointSlice,
  })
  return { view, fabric, pod, service, slice }
}

const saying = (text: string) => ({ handler: () => new Response(text) })

async function shop() {
  const made = world()
  const client = made.pod('10.42.0.2', 'client')
  const a = made.pod('10.42.1.2', 'a')
  const b = made.pod('10.42.2.2', 'b')
  await a.listen(8080, saying('a'))
  await b.listen(8080, saying('b'))
  made.service('cart', { clusterIP: '10.43.7.7', type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30080 }] })
  made.slice('cart', [{ addresses: ['10.42.1.2'], conditions: { ready: true } }, { addresses: ['10.42.2.2'], conditions: { ready: true } }, { addresses: ['10.42.9.9'], conditions: { ready: false } }], [{ name: 'http', port: 8080 }])
  return { ...made, client, a, b }
}

test('a Service is reached by each of its names and by its address, ready endpoints in turn', async () => {
  const { client, fabric } = await shop()
  const seen = []
  for (const url of ['http://cart/', 'http://cart.shop', 'http://cart.shop.svc', 'http://cart.shop.svc.cluster.local', 'http://cart.shop.svc.cluster.local.', 'http://10.43.7.7:80']) seen.push(await (await client.fetch(url)).text())
  assert.deepEqual(seen, ['a', 'b', 'a', 'b', 'a', 'b'])
  const other = fabric.attach({ ip: '10.42.0.3', namespace: 'other' }).open()
  await assert.rejects(other.fetch('http://cart/'), { code: 'NameNotFound' })
  assert.equal((await other.fetch('http://cart.shop')).status, 200)
})

test('failures of a dial have names', async () => {
  const { client, service, pod } = await shop()
  service('empty', { clusterIP: '10.43.7.8', ports: [{ port: 80 }] })
  const cases: [string, string][] = [
    ['http://nobody/', 'NameNotFound'], ['http://empty/', 'NoEndpoints'], ['http://cart:81/', 'ConnectionRefused'], ['http://10.42.1.2:1/', 'ConnectionRefused'],
    ['http://10.42.77.77/', 'ConnectionTimedOut'], ['http://example.com/', 'EgressDenied'], ['https://cart:80/', 'TlsHandshakeFailed'],
  ]
  for (const [url, code] of cases) await assert.rejects(client.fetch(url), { code }, url)
  await assert.rejects(pod('10.42.0.9', 'x').listen(80, saying('')).then(async () => client.fetch('http://10.42.0.9', { signal: AbortSignal.abort(new Error('enough')) })), /enough/)
})

test('headless Services, pods by host name, ExternalName and localhost', async () => {
  const { client, service, slice, a } = await shop()
  service('db', { clusterIP: 'None', ports: [{ port: 8080 }] })
  slice('db', [{ addresses: ['10.42.1.2'], hostname: 'db-0', conditions: { ready: true } }, { addresses: ['10.42.2.2'], hostname: 'db-1', conditions: { ready: true } }], [{ name: '', port: 8080 }])
  service('alias', { type: 'ExternalName', externalName: 'cart.shop.svc.cluster.local' })
  assert.deepEqual(await client.resolve('db'), ['10.42.1.2', '10.42.2.2'])
  assert.deepEqual(await client.resolve('db-1.db.shop.svc'), ['10.42.2.2'])
  assert.deepEqual(await client.resolve('10-42-1-2.shop.pod.cluster.local'), ['10.42.1.2'])
  assert.equal(await (await client.fetch('http://db-1.db:8080')).text(), 'b')
  assert.equal((await client.fetch('http://alias/')).status, 200)
  assert.equal(await (await a.fetch('http://localhost:8080')).text(), 'a')
})

test('Services share the address of a load balancer by port; a node keeps its other ports', async () => {
  const { client, service, slice, fabric } = await shop()
  const node = fabric.attach({ ip: '172.25.0.2', node: true, shared: true }).open()
  await node.listen(9879, saying('the node itself'))
  const balanced = (port: number): Partial<Service['spec']> => ({ clusterIP: `10.43.8.${port % 200}`, type: 'LoadBalancer', externalIPs: ['172.25.0.2'], ports: [{ name: 'http', port }] })
  service('one', balanced(443))
  service('two', balanced(80))
  slice('one', [{ addresses: ['10.42.1.2'] }], [{ name: 'http', port: 8080 }])
  slice('two', [{ addresses: ['10.42.2.2'] }], [{ name: 'http', port: 8080 }])
  const ask = async (port: number) => (await client.fetch(`http://172.25.0.2:${port}/`)).text()
  assert.deepEqual([await ask(443), await ask(80), await ask(9879), await (await node.fetch('http://127.0.0.1:9879')).text()], ['a', 'b', 'the node itself', 'the node itself'])
})

test('session affinity keeps a client at its endpoint until it expires', async () => {
  const { client, service } = await shop()
  service('cart', { clusterIP: '10.43.7.7', ports: [{ name: 'http', port: 80 }], sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } })
  const ask = async () => (await client.fetch('http://cart')).text()
  const first = await ask()
  assert.deepEqual([await ask(), await ask()], [first, first])
  await clock.advance(61_000)
  assert.notEqual(await ask(), await ask().then(async () => first))
})

test('https in process checks names, authority and time as a handshake does', async () => {
  const now = clock.now()
  const ca = await createCa({ subject: { commonName: 'cluster' }, now, days: 10 })
  const good = await issueCertificate({ ca, now, days: 1, for: 'both', dnsNames: ['cart.shop.svc'], subject: { commonName: 'shopper', organizations: ['team'] } })
  const { pod, service, slice } = world({ ca: () => ca.cert })
  const [client, server] = [pod('10.42.0.2', 'client'), pod('10.42.1.2', 'a')]
  let peer: unknown
  await server.listen(8443, { handler: (_request, from) => { peer = from; return new Response('secret') } }, { tls: { identity: () => good, clientCa: ca.cert } })
  service('cart', { clusterIP: '10.43.7.7', ports: [{ name: 'https', port: 443 }] })
  slice('cart', [{ addresses: ['10.42.1.2'] }], [{ name: 'https', port: 8443 }])
  assert.equal(await (await client.fetch('https://cart.shop.svc', { clientIdentity: good })).text(), 'secret')
  assert.deepEqual(peer, { address: '10.42.0.2', certificate: { commonName: 'shopper', organizations: ['team'] } })
  await assert.rejects(client.fetch('https://cart/'), { code: 'CertificateInvalid', message: /not for cart/ })
  assert.equal((await client.fetch('https://cart/', { insecure: true })).status, 200)
  assert.equal((await client.fetch('https://cart/', { serverName: 'cart.shop.svc' })).status, 200)
  const stranger = await createCa({ subject: { commonName: 'stranger' }, now, days: 10 })
  await assert.rejects(client.fetch('https://cart.shop.svc', { ca: stranger.cert }), { code: 'CertificateInvalid', message: /unknown authority/ })
  await assert.rejects(client.fetch('http://cart.shop.svc:443'), { code: 'TlsExpected' })
  await clock.advance(2 * 86_400_000)
  await assert.rejects(client.fetch('https://cart.shop.svc'), { code: 'CertificateInvalid', message: /expired/ })
})

test('a raw connection to a TLS port does a real handshake; raw listeners answer fetch', async () => {
  const now = Date.now()
  const ca = await createCa({ subject: { commonName: 'cluster' }, now, days: 10 })
  const good = await issueCertificate({ ca, now, days: 1, for: 'server', ipAddresses: ['10.42.1.2'] })
  const { pod, fabric } = world({ ca: () => ca.cert })
  const [client, server] = [pod('10.42.0.2', 'client'), pod('10.42.1.2', 'a')]
  await server.listen(8443, saying('over TLS'), { tls: { identity: () => good } })
  // A raw listener that hands the connection on to the TLS port: fetch goes through framing and encryption.
  await server.listenRaw(9443, (connection) => {
    const inner = fabric.connectFrom('10.42.1.2', { ip: '10.42.1.2', port: 8443 })
    connection.pipe(inner).pipe(connection)
  })
  assert.equal(await (await client.fetch('https://10.42.1.2:9443/')).text(), 'over TLS')
  await server.listen(8080, saying('plain'))
  const connection = await client.connect({ host: '10.42.1.2', port: 8080 })
  connection.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  let text = ''
  for await (const chunk of connection) text += String(chunk)
  assert.match(text, /^HTTP\/1\.1 200 OK[\s\S]*plain/)
})

test('disposing a container closes its ports and ends what is under way', async () => {
  const { client, pod } = await shop()
  const server = pod('10.42.5.5', 'slow')
  await server.listen(80, { handler: () => new Promise<Response>(() => {}) })
  const waiting = client.fetch('http://10.42.5.5')
  const raw = await client.connect({ host: '10.42.5.5', port: 80 })
  server[Symbol.dispose]()
  await assert.rejects(waiting, { code: 'ConnectionReset' })
  raw.resume()
  await once(raw, 'close')
  await assert.rejects(client.fetch('http://10.42.5.5'), { code: 'ConnectionRefused' })
})

const policies: { title: string; spec: NonNullable<NetworkPolicy['spec']>; allowed: boolean }[] = [
  { title: 'deny all ingress', spec: { podSelector: {}, policyTypes: ['Ingress'] }, allowed: false },
  { title: 'another pod is selected', spec: { podSelector: { matchLabels: { app: 'other' } }, policyTypes: ['Ingress'] }, allowed: true },
  { title: 'from the client', spec: { podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }] }] }, allowed: true },
  { title: 'from somebody else', spec: { podSelector: {}, ingress: [{ from: [{ podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['client'] }] } }] }] }, allowed: false },
  { title: 'on a named port', spec: { podSelector: {}, ingress: [{ ports: [{ port: 'http' }] }] }, allowed: true },
  { title: 'on another port', spec: { podSelector: {}, ingress: [{ ports: [{ port: 9000, endPort: 9100 }] }] }, allowed: false },
  { title: 'from a namespace', spec: { podSelector: {}, ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'shop' } } }] }] }, allowed: true },
  { title: 'from a block', spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.42.0.0/24' } }] }] }, allowed: true },
  { title: 'from a block except the client', spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.42.0.0/24', except: ['10.42.0.2/32'] } }] }] }, allowed: false },
  { title: 'deny all egress', spec: { podSelector: { matchLabels: { app: 'client' } }, policyTypes: ['Egress'] }, allowed: false },
  { title: 'egress to the server', spec: { podSelector: { matchLabels: { app: 'client' } }, policyTypes: ['Egress'], egress: [{ to: [{ podSelector: { matchLabels: { app: 'server' } } }], ports: [{ port: 8080 }] }] }, allowed: true },
]
for (const { title, spec, allowed } of policies) {
  test(`NetworkPolicy: ${title}`, async () => {
    const { view, pod } = world()
    view.onNamespace({ before: undefined, after: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { team: 'shop' } } } })
    view.onPolicy({ before: undefined, after: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'p', namespace: 'shop' }, spec } as NetworkPolicy })
    const [client, server] = [pod('10.42.0.2', 'client', 'shop', { app: 'client' }), pod('10.42.1.2', 'server', 'shop', { app: 'server' })]
    await server.listen(8080, saying('ok'))
    const asked = client.fetch('http://10.42.1.2:8080')
    if (allowed) assert.equal((await asked).status, 200)
    else await assert.rejects(asked, { code: 'ConnectionTimedOut', message: /NetworkPolicy p/ })
  })
}

test('NetworkPolicy: a node and a caller from outside', async () => {
  const { view, fabric, pod, service, slice } = world()
  view.onPolicy({ before: undefined, after: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'closed', namespace: 'shop' }, spec: { podSelector: {}, policyTypes: ['Ingress'] } } as NetworkPolicy })
  await pod('10.42.1.2', 'server').listen(8080, saying('ok'))
  const node = fabric.attach({ ip: '172.25.0.2', node: true, shared: true }).open()
  assert.equal((await node.fetch('http://10.42.1.2:8080')).status, 200)
  service('web', { clusterIP: '10.43.1.1', type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30080 }] })
  slice('web', [{ addresses: ['10.42.1.2'] }], [{ name: 'http', port: 8080 }])
  assert.throws(() => fabric.enter(new PassThrough(), 30080, '127.0.0.1'), { code: 'ConnectionTimedOut', message: /NetworkPolicy closed/ })
})
