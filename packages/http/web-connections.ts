import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttp2Server, type Http2ServerRequest, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { silentLog, type Log } from '@idp/kit'
import type { Peer, WebServer } from './handler.ts'
import { BadRequest } from './bad-request.ts'
import { toRequest, type Incoming, type Outgoing } from './node-request.ts'
import { sendResponse } from './node-response.ts'

export interface ConnectionOptions {
  readonly log?: Log
  /** Largest request body; 1 GiB by default. Beyond it 413. */
  readonly maxBodyBytes?: number
  /** Largest head of a request in bytes; 64 KiB by default. Beyond it 431. */
  readonly maxHeaderBytes?: number
  /** A client that takes longer for the head of a request is cut off with 408; 20 s by default. */
  readonly headersTimeoutMs?: number
  /** A client that takes longer for head and body is cut off with 408; off (0) by default, since uploads may be large. */
  readonly requestTimeoutMs?: number
  /** How long an idle connection is kept; 75 s by default. */
  readonly keepAliveMs?: number
}

export interface WebConnections extends AsyncDisposable {
  /** Serves HTTP on a connection; encrypted ones have been decrypted. */
  accept(connection: Duplex, about: { readonly peer: Peer; readonly scheme: 'http' | 'https'; readonly protocol: 'http/1.1' | 'h2' }): void
}

interface About { readonly peer: Peer; readonly scheme: 'http' | 'https' }

/** Adapts a WebServer to Node's HTTP/1.1 and HTTP/2 machinery, for any kind of connection. */
export function webConnections(server: WebServer, options: ConnectionOptions = {}): WebConnections {
  const { log = silentLog, maxBodyBytes = 2 ** 30, maxHeaderBytes = 65_536, headersTimeoutMs = 20_000, requestTimeoutMs = 0, keepAliveMs = 75_000 } = options
  const about = new WeakMap<object, About>()
  const open = new Set<Duplex>()
  const sessions = new Set<ServerHttp2Session>()

  const serve = (incoming: Incoming, outgoing: Outgoing, from: About): void => {
    handle(server, incoming, outgoing, from, maxBodyBytes).catch((error: unknown) => {
      log.error('a request failed', { method: incoming.method, path: incoming.url?.split('?')[0], error })
      if (outgoing.headersSent) return void outgoing.destroy()
      outgoing.statusCode = 500
      outgoing.end('internal error\n')
    })
  }
  const http1 = createHttpServer({ maxHeaderSize: maxHeaderBytes, headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs, keepAliveTimeout: keepAliveMs, connectionsCheckingInterval: Math.min(5000, Math.max(50, headersTimeoutMs / 4)), noDelay: true, insecureHTTPParser: false }, (incoming, outgoing) => {
    serve(incoming, outgoing, about.get(incoming.socket) ?? nobody)
  })
  http1.emit('listening') // starts the check for slow clients; connections are handed in
  if (server.upgrade !== undefined) http1.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => upgrade(incoming, socket, head))
  http1.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
    if (!socket.writable) return void socket.destroy()
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  })
  const http2 = createHttp2Server({ maxHeaderListPairs: 200, settings: { maxHeaderListSize: maxHeaderBytes, maxConcurrentStreams: 250, enableConnectProtocol: false } }, (incoming, outgoing) => {
    serve(incoming, outgoing, aboutSession(incoming) ?? nobody)
  })
  http2.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.setTimeout(keepAliveMs, () => { if (Object.keys(session.state).length > 0 && !session.destroyed) session.close() })
  })
  http2.on('sessionError', () => {}) // a peer that breaks the protocol loses its session; nothing else is concerned
  const aboutSession = (incoming: Http2ServerRequest): About | undefined => (incoming.stream.session === undefined ? undefined : about.get(incoming.stream.session))

  const upgrade = (incoming: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const from = about.get(incoming.socket) ?? nobody
    socket.on('error', () => socket.destroy()) // the upgraded protocol sees the close
    Promise.resolve().then(() => server.upgrade?.(toRequest(incoming, undefined, from.scheme, maxBodyBytes), socket, head, from.peer)).catch((error: unknown) => {
      log.error('an upgrade failed', { path: incoming.url?.split('?')[0], error })
      if (socket.writable) socket.end('HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    })
  }

  return {
    accept(connection, { peer, scheme, protocol }) {
      open.add(connection)
      connection.once('close', () => open.delete(connection))
      connection.on('error', () => connection.destroy()) // resets are part of life; the request's signal tells its handler
      about.set(connection, { peer, scheme })
      if (protocol === 'http/1.1') return void http1.emit('connection', connection)
      http2.once('session', (session: ServerHttp2Session) => about.set(session, { peer, scheme }))
      http2.emit('connection', connection as Socket)
    },
    async [Symbol.asyncDispose]() {
      http1.close()
      for (const session of sessions) session.destroy()
      for (const connection of open) connection.destroy()
    },
  }
}

const nobody: About = { peer: { address: '' }, scheme: 'http' }

async function handle(server: WebServer, incoming: Incoming, outgoing: Outgoing, { peer, scheme }: About, maxBodyBytes: number): Promise<void> {
  outgoing.on('error', () => outgoing.destroy()) // writing to a caller that is gone
  let response: Response
  try {
    response = await server.handler(toRequest(incoming, outgoing, scheme, maxBodyBytes), peer)
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error
    outgoing.statusCode = error.status
    outgoing.setHeader('content-type', 'text/plain; charset=utf-8')
    outgoing.end(`${error.message}\n`)
    return
  }
  await sendResponse(response, outgoing, incoming.method ?? 'GET')
}
