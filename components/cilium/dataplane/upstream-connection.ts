import type { Duplex } from 'node:stream'
import { formatHeaders } from './header-list.ts'
import { bodyReader, encodeChunk, lastChunk, type BodyReader } from './http1-body.ts'
import { parseResponseHead, RefusedMessage, type ResponseHead } from './http1-head.ts'
import type { ResponseSink, Upstream, UpstreamRequest } from './upstream.ts'

const MAX_HEAD = 65_536
const HEAD_END = Buffer.from('\r\n\r\n')

/** An HTTP/1.1 connection to a backend; carries one request at a time. */
export class UpstreamConnection implements Upstream {
  readonly socket: Duplex
  uses = 0
  /** When it became idle, in the pool's ticks. */
  idleSince = 0
  readonly #released: (connection: UpstreamConnection, reusable: boolean) => void
  #sink: ResponseSink | undefined
  #method = ''
  #rest: Buffer | undefined
  #reader: BodyReader | undefined
  #head: ResponseHead | undefined
  #paused = false
  #requestDone = false
  #chunked = false

  constructor(socket: Duplex, released: (connection: UpstreamConnection, reusable: boolean) => void) {
    this.socket = socket
    this.#released = released
    socket.on('data', this.#onData)
    socket.on('drain', this.#onDrain)
    socket.on('end', this.#onGone)
    socket.on('close', this.#onGone)
    socket.on('error', this.#onGone)
  }

  begin({ method, target, host, headers, chunked, upgrade }: UpstreamRequest, sink: ResponseSink): void {
    this.uses++
    this.#method = method
    this.#sink = sink
    this.#requestDone = false
    this.#chunked = chunked
    const framing = `${chunked ? 'transfer-encoding: chunked\r\n' : ''}${upgrade === undefined ? '' : `connection: Upgrade\r\nupgrade: ${upgrade}\r\n`}`
    this.socket.write(`${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n${formatHeaders(headers)}${framing}\r\n`, 'latin1')
  }

  write(content: Buffer): boolean {
    return this.socket.write(this.#chunked ? encodeChunk(content) : content)
  }

  finish(): void {
    this.#requestDone = true
    if (this.#chunked) this.socket.write(lastChunk)
    if (this.#sink === undefined) this.#release()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    const rest = this.#rest
    this.#rest = undefined
    if (rest !== undefined) this.#onData(rest)
    if (!this.#paused && this.socket.isPaused()) this.socket.resume()
  }

  cancel(): void {
    this.#sink = undefined
    this.socket.destroy()
  }

  readonly #onDrain = (): void => this.#sink?.drain()

  readonly #onData = (chunk: Buffer): void => {
    const sink = this.#sink
    if (sink === undefined) return void this.socket.destroy() // a backend that speaks out of turn
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = undefined
    try {
      if (this.#head === undefined) {
        const rest = this.#readHead(bytes, sink)
        if (rest === undefined) return
        bytes = rest
      }
      this.#readBody(bytes)
    } catch (error) {
      if (!(error instanceof RefusedMessage)) throw error
      this.#fail(error.message)
    }
  }

  /** What follows the head of the final response; undefined until it is there. */
  #readHead(start: Buffer, sink: ResponseSink): Buffer | undefined {
    let bytes = start
    for (;;) {
      const end = bytes.indexOf(HEAD_END)
      if (end < 0 || end > MAX_HEAD) {
        if (bytes.length > MAX_HEAD) throw new RefusedMessage(502, 'the head is too large')
        this.#rest = bytes.length > 0 ? bytes : undefined
        return undefined
      }
      const head = parseResponseHead(bytes.toString('latin1', 0, end), this.#method)
      bytes = bytes.subarray(end + 4)
      if (head.status === 101) {
        this.#detach()
        sink.switched(head, this.socket, bytes)
        return undefined
      }
      if (head.status < 200) continue // interim answers stay here
      this.#head = head
      this.#reader = bodyReader(head.framing, (content) => {
        this.#paused = !sink.data(content)
        return !this.#paused
      }, 502)
      sink.head(head)
      return this.#sink === undefined ? undefined : bytes
    }
  }

  #readBody(bytes: Buffer): void {
    const reader = this.#reader
    if (reader === undefined) return
    const offset = reader.read(bytes, 0)
    if (reader.done) {
      if (offset < bytes.length) this.#head = { ...this.#head as ResponseHead, keepAlive: false } // more than was announced: the connection cannot be trusted
      return this.#complete()
    }
    if (!this.#paused) return
    if (offset < bytes.length) this.#rest = bytes.subarray(offset)
    this.socket.pause()
  }

  #complete(): void {
    const sink = this.#sink
    this.#sink = undefined
    if (this.#requestDone) this.#release() // first, so that the client's next request finds this connection
    else this.socket.destroy() // the backend answered before the end of the request
    sink?.end()
  }

  #release(): void {
    const reusable = this.#head?.keepAlive === true && this.#head.framing.type !== 'close' && !this.socket.destroyed
    this.#head = undefined
    this.#reader = undefined
    this.#paused = false
    if (!reusable) this.socket.destroy()
    this.#released(this, reusable)
  }

  readonly #onGone = (): void => {
    if (this.#sink !== undefined && this.#head?.framing.type === 'close') {
      this.#complete()
      return
    }
    this.#fail('the backend closed the connection')
  }

  #fail(reason: string): void {
    const sink = this.#sink
    this.#sink = undefined
    const responded = this.#head !== undefined || this.#rest !== undefined
    this.socket.destroy()
    this.#released(this, false)
    sink?.failed(reason, responded)
  }

  #detach(): void {
    this.#sink = undefined
    this.socket.off('data', this.#onData).off('drain', this.#onDrain).off('end', this.#onGone).off('close', this.#onGone)
    this.#released(this, false)
  }
}
