import { BlockList, isIP, connect as connectSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CodedError, type Clock, type Log } from '@idp/kit'
import { isHeadless, type ClusterView } from './cluster-view.ts'
import { connectionPair } from './connection-pair.ts'
import { resolveName } from './dns.ts'
import { fetchInCluster } from './fetch-in-cluster.ts'
import { createListeners, type OpenPort } from './listeners.ts'
import type { Net } from './net.ts'
import { createPolicyCheck, type Endpoint } from './network-policy.ts'
import { createServiceRouter, type Destination } from './service-target.ts'
import { serveRaw } from './serve-raw.ts'
import { createVerifier } from './verified-peers.ts'

export interface FabricOptions {
  readonly view: ClusterView
  readonly clock: Clock
  readonly log: Log
  /** PEM certificates trusted for https unless a call names others. */
  ca(): string
  readonly domain?: string
  /** Whether names outside the cluster may be dialled over the machine's network; not by default. */
  readonly egress?: boolean
}

/** One address of the network: a pod or a node. */
export interface Interface extends Disposable {
  readonly ip: string
  /** A view of the network for one container; what it listens on is closed by disposing it. */
  open(): Net & Disposable
  /** Publishes a port of this interface at another address (a pod's hostPort). */
  publish(at: Destination, port: number): Disposable
  /** Calls `changed` whenever a port of this address opens or closes. */
  onListen(changed: () => void): Disposable
}

/** The network of a cluster. Nothing of it is a socket. */
export interface Fabric {
  attach(endpoint: Endpoint, options?: { readonly hosts?: Readonly<Record<string, string>> }): Interface
  /** Brings a connection from outside to a node port, e.g. a socket of the machine. The connection is handed through, not copied. Throws what a dial throws. */
  enter(connection: Duplex, nodePort: number, from: string): void
  /** Whether something listens there; used by probes of a node, which no policy holds back. */
  listening(at: Destination): boolean
  /** A raw connection to an address from a node (probes, port-forward). */
  connectFrom(from: string, at: Destination): Duplex
}

/** Where a dial leads: a port in the cluster, or a name outside. */
export type Dialled =
  | { readonly type: 'inside'; readonly at: Destination; readonly open: OpenPort }
  | { readonly type: 'outside'; readonly host: string; readonly port: number }

/** Pods and Services; an address in here that nobody has is not looked for outside. */
const clusterNetworks = new BlockList()
clusterNetworks.addSubnet('10.42.0.0', 16)
clusterNetworks.addSubnet('10.43.0.0', 16)

