import type { Duplex } from 'node:stream'
import { CodedError, type Clock } from '@idp/kit'
import type { ClusterView } from './cluster-view.ts'
import { createConnectionGuard } from './connection-guard.ts'
import { createContainerNet } from './container-net.ts'
import { createDialer, type Hosts } from './dialer.ts'
import { createListeners } from './listeners.ts'
import type { Net } from './net.ts'
import { createPolicyCheck, type Endpoint } from './network-policy.ts'
import type { NodeNetwork } from './node-network.ts'
import type { Destination } from './service-target.ts'
import { createVerifier } from './verified-peers.ts'

export interface FabricOptions {
  readonly view: ClusterView
  readonly clock: Clock
  /** PEM certificates trusted for https unless a call names others. */
  ca(): string
  /** `cluster.local` by default. */
  readonly domain?: string
  /** Whether names outside the cluster may be dialled over the machine's network; not by default. */
  readonly egress?: boolean
}

/** One address of the network: a pod or a node. */
export interface Interface extends Disposable {
  readonly ip: string
  /** A view of the network for one container; what it listens on is closed by disposing it. `admin`: with the capability NET_ADMIN. */
  open(options?: { readonly admin?: boolean }): Net & Disposable
  /** Whether policies allow a connection from here to an address (Service or endpoint). @throws CodedError `ConnectionTimedOut` */
  check(at: Destination): void
  /** Publishes a port of this interface at another address (a pod's hostPort). Throws `PortInUse`. */
  publish(at: Destination, port: number): Disposable
  /** Calls `changed` whenever a port of this address opens or closes. */
  onListen(changed: () => void): Disposable
}

/** The network of a cluster. Nothing of it is a socket. */
export interface Fabric {
  /** Throws `AddressInUse`. */
  attach(endpoint: Endpoint, options?: { readonly hosts?: Hosts }): Interface
  /** Brings a connection from outside to a node port, e.g. a socket of the machine. The connection is handed through, not copied. Throws what a dial throws. */
  enter(connection: Duplex, nodePort: number, from: string): void
  /** Whether something listens there; used by probes of a node, which no policy holds back. */
  listening(at: Destination): boolean
  /** A raw connection to an address from a node (probes, port-forward). */
  connectFrom(from: string, at: Destination): Duplex
  /** The network of a node as its network agent programs it. */
  nodeNetwork(node: string): NodeNetwork
}

export function createFabric({ view, clock, ca, domain = 'cluster.local', egress = false }: FabricOptions): Fabric {
  const listeners = createListeners()
  const endpoints = new Map<string, Endpoint>()
  const published = new Map<string, Destination>()
  const guard = createConnectionGuard(createPolicyCheck(view))
  const dialer = createDialer({ view, clock, listeners, endpoints, guard, published, domain, egress })
  const watchers = new Set<(endpoint: Endpoint, state: 'present' | 'gone') => void>()
  const everyone = new Set<Endpoint>()
  const verify = createVerifier()
  const nodeNetwork = (node: string) => guard.nodeNetwork(node, {
    onEndpoint(changed) {
      const ofNode = (endpoint: Endpoint, state: 'present' | 'gone') => {
        if (endpoint.nodeName === node) changed(endpoint, state)
      }
      for (const endpoint of everyone) ofNode(endpoint, 'present')
      watchers.add(ofNode)
      return { [Symbol.dispose]: () => void watchers.delete(ofNode) }
    },
  })
  return {
    attach(endpoint, { hosts = {} } = {}) {
      if (endpoints.has(endpoint.ip) && endpoint.shared !== true) throw new CodedError({ code: 'AddressInUse', message: 'another pod has this address', where: endpoint.ip })
      if (!endpoints.has(endpoint.ip)) endpoints.set(endpoint.ip, endpoint)
      everyone.add(endpoint)
      for (const changed of watchers) changed(endpoint, 'present')
      const nets = new Set<Disposable>()
      return {
        ip: endpoint.ip,
        open({ admin = false } = {}) {
          const node = admin && endpoint.node === true && endpoint.nodeName !== undefined ? nodeNetwork(endpoint.nodeName) : undefined
          const net: Net & Disposable = createContainerNet({ endpoint, hosts, dialer, listeners, clock, ca, verify, admin: node, ended: () => nets.delete(net) })
          nets.add(net)
          return net
        },
        check: ({ ip, port }) => dialer.check(endpoint, ip, port),
        publish(at, port) {
          const key = `${at.ip}:${at.port}`
          if (published.has(key)) throw new CodedError({ code: 'PortInUse', message: `host port ${at.port} is taken`, where: key })
          published.set(key, { ip: endpoint.ip, port })
          return { [Symbol.dispose]: () => void published.delete(key) }
        },
        onListen: (changed) => listeners.onChange(endpoint.ip, changed),
        [Symbol.dispose]() {
          for (const net of nets) net[Symbol.dispose]()
          if (endpoints.get(endpoint.ip) === endpoint) endpoints.delete(endpoint.ip)
          if (everyone.delete(endpoint)) for (const changed of watchers) changed(endpoint, 'gone')
        },
      }
    },
    enter(connection, nodePort, from) {
      dialer.serve(connection, from, dialer.dialNodePort(nodePort, from))
    },
    listening: (at) => listeners.at(at.ip, at.port) !== undefined,
    connectFrom: (from, at) => dialer.connect(from, dialer.openAt(at)),
    nodeNetwork,
  }
}
