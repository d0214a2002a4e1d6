import { createServer } from 'node:http2'
import type { Duplex } from 'node:stream'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { Peer, WebServer } from '@idp/http'
import { settledDuplex } from '../../components/cilium/dataplane/settled-duplex.ts'
import { echo } from '../../components/cilium/test/routed-world.ts'
import type { Case } from './case.ts'
import { streamPorts } from './fixtures-protocols.ts'

type Failing = NonNullable<Case['request']>['failing']

/** Backends of HTTP: an echo that also notes copies, and fails as often as it is told. */
export function webBackend(service: string, failing: Failing, copies: string[]): WebServer {
  const server = echo(service)
  let left = failing === undefined || failing.how === 'closes' ? 0 : failing.times // connections that break never come here
  return { handler(request: Request, peer: Peer) {
    if (request.headers.get('host')?.includes('-shadow') === true) copies.push(service)
    if (left-- <= 0 || failing === undefined) return server.handler(request, peer)
    return typeof failing.how === 'number' ? new Response('no', { status: failing.how }) : new Promise<Response>(() => {})
  } }
}

/** Backends that are no web servers: gRPC and TLS by their port, and connections that break. */
export function streamBackends(pair: { readonly cert: string; readonly key: string }, failing: Failing): (address: string) => ((connection: Duplex) => void) | undefined {
  let left = failing?.how === 'closes' ? failing.times : 0
  return (address) => {
    if (left-- > 0) return (connection) => void connection.once('data', () => connection.destroy())
    const service = streamPorts[Number(address.slice(address.lastIndexOf(':') + 1))]
    if (service === undefined) return undefined
    return service === 'secure' ? (connection) => secureEcho(connection, pair) : (connection) => grpcEcho(connection, service)
  }
}

function grpcEcho(connection: Duplex, service: string): void {
  const server = createServer()
  server.on('stream', (stream, headers) => {
    const { ':path': path, ':authority': host, ...rest } = headers
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.on('error', () => {})
    stream.end(JSON.stringify({ service, path, host, headers: rest }))
  })
  server.emit('connection', settledDuplex(connection) as never) // any stream will do
}

function secureEcho(connection: Duplex, pair: { readonly cert: string; readonly key: string }): void {
  const socket = new TLSSocket(connection, { isServer: true, secureContext: createSecureContext(pair) })
  socket.on('data', (data: Buffer) => socket.end(`got ${data.toString()}`))
  socket.on('error', () => connection.destroy())
}
