import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { NetworkPolicy } from '@idp/api'
import { fakeClock } from '@idp/kit'
import { createClusterIndex, createFabric, type Connection, type DataPath, type Endpoint, type HttpFilter } from './index.ts'

const allowed: DataPath = { connect: () => ({ allowed: true }), recheck: () => ({ allowed: true }), query: () => ({ verdict: 'allowed' }) }

async function world() {
  const view = createClusterIndex()
  const fabric = createFabric({ view, clock: fakeClock(), ca: () => '' })
  const pod = (ip: string, name: string, nodeName: string) => fabric.attach({ ip, namespace: 'shop', pod: name, nodeName, labels: () => ({ app: name }) }).open()
  const [client, server] = [pod('10.42.0.2', 'client', 'one'), pod('10.42.1.2', 'server', 'two')]
  const served: string[] = []
  await server.listen(8080, { handler: (request) => { served.push(`${request.method} ${new URL(request.url).pathname}`); return new Response('ok') } })
  await server.listenRaw(9000, (connection) => void connection.resume())
  return { view, fabric, client, server, served, one: fabric.nodeNetwork('one'), two: fabric.nodeNetwork('two') }
}

const speak = async (connection: NodeJS.ReadWriteStream, text: string): Promise<string> => {
  connection.write(text)
  let said = ''
  for await (const chunk of connection) said += String(chunk)
  return said
}

test('each end of a connection is decided about on its own node', async () => {
  const { client, one, two } = await world()
  const asked: string[] = []
  const path = (node: string): DataPath => ({ ...allowed, connect: (direction, { source, destination, port }) => { asked.push(`${node} ${direction} ${source.pod} ${destination.pod}:${port}`); return { allowed: true } } })
  one.attach(path('one'))
  two.attach(path('two'))
  assert.equal((await client.fetch('http://10.42.1.2:8080')).status, 200)
  assert.deepEqual(asked, ['one egress client server:8080', 'two ingress client server:8080'])
  two.attach({ ...allowed, connect: () => ({ allowed: false, why: 'CiliumNetworkPolicy shop/closed' }) })
  await assert.rejects(client.fetch('http://10.42.1.2:8080'), { code: 'ConnectionTimedOut', message: 'ingress of pod shop/server is not allowed by CiliumNetworkPolicy shop/closed' })
})

test('an agent replaces the engine\'s own NetworkPolicy on its node alone', async () => {
  const { view, client, one, two } = await world()
  view.onPolicy({ before: undefined, after: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'closed', namespace: 'shop' }, spec: { podSelector: { matchLabels: { app: 'server' } }, policyTypes: ['Ingress'] } } as NetworkPolicy })
  one.attach(allowed)
  await assert.rejects(client.fetch('http://10.42.1.2:8080'), { code: 'ConnectionTimedOut', message: /NetworkPolicy closed/ })
  two.attach(allowed)
  assert.equal((await client.fetch('http://10.42.1.2:8080')).status, 200)
})

test('requests go through the filters of both ends, called or over a raw connection', async () => {
  const { client, server, served, one, two, fabric } = await world()
  const noting = (name: string, seen: string[]): HttpFilter => async (request, next) => {
    seen.push(name)
    if (new URL(request.url).pathname === '/secret') return new Response('Access denied\r\n', { status: 403 })
    return next(request)
  }
  const seen: string[] = []
  one.attach({ ...allowed, connect: () => ({ allowed: true, http: noting('one', seen) }) })
  two.attach({ ...allowed, connect: () => ({ allowed: true, http: noting('two', seen) }) })
  assert.equal(await (await client.fetch('http://10.42.1.2:8080/open')).text(), 'ok')
  assert.equal((await client.fetch('http://10.42.1.2:8080/secret')).status, 403)
  assert.deepEqual([seen.splice(0), served.splice(0)], [['one', 'two', 'one'], ['GET /open']])
  const ask = async (port: number, path: string) => speak(await client.connect({ host: '10.42.1.2', port }), `GET ${path} HTTP/1.1\r\nhost: server\r\nconnection: close\r\n\r\n`)
  assert.match(await ask(8080, '/open'), /^HTTP\/1\.1 200 OK[\s\S]*ok/)
  assert.match(await ask(8080, '/secret'), /^HTTP\/1\.1 403 Forbidden[\s\S]*Access denied/)
  await server.listenRaw(9001, (connection) => {
    const inner = fabric.connectFrom('10.42.1.2', { ip: '10.42.1.2', port: 8080 })
    connection.pipe(inner).pipe(connection)
  })
  assert.match(await ask(9001, '/open'), /^HTTP\/1\.1 200 OK[\s\S]*ok/)
  await assert.rejects(client.fetch('https://10.42.1.2:8080'), { code: 'ConnectionReset', message: /the proxy cannot read it/ })
})