export function createFabric(options: FabricOptions): Fabric {
  const { view, clock } = options
  const listeners = createListeners()
  const endpoints = new Map<string, Endpoint>()
  const published = new Map<string, Destination>()
  const router = createServiceRouter(view, clock)
  const policy = createPolicyCheck(view, (ip) => endpoints.get(ip))
  const verify = createVerifier()

  const openAt = (at: Destination): { at: Destination; open: OpenPort } => {
    const real = published.get(`${at.ip}:${at.port}`) ?? at
    const open = listeners.at(real.ip, real.port)
    if (open !== undefined) return { at: real, open }
    const where = `${at.ip}:${at.port}`
    if (endpoints.has(at.ip)) throw new CodedError({ code: 'ConnectionRefused', message: 'nothing listens on this port', where, remedy: 'check the port and whether the server has started' })
    throw new CodedError({ code: 'ConnectionTimedOut', message: 'no pod, node or Service has this address', where, remedy: 'use a Service name; pod addresses change' })
  }
  const throughService = (ip: string, port: number, from: string): Destination => {
    const service = view.serviceAt(ip)
    if (service !== undefined) return router.route(service, port, from)
    const onNode = endpoints.get(ip)?.node === true && !published.has(`${ip}:${port}`) && listeners.at(ip, port) === undefined ? view.serviceOnNodePort(port) : undefined
    return onNode === undefined ? { ip, port } : router.routeNodePort(onNode, port, from)
  }
  const dial = (source: Endpoint, host: string, port: number, hosts: Readonly<Record<string, string>>): Dialled => {
    const address = addressOf(source, host, port, hosts)
    if (typeof address !== 'string') return address
    const isOutside = !endpoints.has(address) && view.serviceAt(address) === undefined && !clusterNetworks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4') && !published.has(`${address}:${port}`)
    if (isOutside && options.egress === true) return { type: 'outside', host: address, port }
    if (isOutside) throw egressDenied(host)
    const found = openAt(throughService(address, port, source.ip))
    policy.check(source, found.at)
    return { type: 'inside', ...found }
  }
  const addressOf = (source: Endpoint, host: string, port: number, hosts: Readonly<Record<string, string>>): string | Dialled => {
    const name = host.toLowerCase().replace(/\.$/, '')
    if (name === 'localhost' || name.startsWith('127.') || name === '::1') return source.ip
    const fixed = hosts[name]
    if (fixed !== undefined) return fixed
    const answer = resolveName(view, { name: host, namespace: source.namespace ?? 'default', ...(options.domain === undefined ? {} : { domain: options.domain }) })
    if (answer.type === 'external') {
      if (options.egress !== true) throw egressDenied(host)
      return { type: 'outside', host: answer.name, port }
    }
    if (answer.type === 'absent' || answer.addresses[0] === undefined) throw nameNotFound(view, host, source.namespace)
    return answer.addresses[0]
  }
  const connectTo = (source: Endpoint, dialled: Dialled): Duplex => {
    if (dialled.type === 'outside') return connectSocket(dialled.port, dialled.host)
    const [near, far] = connectionPair()
    serveRaw(dialled.open, far, { address: source.ip })
    return near
  }

  return {
    attach(endpoint, { hosts = {} } = {}) {
      if (endpoints.has(endpoint.ip) && !endpoint.shared) throw new CodedError({ code: 'AddressInUse', message: 'another pod has this address', where: endpoint.ip })
      const registered = endpoints.get(endpoint.ip) ?? endpoint
      endpoints.set(endpoint.ip, registered)
      const nets = new Set<Disposable>()
      const net = (): Net & Disposable => {
        const mine = new Set<{ close(): void }>()
        let gone = false
        // A program that goes on after its container has ended has no network any more.
        const mustBeThere = () => {
          if (gone) throw new CodedError({ code: 'NetworkGone', message: 'the container has ended and has no network any more', where: endpoint.ip })
        }
        const listen = (port: number, what: (closed: AbortSignal) => OpenPort) => {
          mustBeThere()
          const opened = listeners.open(endpoint.ip, port, what)
          mine.add(opened)
          return { port: opened.port, async [Symbol.asyncDispose]() { mine.delete(opened); opened.close() } }
        }
        const self = {
          ip: endpoint.ip,
          listen: async (port, server, { tls } = {}) => listen(port, (closed) => ({ type: 'web', server, tls, closed })),
          listenRaw: async (port, accept) => listen(port, (closed) => ({ type: 'raw', accept, closed })),
          fetch: (url, init) => fetchInCluster(url, init, {
            source: endpoint, now: clock.now(), ca: options.ca, verify,
            dial: (host, port) => {
              mustBeThere()
              return dial(endpoint, host, port, hosts)
            },
            connect: (dialled) => connectTo(endpoint, dialled),
          }),
          async connect({ host, port }) {
            mustBeThere()
            return connectTo(endpoint, dial(endpoint, host, port, hosts))
          },
          async resolve(name) {
            const fixed = hosts[name.toLowerCase()]
            if (fixed !== undefined) return [fixed]
            const answer = resolveName(view, { name, namespace: endpoint.namespace ?? 'default', ...(options.domain === undefined ? {} : { domain: options.domain }) })
            if (answer.type === 'addresses') return answer.addresses
            if (answer.type === 'absent') throw nameNotFound(view, name, endpoint.namespace)
            if (options.egress !== true) throw egressDenied(name)
            const { lookup } = await import('node:dns/promises')
            return (await lookup(answer.name, { all: true })).map((a) => a.address)
          },
          [Symbol.dispose]() {
            gone = true
            nets.delete(self)
            for (const opened of mine) opened.close()
            mine.clear()
          },
        } satisfies Net & Disposable
        nets.add(self)
        return self
      }
      return {
        ip: endpoint.ip,
        open: net,
        publish(at, port) {
          const key = `${at.ip}:${at.port}`
          if (published.has(key)) throw new CodedError({ code: 'PortInUse', message: `host port ${at.port} is taken`, where: key })
          published.set(key, { ip: endpoint.ip, port })
          return { [Symbol.dispose]: () => void published.delete(key) }
        },
        onListen: (changed) => listeners.onChange(endpoint.ip, changed),
        [Symbol.dispose]() {
          for (const open of nets) open[Symbol.dispose]()
          if (endpoints.get(endpoint.ip) === endpoint) endpoints.delete(endpoint.ip)
        },
      }
    },
    enter(connection, nodePort, from) {
      const service = view.serviceOnNodePort(nodePort)
      if (service === undefined) throw new CodedError({ code: 'ConnectionRefused', message: `no Service has node port ${nodePort}`, where: `:${nodePort}` })
      const { at, open } = openAt(router.routeNodePort(service, nodePort, from))
      policy.check({ ip: from }, at)
      serveRaw(open, connection, { address: from })
    },
    listening: (at) => listeners.at(at.ip, at.port) !== undefined,
    connectFrom: (from, at) => connectTo({ ip: from, node: true }, { type: 'inside', ...openAt(at) }),
  }
}

function nameNotFound(view: ClusterView, host: string, namespace: string | undefined): CodedError {
  const [service = '', inNamespace = namespace ?? 'default'] = host.split('.')
  const found = view.service(service, inNamespace)
  const empty = found !== undefined && isHeadless(found)
  return new CodedError({
    code: 'NameNotFound', message: empty ? 'the headless Service has no ready pod, so its name has no address' : 'no such name in the cluster',
    where: isIP(host) === 0 ? host : `address ${host}`, remedy: empty ? 'check that the pods behind it are Ready' : `check the spelling and the namespace (asked from ${namespace ?? 'default'})`,
  })
}

function egressDenied(host: string): CodedError {
  return new CodedError({ code: 'EgressDenied', message: 'this cluster has no way out to the machine\'s network', where: host, remedy: 'start the cluster with egress allowed, or use a name inside the cluster' })
}
