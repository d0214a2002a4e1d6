import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { after, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { createCa, issueCertificate } from '@idp/pki'
import { routedWorld } from './routed-world.ts'
import { memory, sockets, type Transport } from './transport.ts'

const loopback = await sockets()
after(() => loopback[Symbol.asyncDispose]())
const ca = await createCa({ subject: { commonName: 'root' }, now: Date.now(), days: 1 })
const pair = await issueCertificate({ ca, for: 'server', now: Date.now(), days: 1, dnsNames: ['a.test'] })
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const manifests = `
{ apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: { name: cilium }, spec: { controllerName: io.cilium/gateway-controller } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: a }
spec: { gatewayClassName: cilium, listeners: [{ name: http, port: 80, protocol: HTTP }, { name: https, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: cert }] } }] }
---
{ apiVersion: v1, kind: Secret, metadata: { name: cert, namespace: a }, type: kubernetes.io/tls, data: { tls.crt: ${base64(pair.cert)}, tls.key: ${base64(pair.key)} } }
---
{ apiVersion: v1, kind: Service, metadata: { name: web, namespace: a }, spec: { ports: [{ name: http, port: 80 }] } }
---
{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: r, namespace: a }, spec: { parentRefs: [{ name: gw }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] } }
`

/** Bytes that no two places of have in common, so that memory used twice would show. */
function content(seed: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  let x = seed * 2_654_435_761 >>> 0 || 1
  for (let i = 0; i + 4 <= size; i += 4) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    bytes.writeInt32LE(x | 0, i)
  }
  return bytes.fill(seed, size & ~3)
}
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Answers `/SEED/SIZE/length|chunked` with the content, in pieces as large as the kernel takes. */
function backend(connection: Duplex): void {
  let text = ''
  connection.on('data', (data: Buffer) => {
    text += data.toString('latin1')
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const [, seed = '', size = '', framing] = text.slice(0, text.indexOf(' HTTP')).split('/').map((part) => part.trim())
      text = text.slice(end + 4)
      const body = content(Number(seed), Number(size))
      if (framing === 'length') {
        connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`)
        connection.write(body)
        continue
      }
      connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      for (let at = 0; at < body.length; at += 50_001) {
        const piece = body.subarray(at, at + 50_001)
        connection.write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]))
      }
      connection.write('0\r\n\r\n')
    }
  })
}

/** Reads the answers of a connection that says when it takes more; digests of the bodies. */
async function bodies(connection: Duplex, count: number, slow: boolean): Promise<string[]> {
  const found: string[] = []
  let rest = Buffer.alloc(0)
  for await (const chunk of connection) {
    rest = Buffer.concat([rest, chunk as Buffer])
    // A slow client: the sender runs into a full window again and again.
    if (slow) for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve))
    for (;;) {
      const read = readAnswer(rest)
      if (read === undefined) break
      found.push(digest(read.body))
      rest = rest.subarray(read.end)
    }
    if (found.length >= count) break
  }
  return found
}

function readAnswer(bytes: Buffer): { readonly body: Buffer; readonly end: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const length = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, end))?.[1]
  if (length !== undefined) return bytes.length < end + 4 + Number(length) ? undefined : { body: bytes.subarray(end + 4, end + 4 + Number(length)), end: end + 4 + Number(length) }
  const pieces: Buffer[] = []
  for (let at = end + 4; ;) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return undefined
    const size = parseInt(bytes.toString('latin1', at, line), 16)
    if (bytes.length < line + 4 + size) return undefined
    pieces.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 4 + size
    if (size === 0) return { body: Buffer.concat(pieces), end: at }
  }
}

for (const [name, transport] of [['in memory', memory], ['on sockets', loopback]] as readonly (readonly [string, Transport])[]) {
  for (const secure of [false, true]) {
    test(`bodies arrive as they were sent, ${name}${secure ? ' with TLS' : ''}: large and small, quick and slow clients at once, pipelined`, async () => {
      using world = routedWorld(manifests, { transport, raw: () => backend })
      const dial = async (): Promise<Duplex> => {
        if (!secure) return world.connect(80)
        const socket = tlsConnect({ socket: world.connect(443), servername: 'a.test', ca: ca.cert, ALPNProtocols: ['http/1.1'] })
        await once(socket, 'secureConnect')
        return socket
      }
      await Promise.all([0, 1, 2, 3, 4, 5].map(async (client) => {
        const requests = [[1_500_000, 'length'], [10, 'length'], [700_000, 'chunked'], [100_000, 'length'], [0, 'length'], [40_000, 'chunked'], [100_000, 'length'], [20_000, 'length']] as const
        const connection = await dial()
        connection.write(requests.map(([size, framing], i) => `GET /${client * 10 + i}/${size}/${framing} HTTP/1.1\r\nHost: a.test\r\n\r\n`).join(''))
        const got = await bodies(connection, requests.length, client % 2 === 1)
        assert.deepEqual(got, requests.map(([size], i) => digest(content(client * 10 + i, size))))
        connection.destroy()
      }))
    })
  }

  test(`uploads arrive as they were sent, ${name}`, async () => {
    using world = routedWorld(manifests, { transport, backend: () => ({ async handler(request) { return new Response(digest(new Uint8Array(await request.arrayBuffer()))) } }) })
    await Promise.all([1, 2, 3].map(async (seed) => {
      const body = content(seed, 1_200_000)
      const connection = world.connect(80)
      connection.write(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n`)
      connection.write(body)
      let text = ''
      for await (const chunk of connection.setEncoding('latin1')) if (/[0-9a-f]{64}/.test(text += chunk as string)) break
      assert.equal(/[0-9a-f]{64}/.exec(text)?.[0], digest(body))
    }))
  })
}

