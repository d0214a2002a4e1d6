import type { Duplex } from 'node:stream'
import type { BodySink, Exchange } from './exchange.ts'
import { formatHeaders, type HeaderList } from './header-list.ts'
import { bodyReader, encodeChunk, lastChunk, type BodyReader } from './http1-body.ts'
import { parseRequestHead, RefusedMessage, type Framing, type RequestHead } from './http1-head.ts'
import { reasonPhrase } from './reason-phrase.ts'
import { hostOf, parseTarget } from './request-target.ts'

export interface DownstreamOptions {
  readonly scheme: 'http' | 'https'
  readonly client: string
  /** Answers a request, sooner or later. */
  handle(exchange: Exchange): void
  /** Told of a message that was refused. */
  refused(status: number, message: string): void
  /** Largest head in bytes. */
  readonly maxHead: number
}

/** A client's connection as the sweeper of slow ones sees it. */
export interface Downstream {
  readonly socket: Duplex
  /** What it is waiting for from the client, if anything. */
  readonly waits: 'head' | 'body' | 'next' | undefined
  /** Changes with each request, and with each piece of a body; a slowly growing head is no progress. */
  readonly progress: number
  /** Ends the connection after the answer under way. */
  drain(): void
  /** Refuses what has come so far with 408. */
  timeOut(): void
}

const HEAD_END = Buffer.from('\r\n\r\n')

/** Serves HTTP/1.1 on a connection: one request after the other, strictly framed. */
export function serveHttp1(socket: Duplex, options: DownstreamOptions): Downstream {
  return new Http1Downstream(socket, options)
}

class Http1Downstream implements Downstream {
  readonly socket: Duplex
  readonly #options: DownstreamOptions
  progress = 0
  #rest: Buffer | undefined
  #exchange: Http1Exchange | undefined
  #processing = false
  #draining = false
  #ended = false
  #closed = false

