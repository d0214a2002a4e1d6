import assert from 'node:assert/strict'
import { connect as netConnect } from 'node:net'
import type { Duplex } from 'node:stream'
import { after, test } from 'node:test'
import { credentials, makeGenericClientConstructor, Metadata, Server, ServerCredentials, status, type ServiceDefinition, type ServiceError } from '@grpc/grpc-js'
import { listenRaw } from '@idp/http'
import { createCa, issueCertificate } from '@idp/pki'
import { routedWorld } from './routed-world.ts'

const bytes = (value: Buffer): Buffer => value
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({ path: `/echo.Echo/${name}`, requestStream, responseStream, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes })
const service: ServiceDefinition = { Say: method('Say', false, false), Fail: method('Fail', false, false), Hang: method('Hang', false, false), List: method('List', false, true), Sum: method('Sum', true, false), Chat: method('Chat', true, true), Elsewhere: { ...method('Elsewhere', false, false), path: '/nowhere.Service/Call' } }

interface Call extends AsyncIterable<Buffer> { readonly request: Buffer; readonly metadata: Metadata; sendMetadata(metadata: Metadata): void; write(value: Buffer): void; end(): void; on(event: 'cancelled', run: () => void): void }
type Answer = (error: Partial<ServiceError> | null, value?: Buffer, trailers?: Metadata) => void

const ca = await createCa({ subject: { commonName: 'root' }, now: Date.now(), days: 1 })
const pair = await issueCertificate({ ca, for: 'server', now: Date.now(), days: 1, dnsNames: ['grpc.test'] })
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const manifests = `
{ apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: { name: cilium }, spec: { controllerName: io.cilium/gateway-controller } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: a }
spec: { gatewayClassName: cilium, listeners: [{ name: https, port: 443, protocol: HTTPS, hostname: grpc.test, tls: { certificateRefs: [{ name: cert }] } }] }
---
{ apiVersion: v1, kind: Secret, metadata: { name: cert, namespace: a }, type: kubernetes.io/tls, data: { tls.crt: ${base64(pair.cert)}, tls.key: ${base64(pair.key)} } }
---
{ apiVersion: v1, kind: Service, metadata: { name: echo, namespace: a }, spec: { ports: [{ name: grpc, port: 50051 }] } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: echo, namespace: a }
spec: { parentRefs: [{ name: gw }], rules: [{ matches: [{ method: { service: echo.Echo } }], backendRefs: [{ name: echo, port: 50051 }] }] }
`

let cancelled = (): void => {}
const server = new Server()
server.addService(service, {
  Say(call: Call, answer: Answer) {
    const head = new Metadata()
    head.set('x-saw', String(call.metadata.get('x-asked')[0]))
    call.sendMetadata(head)
    const trailers = new Metadata()
    trailers.set('x-trailer', 'last')
    answer(null, call.request, trailers)
  },
  Fail: (_call: Call, answer: Answer) => answer({ code: status.FAILED_PRECONDITION, details: 'not today: ünïcode' }),
  Hang: (call: Call) => call.on('cancelled', () => cancelled()),
  List(call: Call) {
    for (let i = 0; i < 5; i++) call.write(Buffer.from(`${call.request.toString()} ${i}`))
    call.end()
  },
  async Sum(call: Call, answer: Answer) {
    let sum = 0
    for await (const value of call) sum += Number(value.toString())
    answer(null, Buffer.from(String(sum)))
  },
  async Chat(call: Call) {
    for await (const value of call) call.write(Buffer.from(value.toString().toUpperCase()))
    call.end()
  },
  Elsewhere: () => {},
} as never)
const port = await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error))))
const world = routedWorld(manifests, { raw: () => (far: Duplex) => {
  const socket = netConnect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => far.destroy()).on('close', () => far.destroy())
  far.on('error', () => socket.destroy()).on('close', () => socket.destroy())
  socket.pipe(far).pipe(socket)
} })
const front = await listenRaw({ port: 0 }, (socket, peer) => world.accept(socket, peer, 443))
const Client = makeGenericClientConstructor(service, 'echo.Echo')
const client = new Client(`127.0.0.1:${front.port}`, credentials.createSsl(Buffer.from(ca.cert)), { 'grpc.ssl_target_name_override': 'grpc.test', 'grpc.default_authority': 'grpc.test' }) as unknown as Record<string, (...given: unknown[]) => Stub> & { close(): void }
interface Stub extends AsyncIterable<Buffer> { write(value: Buffer): void; end(): void; cancel(): void; on(event: string, run: (value: never) => void): void }

