import type { Duplex } from 'node:stream'
import { tlsAcceptor, type Peer } from '@idp/http'
import { CodedError, messageOf, rfc3339Micro, type Clock } from '@idp/kit'
import type { ListenerTable, PortTable } from '../engine/route-table.ts'
import { applyCors } from './cors.ts'
import type { Endpoints } from './endpoints.ts'
import type { Exchange } from './exchange.ts'
import { mutualTls, type Refusal } from './client-certificates.ts'
import { peekServerName } from './client-hello.ts'
import { forward, pickTarget, type ForwardContext, type ForwardOutcome } from './forward.ts'
import { clusterName, gatewayMetrics, type GatewayMetrics } from './gateway-metrics.ts'
import { findRoute } from './find-route.ts'
import { editHeaders, getHeader, type HeaderList } from './header-list.ts'
import { serveHttp1, type Downstream, type DownstreamOptions } from './http1-downstream.ts'
import { http2Front } from './http2-downstream.ts'
import { http2Pool } from './http2-upstream.ts'
import { mirrored } from './mirror.ts'
import { reply } from './reply.ts'
import { readProxyHeader } from './proxy-protocol.ts'
import { refusalFlag } from './refused-message.ts'
import { redirectLocation } from './rewrite.ts'
import { splice } from './splice.ts'
import { upstreamPool } from './upstream-pool.ts'
import { wireOf, type WireReader } from './wire.ts'

export interface GatewayServerOptions {
  connect(target: { readonly host: string; readonly port: number }): Promise<Duplex>
  readonly endpoints: Endpoints
  readonly clock: Clock
  /** A number in [0, 1). */
  random(): number
  /** One JSON line for each request; none when absent. */
  accessLog?(line: string): void
  readonly metrics?: GatewayMetrics
  /** Every connection begins with a header of the PROXY protocol, as Cilium's `gatewayAPI.enableProxyProtocol` has it. */
  readonly proxyProtocol?: boolean
  /** Largest head of a request in bytes; 60 KiB as Envoy has it. */
  readonly maxHead?: number
}

export interface GatewayServer extends Disposable {
  /** Serves a connection to a port; `table` is asked at each request, so that changes of routes need no new connection. */
  accept(connection: Duplex, peer: Peer, table: () => PortTable | undefined): void
  /** Ends idle connections and lets the others finish. */
  drain(): void
  readonly metrics: GatewayMetrics
}

/** Seconds without progress after which a client is cut off: in a head, in a body, between requests, in an answer that it does not take, after the last answer. */
const limits = { head: 10, body: 60, next: 300, reading: 300, close: 10 } as const

interface Tracked { readonly downstream: Downstream; state: string; seconds: number }

