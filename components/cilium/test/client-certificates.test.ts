import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { createCa, issueCertificate, type KeyPair } from '@idp/pki'
import { routedWorld, type RoutedWorld } from './routed-world.ts'
import { memory, sockets } from './transport.ts'
import { speak } from './wire.ts'

const day = 86_400_000
const now = Date.now()
const [ca, foreign, old] = await Promise.all([createCa({ subject: { commonName: 'clients' }, now, days: 1 }), createCa({ subject: { commonName: 'strangers' }, now, days: 1 }), createCa({ subject: { commonName: 'clients' }, now: now - 20 * day, days: 30 })])
const server = await issueCertificate({ ca, for: 'server', now, days: 1, dnsNames: ['a.test', 'else.test'] })
const client = await issueCertificate({ ca, for: 'client', now, days: 1, subject: { commonName: 'ada' } })
const stranger = await issueCertificate({ ca: foreign, for: 'client', now, days: 1, subject: { commonName: 'eve' } })
const expired = await issueCertificate({ ca: old, for: 'client', now: now - 10 * day, days: 2, subject: { commonName: 'bob' } })
const early = await issueCertificate({ ca, for: 'client', now: now + 10 * day, days: 1, subject: { commonName: 'tim' } })
const loopback = await sockets()
after(() => loopback[Symbol.asyncDispose]())

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const indented = (text: string): string => text.trim().split('\n').map((line) => `    ${line}`).join('\n')
const bundle = (name: string, pem: string): string => `---
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, namespace: infra }
data:
  ca.crt: |
${indented(pem)}
`
const listener = (name: string, port: number, hostname: string): string => `{ name: ${name}, port: ${port}, protocol: HTTPS, hostname: ${hostname}, tls: { certificateRefs: [{ name: cert }] } }`
const validation = (name: string, mode = 'AllowValidOnly'): string => `{ validation: { caCertificateRefs: [{ group: '', kind: ConfigMap, name: ${name} }], mode: ${mode} } }`
const manifests = `
{ apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: { name: cilium }, spec: { controllerName: io.cilium/gateway-controller } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: infra }
spec:
  gatewayClassName: cilium
  tls: { frontend: { default: ${validation('clients')}, perPort: [{ port: 8443, tls: ${validation('clients', 'AllowInsecureFallback')} }, { port: 9443, tls: {} }] } }
  listeners: [${listener('a', 443, 'a.test')}, ${listener('b', 443, '"*.test"')}, ${listener('lax', 8443, 'a.test')}, ${listener('open', 9443, 'a.test')}]
${bundle('clients', ca.cert + old.cert)}---
{ apiVersion: v1, kind: Secret, metadata: { name: cert, namespace: infra }, type: kubernetes.io/tls, data: { tls.crt: ${base64(server.cert)}, tls.key: ${base64(server.key)} } }
---
{ apiVersion: v1, kind: Service, metadata: { name: web, namespace: infra }, spec: { ports: [{ name: http, port: 80 }] } }
---
{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: r, namespace: infra }, spec: { parentRefs: [{ name: gw }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] } }
`

interface Attempt { readonly port?: number; readonly pair?: KeyPair; readonly version?: 'TLSv1.2' | 'TLSv1.3'; readonly name?: string; readonly session?: Buffer; readonly cipher?: string }

function dial(world: RoutedWorld, { port = 443, pair, version, name = 'a.test', session, cipher }: Attempt): TLSSocket {
  const options: ConnectionOptions = {
    socket: world.connect(port), ca: ca.cert, servername: name, ALPNProtocols: ['http/1.1'], ...(pair === undefined ? {} : { cert: pair.cert, key: pair.key }),
    ...(version === undefined ? {} : { minVersion: version, maxVersion: version }), ...(session === undefined ? {} : { session }), ...(cipher === undefined ? {} : { ciphers: cipher }),
  }
  return tlsConnect(options)
}