after(async () => {
  client.close()
  server.forceShutdown()
  await front[Symbol.asyncDispose]()
  world[Symbol.dispose]()
})

const unary = (name: string, value: string | Buffer, metadata = new Metadata(), options: object = {}): Promise<{ readonly error: ServiceError | null; readonly value: string; readonly call: Stub }> => new Promise((resolve) => {
  const call: Stub = (client[name] as (...given: unknown[]) => Stub).call(client, Buffer.from(value), metadata, options, (error: ServiceError | null, answer?: Buffer) => resolve({ error, value: answer?.toString() ?? '', call }))
})

test('a gRPC client calls through the gateway: unary, with metadata and trailers', async () => {
  const metadata = new Metadata()
  metadata.set('x-asked', 'something')
  const seen: Record<string, unknown> = {}
  const value = await new Promise<Buffer>((resolve, reject) => {
    const call = (client['Say'] as (...given: unknown[]) => Stub).call(client, Buffer.from('hello'), metadata, (error: ServiceError | null, answer?: Buffer) => (error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(error)))
    call.on('metadata', (head: Metadata) => { seen['x-saw'] = head.get('x-saw')[0] })
    call.on('status', (end: { readonly metadata: Metadata }) => { seen['x-trailer'] = end.metadata.get('x-trailer')[0] })
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([value.toString(), seen], ['hello', { 'x-saw': 'something', 'x-trailer': 'last' }])
})

test('large messages pass both ways', async () => {
  const large = Buffer.alloc(2_000_000, 'abcdefgh')
  const { error, value } = await unary('Say', large)
  assert.equal(error, null)
  assert.ok(value === large.toString(), `${value.length} bytes came`)
})

test('streams pass: from the server, from the client, both at once', async () => {
  const listed: string[] = []
  for await (const value of (client['List'] as (...given: unknown[]) => Stub).call(client, Buffer.from('item'))) listed.push(value.toString())
  assert.deepEqual(listed, ['item 0', 'item 1', 'item 2', 'item 3', 'item 4'])
  const sum = await new Promise((resolve, reject) => {
    const call = (client['Sum'] as (...given: unknown[]) => Stub).call(client, (error: ServiceError | null, value?: Buffer) => (error === null ? resolve(value?.toString()) : reject(error)))
    for (let i = 1; i <= 100; i++) call.write(Buffer.from(String(i)))
    call.end()
  })
  assert.equal(sum, '5050')
  const chat = (client['Chat'] as (...given: unknown[]) => Stub).call(client)
  const answers: string[] = []
  chat.write(Buffer.from('one'))
  for await (const value of chat) {
    answers.push(value.toString())
    if (answers.length === 1) chat.write(Buffer.from('two'))
    else chat.end()
  }
  assert.deepEqual(answers, ['ONE', 'TWO'])
})

test('statuses pass: the service\'s own, and the gateway\'s for what has no route', async () => {
  const { error } = await unary('Fail', 'x')
  assert.deepEqual([error?.code, error?.details], [status.FAILED_PRECONDITION, 'not today: ünïcode'])
  assert.equal((await unary('Elsewhere', 'x')).error?.code, status.UNIMPLEMENTED)
})

test('a call that is given up is given up at the backend', async () => {
  const gone = new Promise<void>((resolve) => { cancelled = resolve })
  const call = (client['Hang'] as (...given: unknown[]) => Stub).call(client, Buffer.from('x'), () => {})
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
  call.cancel()
  await gone
  const { error } = await unary('Hang', 'x', new Metadata(), { deadline: new Date(Date.now() + 50) })
  assert.equal(error?.code, status.DEADLINE_EXCEEDED)
})
