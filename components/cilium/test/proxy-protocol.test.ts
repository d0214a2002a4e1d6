import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { memoryFiles } from '@idp/kit'
import { createCa, issueCertificate } from '@idp/pki'
import { renderHelm } from '@idp/render-helm'
import { parseProxyHeader } from '../dataplane/proxy-protocol.ts'
import { routedWorld } from './routed-world.ts'
import { memory, sockets } from './transport.ts'
import { speak } from './wire.ts'

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
const get = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'
const binary = (command: number, family: number, addresses: readonly number[]): Buffer => Buffer.from([...Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), command, family, addresses.length >> 8, addresses.length & 255, ...addresses])
const ports = [0xdc, 0x04, 0x01, 0xbb]
const v6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]

const rows: readonly (readonly [string, Buffer, string | undefined | 'invalid' | 'more'])[] = [
  ['version 1, IPv4', Buffer.from('PROXY TCP4 198.51.100.22 203.0.113.7 35646 80\r\n'), '198.51.100.22'],
  ['version 1, IPv6', Buffer.from('PROXY TCP6 2001:db8::9 2001:db8::1 4124 443\r\n'), '2001:db8::9'],
  ['version 1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  ['version 2, IPv4', binary(0x21, 0x11, [198, 51, 100, 22, 203, 0, 113, 7, ...ports]), '198.51.100.22'],
  ['version 2, IPv4 with more after the addresses', binary(0x21, 0x11, [198, 51, 100, 22, 203, 0, 113, 7, ...ports, 4, 0, 1, 0]), '198.51.100.22'],
  ['version 2, IPv6', binary(0x21, 0x21, [...v6, ...v6, ...ports]), '2001:db8:0:0:0:0:0:9'],
  ['version 2, a health check of the balancer\'s own', binary(0x20, 0x00, []), undefined],
  ['a request without a header', Buffer.from(get), 'invalid'],
  ['version 1 with an odd address', Buffer.from('PROXY TCP4 here there 1 2\r\n'), 'invalid'],
  ['version 1 without an end', Buffer.from(`PROXY TCP4 ${'1'.repeat(120)}`), 'invalid'],
  ['version 2, too short for its addresses', binary(0x21, 0x11, [1, 2, 3]), 'invalid'],
  ['version 2, an unknown command', binary(0x25, 0x11, [198, 51, 100, 22, 203, 0, 113, 7, ...ports]), 'invalid'],
  ['version 3', binary(0x31, 0x11, [198, 51, 100, 22, 203, 0, 113, 7, ...ports]), 'invalid'],
  ['half a header', Buffer.from('PROXY TCP4 198.51'), 'more'],
  ['half a signature', Buffer.from('\r\n\r\n\0'), 'more'],
]

for (const [what, header, want] of rows) {
  test(`the PROXY protocol: ${what}`, async () => {
    const parsed = parseProxyHeader(header)
    if (want === 'invalid' || want === 'more') assert.equal(parsed, want)
    else assert.deepEqual(parsed, { length: header.length, address: want })
    if (want === 'more') return
    for (const transport of [memory, loopback]) {
      using world = routedWorld(manifests, { transport, proxyProtocol: true })
      const connection = world.connect(80)
      for (const byte of header) connection.write(Buffer.of(byte))
      const answers = await speak(connection, get).catch(() => [])
      if (want === 'invalid') assert.deepEqual(answers, [])
      else assert.equal(JSON.parse(answers[0]?.body ?? '').headers['x-forwarded-for'], want ?? '192.0.2.7')
    }
  })
}

test('the PROXY protocol: before TLS as well; who sends no header is cut off in time', async () => {
  using world = routedWorld(manifests, { transport: loopback, proxyProtocol: true })
  const raw = world.connect(443)
  raw.write('PROXY TCP4 198.51.100.22 203.0.113.7 35646 443\r\n')
  const client = tlsConnect({ socket: raw, servername: 'a.test', ca: ca.cert, ALPNProtocols: ['http/1.1'] })
  await once(client, 'secureConnect')
  assert.equal(JSON.parse((await speak(client, get))[0]?.body ?? '').headers['x-forwarded-for'], '198.51.100.22')
  const silent = world.connect(80)
  silent.resume().on('error', () => {})
  const closed = once(silent, 'close')
  silent.write('PROXY ')
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  await world.clock.advance(11_000)
  await closed
})

test('the PROXY protocol: the chart asks cilium-envoy for it when gatewayAPI.enableProxyProtocol does', async () => {
  const chart = fileURLToPath(new URL('../chart', import.meta.url))
  const files: Record<string, Uint8Array> = {}
  for (const entry of await readdir(chart, { recursive: true, withFileTypes: true })) if (entry.isFile()) files[join(entry.parentPath, entry.name).slice(chart.length + 1)] = await readFile(join(entry.parentPath, entry.name))
  for (const [gatewayAPI, want] of [[{}, 'false'], [{ enableProxyProtocol: true }, 'true']] as const) {
    const { documents } = await renderHelm(memoryFiles(files), { releaseName: 'cilium', namespace: 'kube-system', values: [{ gatewayAPI: { enabled: true, ...gatewayAPI } }] })
    const envoy = documents.find(({ object }) => object.kind === 'DaemonSet' && object.metadata?.name === 'cilium-envoy')
    assert.match(JSON.stringify(envoy?.object), new RegExp(`\\{"name":"GATEWAY_PROXY_PROTOCOL","value":"${want}"\\}`))
  }
})