/** The data path of gateways: accepts, decrypts, routes, forwards. */
export function gatewayServer(options: GatewayServerOptions): GatewayServer {
  const { clock, endpoints, random, maxHead = 61_440, metrics = gatewayMetrics() } = options
  const pool = upstreamPool(options.connect)
  const http2 = http2Pool(options.connect)
  const h2 = http2Front(maxHead)
  const connections = new Set<Tracked>()
  const raw = new Set<Duplex>()
  const context: ForwardContext = { pool, http2, endpoints, clock, random, done: (exchange, outcome) => finish(exchange, outcome) }

  const finish = (exchange: Exchange, outcome: ForwardOutcome): void => {
    const { startedAt } = exchange
    const duration = clock.now() - startedAt
    metrics.request(outcome.status, outcome.service, duration)
    if (options.accessLog === undefined) return
    options.accessLog(JSON.stringify({
      start_time: rfc3339Micro(startedAt), method: exchange.method, path: exchange.path, protocol: exchange.protocol, authority: exchange.authority,
      response_code: outcome.status, response_flags: outcome.flags === '' ? '-' : outcome.flags, bytes_sent: outcome.responseBytes, duration,
      downstream_remote_address: exchange.client, upstream_host: outcome.upstream ?? '-', upstream_cluster: outcome.service === undefined ? '-' : clusterName(outcome.service), route_name: exchange.route,
      user_agent: getHeader(exchange.headers, 'user-agent') ?? '-', request_id: getHeader(exchange.headers, 'x-request-id') ?? '-', tries: outcome.tries,
    }))
  }
  /** What is refused is logged without anything that the client sent. */
  const refused = (peer: Peer, { status, message, begun }: { readonly status: number; readonly message: string; readonly begun: boolean }): void => {
    metrics.refused(status, begun)
    if (!begun) options.accessLog?.(JSON.stringify({ start_time: rfc3339Micro(clock.now()), response_code: status, response_flags: refusalFlag(status), response_code_details: message, downstream_remote_address: peer.address }))
  }
  const handshakeFailed = (peer: Peer, reason: string, why: Refusal = 'handshake'): void => {
    metrics.handshakeFailed(why)
    options.accessLog?.(JSON.stringify({ start_time: rfc3339Micro(clock.now()), response_code: 0, response_flags: 'DPE', downstream_transport_failure_reason: reason, downstream_remote_address: peer.address }))
  }
  const local = (exchange: Exchange, status: number, headers: HeaderList, flags: string): void => {
    reply(exchange, status, ['server', 'envoy', ...headers])
    finish(exchange, { status, flags, upstream: undefined, service: undefined, tries: 0, responseBytes: 0 })
  }
  const handle = (received: Exchange, table: PortTable | undefined, bound: ListenerTable | undefined): void => {
    received.startedAt = clock.now()
    const listener = table?.listeners.find(received.host)
    if (listener === undefined) return local(received, 404, [], 'NR')
    // A client may use a connection for other names of its certificate, but not for those of another listener (RFC 9110 §7.4).
    if (bound !== undefined && listener.name !== bound.name) return local(received, 421, [], 'NR')
    const found = findRoute(listener, received)
    if (found === undefined) return local(received, 404, [], 'NR')
    const { action, match } = found
    received.route = action.route
    let edits: ForwardEdits = []
    if (action.cors !== undefined) {
      const verdict = applyCors(action.cors, received)
      if ('preflight' in verdict) return local(received, 200, verdict.preflight, '-')
      edits = verdict.response
    }
    if (action.redirect !== undefined) {
      const headers: HeaderList = ['location', redirectLocation(action.redirect, match, received)]
      editHeaders(headers, action.response)
      return local(received, action.redirect.status, headers, '-')
    }
    const copies = action.mirrors.length === 0 ? [] : action.mirrors.filter(({ share }) => share >= 1 || random() < share).map(({ service }) => service)
    const exchange = copies.length === 0 ? received : mirrored(received, copies, context)
    forward(exchange, action, match, edits, context)
  }
  const serve = (socket: Duplex, peer: Peer, table: () => PortTable | undefined, scheme: 'http' | 'https', serverName?: string): void => {
    const downstream: DownstreamOptions = {
      scheme, client: peer.address, maxHead, refused: (status, message, begun) => refused(peer, { status, message, begun }),
      handle: (exchange) => {
        const now = table()
        handle(exchange, now, serverName === undefined ? undefined : now?.listeners.find(serverName))
      },
    }
    metrics.connection(1)
    socket.once('close', () => metrics.connection(-1))
    if (scheme === 'http') downstream.http2 = (connection) => h2.serve(connection, downstream)
    if ('alpnProtocol' in socket && socket.alpnProtocol === 'h2') return h2.serve(socket, downstream)
    const tracked: Tracked = { downstream: serveHttp1(socket, downstream), state: '', seconds: 0 }
    connections.add(tracked)
    socket.once('close', () => connections.delete(tracked))
  }
  const sweep = (): void => {
    pool.sweep()
    for (const tracked of connections) {
      const { waits, progress } = tracked.downstream
      const state = `${waits} ${progress}`
      if (waits === undefined || state !== tracked.state) tracked.seconds = 0
      tracked.state = state
      if (waits !== undefined && ++tracked.seconds > limits[waits]) tracked.downstream.timeOut()
    }
    timer = clock.timer(1000, sweep)
  }
  let timer = clock.timer(1000, sweep)
  const acceptors = new WeakMap<() => PortTable | undefined, ReturnType<typeof tlsAcceptor>>()
  const acceptorOf = (table: () => PortTable | undefined): ReturnType<typeof tlsAcceptor> => {
    let acceptor = acceptors.get(table)
    if (acceptor === undefined) {
      acceptor = tlsAcceptor({ identity: (name) => identityFor(table(), name), ciphers, failed: (peer, reason) => handshakeFailed(peer, reason) }, (socket, peer) => {
        const name = (socket as unknown as { servername?: string | false }).servername // set on the server's side, unlike Node's types say
        serve(socket, peer, table, 'https', typeof name === 'string' ? name.toLowerCase() : '')
      })
      acceptors.set(table, acceptor)
    }
    return acceptor
  }

  const withClientCertificate = mutualTls({ clock, ciphers, refused: (peer, why, detail) => handshakeFailed(peer, detail, why) })

  /** Gives a connection whose server name is known to a backend as it is, or to the listener that decrypts it. */
  const passOn = async (connection: Duplex, name: string | undefined, peer: Peer, table: () => PortTable | undefined): Promise<void> => {
    const listener = table()?.listeners.find(name ?? '')
    if (listener?.clients !== undefined && listener.identity !== undefined) {
      return withClientCertificate(connection, peer, { identity: listener.identity, clients: listener.clients }, (socket) => serve(socket, peer, table, 'https', name ?? ''))
    }
    if (name === undefined || listener?.passthrough === undefined) return acceptorOf(table)(connection, peer)
    const targets = listener.passthrough.find(name) ?? []
    const service = pickTarget({ targets, totalWeight: targets.reduce((sum, { weight }) => sum + weight, 0) }, options)?.service
    const address = service === undefined ? undefined : endpoints.next(service)
    if (address === undefined) return void connection.destroy()
    metrics.connection(1)
    const colon = address.lastIndexOf(':')
    try {
      const backend = await options.connect({ host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) })
      splice({ wire: wireOf(connection, unread), rest: undefined }, { wire: wireOf(backend, unread), rest: undefined }, () => metrics.connection(-1))
    } catch {
      metrics.connection(-1)
      connection.destroy() // TLS has no way to say more
    }
  }

  /** Serves a connection whose first byte is the client's own. */
  const begin = (connection: Duplex, peer: Peer, table: () => PortTable | undefined): void => {
    const now = table()
    if (now === undefined) return void connection.destroy()
    if (now.peeks) void peekServerName(connection).then((name) => passOn(connection, name, peer, table), () => {
      handshakeFailed(peer, 'no ClientHello')
      connection.destroy()
    })
    else if (now.secure) acceptorOf(table)(connection, peer)
    else serve(connection, peer, table, 'http')
  }

  return {
    metrics,
    accept(connection, peer, table) {
      raw.add(connection)
      connection.once('close', () => raw.delete(connection))
      if (options.proxyProtocol !== true) return begin(connection, peer, table)
      connection.on('error', () => connection.destroy())
      const slow = clock.timer(limits.head * 1000, () => connection.destroy())
      void readProxyHeader(connection).finally(() => slow[Symbol.dispose]()).then((address) => begin(connection, address === undefined ? peer : { ...peer, address }, table), (error: unknown) => {
        handshakeFailed(peer, messageOf(error))
        connection.destroy()
      })
    },
    drain() {
      for (const { downstream } of connections) downstream.drain()
      h2.drain()
    },
    [Symbol.dispose]() {
      timer[Symbol.dispose]()
      for (const connection of raw) connection.destroy()
      pool[Symbol.dispose]()
      http2[Symbol.dispose]()
    },
  }
}

/** As Envoy has them: 128 bits first, which cost a quarter less. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384',
].join(':')

/** Until the splice, which comes in the same turn, nothing is read. */
const unread: WireReader = { bytes() {}, drained() {}, ended() {}, closed() {} }

type ForwardEdits = Parameters<typeof forward>[3]

/** The certificate for a server name. @throws CodedError `NoCertificate`; the handshake then fails */
function identityFor(table: PortTable | undefined, serverName: string | undefined): { cert: string; key: string } {
  const identity = table?.listeners.find(serverName?.toLowerCase() ?? '')?.identity
  if (identity === undefined) throw new CodedError({ code: 'NoCertificate', message: `no listener serves ${serverName ?? 'clients without a server name'}` })
  return identity
}
