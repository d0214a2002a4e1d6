import { constants, createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { AnswerFields, BodySink, Exchange, ExchangeObserver } from './exchange.ts'
import type { HeaderList } from './header-list.ts'
import { checkAuthority, type Framing } from './http1-head.ts'
import { RefusedMessage } from './refused-message.ts'
import type { DownstreamOptions } from './http1-downstream.ts'
import { hostOf, parseTarget } from './request-target.ts'

/** What a client may send ahead on one stream, and on all of a connection (RFC 9113 §5.2). */
const STREAM_WINDOW = 262_144
const CONNECTION_WINDOW = 1_048_576

export interface Http2Front {
  /** Serves HTTP/2 on a decrypted connection. */
  serve(socket: Duplex, options: DownstreamOptions): void
  /** Sends GOAWAY to every client; streams under way are finished. */
  drain(): void
}

/** HTTP/2 for clients, on Node's implementation, with limits against floods. */
export function http2Front(maxHead: number): Http2Front {
  const sessions = new Set<ServerHttp2Session>()
  const pending: DownstreamOptions[] = []
  const server = createServer({ maxHeaderListPairs: 100, maxSessionInvalidFrames: 50, maxSessionRejectedStreams: 50, settings: { maxConcurrentStreams: 100, maxHeaderListSize: maxHead, enableConnectProtocol: false, initialWindowSize: STREAM_WINDOW } })
  server.on('sessionError', () => {}) // a client that breaks the protocol loses its session; nobody else is concerned
  server.on('session', (session) => {
    const options = pending.shift()
    if (options === undefined) return void session.destroy()
    sessions.add(session)
    session.setLocalWindowSize(CONNECTION_WINDOW)
    session.once('close', () => sessions.delete(session))
    session.on('stream', (stream, headers, _flags, raw) => serveStream(stream, headers, raw as unknown as string[], options))
  })
  return {
    serve(socket, options) {
      pending.push(options)
      server.emit('connection', socket as Socket)
    },
    drain() {
      for (const session of sessions) session.close()
    },
  }
}

function serveStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[], options: DownstreamOptions): void {
  stream.on('error', () => stream.destroy()) // the close tells the exchange
  try {
    options.handle(new Http2Exchange(stream, headers, raw, options))
  } catch (error) {
    if (!(error instanceof RefusedMessage)) throw error
    options.refused(error.status, error.message, false)
    stream.respond({ ':status': error.status }, { endStream: true })
  }
}

class Http2Exchange implements Exchange {
  readonly protocol = 'HTTP/2'
  readonly method: string
  readonly path: string
  readonly query: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  readonly host: string
  readonly headers: HeaderList = []
  readonly body: Framing
  readonly upgrade = undefined
  readonly client: string
  trailers = false
  startedAt = 0
  route = '-'
  readonly forwardLines = undefined
  readonly takesLines = false
  observer: ExchangeObserver | undefined
  readonly #stream: ServerHttp2Stream
  #answered = false
  readonly #endTrailers: Record<string, string> = {}

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[], options: DownstreamOptions) {
    this.#stream = stream
    this.method = headers[':method'] ?? ''
    if (this.method === '' || this.method === 'CONNECT') throw new RefusedMessage(405, 'the method is not supported')
    const { path, query } = parseTarget(headers[':path'] ?? '')
    this.path = path
    this.query = query
    this.scheme = options.scheme
    this.authority = headers[':authority'] ?? headers.host ?? ''
    if (this.authority === '') throw new RefusedMessage(400, 'the authority is missing')
    checkAuthority(this.authority)
    this.host = hostOf(this.authority)
    this.client = options.client
    const cookies: string[] = []
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i] ?? ''
      const value = raw[i + 1] ?? ''
      // Cookie crumbs are put together for a backend of HTTP/1.1 (RFC 9113 §8.2.3).
      if (name === 'cookie') cookies.push(value)
      else if (!name.startsWith(':') && name !== 'content-length') this.headers.push(name, value)
    }
    if (cookies.length > 0) this.headers.push('cookie', cookies.join('; '))
    const length = headers['content-length']
    if (length !== undefined && !/^\d{1,15}$/.test(length)) throw new RefusedMessage(400, 'content-length is malformed')
    this.body = stream.endAfterHeaders || length === '0' ? { type: 'none' } : length === undefined ? { type: 'chunked' } : { type: 'length', length: Number(length) }
    if (length !== undefined) this.headers.push('content-length', length)
    stream.on('drain', () => this.observer?.clientDrained())
    stream.once('close', () => {
      if (!this.#answered) this.observer?.clientClosed()
    })
  }

  readBody(sink: BodySink): void {
    const stream = this.#stream
    if (stream.endAfterHeaders) return sink.end()
    let left = this.body.type === 'length' ? this.body.length : Infinity
    stream.on('data', (content: Buffer) => {
      left -= content.length
      if (left < 0) return void stream.close(constants.NGHTTP2_PROTOCOL_ERROR)
      if (!sink.data(content, 0, content.length)) stream.pause()
    })
    stream.on('end', () => {
      if (Number.isFinite(left) && left > 0) stream.close(constants.NGHTTP2_PROTOCOL_ERROR)
      else sink.end()
    })
  }

  resumeBody(): void {
    this.#stream.resume()
  }

  respond(status: number, given: AnswerFields, body: Framing): void {
    if (this.#stream.destroyed || this.#stream.headersSent || typeof given === 'string') return // lines are for HTTP/1.x
    const headers = given
    const fields: Record<string, string | number | string[]> = { ':status': status }
    for (let i = 0; i < headers.length; i += 2) {
      const name = (headers[i] ?? '').toLowerCase()
      const value = headers[i + 1] ?? ''
      const old = fields[name]
      if (old === undefined || single.has(name)) fields[name] = value
      else fields[name] = [old, value].flat().map(String)
    }
    if (body.type === 'none') this.#answered = true
    const wait = this.trailers && body.type !== 'none'
    if (wait) this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(this.#endTrailers))
    this.#stream.respond(fields, { endStream: body.type === 'none', waitForTrailers: wait })
  }

  cork(): boolean {
    return false // HTTP/2 puts its frames together by itself
  }

  uncork(): boolean {
    return true
  }

  write(bytes: Buffer, start: number, end: number): boolean {
    return this.#stream.destroyed || this.#stream.write(Buffer.from(bytes.subarray(start, end)))
  }

  end(trailers: HeaderList = []): void {
    this.#answered = true
    for (let i = 0; i < trailers.length; i += 2) this.#endTrailers[(trailers[i] ?? '').toLowerCase()] = trailers[i + 1] ?? ''
    if (!this.#stream.destroyed && !this.#stream.writableEnded) this.#stream.end()
  }

  abort(): void {
    this.#answered = true
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }

  switchProtocols(): never {
    throw new Error('HTTP/2 has no upgrades')
  }
}

/** Fields that node:http2 takes once only. */
const single = new Set(['content-length', 'content-type', 'etag', 'last-modified', 'location', 'date', 'expires', 'retry-after', 'server', 'age', 'content-encoding', 'content-range'])
