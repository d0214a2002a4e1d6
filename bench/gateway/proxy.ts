// The gateway's data path alone, on real sockets, for the benchmark: `node proxy.ts ROUTES BACKEND_PORT CERT KEY`; prints its two ports.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { listenRaw } from '@idp/http'
import { silentLog, systemClock } from '@idp/kit'
import { gatewayServer } from '../../components/cilium/dataplane/gateway-server.ts'
import { roundRobin } from '../../components/cilium/dataplane/endpoints.ts'
import { buildTables } from '../../components/cilium/engine/route-table.ts'
import { worldOf, type Objects } from '../../components/cilium/engine/world-of.ts'
import type { Gateway, GatewayClass, HTTPRoute } from '../../components/cilium/kinds/gateway-api.ts'

const [routes = '10', backend = '0', certFile = '', keyFile = ''] = process.argv.slice(2)
const identity = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
const one = <T>(object: T): Objects<never> => ({ get: () => object as never, list: () => [object as never] })
const none: Objects<never> = { get: () => undefined, list: () => [] }
const gateway: Gateway = {
  apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', metadata: { name: 'gw', namespace: 'bench', uid: 'gw' },
  spec: { gatewayClassName: 'cilium', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }, { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'cert' }] } }] },
}
const gatewayClass: GatewayClass = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'GatewayClass', metadata: { name: 'cilium' }, spec: { controllerName: 'io.cilium/gateway-controller' } }
const list = Array.from({ length: Number(routes) }, (_, i): HTTPRoute => ({
  apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: { name: `route-${i}`, namespace: 'bench', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { parentRefs: [{ name: 'gw' }], hostnames: [`host-${i}.bench.test`], rules: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }], backendRefs: [{ name: 'backend', port: 80 }] }] },
}))
const world = worldOf({
  classes: one(gatewayClass), gateways: one(gateway), httpRoutes: { get: () => undefined, list: () => list }, grpcRoutes: none, tlsRoutes: none, grants: none, namespaces: none,
  services: one({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'backend', namespace: 'bench' }, spec: { ports: [{ name: 'http', port: 80 }] } }), tlsSecret: () => identity, caBundle: () => undefined,
})
const tables = buildTables(gateway, world, silentLog)
const server = gatewayServer({
  clock: systemClock, random: Math.random,
  endpoints: roundRobin(() => [{ addressType: 'IPv4', ports: [{ name: 'http', port: Number(backend) }], endpoints: [{ addresses: ['127.0.0.1'] }] }], () => 1),
  connect: ({ host, port }) => new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  }),
})
const plain = () => tables.get(80)
const secure = () => tables.get(443)
const open = [await listenRaw({ port: 0 }, (socket, peer) => server.accept(socket, peer, plain)), await listenRaw({ port: 0 }, (socket, peer) => server.accept(socket, peer, secure))]
console.log(open.map(({ port }) => port).join(' '))
