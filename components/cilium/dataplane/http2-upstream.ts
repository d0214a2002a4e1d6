import { connect as http2Connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { HeaderList } from './header-list.ts'
import type { Framing } from './http1-head.ts'
import { settledDuplex } from './settled-duplex.ts'
import type { ResponseSink, Upstream, UpstreamRequest } from './upstream.ts'

/** What a backend may send ahead on one stream, and on all of a connection (RFC 9113 §5.2). */
const STREAM_WINDOW = 262_144
const CONNECTION_WINDOW = 4_194_304

export interface Http2Pool extends Disposable {
  /** A stream to a backend that speaks HTTP/2 without TLS; sessions are shared. Rejects as `connect` does. */
  open(address: string): Promise<Upstream>
}

/** HTTP/2 sessions to backends by `ip:port` (prior knowledge, RFC 9113 §3.3). */
export function http2Pool(connect: (target: { readonly host: string; readonly port: number }) => Promise<Duplex>): Http2Pool {
  const sessions = new Map<string, Promise<ClientHttp2Session>>()
  const start = async (address: string): Promise<ClientHttp2Session> => {
    const colon = address.lastIndexOf(':')
    const socket = await connect({ host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) })
    const connection = socket instanceof Socket ? socket : settledDuplex(socket)
    const session = http2Connect(`http://${address}`, { createConnection: () => connection, settings: { initialWindowSize: STREAM_WINDOW, enablePush: false } })
    session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW))
    const forget = (): void => void sessions.delete(address)
    session.on('error', forget).on('close', forget).on('goaway', forget)
    return session
  }
  return {
    async open(address) {
      let session = sessions.get(address)
      if (session === undefined) {
        session = start(address)
        sessions.set(address, session)
        session.catch(() => sessions.delete(address))
      }
      return new Http2Stream(await session)
    },
    [Symbol.dispose]() {
      for (const session of sessions.values()) void session.then((open) => open.destroy(), () => undefined)
    },
  }
}

class Http2Stream implements Upstream {
  readonly uses = 0
  readonly #session: ClientHttp2Session
  #stream: ClientHttp2Stream | undefined

  constructor(session: ClientHttp2Session) {
    this.#session = session
  }

  begin({ method, target, host, headers }: UpstreamRequest, sink: ResponseSink): void {
    if (typeof headers === 'string') throw new TypeError('HTTP/2 takes a list of headers')
    const fields: Record<string, string | string[]> = { ':method': method, ':path': target, ':authority': host, ':scheme': 'http' }
    for (let i = 0; i < headers.length; i += 2) {
      const name = (headers[i] ?? '').toLowerCase()
      const value = headers[i + 1] ?? ''
      const old = fields[name]
      fields[name] = old === undefined ? value : [old, value].flat()
    }
    let stream: ClientHttp2Stream
    try {
      stream = this.#session.request(fields, { endStream: false })
    } catch (error) {
      return void queueMicrotask(() => sink.responseFailed(error instanceof Error ? error.message : String(error), false))
    }
    this.#stream = stream
    follow(stream, method, sink)
  }

  flush(): void {} // nothing is held back

  write(bytes: Buffer, start: number, end: number): boolean {
    return this.#stream?.write(Buffer.from(bytes.subarray(start, end))) ?? true
  }

  finish(): void {
    this.#stream?.end()
  }

  resume(): void {
    this.#stream?.resume()
  }

  cancel(): void {
    this.#stream?.removeAllListeners()
    this.#stream?.on('error', () => {}) // nobody waits for it any more
    this.#stream?.close(constants.NGHTTP2_CANCEL)
  }
}

function follow(stream: ClientHttp2Stream, method: string, sink: ResponseSink): void {
  let responded = false
  let ended = false
  let trailers: HeaderList | undefined
  stream.on('response', (headers, flags) => {
    responded = true
    const status = Number(headers[':status'] ?? 502)
    const last = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    const framing: Framing = last || method === 'HEAD' || status === 204 || status === 304 ? { type: 'none' } : headers['content-length'] === undefined ? { type: 'chunked' } : { type: 'length', length: Number(headers['content-length']) }
    sink.responseHead({ status, framing, endToEnd: undefined, list: () => listOf(headers) })
    if (stream.closed) return // given up, e.g. for another try
    // Not earlier: Node hands out content at once, but heads a little later.
    stream.on('data', (content: Buffer) => { if (!sink.responseData(content, 0, content.length)) stream.pause() })
  })
  stream.on('trailers', (headers) => { trailers = listOf(headers) })
  stream.on('drain', () => sink.requestDrained())
  const finish = (): void => {
    if (ended) return
    ended = true
    sink.responseEnd(trailers)
  }
  const fail = (reason: string): void => {
    if (ended) return
    ended = true
    sink.responseFailed(reason, responded)
  }
  // Trailers may be told of after the end that came with them. A session that is lost ends its streams as well.
  stream.on('end', () => { if (responded) setImmediate(() => (stream.rstCode === undefined || stream.rstCode === constants.NGHTTP2_NO_ERROR ? finish() : undefined)) })
  stream.on('error', (error: Error) => fail(error.message))
  stream.on('close', () => { if (stream.rstCode === constants.NGHTTP2_NO_ERROR && responded) finish(); else fail(`the backend reset the stream (${stream.rstCode})`) })
}

function listOf(headers: IncomingHttpHeaders): HeaderList {
  const list: HeaderList = []
  for (const [name, value] of Object.entries(headers)) if (!name.startsWith(':') && value !== undefined) for (const one of [value].flat()) list.push(name, one)
  return list
}
