import { BlockList, isIP, connect as connectSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Service } from '@idp/api'
import { CodedError, type Clock } from '@idp/kit'
import { isHeadless, type ClusterView } from './cluster-view.ts'
import type { ConnectionGuard, Passage } from './connection-guard.ts'
import { freePassage } from './connection-guard.ts'
import { connectionPair } from './connection-pair.ts'
import { resolveName, type DnsAnswer } from './dns.ts'
import type { Listeners, OpenPort } from './listeners.ts'
import { filteringProxy } from './filtering-proxy.ts'
import type { Endpoint } from './network-policy.ts'
import { serveRaw } from './serve-raw.ts'
import { createServiceRouter, destinations, type Destination } from './service-target.ts'

/** Where a dial leads: a port in the cluster, or a name outside. */
export type Dialled =
  | { readonly type: 'inside'; readonly at: Destination; readonly open: OpenPort; readonly passage: Passage }
  | { readonly type: 'outside'; readonly host: string; readonly port: number; readonly passage: Passage }

/** Fixed names of a pod (`hostAliases`). */
export type Hosts = Readonly<Record<string, string>>

export interface Dialer {
  /** Name or address -> Service -> endpoint -> open port, as `source` may reach it. Throws the CodedErrors of `Net`. A promise for names outside that an agent decides about: they are looked up first. */
  dial(source: Endpoint, host: string, port: number, hosts: Hosts): Dialled | Promise<Dialled>
  /** Whether policies allow `source` a connection to an address; nothing need listen there. @throws CodedError `ConnectionTimedOut` */
  check(source: Endpoint, host: string, port: number): void
  /** The open port at an address itself. */
  openAt(at: Destination): Extract<Dialled, { type: 'inside' }>
  /** The open port behind a node port, for a caller from outside. */
  dialNodePort(nodePort: number, from: string): Extract<Dialled, { type: 'inside' }>
  connect(from: string, dialled: Dialled): Duplex
  /** Hands a connection from outside to what was dialled. */
  serve(connection: Duplex, from: string, dialled: Extract<Dialled, { type: 'inside' }>): void
  /** Addresses of a name; asks the machine's resolver for names outside where egress is allowed. */
  resolve(source: Endpoint, name: string, hosts: Hosts): Promise<readonly string[]>
}

export interface DialerOptions {
  readonly view: ClusterView
  readonly clock: Clock
  readonly listeners: Listeners
  readonly endpoints: ReadonlyMap<string, Endpoint>
  readonly guard: ConnectionGuard
  /** Host ports: address and port of a node -> those of a pod. */
  readonly published: ReadonlyMap<string, Destination>
  readonly domain: string
  readonly egress: boolean
}

type Inside = Extract<Dialled, { type: 'inside' }>
type Answered = Exclude<DnsAnswer, { type: 'absent' }> & { readonly answered?: ((addresses: readonly string[]) => void) | undefined }

/** Pods and Services; an address in here that nobody has is not looked for outside. */
const clusterNetworks = new BlockList()
clusterNetworks.addSubnet('10.42.0.0', 16)
clusterNetworks.addSubnet('10.43.0.0', 16)

