import { connect as connectSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import { fetchOver, serveConnection, type Peer, type WebServer } from '@idp/http'
import { CodedError } from '@idp/kit'
import { connectionPair } from './connection-pair.ts'
import type { Passage } from './connection-guard.ts'
import type { Dialled } from './dialer.ts'
import type { HttpFilter } from './node-network.ts'
import { serveRaw } from './serve-raw.ts'

/** The step between the ends of a raw connection whose requests are filtered: it reads HTTP/1.1 and speaks it again behind. */
export interface FilteringProxy {
  connect(from: string, dialled: Dialled): Duplex
  serve(connection: Duplex, from: string, dialled: Dialled): void
}

/** Runs a request through filters, the first one first. */
export function throughFilters(filters: readonly HttpFilter[], request: Request, send: (request: Request) => Promise<Response>): Promise<Response> {
  return filters.reduceRight<(request: Request) => Promise<Response>>((next, filter) => (asked) => filter(asked, next), send)(request)
}

export function filteringProxy(): FilteringProxy {
  /** One server for all connections; where each leads is known by the peer object that it was accepted with. */
  const routes = new WeakMap<Peer, Dialled>()
  const routeOf = (peer: Peer): Dialled => routes.get(peer) as Dialled // set before the connection is served
  const server: WebServer = {
    handler: (request, peer) => throughFilters(routeOf(peer).passage.filters, request, (allowed) => forward(allowed, peer, routeOf(peer))),
    async upgrade(request, socket, head, peer) {
      const dialled = routeOf(peer)
      const asked = await throughFilters(dialled.passage.filters, request, async () => new Response(null))
      if (!asked.ok) return void socket.end(`HTTP/1.1 ${asked.status} ${asked.statusText}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      if (dialled.type === 'inside' && dialled.open.type === 'web' && dialled.open.server.upgrade !== undefined) return dialled.open.server.upgrade(request, socket, head, peer)
      // Through a raw listener the proxy cannot tell where the upgrade ends.
      socket.end('HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    },
  }
  const serve = (connection: Duplex, from: string, dialled: Dialled): void => {
    if (dialled.type === 'inside' && dialled.open.type === 'web' && dialled.open.tls !== undefined) throw unreadable(from)
    const held = dialled.passage.hold(() => connection.destroy())
    connection.once('close', () => held[Symbol.dispose]())
    const peer: Peer = { address: from }
    routes.set(peer, dialled)
    serveConnection(connection, server, peer)
  }
  return {
    serve,
    connect(from, dialled) {
      const [near, far] = connectionPair()
      serve(far, from, dialled)
      return near
    },
  }
}

/** What HTTP rules make of TLS: the proxy sees no request in it, so nothing of it passes. */
export function unreadable(where: string): CodedError {
  return new CodedError({ code: 'ConnectionReset', message: 'HTTP rules of a policy apply to this port, and the connection is TLS: the proxy cannot read it', where, remedy: 'leave rules.http out for ports that speak TLS' })
}

/** The connection without its filters: they have been passed. */
export function pastFilters<T extends Dialled>(dialled: T): T {
  const { passage } = dialled
  const open: Passage = { filters: [], hold: (cut) => passage.hold(cut) }
  return { ...dialled, passage: open }
}

async function forward(request: Request, peer: Peer, dialled: Dialled): Promise<Response> {
  if (dialled.type === 'outside') return fetchOver(connectSocket(dialled.port, dialled.host), request)
  if (dialled.open.type === 'web') return dialled.open.server.handler(request, peer)
  const [near, far] = connectionPair()
  serveRaw(dialled.open, far, peer)
  return fetchOver(near, request)
}
