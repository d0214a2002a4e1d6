import type { AnswerFields, BodySink, Exchange, ExchangeObserver, ForwardLines } from './exchange.ts'
import { formatHeaders, type HeaderList } from './header-list.ts'
import { BodyReader, lastChunk, type ContentSink } from './http1-body.ts'
import type { Http1Downstream } from './http1-downstream.ts'
import { listOfLines, type Framing, type RequestHead } from './http1-head.ts'
import { statusLine } from './reason-phrase.ts'
import { RefusedMessage } from './refused-message.ts'
import { parseTarget } from './request-target.ts'
import type { Wire } from './wire.ts'

const none: Framing = { type: 'none' }
const chunked: Framing = { type: 'chunked' }
const close: Framing = { type: 'close' }

/** A request of HTTP/1.x and its answer. */
export class Http1Exchange implements Exchange, ContentSink {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly host: string
  readonly upgrade: string | undefined
  startedAt = 0
  route = '-'
  observer: ExchangeObserver | undefined
  started = false
  trailers = false
  readonly takesLines = true
  readonly #connection: Http1Downstream
  readonly #head: RequestHead
  #headers: HeaderList | undefined
  #sink: BodySink | undefined
  #reader: BodyReader | undefined
  #bodyRead: boolean
  #paused = false
  #framing: Framing = none
  #answered = false
  #close: boolean

  constructor(connection: Http1Downstream, head: RequestHead, closes: boolean) {
    this.#connection = connection
    this.#head = head
    this.#close = closes
    const { target, query } = head
    this.method = head.method
    this.host = connection.hostOf(head.authority)
    if (query === undefined) {
      const parsed = parseTarget(target)
      this.path = parsed.path
      this.query = parsed.query
    } else {
      this.path = query < 0 ? target : target.slice(0, query)
      this.query = query < 0 ? '' : target.slice(query)
    }
    this.upgrade = upgradeOf(head.upgrade)
    this.#bodyRead = head.framing.type === 'none'
  }

  get protocol(): 'HTTP/1.0' | 'HTTP/1.1' {
    return this.#head.minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0'
  }

  get scheme(): 'http' | 'https' {
    return this.#connection.options.scheme
  }

  get client(): string {
    return this.#connection.options.client
  }

  get authority(): string {
    return this.#head.authority
  }

  get body(): Framing {
    return this.#head.framing
  }

  get headers(): HeaderList {
    return (this.#headers ??= listOfLines(this.#head.all))
  }

  get forwardLines(): ForwardLines | undefined {
    const { endToEnd, forwardedFor, hasRequestId } = this.#head
    return endToEnd === undefined ? undefined : { lines: endToEnd, forwardedFor, hasRequestId }
  }

  get waitsForBody(): boolean {
    return !this.#bodyRead && this.#sink !== undefined && !this.#paused
  }

  readBody(sink: BodySink): void {
    this.#sink = sink
    if (this.#bodyRead) return sink.end()
    this.#reader = new BodyReader(this, 400)
    this.#reader.start(this.body)
    if (this.#head.expectContinue && !this.started) this.#connection.wire.sendText('HTTP/1.1 100 Continue\r\n\r\n')
    this.#connection.process()
  }

  content(bytes: Buffer, start: number, end: number): boolean {
    this.#paused = !(this.#sink?.data(bytes, start, end) ?? true)
    return !this.#paused
  }

  resumeBody(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#endOfBody()
    this.#connection.process()
  }

  read(bytes: Buffer, start: number, end: number): number {
    const stopped = this.#reader?.read(bytes, start, end) ?? start
    this.#endOfBody()
    return stopped
  }

  #endOfBody(): void {
    if (this.#reader?.done !== true || this.#bodyRead) return
    this.#bodyRead = true
    this.#sink?.end()
    this.#finish()
  }

  respond(status: number, headers: AnswerFields, body: Framing): void {
    this.started = true
    let framing = ''
    this.#framing = body
    // An HTTP/1.0 client knows no chunks: for it the end of the connection is the end of the body.
    if (body.type === 'chunked' || body.type === 'close') {
      if (this.#head.minor === 0) {
        this.#close = true
        this.#framing = close
      } else {
        framing = 'transfer-encoding: chunked\r\n'
        this.#framing = chunked
      }
    }
    const connection = this.#close ? 'connection: close\r\n' : this.#head.minor === 0 ? 'connection: keep-alive\r\n' : ''
    this.#sent(this.#connection.wire.sendText(`${statusLine(status)}${typeof headers === 'string' ? headers : formatHeaders(headers)}${framing}${connection}\r\n`))
  }

  cork(): boolean {
    return this.#connection.wire.cork()
  }

  uncork(): boolean {
    return this.#sent(this.#connection.wire.uncork())
  }

  write(bytes: Buffer, start: number, end: number): boolean {
    const { wire } = this.#connection
    this.#connection.progress++
    if (this.#framing.type !== 'chunked') return this.#sent(wire.sendBytes(bytes, start, end))
    const corked = wire.cork()
    wire.sendText(`${(end - start).toString(16)}\r\n`)
    wire.sendBytes(bytes, start, end)
    const open = wire.sendText('\r\n')
    return this.#sent(corked ? wire.uncork() : open)
  }

  #sent(open: boolean): boolean {
    if (!open) this.#connection.congested()
    return open
  }

  end(): void {
    if (this.#answered) return
    this.#answered = true
    if (this.#framing.type === 'chunked') this.#connection.wire.sendText(lastChunk)
    this.observer = undefined
    // Without the whole request, what follows cannot be told from a new one.
    if (this.#bodyRead) this.#finish()
    else this.#connection.finished(true)
  }

  #finish(): void {
    if (this.#answered && this.#bodyRead) this.#connection.finished(this.#close)
  }

  abort(): void {
    this.#connection.wire.destroy()
  }

  close(): void {
    this.#close = true
  }

  /** The client sends nothing more. */
  ended(): void {
    if (!this.#bodyRead) this.abort()
    else this.#close = true
  }

  /** The client is gone, or what it sent was refused. */
  gone(refusal?: RefusedMessage): void {
    const { observer } = this
    this.observer = undefined
    if (!this.#answered) observer?.clientClosed(refusal)
  }

  switchProtocols(headers: HeaderList): { wire: Wire; head: Buffer | undefined } {
    this.#answered = true
    this.observer = undefined
    const head = this.#connection.detach()
    const { wire } = this.#connection
    wire.sendText(`${statusLine(101)}${formatHeaders(headers)}\r\n`)
    return { wire, head }
  }
}

/** WebSocket alone is passed on, as upstream's gateways are set; h2c is ignored, since it could smuggle requests past the routes. @throws RefusedMessage 403 */
function upgradeOf(asked: string | undefined): string | undefined {
  if (asked === undefined) return undefined
  const protocols = asked.split(',').map((protocol) => protocol.trim().toLowerCase())
  if (protocols.includes('websocket')) return 'websocket'
  if (protocols.every((protocol) => protocol === 'h2c' || protocol === '')) return undefined
  throw new RefusedMessage(403, 'the protocol to switch to is not supported')
}