test('bodies arrive as they were sent when the kernel takes no more for a while, and others are served meanwhile', async () => {
  const far: Duplex[] = []
  using world = routedWorld(manifests, { transport: loopback, raw: () => (connection: Duplex) => {
    far.push(connection)
    backend(connection)
  } })
  const size = 24_000_000 // more than the buffers of both connections
  const stalled = [1, 2, 3].map((seed) => {
    const connection = world.connect(80)
    connection.write(`GET /${seed}/${size}/length HTTP/1.1\r\nHost: a.test\r\n\r\n`)
    return connection
  })
  // Nobody reads: in the end nothing moves any more.
  const left = (): number => far.reduce((sum, connection) => sum + connection.writableLength, 0)
  for (let before = -1, still = 0; still < 200 || far.length < 3; before = left()) {
    await new Promise((resolve) => setImmediate(resolve))
    still = left() === before ? still + 1 : 0
  }
  assert.ok(left() > 0)
  const quick = world.connect(80)
  for (let i = 0; i < 20; i++) {
    quick.write(`GET /${i}/200000/length HTTP/1.1\r\nHost: a.test\r\n\r\n`)
    assert.equal(await bodyOf(quick), digest(content(i, 200_000)))
  }
  for (const [i, connection] of stalled.entries()) assert.equal(await bodyOf(connection), digest(content(i + 1, size)))
})

/** Digest of one body with a length, hashed as it comes; leaves the connection open. */
async function bodyOf(connection: Duplex): Promise<string> {
  const hash = createHash('sha256')
  let left = -1
  for await (const chunk of connection.iterator({ destroyOnReturn: false })) {
    let bytes = chunk as Buffer
    if (left < 0) {
      const end = bytes.indexOf('\r\n\r\n') // the head is small and comes in one piece
      left = Number(/content-length: (\d+)/i.exec(bytes.toString('latin1', 0, end))?.[1])
      bytes = bytes.subarray(end + 4)
    }
    hash.update(bytes)
    left -= bytes.length
    if (left <= 0) break
  }
  return hash.digest('hex')
}
