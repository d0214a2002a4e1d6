import { EndpointSlice, Namespace, Secret, Service } from '@idp/api'
import { informer, type Informer } from '@idp/controller'
import type { Kind } from '@idp/api'
import type { KubeObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { untilAborted, type Listener as OpenPort, type Program } from '@idp/sandbox'
import { caCopyName } from '../controllers/ca-copies.ts'
import { labelsChanged, specChanged } from '../controllers/caches.ts'
import { gatewayLabel, gatewayName, serviceName } from '../controllers/gateway.ts'
import { copyName } from '../controllers/secret-sync.ts'
import { roundRobin } from '../dataplane/endpoints.ts'
import { gatewayServer } from '../dataplane/gateway-server.ts'
import { buildTables, type PortTable } from '../engine/route-table.ts'
import { caOf, isOurs, tlsOf, worldOf } from '../engine/world-of.ts'
import { Gateway, GatewayClass, GRPCRoute, HTTPRoute, ReferenceGrant, TLSRoute } from '../kinds/gateway-api.ts'
import { healthEndpoint } from './health-endpoint.ts'

const secretsNamespace = 'cilium-secrets'

/** cilium-envoy: the data path of Gateways. It follows the Gateway API itself, where upstream's is told by the agent. */
export const envoy: Program = {
  images: ['quay.io/cilium/cilium-envoy'],
  async main(container) {
    const { client, clock, log, signal, net, random } = container
    if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'cilium-envoy needs the token of its ServiceAccount' })
    const follow = <T extends KubeObject>(kind: Kind<T>, namespace?: string): Informer<T> => informer(client, kind, { clock, log, signal, ...(namespace === undefined ? {} : { query: { namespace } }) })
    const classes = follow(GatewayClass)
    const gateways = follow(Gateway)
    const routes = [follow(HTTPRoute), follow(GRPCRoute), follow(TLSRoute)] as const
    const grants = follow(ReferenceGrant)
    const namespaces = follow(Namespace)
    const services = follow(Service)
    const slices = follow(EndpointSlice)
    const secrets = follow(Secret, secretsNamespace)
    const world = worldOf({
      classes: classes.cache, gateways: gateways.cache, httpRoutes: routes[0].cache, grpcRoutes: routes[1].cache, tlsRoutes: routes[2].cache, grants: grants.cache, namespaces: namespaces.cache, services: services.cache,
      tlsSecret: (namespace, name) => tlsOf(secrets.cache.get(copyName(namespace, name), secretsNamespace)),
      caBundle: (namespace, name) => caOf(secrets.cache.get(caCopyName(namespace, name), secretsNamespace)),
    })
    let version = 0
    let tables = new Map<string, Map<number, PortTable>>()
    const slicesOf = byService(slices, () => version++)
    const number = () => Buffer.from(random(4)).readUInt32LE() / 0x1_0000_0000
    using server = gatewayServer({
      clock, random: fastRandom(number), connect: (target) => net.connect(target), endpoints: roundRobin(slicesOf, () => version),
      proxyProtocol: container.env['GATEWAY_PROXY_PROTOCOL'] === 'true',
      ...(container.env['GATEWAY_ACCESS_LOG'] === 'false' ? {} : { accessLog: (line: string) => container.stdout(line) }),
    })
    let ready = false
    const health = healthEndpoint({ ready: () => ready, metrics: () => server.metrics.render() })
    await using _health = await net.listen(9878, health)
    await using _metrics = await net.listen(9964, health)
    const open = new Map<number, OpenPort>()

    const rebuild = async (): Promise<void> => {
      tables = new Map(gateways.cache.list().filter((gateway) => isOurs(gateway, classes.cache)).map((gateway) => [`${gateway.metadata.namespace}/${gateway.metadata.name}`, buildTables(gateway, world, log)]))
      const wanted = new Map<number, () => PortTable | undefined>()
      for (const gateway of gateways.cache.list()) {
        const slice = slices.cache.get(serviceName(gateway), gateway.metadata.namespace)
        if (slice?.metadata.labels?.[gatewayLabel] !== gatewayName(gateway)) continue
        for (const port of slice?.ports ?? []) {
          const listenerPort = Number((port.name ?? '').slice('port-'.length))
          if (port.port !== undefined) wanted.set(port.port, () => tables.get(`${gateway.metadata.namespace}/${gateway.metadata.name}`)?.get(listenerPort))
        }
      }
      for (const [port, listening] of open) if (!wanted.has(port)) {
        open.delete(port)
        await listening[Symbol.asyncDispose]()
      }
      for (const [port, table] of wanted) if (!open.has(port)) {
        open.set(port, await net.listenRaw(port, (connection, peer) => server.accept(connection, peer, table)))
        log.info('a gateway port is open', { port })
      }
    }
    const informers = [classes, gateways, ...routes, grants, namespaces, services, slices, secrets]
    await Promise.all(informers.map((each) => each.synced)).catch((error: unknown) => { if (!signal.aborted) throw error })
    const changed = coalesced(clock, () => rebuild().catch((error: unknown) => log.error('routes could not be built', { error: messageOf(error) })))
    for (const each of [classes, gateways, ...routes, grants]) each.onChange((change) => { if (specChanged(change)) changed() })
    namespaces.onChange((change) => { if (labelsChanged(change)) changed() })
    services.onChange(({ before, after }) => { if (JSON.stringify(before?.spec.ports) !== JSON.stringify(after?.spec.ports)) changed() })
    secrets.onChange(changed)
    slices.onChange(({ before, after }) => { if ((after ?? before)?.metadata.labels?.[gatewayLabel] !== undefined) changed() })
    await rebuild()
    ready = true
    log.info('cilium-envoy is ready', { gateways: tables.size })
    await untilAborted(signal)
    server.drain()
    for (const listening of open.values()) await listening[Symbol.asyncDispose]()
    return 0
  },
}