/** Status of an answer, or the code of the alert that came instead. */
async function attempt(world: RoutedWorld, how: Attempt): Promise<string> {
  const socket = dial(world, how)
  const failure = new Promise<string>((resolve) => {
    socket.on('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message))
    socket.on('close', () => resolve('closed without an alert'))
  })
  const answer = once(socket, 'secureConnect').then(() => speak(socket, `GET / HTTP/1.1\r\nHost: ${how.name ?? 'a.test'}\r\nX-Forwarded-Client-Cert: By=me\r\n\r\n`)).then(([head]) => {
    if (head === undefined) return failure
    assert.equal((JSON.parse(head.body) as { headers: Record<string, string> }).headers['x-forwarded-client-cert'], undefined, 'a client cannot claim a certificate')
    return String(head.status)
  }, () => failure)
  const outcome = await Promise.race([answer, failure])
  socket.destroy()
  return outcome
}

const rows: readonly (readonly [what: string, how: Attempt, outcome: string, counted?: string])[] = [
  ['a valid certificate', { pair: client }, '200'],
  ['a valid certificate, TLS 1.2', { pair: client, version: 'TLSv1.2' }, '200'],
  ['a listener with a wildcard', { pair: client, name: 'else.test' }, '200'],
  ['none', {}, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'no_cert'],
  ['none, TLS 1.2', { version: 'TLSv1.2' }, 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'no_cert'],
  ['expired', { pair: expired }, 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'error'],
  ['expired, TLS 1.2', { pair: expired, version: 'TLSv1.2' }, 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'error'],
  ['expired, 256 bits', { pair: expired, cipher: 'TLS_AES_256_GCM_SHA384' }, 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'error'],
  ['expired, ChaCha20', { pair: expired, cipher: 'TLS_CHACHA20_POLY1305_SHA256' }, 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'error'],
  ['of another CA', { pair: stranger }, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'error'],
  ['of another CA, TLS 1.2', { pair: stranger, version: 'TLSv1.2' }, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'error'],
  ['not valid yet', { pair: early }, 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'error'],
  ['a certificate for servers', { pair: server }, 'ERR_SSL_SSL/TLS_ALERT_UNSUPPORTED_CERTIFICATE', 'error'],
  ['AllowInsecureFallback without one', { port: 8443 }, '200'],
  ['AllowInsecureFallback with a stranger\'s', { port: 8443, pair: stranger }, '200'],
  ['a port for itself without validation', { port: 9443 }, '200'],
]

for (const [kind, transport] of [['in memory', memory], ['on sockets', loopback]] as const) {
  for (const [what, how, outcome, counted] of rows) {
    test(`client certificates, ${kind}: ${what}`, async () => {
      using world = routedWorld(manifests, { transport })
      assert.equal(await attempt(world, how), outcome)
      const metrics = world.server.metrics.render()
      for (const each of ['no_cert', 'error']) assert.match(metrics, new RegExp(`envoy_listener_ssl_fail_verify_${each}\\{[^}]*\\} ${each === counted ? 1 : 0}\n`))
      assert.match(metrics, /envoy_listener_ssl_connection_error\{[^}]*\} 0\n/)
      assert.equal(world.accessLog.length, 1)
      if (counted !== undefined) assert.equal((JSON.parse(world.accessLog[0] ?? '') as { response_flags: string }).response_flags, 'DPE')
    })
  }
}

test('client certificates: a new CA counts from the next connection, and no session outlives it', async () => {
  using world = routedWorld(manifests, { transport: loopback })
  const first = dial(world, { pair: client })
  const sessions: Buffer[] = []
  first.on('session', (session: Buffer) => sessions.push(session))
  await once(first, 'secureConnect')
  assert.equal((await speak(first, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'))[0]?.status, 200)
  world.apply(bundle('clients', foreign.cert))
  for (const session of [undefined, ...sessions]) assert.equal(await attempt(world, { pair: client, ...(session === undefined ? {} : { session }) }), 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA')
  assert.equal(await attempt(world, { pair: stranger }), '200')
  first.destroy()
})