  constructor(socket: Duplex, options: DownstreamOptions) {
    this.socket = socket
    this.#options = options
    socket.allowHalfOpen = true // a client may say that it is done before it has its answer
    socket.on('data', this.#onData)
    socket.on('drain', this.#onDrain)
    socket.on('close', this.#onClose)
    socket.on('end', this.#onEnd)
    socket.on('error', () => socket.destroy()) // resets are part of life; the close tells the exchange
  }

  get waits(): Downstream['waits'] {
    if (this.#exchange !== undefined) return this.#exchange.waitsForBody ? 'body' : undefined
    return this.#rest === undefined ? 'next' : 'head'
  }

  drain(): void {
    this.#draining = true
    if (this.#exchange === undefined && this.#rest === undefined) this.socket.end()
    else this.#exchange?.close()
  }

  timeOut(): void {
    if (this.#exchange !== undefined) return void this.socket.destroy()
    if (this.#rest === undefined) return void this.socket.end()
    this.#refuse(new RefusedMessage(408, 'the request took too long'))
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    this.process()
  }

  readonly #onDrain = (): void => this.#exchange?.onDrain?.()

  readonly #onEnd = (): void => {
    this.#ended = true
    if (this.#exchange === undefined) this.socket.end()
    else if (this.#rest === undefined) this.#exchange.ended()
  }

  readonly #onClose = (): void => {
    this.#closed = true
    const exchange = this.#exchange
    this.#exchange = undefined
    exchange?.gone()
  }

  /** Works through what has been read until it needs more, or a request must be answered first. */
  process(): void {
    if (this.#processing) return
    this.#processing = true
    try {
      while (this.#rest !== undefined && !this.#closed) if (!(this.#exchange === undefined ? this.#readHead(this.#rest) : this.#readBody(this.#exchange, this.#rest))) break
    } catch (error) {
      if (!(error instanceof RefusedMessage)) throw error
      this.#refuse(error)
    } finally {
      this.#processing = false
    }
    // While a request is being answered, what the client sends ahead stays in the kernel.
    if (this.#rest !== undefined && this.#exchange !== undefined) this.socket.pause()
    else if (this.socket.isPaused()) this.socket.resume()
  }

  #readHead(bytes: Buffer): boolean {
    let start = 0
    while (start < 4 && (bytes[start] === 13 || bytes[start] === 10)) start++ // empty lines before a request (RFC 9112 §2.2)
    const end = bytes.indexOf(HEAD_END, start)
    if (end < 0 ? bytes.length - start > this.#options.maxHead : end - start > this.#options.maxHead) throw new RefusedMessage(431, 'the head is too large')
    if (end < 0) return false
    const head = parseRequestHead(bytes.toString('latin1', start, end))
    const { path, query } = parseTarget(head.target)
    this.#rest = end + 4 === bytes.length ? undefined : bytes.subarray(end + 4)
    const exchange = new Http1Exchange(this, head, path, query, this.#options, !head.keepAlive || this.#draining)
    this.#exchange = exchange
    this.progress++
    this.#options.handle(exchange)
    return true
  }

  #readBody(exchange: Http1Exchange, bytes: Buffer): boolean {
    if (!exchange.waitsForBody) return false
    const offset = exchange.read(bytes)
    this.progress++
    if (offset === 0 && bytes.length > 0) return false
    this.#rest = offset === bytes.length ? undefined : bytes.subarray(offset)
    if (this.#rest === undefined && this.#ended) exchange.ended()
    return this.#rest !== undefined
  }

  #refuse(error: RefusedMessage): void {
    this.#options.refused(error.status, error.message)
    this.#rest = undefined
    const exchange = this.#exchange
    this.#exchange = undefined
    exchange?.gone()
    this.socket.removeListener('data', this.#onData)
    if (exchange?.started === true) return void this.socket.destroy()
    this.socket.resume() // what is still coming is thrown away, so that the answer is not lost in a reset
    this.socket.end(`HTTP/1.1 ${error.status} ${reasonPhrase(error.status)}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
  }

  /** Called when an exchange has been answered and its body read. */
  finished(close: boolean): void {
    this.#exchange = undefined
    if (close || this.#draining || (this.#ended && this.#rest === undefined)) {
      this.socket.removeListener('data', this.#onData)
      this.socket.resume()
      return void this.socket.end()
    }
    if (this.#rest !== undefined) this.process()
    else if (this.socket.isPaused()) this.socket.resume()
  }

  /** Lets go of the socket. */
  detach(): Buffer {
    this.socket.removeListener('data', this.#onData).removeListener('drain', this.#onDrain).removeListener('close', this.#onClose).removeListener('end', this.#onEnd)
    this.#closed = true
    const head = this.#rest ?? Buffer.alloc(0)
    this.#rest = undefined
    return head
  }
}

class Http1Exchange implements Exchange {
  readonly protocol: 'HTTP/1.0' | 'HTTP/1.1'
  readonly method: string
  readonly path: string
  readonly query: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  readonly host: string
  readonly headers: HeaderList
  readonly body: Framing
  readonly upgrade: string | undefined
  readonly client: string
  onDrain: (() => void) | undefined
  onClose: (() => void) | undefined
  started = false
  trailers = false
  readonly #connection: Http1Downstream
  readonly #expectContinue: boolean
  #sink: BodySink | undefined
  #reader: BodyReader | undefined
  #bodyRead: boolean
  #paused = false
  #framing: Framing = { type: 'none' }
  #answered = false
  #unsent = ''
  #close: boolean

  constructor(connection: Http1Downstream, head: RequestHead, path: string, query: string, options: DownstreamOptions, close: boolean) {
    this.#connection = connection
    this.#close = close
    this.#expectContinue = head.expectContinue
    this.protocol = head.minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0'
    this.method = head.method
    this.path = path
    this.query = query
    this.scheme = options.scheme
    this.authority = head.authority
    this.host = hostOf(head.authority)
    this.headers = head.headers
    this.body = head.framing
    this.upgrade = head.upgrade
    this.client = options.client
    this.#bodyRead = head.framing.type === 'none'
  }

  get waitsForBody(): boolean {
    return !this.#bodyRead && this.#sink !== undefined && !this.#paused
  }

  readBody(sink: BodySink): void {
    this.#sink = sink
    if (this.#bodyRead) return sink.end()
    this.#reader = bodyReader(this.body, (content) => {
      this.#paused = !sink.data(content)
      return !this.#paused
    }, 400)
    if (this.#expectContinue && !this.started) this.#connection.socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    this.#connection.process()
  }

  resumeBody(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#endOfBody()
    this.#connection.process()
  }

  read(bytes: Buffer): number {
    const offset = this.#reader?.read(bytes, 0) ?? 0
    this.#endOfBody()
    return offset
  }

  #endOfBody(): void {
    if (this.#reader?.done !== true || this.#bodyRead) return
    this.#bodyRead = true
    this.#sink?.end()
    this.#finish()
  }

  respond(status: number, headers: HeaderList, body: Framing): void {
    this.started = true
    const { socket } = this.#connection
    let framing = ''
    this.#framing = body
    // An HTTP/1.0 client knows no chunks: for it the end of the connection is the end of the body.
    if (body.type === 'chunked' || body.type === 'close') {
      if (this.protocol === 'HTTP/1.0') {
        this.#close = true
        this.#framing = { type: 'close' }
      } else {
        framing = 'transfer-encoding: chunked\r\n'
        this.#framing = { type: 'chunked' }
      }
    }
    const connection = this.#close ? 'connection: close\r\n' : this.protocol === 'HTTP/1.0' ? 'connection: keep-alive\r\n' : ''
    const head = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${formatHeaders(headers)}${framing}${connection}\r\n`
    if (body.type === 'none') return void socket.write(head, 'latin1')
    // The head waits for the first piece of the body, so that both go out in one write; but not longer than this turn.
    this.#unsent = head
    process.nextTick(flushHead, this)
  }

  /** Sends a head that is still waiting. */
  flush(): void {
    if (this.#unsent === '') return
    this.#connection.socket.write(this.#unsent, 'latin1')
    this.#unsent = ''
  }

  write(content: Buffer): boolean {
    const piece = this.#framing.type === 'chunked' ? encodeChunk(content) : content
    const head = this.#unsent
    if (head === '') return this.#connection.socket.write(piece)
    this.#unsent = ''
    const both = Buffer.allocUnsafe(head.length + piece.length)
    both.write(head, 0, 'latin1')
    both.set(piece, head.length)
    return this.#connection.socket.write(both)
  }

  end(): void {
    if (this.#answered) return
    this.#answered = true
    const { socket } = this.#connection
    this.flush()
    if (this.#framing.type === 'chunked') socket.write(lastChunk)
    this.onClose = undefined
    if (!this.#bodyRead) {
      // The answer came before the whole request: what follows cannot be told from a new one.
      this.#connection.finished(true)
      return
    }
    this.#finish()
  }

  #finish(): void {
    if (this.#answered && this.#bodyRead) this.#connection.finished(this.#close)
  }

  abort(): void {
    this.#connection.socket.destroy()
  }

  close(): void {
    this.#close = true
  }

  /** The client sends nothing more. */
  ended(): void {
    if (!this.#bodyRead) this.abort()
    else this.#close = true
  }

  gone(): void {
    if (!this.#answered) this.onClose?.()
    this.onClose = undefined
    this.onDrain = undefined
  }

  switchProtocols(headers: HeaderList): { socket: Duplex; head: Buffer } {
    this.#answered = true
    const head = this.#connection.detach()
    const { socket } = this.#connection
    socket.write(`HTTP/1.1 101 ${reasonPhrase(101)}\r\n${formatHeaders(headers)}\r\n`, 'latin1')
    return { socket, head }
  }
}

function flushHead(exchange: Http1Exchange): void {
  exchange.flush()
}
