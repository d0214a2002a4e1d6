import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { listenRaw } from '@idp/http'
import { routedWorld } from './routed-world.ts'
import { speak } from './wire.ts'

const manifests = (rule: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: cilium }
spec: { controllerName: io.cilium/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: a }
spec: { gatewayClassName: cilium, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: a }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: a }
spec: { parentRefs: [{ name: gw }], rules: [{ ${rule}, backendRefs: [{ name: web, port: 80 }] }] }
`
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const silent = () => (connection: Duplex) => void connection.resume()

for (const [name, rule, before, after] of [
  ['the whole request', 'timeouts: { request: 2s }', 1900, 200], ['one try', 'timeouts: { backendRequest: 500ms, request: 10s }', 400, 200], ['minutes', 'timeouts: { request: 1m30s }', 89_000, 2000],
] as const) {
  test(`504 after the time for ${name}`, async () => {
    using world = routedWorld(manifests(rule), { raw: silent })
    let answered = false
    const answer = speak(world.connect(80), get).then(([first]) => {
      answered = true
      return first
    })
    await world.clock.advance(before)
    assert.equal(answered, false)
    await world.clock.advance(after)
    assert.deepEqual([(await answer)?.status, (await answer)?.body], [504, 'upstream request timeout'])
    assert.equal(JSON.parse(world.accessLog[0] ?? '{}').response_flags, 'UT')
  })
}

test('no limit without a time-out, nor with 0s', async () => {
  for (const rule of ['filters: []', 'timeouts: { request: 0s }']) {
    let release = (): void => {}
    using world = routedWorld(manifests(rule), { backend: () => ({ handler: () => new Promise((resolve) => { release = () => resolve(new Response('late')) }) }) })
    const answer = speak(world.connect(80), get)
    await world.clock.advance(30_000)
    release()
    assert.equal((await answer)[0]?.body, 'late')
  }
})

test('a time-out after the head cuts the answer off', async () => {
  using world = routedWorld(manifests('timeouts: { request: 1s }'), { raw: () => (connection: Duplex) => connection.once('data', () => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')) })
  const client = world.connect(80)
  client.write(get)
  let text = ''
  client.on('data', (chunk: Buffer) => { text += chunk.toString() })
  const closed = new Promise((resolve) => client.once('close', resolve).once('end', resolve))
  await world.clock.advance(1100)
  await closed
  assert.match(text, /half$/)
})

test('retries the statuses that are named, with a pause, up to the limit', async () => {
  const statuses = [503, 503, 200]
  let seen = 0
  const backend = () => ({ handler: () => new Response('x', { status: statuses[seen++] ?? 200 }) })
  using world = routedWorld(manifests('retry: { codes: [503], attempts: 2, backoff: 100ms }'), { backend })
  const answer = speak(world.connect(80), get)
  await world.clock.advance(50)
  assert.equal(seen, 1)
  await world.clock.advance(60)
  assert.equal(seen, 2)
  await world.clock.advance(200)
  assert.deepEqual([(await answer)[0]?.status, seen], [200, 3])
  seen = 0
  statuses.splice(0, 3, 503, 503, 503, 503)
  const second = speak(world.connect(80), get)
  await world.clock.advance(1000)
  assert.deepEqual([(await second)[0]?.status, seen], [503, 3])
  seen = 0
  const body = speak(world.connect(80), 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx')
  await world.clock.advance(1000)
  assert.deepEqual([(await body)[0]?.status, seen], [503, 1], 'a request with a body is not sent twice')
})

test('the client going away cancels the request to the backend', async () => {
  const asked = Promise.withResolvers<Duplex>()
  using world = routedWorld(manifests('filters: []'), { raw: () => (connection: Duplex) => connection.once('data', () => asked.resolve(connection)) })
  await using open = await listenRaw({ port: 0 }, (socket, peer) => world.accept(socket, peer, 80))
  const client = connect(open.port, '127.0.0.1', () => client.write(get))
  const backend = await asked.promise
  const cancelled = once(backend.resume(), 'end')
  client.resetAndDestroy()
  await cancelled
  assert.equal(JSON.parse(world.accessLog[0] ?? '{}').response_flags, 'DC')
})
