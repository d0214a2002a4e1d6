import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as http2Connect } from 'node:http2'
import type { Duplex } from 'node:stream'
import { test as nodeTest } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { createCa, issueCertificate, type KeyPair } from '@idp/pki'
import { refusing, routedWorld, type RoutedOptions, type RoutedWorld } from './routed-world.ts'
import type { Transport } from './transport.ts'
import { speak } from './wire.ts'

const base = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: cilium }
spec: { controllerName: io.cilium/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: infra }
spec:
  gatewayClassName: cilium
  listeners:
    - { name: http, port: 80, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }
    - { name: https, port: 443, protocol: HTTPS, hostname: '*.test', allowedRoutes: { namespaces: { from: All } }, tls: { certificateRefs: [{ name: cert }] } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: app }
spec: { ports: [{ name: http, port: 8080 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: app }
spec:
  parentRefs: [{ name: gw, namespace: infra }]
  hostnames: [a.test]
  rules:
    - backendRefs: [{ name: web, port: 8080 }]
`

const ca = await createCa({ subject: { commonName: 'root' }, now: Date.now(), days: 10 })
const first = await issueCertificate({ ca, for: 'server', now: Date.now(), days: 5, dnsNames: ['a.test'], subject: { commonName: 'first' } })
const secret = (pair: KeyPair): string => `
apiVersion: v1
kind: Secret
metadata: { name: cert, namespace: infra }
type: kubernetes.io/tls
data: { tls.crt: ${Buffer.from(pair.cert).toString('base64')}, tls.key: ${Buffer.from(pair.key).toString('base64')} }
`
const get = (path = '/', host = 'a.test', more = ''): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`

const broken = `---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: app, annotations: { test/endpoints: none } }
spec: { ports: [{ name: http, port: 8081 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: broken, namespace: app }
spec: { parentRefs: [{ name: gw, namespace: infra }], hostnames: [broken.test], rules: [{ backendRefs: [{ name: nope, port: 1 }] }] }
`

/** What the data path does, whatever its connections are. */
export function dataPathContract(name: string, transport: Transport): void {
  const start = (extra = '', options: RoutedOptions = {}): RoutedWorld => routedWorld(`${base}---${secret(first)}${extra}`, { transport, ...options })
  const test = (what: string, run: () => Promise<void>): void => void nodeTest(`${name}: ${what}`, run)

  test('forwards a request and its answer, and says who asked', async () => {
    using world = start()
    const [answer] = await speak(world.connect(80), get('/x?y=1', 'A.test:8080', 'X-Forwarded-For: 1.2.3.4\r\nConnection: x-hop\r\nX-Hop: 1\r\n'))
    const seen = JSON.parse(answer?.body ?? '{}')
    assert.equal(answer?.headers['server'], 'envoy')
    assert.deepEqual([seen.service, seen.path, seen.host, seen.headers['x-forwarded-for'], seen.headers['x-forwarded-proto'], seen.headers['x-hop']], ['web', '/x?y=1', 'A.test:8080', '1.2.3.4,192.0.2.7', 'http', undefined])
    assert.match(seen.headers['x-request-id'], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
    const line = JSON.parse(world.accessLog[0] ?? '{}')
    assert.deepEqual([line.response_code, line.route_name, line.upstream_cluster, line.response_flags], [200, 'app/web', 'app/web:8080', '-'])
    assert.match(world.server.metrics.render(), /envoy_cluster_upstream_rq\{envoy_response_code="200",envoy_cluster_name="app\/web:8080"\} 1/)
  })

  test('keeps connections on both sides, answers pipelined requests in order', async () => {
    let opened = 0
    using world = start('', { backend: () => { opened++; return undefined } })
    const connection = world.connect(80)
    const answers = await speak(connection, get('/1') + get('/2') + get('/3'), 3)
    assert.deepEqual(answers.map((answer) => JSON.parse(answer.body).path), ['/1', '/2', '/3'])
    assert.equal(opened, 1)
  })

  for (const [name, body, head] of [
    ['a body by length', 'hello', 'Content-Length: 5\r\n'],
    ['a chunked body', '5\r\nhello\r\n1;ext=1\r\n!\r\n0\r\nTrailer: x\r\n\r\n', 'Transfer-Encoding: chunked\r\n'],
  ] as const) {
    test(`forwards ${name}, however it is cut`, async () => {
      using world = start()
      const wire = `POST /p HTTP/1.1\r\nHost: a.test\r\n${head}\r\n${body}`
      const connection = world.connect(80)
      const reading = speak(connection, '', 2)
      for (const character of wire) connection.write(character)
      connection.write(wire)
      const answers = await reading
      assert.deepEqual(answers.map((answer) => JSON.parse(answer.body).body), name === 'a chunked body' ? ['hello!', 'hello!'] : ['hello', 'hello'])
    })
  }

  test('large bodies go through in both directions', async () => {
    using world = start('', { backend: () => ({ handler: (request) => new Response(request.body) }) })
    const size = 5_000_000
    const connection = world.connect(80)
    connection.write(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`)
    connection.end(Buffer.alloc(size, 'x'))
    let got = 0
    for await (const chunk of connection) got += (chunk as Buffer).length
    assert.ok(got > size, String(got))
  })

  for (const [name, wire, status] of [
    ['no such host', get('/', 'b.other'), 404],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx', 400],
    ['length and chunked', 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['an odd transfer encoding', 'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: xchunked\r\n\r\n', 501],
    ['chunked twice', 'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['chunked in HTTP/1.0', 'POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['a signed length', 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: +5\r\n\r\nhello', 400],
    ['a blank before the colon', 'GET / HTTP/1.1\r\nHost : a.test\r\n\r\n', 400],
    ['a folded line', 'GET / HTTP/1.1\r\nHost: a.test\r\nX: 1\r\n 2\r\n\r\n', 400],
    ['a bare line feed', 'GET / HTTP/1.1\r\nHost: a.test\nX: 1\r\n\r\n', 400],
    ['a bare carriage return', 'GET / HTTP/1.1\r\nHost: a.test\r\nX: 1\rY: 2\r\n\r\n', 400],
    ['a NUL', 'GET / HTTP/1.1\r\nHost: a.test\r\nX: \0\r\n\r\n', 400],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n', 400],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['an odd host', 'GET / HTTP/1.1\r\nHost: a.test/evil\r\n\r\n', 400],
    ['user info', 'GET http://me@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
    ['a fragment', get('/#x'), 400],
    ['a backslash', get('/a\\..\\b'), 400],
    ['an escaped NUL', get('/a%00'), 400],
    ['a bad escape', get('/a%zz'), 400],
    ['a blank in the target', 'GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
    ['HTTP/2 without preface', 'GET / HTTP/2.0\r\nHost: a.test\r\n\r\n', 505],
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['CONNECT', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n', 405],
    ['an odd expectation', get('/', 'a.test', 'Expect: tea\r\n'), 417],
    ['a huge head', get('/', 'a.test', `X: ${'x'.repeat(70_000)}\r\n`), 431],
    ['too many fields', get('/', 'a.test', 'x: 1\r\n'.repeat(200)), 431],
  ] as const) {
    test(`refuses ${name} with ${status}`, async () => {
      using world = start()
      const [answer] = await speak(world.connect(80), wire)
      assert.equal(answer?.status, status)
    })
  }

  test('a malformed chunk cuts the request off and nothing after it is served', async () => {
    const bodies: string[] = []
    using world = start('', { backend: () => ({ async handler(request) { bodies.push(await request.text()); return new Response('ok') } }) })
    const answers = await speak(world.connect(80), 'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nGET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n', 2)
    assert.deepEqual(answers.map((answer) => answer.status), [400])
    assert.deepEqual(bodies, [])
  })

  test('dot segments do not get around a match', async () => {
    using world = start()
    const [answer] = await speak(world.connect(80), get('/public/%2E./secret/./y/%2e%2e/x'))
    assert.equal(JSON.parse(answer?.body ?? '').path, '/secret/x')
  })

  test('a slow head is cut off with 408, an idle connection ends', async () => {
    using world = start()
    const slow = world.connect(80)
    const reading = speak(slow, 'GET / HT')
    const idle = world.connect(80)
    idle.resume()
    for (let i = 0; i < 12; i++) {
      await world.clock.advance(1000)
      if (!slow.destroyed) slow.write('T')
    }
    assert.equal((await reading)[0]?.status, 408)
    const ended = once(idle, 'end')
    await world.clock.advance(301_000)
    await ended
  })

  test('HTTP/1.0 clients get a close-delimited answer; HEAD has no body; 100-continue is honoured', async () => {
    using world = start('', { backend: () => ({ handler: (request) => new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode(`streamed ${request.method}`)); c.close() } })) }) })
    const [old] = await speak(world.connect(80), 'GET / HTTP/1.0\r\nHost: a.test\r\n\r\n')
    assert.deepEqual([old?.headers['connection'], old?.headers['transfer-encoding'], old?.body], ['close', undefined, 'streamed GET'])
    const [head] = await speak(world.connect(80), 'HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n', 1, 'HEAD')
    assert.deepEqual([head?.status, head?.body], [200, ''])
    const [expect] = await speak(world.connect(80), 'POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok')
    assert.match(expect?.raw ?? '', /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200/)
  })

  test('no endpoint 503, refused connection 503, broken reference 500, backend that hangs up 503', async () => {
    using none = start(broken)
    none.apply(base.slice(base.indexOf('apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute')).replace('port: 8080', 'port: 8081'))
    assert.equal((await speak(none.connect(80), get()))[0]?.status, 503)
    assert.equal((await speak(none.connect(80), get('/', 'broken.test')))[0]?.status, 500)
    using refused = start('', { backend: () => refusing })
    assert.equal((await speak(refused.connect(80), get()))[0]?.status, 503)
    using hanging = start('', { raw: () => (connection: Duplex) => connection.once('data', () => connection.destroy()) })
    assert.equal((await speak(hanging.connect(80), get()))[0]?.status, 503)
  })

  test('a backend that closes an idle connection costs no request', async () => {
    const connections: Duplex[] = []
    using world = start('', { raw: () => (connection: Duplex) => { connections.push(connection); connection.on('data', () => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')) } })
    assert.equal((await speak(world.connect(80), get()))[0]?.status, 200)
    connections[0]?.removeAllListeners('data').on('data', () => connections[0]?.destroy())
    assert.equal((await speak(world.connect(80), get()))[0]?.status, 200)
    assert.equal(connections.length, 2)
  })

  for (const [name, answer, status] of [
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok', 503],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 503],
    ['an interim answer first', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 200],
  ] as const) {
    test(`a backend that sends ${name} gives ${status}`, async () => {
      using world = start('', { raw: () => (connection: Duplex) => connection.once('data', () => connection.end(answer)) })
      assert.equal((await speak(world.connect(80), get()))[0]?.status, status)
    })
  }

  test('upgrades are passed through', async () => {
    using world = start('', { raw: () => (connection: Duplex) => connection.once('data', (head: Buffer) => {
      assert.match(head.toString(), /connection: Upgrade\r\nupgrade: websocket/)
      connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nwelcome')
      connection.on('data', (data: Buffer) => connection.end(`got ${data.toString()}`))
    }) })
    const client = world.connect(80)
    client.write(get('/ws', 'a.test', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'))
    let text = ''
    for await (const chunk of client.setEncoding('latin1')) {
      text += chunk as string
      if (text.endsWith('welcome')) client.write('ping')
    }
    assert.match(text, /^HTTP\/1.1 101 .*welcomegot ping$/s)
  })

  test('a WebSocket stays open while it is silent; other protocols are not switched to, and h2c is not asked for', async () => {
    const seen: string[] = []
    using world = start('', { raw: () => (connection: Duplex) => connection.once('data', (head: Buffer) => {
      seen.push(head.toString('latin1'))
      if (!head.includes('upgrade: websocket')) return void connection.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      connection.on('data', (data: Buffer) => connection.end(data))
    }) })
    const client = world.connect(80)
    client.write(get('/ws', 'a.test', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'))
    const [head] = await once(client, 'data') as [Buffer]
    assert.match(head.toString(), /^HTTP\/1.1 101 /)
    for (let minute = 0; minute < 20; minute++) await world.clock.advance(60_000)
    client.write('still here')
    assert.equal(String((await once(client, 'data'))[0]), 'still here')
    const [answer] = await speak(world.connect(80), get('/', 'a.test', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'))
    assert.equal(answer?.status, 200)
    assert.doesNotMatch(seen[1] ?? '', /h2c|upgrade|settings/i)
    assert.equal((await speak(world.connect(80), get('/', 'a.test', 'Connection: Upgrade\r\nUpgrade: spdy/3.1\r\n')))[0]?.status, 403)
    assert.equal(seen.length, 2)
  })

  test('methods that Node does not know pass, e.g. LIST of Vault\'s clients', async () => {
    let line = ''
    using world = start('', { raw: () => (connection: Duplex) => connection.once('data', (head: Buffer) => {
      line = head.toString('latin1').split('\r\n')[0] ?? ''
      connection.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    }) })
    assert.equal((await speak(world.connect(80), 'LIST /v1/secret/metadata/ HTTP/1.1\r\nHost: a.test\r\n\r\n'))[0]?.status, 200)
    assert.equal(line, 'LIST /v1/secret/metadata/ HTTP/1.1')
  })

  test('terminates TLS by server name, speaks HTTP/2, and takes a new certificate without dropping a connection', async () => {
    using world = start()
    const dial = (servername: string, ALPNProtocols: string[]) => tlsConnect({ socket: world.connect(443), servername, ca: ca.cert, ALPNProtocols })
    const one = dial('a.test', ['http/1.1'])
    await once(one, 'secureConnect')
    assert.equal(one.getPeerCertificate().subject.CN, 'first')
    const [answer] = await speak(one, get())
    assert.equal(JSON.parse(answer?.body ?? '').headers['x-forwarded-proto'], 'https')
    const two = http2Connect('https://a.test', { createConnection: () => dial('a.test', ['h2']) })
    const stream = two.request({ ':path': '/h2', ':method': 'POST', cookie: 'a=1' })
    stream.end('body')
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += chunk
    assert.deepEqual([JSON.parse(text).path, JSON.parse(text).body, JSON.parse(text).host], ['/h2', 'body', 'a.test:443'])
    const second = await issueCertificate({ ca, for: 'server', now: Date.now(), days: 5, dnsNames: ['a.test'], subject: { commonName: 'second' } })
    world.apply(secret(second))
    const three = dial('a.test', ['http/1.1'])
    await once(three, 'secureConnect')
    assert.equal(three.getPeerCertificate().subject.CN, 'second')
    assert.equal((await speak(one, get('/again')))[0]?.status, 200)
    const again = two.request({ ':path': '/again' })
    const [headers] = await once(again, 'response') as [Record<string, unknown>]
    assert.equal(headers[':status'], 200)
    two.destroy()
    const stranger = dial('a.example', ['http/1.1'])
    await assert.rejects(once(stranger, 'secureConnect'))

  })
}
