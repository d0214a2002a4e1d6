import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as http2Connect } from 'node:http2'
import type { Duplex } from 'node:stream'
import { after, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { createCa, issueCertificate } from '@idp/pki'
import { routedWorld, type RoutedWorld } from './routed-world.ts'
import { sockets } from './transport.ts'
import { speak } from './wire.ts'

const transport = await sockets()
after(() => transport[Symbol.asyncDispose]())
const ca = await createCa({ subject: { commonName: 'root' }, now: Date.now(), days: 1 })
const pair = await issueCertificate({ ca, for: 'server', now: Date.now(), days: 1, dnsNames: ['a.test'] })
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const manifests = `
{ apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: { name: cilium }, spec: { controllerName: io.cilium/gateway-controller } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: a }
spec: { gatewayClassName: cilium, listeners: [{ name: http, port: 80, protocol: HTTP }, { name: https, port: 443, protocol: HTTPS, hostname: a.test, tls: { certificateRefs: [{ name: cert }] } }] }
---
{ apiVersion: v1, kind: Secret, metadata: { name: cert, namespace: a }, type: kubernetes.io/tls, data: { tls.crt: ${base64(pair.cert)}, tls.key: ${base64(pair.key)} } }
---
{ apiVersion: v1, kind: Service, metadata: { name: web, namespace: a }, spec: { ports: [{ name: http, port: 80 }] } }
---
{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: r, namespace: a }, spec: { parentRefs: [{ name: gw }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] } }
`
const secret = 's3cr3t-value'
const hidden = `Authorization: Bearer ${secret}\r\nCookie: session=${secret}\r\n`
const start = (saw: string[] = []): RoutedWorld => routedWorld(manifests, { transport, backend: () => ({ async handler(request) {
  saw.push(`${request.method} ${new URL(request.url).pathname} ${await request.text().catch(() => 'cut off')}`)
  return new Response('ok')
} }) })
const post = (framing: string, body: string): string => `POST /x?token=${secret} HTTP/1.1\r\nHost: a.test\r\n${hidden}${framing}\r\n${body}`
const get = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\nHost: a.test\r\n${hidden}${more}\r\n`
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'
const metric = (world: RoutedWorld, name: string): number => Number(new RegExp(`^${name}\\{[^}]*\\} (\\d+)$`, 'm').exec(world.server.metrics.render())?.[1])

/** `begun`: the head is good and a backend may have seen it; what is bad comes after. */
const refused: readonly (readonly [line: string, what: string, wire: string, status: number, begun?: true])[] = [
  ['smuggling', 'Content-Length and Transfer-Encoding', post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${smuggled}`), 400],
  ['smuggling', 'Transfer-Encoding and Content-Length', post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `0\r\n\r\n${smuggled}`), 400],
  ['smuggling', 'two lengths that differ', post('Content-Length: 0\r\nContent-Length: 44\r\n', smuggled), 400],
  ['smuggling', 'a list of lengths', post('Content-Length: 0, 44\r\n', smuggled), 400],
  ['smuggling', 'a folded Transfer-Encoding', post('Transfer-Encoding:\r\n chunked\r\n', `0\r\n\r\n${smuggled}`), 400],
  ['smuggling', 'Transfer-Encoding with a blank before the colon', post('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${smuggled}`), 400],
  ['smuggling', 'Transfer-Encoding with a tab before the colon', post('Transfer-Encoding\t: chunked\r\n', `0\r\n\r\n${smuggled}`), 400],
  ['smuggling', 'chunked and identity', post('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${smuggled}`), 501],
  ['smuggling', 'chunked in quotes', post('Transfer-Encoding: "chunked"\r\n', `0\r\n\r\n${smuggled}`), 501],
  ['smuggling', 'a vertical tab before chunked', post('Transfer-Encoding: \x0bchunked\r\n', `0\r\n\r\n${smuggled}`), 400],
  ['smuggling', 'bare line feeds', `POST /x HTTP/1.1\nHost: a.test\nContent-Length: 0\n\n${smuggled}`, 400],
  ['smuggling', 'a bare line feed within a field', post('X: 1\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${smuggled}`), 400],
  ['smuggling', 'a bare carriage return', post('X: 1\rTransfer-Encoding: chunked\r\n', `0\r\n\r\n${smuggled}`), 400],
  ['smuggling', 'a blank before the first field', `GET / HTTP/1.1\r\n X: 1\r\nHost: a.test\r\n\r\n${smuggled}`, 400],
  ['smuggling', 'a chunk size with a sign', post('Transfer-Encoding: chunked\r\n', `+2\r\nok\r\n0\r\n\r\n${smuggled}`), 400, true],
  ['smuggling', 'a chunk size with 0x', post('Transfer-Encoding: chunked\r\n', `0x2\r\nok\r\n0\r\n\r\n${smuggled}`), 400, true],
  ['smuggling', 'a chunk size beyond 48 bits', post('Transfer-Encoding: chunked\r\n', `ffffffffffffffff2\r\nok\r\n0\r\n\r\n${smuggled}`), 400, true],
  ['smuggling', 'a chunk that ends with a line feed', post('Transfer-Encoding: chunked\r\n', `2\nok\n0\n\n${smuggled}`), 400, true],
  ['smuggling', 'a chunk longer than its size', post('Transfer-Encoding: chunked\r\n', `2\r\nokok\r\n0\r\n\r\n${smuggled}`), 400, true],
  ['smuggling', 'a bare line feed in a chunk extension', post('Transfer-Encoding: chunked\r\n', `2;a\nb\r\nok\r\n0\r\n\r\n${smuggled}`), 400, true],
  ['smuggling', 'a malformed trailer', post('Transfer-Encoding: chunked\r\n', `0\r\nbad trailer\r\n\r\n${smuggled}`), 400, true],
  ['smuggling', 'a switch to an unknown protocol', get('/', 'Connection: Upgrade\r\nUpgrade: tunnel\r\n'), 403],
  ['oddities', 'a field without a name', get('/', ': x\r\n'), 400],
  ['oddities', 'a field without a colon', get('/', 'nonsense\r\n'), 400],
  ['oddities', 'a name with a blank', get('/', 'x y: 1\r\n'), 400],
  ['oddities', 'a NUL in a value', get('/', 'X: a\0b\r\n'), 400],
  ['oddities', 'DEL in a value', get('/', 'X: a\x7fb\r\n'), 400],
  ['oddities', 'two hosts', get('/', 'Host: b.test\r\n'), 400],
  ['oddities', 'no host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['oddities', 'a host with a path', 'GET / HTTP/1.1\r\nHost: a.test/x\r\n\r\n', 400],
  ['oddities', 'a port that is none', 'GET / HTTP/1.1\r\nHost: a.test:x\r\n\r\n', 400],
  ['oddities', 'a control character in the target', get('/a\x01b'), 400],
  ['oddities', 'two blanks before the target', get(' /'), 400],
  ['oddities', 'a blank in the target', get('/a b'), 400],
  ['oddities', 'a relative target', get('a/b'), 400],
  ['oddities', 'another scheme', get('ftp://a.test/'), 400],
  ['oddities', 'a fragment', get('/#x'), 400],
  ['oddities', 'a backslash', get('/a\\..\\b'), 400],
  ['oddities', 'an escaped NUL', get('/a%00'), 400],
  ['oddities', 'half an escape', get('/a%2'), 400],
  ['oddities', 'CONNECT', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n', 405],
  ['oddities', 'half a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nXY\r\n\r\n', 505],
  ['oddities', 'HTTP/1.9', 'GET / HTTP/1.9\r\nHost: a.test\r\n\r\n', 505],
  ['oddities', 'HTTP/0.9', 'GET /\r\n', 400],
  ['oddities', 'lower case http', 'GET / http/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['oddities', 'a TLS handshake on the plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['oddities', 'an expectation nobody knows', get('/', 'Expect: tea\r\n'), 417],
  ['oddities', 'a negative length', post('Content-Length: -1\r\n', ''), 400],
  ['oddities', 'a length of 2^64', post('Content-Length: 18446744073709551616\r\n', ''), 400],
  ['huge heads', 'one long field', get('/', `X: ${'x'.repeat(70_000)}\r\n`), 431],
  ['huge heads', 'a long target', get(`/${'x'.repeat(70_000)}`), 431],
  ['huge heads', 'a long name without an end', `GET / HTTP/1.1\r\n${'x'.repeat(70_000)}`, 431],
  ['huge heads', 'a long method', 'X'.repeat(70_000), 431],
  ['huge heads', 'many fields', get('/', 'x: 1\r\n'.repeat(120)), 431],
]

for (const [line, what, wire, status, begun] of refused) {
  test(`${line}: ${what} is refused with ${status}, logged, counted; nothing after it is served`, async () => {
    const saw: string[] = []
    using world = start(saw)
    const answers = await speak(world.connect(80), wire, 2)
    assert.deepEqual(answers.map((answer) => answer.status), [status])
    assert.equal(world.accessLog.length, 1, world.accessLog.join('\n'))
    const logged = JSON.parse(world.accessLog[0] ?? '{}') as Record<string, unknown>
    assert.deepEqual([logged['response_code'], logged['response_flags']], [status, 'DPE'])
    if (begun !== true) assert.match(String(logged['response_code_details']), /\w/)
    assert.ok(!world.accessLog.join('').includes(secret))
    assert.equal(metric(world, 'envoy_http_downstream_cx_protocol_error'), 1)
    assert.equal(metric(world, 'envoy_http_downstream_rq_total'), 1)
    assert.ok(saw.every((request) => begun === true && request.startsWith('POST /x ')), saw.join())
  })
}

for (const [what, bytes] of [['a head', 'GET / HTTP/1.1\r\nHost: a.t'], ['a body', post('Content-Length: 10\r\n', '12345')], ['a chunk', post('Transfer-Encoding: chunked\r\n', '5\r\nab')]] as const) {
  test(`slow clients: ${what} that does not come is refused with 408, logged, counted`, async () => {
    using world = start()
    const client = world.connect(80)
    const reading = speak(client, bytes)
    await arrived(world)
    for (let second = 0; second < 70; second++) await world.clock.advance(1000)
    assert.deepEqual((await reading).map((answer) => answer.status), [408])
    const logged = JSON.parse(world.accessLog[0] ?? '{}') as Record<string, unknown>
    assert.deepEqual([logged['response_code'], logged['response_flags'], world.accessLog.length], [408, 'SI', 1])
    assert.equal(metric(world, 'envoy_http_downstream_rq_timeout'), 1)
  })
}

test('slow clients: one that does not read its answer is cut off, and the backend is let go', async () => {
  const closed: Promise<unknown>[] = []
  using world = routedWorld(manifests, { transport, raw: () => (connection: Duplex) => {
    closed.push(new Promise((resolve) => connection.once('close', resolve)))
    connection.on('error', () => connection.destroy()).once('data', () => {
      connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1 << 30}\r\n\r\n`)
      const more = (): void => { for (let open = true; open && !connection.destroyed;) open = connection.write(Buffer.alloc(65_536)) }
      connection.on('drain', more)
      more()
    })
  } })
  const client = world.connect(80)
  client.pause()
  client.on('error', () => {})
  client.write(get('/'))
  for (let second = 0; second < 400; second++) {
    await turns(5)
    await world.clock.advance(1000)
  }
  await closed[0]
  assert.equal(JSON.parse(world.accessLog[0] ?? '{}').response_flags, 'DC')
})

test('invalid TLS: garbage, plain HTTP, unknown names and strangers\' protocols fail the handshake, are logged and counted', async () => {
  using world = start()
  const garbage = world.connect(443)
  garbage.end('\x16\x03\x01\x00\x05hello')
  garbage.resume().on('error', () => {})
  await once(garbage, 'close')
  const plain = world.connect(443)
  plain.write(get('/'))
  plain.resume().on('error', () => {})
  await once(plain, 'close')
  const stranger = tlsConnect({ socket: world.connect(443), servername: 'b.example', rejectUnauthorized: false })
  await assert.rejects(once(stranger, 'secureConnect'))
  const old = tlsConnect({ socket: world.connect(443), servername: 'a.test', ca: ca.cert, ciphers: 'AES128-SHA', maxVersion: 'TLSv1.2' })
  await assert.rejects(once(old, 'secureConnect'))
  await turns(50)
  assert.equal(metric(world, 'envoy_listener_ssl_connection_error'), 4)
  assert.equal(world.accessLog.length, 4)
  for (const line of world.accessLog) assert.match(String(JSON.parse(line).downstream_transport_failure_reason), /\w/)
  assert.ok(!world.accessLog.join('').includes(secret))
  const good = tlsConnect({ socket: world.connect(443), servername: 'a.test', ca: ca.cert, ALPNProtocols: ['http/1.1'] })
  await once(good, 'secureConnect')
  assert.equal((await speak(good, get('/')))[0]?.status, 200)
})

for (const [what, headers, status] of [
  ['a fragment', { ':path': '/#x' }, 400], ['half an escape', { ':path': '/a%2' }, 400], ['a backslash', { ':path': '/a\\b' }, 400],
] as const) {
  test(`oddities: ${what} in HTTP/2 is refused with ${status}, logged, counted`, async () => {
    using world = start()
    const session = http2Connect('https://a.test', { createConnection: () => tlsConnect({ socket: world.connect(443), servername: 'a.test', ca: ca.cert, ALPNProtocols: ['h2'] }) })
    const stream = session.request(headers)
    const [answer] = await once(stream, 'response') as [Record<string, unknown>]
    assert.equal(answer[':status'], status)
    assert.equal(JSON.parse(world.accessLog[0] ?? '{}').response_code, status)
    assert.equal(metric(world, 'envoy_http_downstream_cx_protocol_error'), 1)
    session.destroy()
  })
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Waits until the connection and what was written on it have come. */
async function arrived(world: RoutedWorld): Promise<void> {
  for (let i = 0; i < 1000 && !/cx_active\{[^}]*\} 1$/m.test(world.server.metrics.render()); i++) await turns(1)
  await turns(20)
}
