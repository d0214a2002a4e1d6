import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as http2Connect, createServer as createHttp2Server } from 'node:http2'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { connect as tlsConnect, TLSSocket, createSecureContext } from 'node:tls'
import { connect as netConnect } from 'node:net'
import { listenRaw } from '@idp/http'
import { createCa, issueCertificate } from '@idp/pki'
import { routedWorld, type RoutedOptions, type RoutedWorld } from './routed-world.ts'

const now = Date.now()
const ca = await createCa({ subject: { commonName: 'root' }, now, days: 1 })
const served = await issueCertificate({ ca, for: 'server', now, days: 1, dnsNames: ['grpc.test', 'web.test'] })
const own = await issueCertificate({ ca, for: 'server', now, days: 1, dnsNames: ['pass.test'], subject: { commonName: 'the backend itself' } })
const base64 = (text: string): string => Buffer.from(text).toString('base64')

const manifests = `
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
    - { name: grpc, port: 443, protocol: HTTPS, hostname: grpc.test, tls: { certificateRefs: [{ name: cert }] } }
    - { name: web, port: 443, protocol: HTTPS, hostname: web.test, tls: { certificateRefs: [{ name: cert }] } }
    - { name: pass, port: 443, protocol: TLS, hostname: pass.test, tls: { mode: Passthrough } }
---
apiVersion: v1
kind: Secret
metadata: { name: cert, namespace: infra }
type: kubernetes.io/tls
data: { tls.crt: ${base64(served.cert)}, tls.key: ${base64(served.key)} }
---
apiVersion: v1
kind: Service
metadata: { name: backend, namespace: infra }
spec: { ports: [{ name: grpc, port: 50051 }, { name: h2c, port: 8080, appProtocol: kubernetes.io/h2c }, { name: tls, port: 8443 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: echo, namespace: infra }
spec:
  parentRefs: [{ name: gw, sectionName: grpc }]
  rules:
    - matches: [{ method: { service: echo.Echo, method: Say } }, { method: { service: other.Service } }]
      filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-added, value: 'yes' }] } }]
      backendRefs: [{ name: backend, port: 50051 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: infra }
spec: { parentRefs: [{ name: gw, sectionName: web }], rules: [{ backendRefs: [{ name: backend, port: 8080 }] }] }
---
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TLSRoute
metadata: { name: pass, namespace: infra }
spec: { parentRefs: [{ name: gw, sectionName: pass }], hostnames: [pass.test], rules: [{ backendRefs: [{ name: backend, port: 8443 }] }] }
`

/** Speaks HTTP/2 on every connection; answers with the path, then trailers. */
function grpcBackend(): NonNullable<RoutedOptions['raw']> {
  const server = createHttp2Server()
  server.on('stream', (stream, headers) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'x-saw': `${headers[':path']} ${headers['te']} ${headers['x-added']}` }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }))
    stream.pipe(stream)
  })
  return (address) => (address.endsWith(':8443') ? tlsBackend : (connection: Duplex) => void server.emit('connection', connection as never))
}

function tlsBackend(connection: Duplex): void {
  const socket = new TLSSocket(connection, { isServer: true, secureContext: createSecureContext(own) })
  socket.on('data', (data: Buffer) => socket.end(`got ${data.toString()}`))
  socket.on('error', () => connection.destroy())
}

/** The gateway on a socket: HTTP/2 over TLS over streams in memory trips an assertion of Node's. */
async function onSocket(world: RoutedWorld): Promise<AsyncDisposable & { connect(): Duplex }> {
  const open = await listenRaw({ port: 0 }, (socket, peer) => world.accept(socket, peer, 443))
  return { connect: () => netConnect(open.port, '127.0.0.1'), [Symbol.asyncDispose]: () => open[Symbol.asyncDispose]() }
}

interface Answer { readonly headers: Record<string, unknown>; readonly trailers: Record<string, unknown>; readonly body: string }

async function call(connect: () => Duplex, host: string, path: string, body: string): Promise<Answer> {
  const session = http2Connect(`https://${host}`, { createConnection: () => tlsConnect({ socket: connect(), servername: host, ca: ca.cert, ALPNProtocols: ['h2'] }) })
  try {
    const stream = session.request({ ':path': path, ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' })
    stream.end(body)
    let trailers: Record<string, unknown> = {}
    stream.on('trailers', (found) => { trailers = { ...found } })
    const [headers] = await once(stream, 'response') as [Record<string, unknown>]
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += chunk
    return { headers, trailers, body: text }
  } finally {
    session.destroy()
  }
}

test('carries gRPC: method matches, filters, messages both ways, trailers', async () => {
  using world = routedWorld(manifests, { raw: grpcBackend() })
  await using socket = await onSocket(world)
  const answer = await call(socket.connect, 'grpc.test', '/echo.Echo/Say', 'message')
  assert.deepEqual([answer.headers[':status'], answer.headers['x-saw'], answer.body, answer.trailers['grpc-status'], answer.trailers['grpc-message']], [200, '/echo.Echo/Say trailers yes', 'message', '0', 'fine'])
  assert.equal((await call(socket.connect, 'grpc.test', '/other.Service/Any', '')).trailers['grpc-status'], '0')
})

test('answers gRPC clients in their own terms', async () => {
  using world = routedWorld(manifests, { raw: grpcBackend() })
  await using socket = await onSocket(world)
  const unknown = await call(socket.connect, 'grpc.test', '/echo.Echo/Unknown', '')
  assert.deepEqual([unknown.headers[':status'], unknown.headers['grpc-status']], [200, '12'])
  using down = routedWorld(manifests, { raw: () => (connection: Duplex) => connection.destroy() })
  await using dead = await onSocket(down)
  assert.equal((await call(dead.connect, 'grpc.test', '/echo.Echo/Say', '')).headers['grpc-status'], '14')
})

test('speaks HTTP/2 to backends whose port says so', async () => {
  using world = routedWorld(manifests, { raw: grpcBackend() })
  await using socket = await onSocket(world)
  const answer = await call(socket.connect, 'web.test', '/plain', 'x')
  assert.deepEqual([answer.headers['x-saw'], answer.body], ['/plain trailers undefined', 'x'])
})

test('passes TLS through by server name, beside listeners that terminate it', async () => {
  using world = routedWorld(manifests, { raw: grpcBackend() })
  await using socket = await onSocket(world)
  const client = tlsConnect({ socket: socket.connect(), servername: 'pass.test', ca: ca.cert })
  await once(client, 'secureConnect')
  assert.equal(client.getPeerCertificate().subject.CN, 'the backend itself')
  client.write('hello')
  let text = ''
  for await (const chunk of client.setEncoding('utf8')) text += chunk
  assert.equal(text, 'got hello')
  const plain = socket.connect()
  plain.write('GET / HTTP/1.1\r\n\r\n')
  plain.resume()
  await once(plain, 'close')
})
