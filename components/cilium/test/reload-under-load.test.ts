import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as http2Connect } from 'node:http2'
import { after, test } from 'node:test'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import { createCa, issueCertificate, type KeyPair } from '@idp/pki'
import { routedWorld } from './routed-world.ts'
import { sockets } from './transport.ts'
import { speak } from './wire.ts'

const transport = await sockets()
after(() => transport[Symbol.asyncDispose]())
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const now = Date.now()
const ca = await createCa({ subject: { commonName: 'root' }, now, days: 1 })
const certificates = await Promise.all(Array.from({ length: 12 }, (_, i) => issueCertificate({ ca, for: 'server', now, days: 1, dnsNames: ['a.test'], subject: { commonName: `certificate ${i}` } })))
const secret = (pair: KeyPair): string => `
{ apiVersion: v1, kind: Secret, metadata: { name: cert, namespace: a }, type: kubernetes.io/tls, data: { tls.crt: ${base64(pair.cert)}, tls.key: ${base64(pair.key)} } }
`
const manifests = `
{ apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: { name: cilium }, spec: { controllerName: io.cilium/gateway-controller } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: a }
spec: { gatewayClassName: cilium, listeners: [{ name: https, port: 443, protocol: HTTPS, hostname: a.test, tls: { certificateRefs: [{ name: cert }] } }] }
---
{ apiVersion: v1, kind: Service, metadata: { name: web, namespace: a }, spec: { ports: [{ name: http, port: 80 }] } }
---
{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: r, namespace: a }, spec: { parentRefs: [{ name: gw }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] } }
---
`
const get = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'

test('certificates change under load: no request fails on kept, new and resumed connections, and new ones see the new certificate', async () => {
  using world = routedWorld(manifests + secret(certificates[0] as KeyPair), { transport, backend: () => ({ handler: () => new Response('ok') }) })
  const dial = async (protocol: string, session?: Buffer): Promise<TLSSocket> => {
    const socket = tlsConnect({ socket: world.connect(443), servername: 'a.test', ca: ca.cert, ALPNProtocols: [protocol], ...(session === undefined ? {} : { session }) })
    await once(socket, 'secureConnect')
    return socket
  }
  let over = false
  let answered = 0
  const failures: unknown[] = []
  const seen = new Set<string>()
  const tally = (status: unknown): void => {
    if (status === 200) answered++
    else failures.push(status)
  }
  const keptAlive = async (): Promise<void> => {
    const socket = await dial('http/1.1')
    while (!over) tally((await speak(socket, get))[0]?.status)
    socket.destroy()
  }
  const newEachTime = async (): Promise<void> => {
    let session: Buffer | undefined
    while (!over) {
      const socket = await dial('http/1.1', session)
      socket.once('session', (ticket: Buffer) => { session = ticket })
      if (!socket.isSessionReused()) seen.add(String(socket.getPeerCertificate().subject.CN))
      tally((await speak(socket, get))[0]?.status)
      socket.destroy()
      if (answered % 3 === 0) session = undefined
    }
  }
  const streams = async (): Promise<void> => {
    const socket = await dial('h2')
    const client = http2Connect('https://a.test', { createConnection: () => socket })
    while (!over) {
      const [headers] = await once(client.request({ ':path': '/' }).resume(), 'response') as [Record<string, unknown>]
      tally(headers[':status'])
    }
    client.destroy()
  }
  const load = Promise.all([keptAlive(), keptAlive(), newEachTime(), newEachTime(), streams()].map((worker) => worker.catch((error: unknown) => failures.push(error))))
  for (const [i, pair] of certificates.entries()) {
    world.apply(secret(pair))
    for (const target = answered + 40; answered < target && failures.length === 0;) await new Promise((resolve) => setImmediate(resolve))
    const fresh = await dial('http/1.1')
    assert.equal(fresh.getPeerCertificate().subject.CN, `certificate ${i}`)
    fresh.destroy()
  }
  over = true
  await load
  assert.deepEqual(failures, [])
  assert.ok(answered >= 480, String(answered))
  assert.ok(seen.size > 3, [...seen].join())
})