test('an upgrade passes the filters first, and several requests share a connection', async () => {
  const { client, server, two } = await world()
  await server.listen(81, {
    handler: () => new Response('plain'),
    upgrade: (_request, socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\nhello'),
  })
  two.attach({ ...allowed, connect: () => ({ allowed: true, http: async (request, next) => (new URL(request.url).pathname === '/ws' ? next(request) : new Response('no', { status: 403, statusText: 'Forbidden' })) }) })
  const upgrade = async (path: string) => speak(await client.connect({ host: '10.42.1.2', port: 81 }), `GET ${path} HTTP/1.1\r\nhost: server\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n`)
  assert.match(await upgrade('/ws'), /^HTTP\/1\.1 101 [\s\S]*hello$/)
  assert.match(await upgrade('/other'), /^HTTP\/1\.1 403 Forbidden/)
  const both = await speak(await client.connect({ host: '10.42.1.2', port: 81 }), 'GET /ws HTTP/1.1\r\nhost: server\r\n\r\nGET /x HTTP/1.1\r\nhost: server\r\nconnection: close\r\n\r\n')
  assert.deepEqual([...both.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status), ['200', '403'])
})

test('a held connection is cut when it is no longer allowed, a request under way as well', async () => {
  const { client, server, one } = await world()
  await server.listen(80, { handler: () => new Promise<Response>(() => {}) })
  let open = true
  one.attach({ ...allowed, recheck: (_direction, { port }: Connection) => (open || port === 8080 ? { allowed: true } : { allowed: false, why: 'CiliumNetworkPolicy shop/closed' }) })
  const raw = await client.connect({ host: '10.42.1.2', port: 9000 })
  raw.on('error', () => {})
  const waiting = client.fetch('http://10.42.1.2')
  one.reevaluate()
  assert.equal(raw.destroyed, false)
  open = false
  one.reevaluate()
  raw.resume()
  await Promise.all([once(raw, 'close'), assert.rejects(waiting, { code: 'ConnectionReset', message: /no longer allowed by CiliumNetworkPolicy shop\/closed/ })])
})

test('names are asked for and answered; localhost and addresses are no questions', async () => {
  const { view, client, one } = await world()
  view.onService({ before: undefined, after: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'cart', namespace: 'shop' }, spec: { clusterIP: '10.43.0.9', ports: [{ port: 80 }] } } })
  const questions: string[] = []
  one.attach({ ...allowed, query: (_source, name) => (name.startsWith('bad') ? { verdict: 'refused' } : { verdict: 'allowed', answered: (addresses) => void questions.push(`${name} ${addresses.join()}`) }) })
  await client.resolve('cart')
  await client.resolve('10.43.0.9')
  await assert.rejects(client.resolve('nobody'), { code: 'NameNotFound' })
  await assert.rejects(client.fetch('http://bad/'), { code: 'NameRefused' })
  assert.deepEqual(questions, ['cart.shop.svc.cluster.local 10.43.0.9', 'nobody '])
})

test('only the host network with NET_ADMIN has the node\'s network, and sees endpoints come and go', async () => {
  const { fabric } = await world()
  assert.equal(fabric.attach({ ip: '10.42.0.8', namespace: 'shop', nodeName: 'one' }).open({ admin: true }).admin, undefined)
  const agent = fabric.attach({ ip: '172.25.0.2', node: true, shared: true, nodeName: 'one' })
  assert.equal(agent.open().admin, undefined)
  const seen: string[] = []
  using _watch = agent.open({ admin: true }).admin?.onEndpoint((endpoint: Endpoint, state) => void seen.push(`${endpoint.ip} ${state}`))
  fabric.attach({ ip: '10.42.0.9', nodeName: 'one' })[Symbol.dispose]()
  assert.deepEqual(seen, ['10.42.0.2 present', '10.42.0.8 present', '172.25.0.2 present', '10.42.0.9 present', '10.42.0.9 gone'])
})
