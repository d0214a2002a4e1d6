import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { ConfigMap, EndpointSlice, Namespace, Secret, Service } from '@idp/api'
import { parseYamlDocuments, type KubeObject } from '@idp/formats'
import { serveConnection, type Peer, type WebServer } from '@idp/http'
import { CodedError, fakeClock, silentLog, type Clock, type FakeClock } from '@idp/kit'
import { roundRobin } from '../dataplane/endpoints.ts'
import { gatewayServer, type GatewayServer } from '../dataplane/gateway-server.ts'
import { buildTables, type PortTable } from '../engine/route-table.ts'
import { tlsOf, worldOf, type Objects } from '../engine/world-of.ts'
import type { World } from '../engine/world.ts'
import { memory, type Transport } from './transport.ts'
import type { Gateway, GatewayClass, GRPCRoute, HTTPRoute, ReferenceGrant, TLSRoute } from '../kinds/gateway-api.ts'

/** A gateway over a set of manifests, with backends in memory: the data path without a cluster. */
export interface RoutedWorld extends Disposable {
  readonly world: World
  readonly server: GatewayServer
  readonly clock: FakeClock
  /** A new connection to a port of a Gateway. */
  connect(port: number, gateway?: string): Duplex
  /** Serves a connection that comes from elsewhere. */
  accept(connection: Duplex, peer: Peer, port: number): void
  /** Puts further manifests in place (same name and namespace replaces). */
  apply(yaml: string): void
  readonly accessLog: string[]
}

export interface RoutedOptions {
  /** What answers behind `ip:port`; by default every address echoes what it got, with its Service's name. */
  backend?(address: string, service: string): WebServer | undefined
  /** Takes raw connections in place of a web server. */
  raw?(address: string): ((connection: Duplex) => void) | undefined
  random?(): number
  readonly clock?: Clock
  readonly proxyProtocol?: boolean
  /** In memory by default. */
  readonly transport?: Transport
}

/** @param yaml manifests; each Service gets one ready endpoint unless an EndpointSlice is given for it */
export function routedWorld(yaml: string, options: RoutedOptions = {}): RoutedWorld {
  const objects = new Map<string, KubeObject>()
  const clock = fakeClock()
  const { transport = memory } = options
  const accessLog: string[] = []
  let version = 0
  let tables = new Map<string, Map<number, PortTable>>()
  const kind = <T extends KubeObject>(name: string): Objects<T> => ({
    get: (object, namespace) => objects.get(`${name}/${namespace ?? ''}/${object}`) as T | undefined,
    list: (filter) => [...objects.values()].filter((o) => o.kind === name && (filter?.namespace === undefined || o.metadata.namespace === filter.namespace)) as T[],
  })
  const gateways = kind<Gateway>('Gateway')
  const slices = kind<EndpointSlice>('EndpointSlice')
  const secrets = kind<Secret>('Secret')
  const world = worldOf({
    classes: kind<GatewayClass>('GatewayClass'), gateways, httpRoutes: kind<HTTPRoute>('HTTPRoute'), grpcRoutes: kind<GRPCRoute>('GRPCRoute'), tlsRoutes: kind<TLSRoute>('TLSRoute'),
    grants: kind<ReferenceGrant>('ReferenceGrant'), namespaces: kind<Namespace>('Namespace'), services: kind<Service>('Service'), tlsSecret: (namespace, name) => tlsOf(secrets.get(name, namespace)),
    caBundle: (namespace, name) => kind<ConfigMap>('ConfigMap').get(name, namespace)?.data?.['ca.crt'],
  })
  const server = gatewayServer({
    clock, random: options.random ?? (() => 0.5), accessLog: (line) => accessLog.push(line), proxyProtocol: options.proxyProtocol === true,
    endpoints: roundRobin((namespace, service) => slices.list({ namespace }).filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === service), () => version),
    async connect({ host, port }) {
      const address = `${host}:${port}`
      const raw = options.raw?.(address)
      if (raw !== undefined) return connected(transport.pair(raw))
      const service = slices.list().find((slice) => slice.endpoints?.some(({ addresses }) => addresses.includes(host)))?.metadata.labels?.['kubernetes.io/service-name'] ?? ''
      const backend = options.backend?.(address, service) ?? echo(service)
      if (backend === refusing) throw new CodedError({ code: 'ConnectionRefused', message: `${address} refuses connections` })
      return connected(transport.pair((far) => serveConnection(far, backend, { address: '10.0.0.1' })))
    },
  })
  const apply = (text: string): void => {
    for (const { value } of parseYamlDocuments(text)) {
      if (value === null) continue
      const object = value as unknown as KubeObject
      object.metadata.uid ??= `${object.kind}-${object.metadata.name}`
      objects.set(`${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`, object)
      if (object.kind === 'Service') addEndpoint(object as Service)
    }
    version++
    tables = new Map(gateways.list().map((gateway) => [gateway.metadata.name ?? '', world.gateway(gateway.metadata.namespace ?? '', gateway.metadata.name ?? '') === undefined ? new Map() : buildTables(gateway, world, silentLog)]))
  }
  let addresses = 0
  const addEndpoint = (service: Service): void => {
    const name = `${service.metadata.name}-auto`
    const key = `EndpointSlice/${service.metadata.namespace ?? ''}/${name}`
    if (service.metadata.annotations?.['test/endpoints'] === 'none') return void objects.delete(key)
    if (objects.has(key)) return
    const slice: EndpointSlice = {
      apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name, namespace: service.metadata.namespace ?? '', labels: { 'kubernetes.io/service-name': service.metadata.name ?? '' } },
      addressType: 'IPv4', ports: (service.spec.ports ?? []).map((port) => ({ name: port.name ?? '', port: port.port })), endpoints: [{ addresses: [`10.1.0.${++addresses}`], conditions: { ready: true } }],
    }
    objects.set(key, slice)
  }
  apply(yaml)
  return {
    world, server, clock, apply, accessLog,
    accept: (connection, peer, port) => server.accept(connection, peer, () => tables.values().next().value?.get(port)),
    connect(port, gateway) {
      const name = gateway ?? tables.keys().next().value ?? ''
      return transport.pair((far) => server.accept(far, { address: '192.0.2.7' }, () => tables.get(name)?.get(port)))
    },
    [Symbol.dispose]: () => server[Symbol.dispose](),
  }
}

/** As a dialer does: hands out connections that stand. */
async function connected(connection: Duplex): Promise<Duplex> {
  if ('connecting' in connection && connection.connecting === true) await once(connection, 'connect')
  return connection
}

/** Answers with what it received, as upstream's conformance backend does. */
export function echo(service: string): WebServer {
  return {
    async handler(request) {
      const url = new URL(request.url)
      const headers: Record<string, string> = Object.fromEntries(request.headers)
      return Response.json({ service, method: request.method, path: url.pathname + url.search, host: request.headers.get('host'), headers, body: await request.text() })
    },
  }
}

/** A backend that is not there. */
export const refusing: WebServer = { handler: () => new Response() }