/** Shortest time between two rebuilds: while a cluster starts, changes come without end. */
const restMs = 100

/** Runs `work` once after a burst of calls, never twice at the same time, and not again before it has rested. */
function coalesced(clock: { timer(ms: number, run: () => void): Disposable }, work: () => Promise<void>): () => void {
  let state: 'idle' | 'waiting' | 'running' | 'again' = 'idle'
  const run = (): void => {
    state = 'running'
    void work().then(() => clock.timer(restMs, () => {
      if (state === 'again') run()
      else state = 'idle'
    }))
  }
  return () => {
    if (state === 'running') state = 'again'
    if (state !== 'idle') return
    state = 'waiting'
    clock.timer(5, run)
  }
}

/** EndpointSlices by Service, kept up with the informer. */
function byService(slices: Informer<EndpointSlice>, onChange: () => void): (namespace: string, service: string) => readonly EndpointSlice[] {
  const index = new Map<string, Map<string, EndpointSlice>>()
  const keyOf = (slice: EndpointSlice): string => `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`
  slices.onChange(({ before, after }) => {
    const name = (after ?? before)?.metadata.name ?? ''
    if (before !== undefined) index.get(keyOf(before))?.delete(name)
    if (after !== undefined) {
      let entry = index.get(keyOf(after))
      if (entry === undefined) index.set(keyOf(after), (entry = new Map()))
      entry.set(name, after)
    }
    onChange()
  })
  return (namespace, service) => [...index.get(`${namespace}/${service}`)?.values() ?? []]
}

/** A generator seeded once (xorshift128): weights, mirror shares and request ids need speed, not secrecy. */
function fastRandom(seed: () => number): () => number {
  let [a, b] = [Math.floor(seed() * 0xffff_ffff) | 1, Math.floor(seed() * 0xffff_ffff) | 1]
  return () => {
    let t = a
    const s = b
    a = s
    t ^= t << 23
    t ^= t >>> 17
    t ^= s ^ (s >>> 26)
    b = t
    return ((t + s) >>> 0) / 0x1_0000_0000
  }
}