export function createDialer({ view, clock, listeners, endpoints, guard, published, domain, egress }: DialerOptions): Dialer {
  const router = createServiceRouter(view, clock)
  const proxy = filteringProxy()
  let turn = 0

  const ask = (source: Endpoint, name: string): Answered => {
    const answer = resolveName(view, { name, namespace: source.namespace ?? 'default', domain })
    // An address is no question to a name server.
    const answered = isIP(name) === 0 ? guard.admitName(source, answer.type === 'absent' ? name : answer.name) : undefined
    if (answer.type === 'addresses') answered?.(answer.addresses)
    if (answer.type === 'absent') {
      answered?.([])
      throw nameNotFound(view, name, source.namespace)
    }
    if (answer.type === 'external' && !egress) {
      answered?.([])
      throw egressDenied(name)
    }
    return answer.type === 'external' ? { ...answer, answered } : answer
  }
  const openAt = (at: Destination): Extract<Dialled, { type: 'inside' }> => {
    const real = published.get(`${at.ip}:${at.port}`) ?? at
    const open = listeners.at(real.ip, real.port)
    if (open !== undefined) return { type: 'inside', at: real, open, passage: freePassage }
    const where = `${at.ip}:${at.port}`
    if (endpoints.has(at.ip)) throw new CodedError({ code: 'ConnectionRefused', message: 'nothing listens on this port', where, remedy: 'check the port and whether the server has started' })
    throw new CodedError({ code: 'ConnectionTimedOut', message: 'no pod, node or Service has this address', where, remedy: 'use a Service name; pod addresses change' })
  }
  const throughService = (ip: string, port: number, from: string): { readonly at: Destination; readonly service?: Service } => {
    const services = view.servicesAt(ip)
    const service = services.find((s) => s.spec.ports?.some((p) => p.port === port && (p.protocol ?? 'TCP') === 'TCP')) ?? services[0]
    // A load balancer's address may be a node's own: then only the Service's ports are the Service's.
    const hasPort = service?.spec.ports?.some((p) => p.port === port) === true
    if (service !== undefined && (hasPort || !endpoints.has(ip))) return { at: router.route(service, port, from), service }
    const ofNode = endpoints.get(ip)?.node === true && !published.has(`${ip}:${port}`) && listeners.at(ip, port) === undefined
    const behindNode = ofNode ? view.serviceOnNodePort(port) : undefined
    return behindNode === undefined ? { at: { ip, port } } : { at: router.routeNodePort(behindNode, port, from), service: behindNode }
  }
  const admitted = (source: Endpoint, found: Inside, service: Service | undefined): Inside => {
    const destination = found.open.owner ?? endpoints.get(found.at.ip) ?? { ip: found.at.ip }
    const named = service === undefined ? {} : { service: { namespace: service.metadata.namespace ?? '', name: service.metadata.name ?? '' } }
    return { ...found, passage: guard.admit({ protocol: 'TCP', source, destination, port: found.at.port, ...named }) }
  }
  /** The address that will be dialled must be known to whoever decides about it. */
  const outside = async (source: Endpoint, host: string, port: number, answered: Answered['answered']): Promise<Dialled> => {
    const addresses = isIP(host) === 0 ? await lookUpOutside(host) : [host]
    answered?.(addresses)
    const [address = host] = addresses
    return { type: 'outside', host: address, port, passage: guard.admit({ protocol: 'TCP', source, destination: { ip: address }, port, ...(host === address ? {} : { name: host }) }) }
  }
  const addressOf = (source: Endpoint, host: string, hosts: Hosts): string | { readonly outside: string; readonly answered: Answered['answered'] } => {
    const name = host.toLowerCase().replace(/\.$/, '')
    if (name === 'localhost' || name.startsWith('127.') || name === '::1') return source.ip
    const fixed = hosts[name]
    if (fixed !== undefined) return fixed
    const answer = ask(source, host)
    // Of several addresses (headless Services) each is taken in turn.
    return answer.type === 'external' ? { outside: answer.name, answered: answer.answered } : answer.addresses[turn++ % answer.addresses.length] ?? source.ip
  }
  const isKnown = (address: string, port: number) =>
    endpoints.has(address) || view.servicesAt(address).length > 0 || published.has(`${address}:${port}`) || clusterNetworks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

  return {
    openAt,
    dial(source, host, port, hosts) {
      const address = addressOf(source, host, hosts)
      if (typeof address !== 'string') {
        return guard.guards(source) ? outside(source, address.outside, port, address.answered) : { type: 'outside', host: address.outside, port, passage: freePassage }
      }
      if (!isKnown(address, port)) {
        if (!egress) throw egressDenied(host)
        return guard.guards(source) ? outside(source, address, port, undefined) : { type: 'outside', host: address, port, passage: freePassage }
      }
      const { at, service } = throughService(address, port, source.ip)
      return admitted(source, openAt(at), service)
    },
    check(source, host, port) {
      const service = view.servicesAt(host)[0]
      const named = service?.spec.ports?.find((p) => p.port === port)
      const at = service === undefined ? { ip: host, port } : destinations(view.slices(service.metadata.name ?? '', service.metadata.namespace ?? ''), named?.name ?? '')[0]
      if (at !== undefined) guard.check({ protocol: 'TCP', source, destination: endpoints.get(at.ip) ?? { ip: at.ip }, port: at.port })
    },
    dialNodePort(nodePort, from) {
      const service = view.serviceOnNodePort(nodePort)
      if (service === undefined) throw new CodedError({ code: 'ConnectionRefused', message: `no Service has node port ${nodePort}`, where: `:${nodePort}`, remedy: 'check the Service and its nodePort' })
      return admitted({ ip: from }, openAt(router.routeNodePort(service, nodePort, from)), service)
    },
    connect(from, dialled) {
      const { passage } = dialled
      if (passage.filters.length > 0) return proxy.connect(from, dialled)
      if (dialled.type === 'outside') return heldBy(passage, connectSocket(dialled.port, dialled.host))
      const [near, far] = connectionPair()
      serveRaw(dialled.open, far, { address: from })
      return heldBy(passage, near)
    },
    serve(connection, from, dialled) {
      if (dialled.passage.filters.length > 0) proxy.serve(connection, from, dialled)
      else serveRaw(dialled.open, heldBy(dialled.passage, connection), { address: from })
    },
    async resolve(source, name, hosts) {
      const fixed = hosts[name.toLowerCase()]
      if (fixed !== undefined) return [fixed]
      const answer = ask(source, name)
      if (answer.type === 'addresses') return answer.addresses
      const addresses = await lookUpOutside(answer.name)
      answer.answered?.(addresses)
      return addresses
    },
  }
}

async function lookUpOutside(name: string): Promise<string[]> {
  const { lookup } = await import('node:dns/promises')
  return (await lookup(name, { all: true })).map((a) => a.address)
}

function heldBy<T extends Duplex>(passage: Passage, connection: T): T {
  if (passage === freePassage) return connection
  const held = passage.hold(() => connection.destroy())
  connection.once('close', () => held[Symbol.dispose]())
  return connection
}

function nameNotFound(view: ClusterView, host: string, namespace: string | undefined): CodedError {
  const [service = '', inNamespace = namespace ?? 'default'] = host.split('.')
  const found = view.service(service, inNamespace)
  const empty = found !== undefined && isHeadless(found)
  return new CodedError({
    code: 'NameNotFound', message: empty ? 'the headless Service has no ready pod, so its name has no address' : 'no such name in the cluster', where: host,
    remedy: empty ? 'check that the pods behind it are Ready' : `check the spelling and the namespace (asked from ${namespace ?? 'default'})`,
  })
}

function egressDenied(host: string): CodedError {
  return new CodedError({ code: 'EgressDenied', message: 'this cluster has no way out to the machine\'s network', where: host, remedy: 'start the cluster with egress allowed, or use a name inside the cluster' })
}
