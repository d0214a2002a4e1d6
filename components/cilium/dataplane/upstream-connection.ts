import type { Duplex } from 'node:stream'
import { formatHeaders } from './header-list.ts'
import { BodyReader, lastChunk } from './http1-body.ts'
import { listOfLines, parseResponseHead, type ResponseHead } from './http1-head.ts'
import { RefusedMessage } from './refused-message.ts'
import type { ResponseSink, Upstream, UpstreamRequest } from './upstream.ts'
import { wireOf, type Wire, type WireReader } from './wire.ts'

const MAX_HEAD = 65_536

/** An HTTP/1.1 connection to a backend; carries one request at a time. */
export class UpstreamConnection implements Upstream, WireReader {
  uses = 0
  /** When it became idle, in the pool's ticks. */
  idleSince = 0
  readonly #wire: Wire
  readonly #released: (connection: UpstreamConnection, reusable: boolean) => void
  readonly #reader: BodyReader
  #sink: ResponseSink | undefined
  #method = ''
  #rest: Buffer | undefined
  #head: ResponseHead | undefined
  #paused = false
  #requestDone = false
  #chunked = false
  /** The head of a request with a body waits for the first piece of it. */
  #unsent = ''
  #detached = false

  constructor(socket: Duplex, released: (connection: UpstreamConnection, reusable: boolean) => void) {
    this.#released = released
    this.#reader = new BodyReader(this, 502)
    this.#wire = wireOf(socket, this)
  }

  get destroyed(): boolean {
    return this.#wire.destroyed
  }

  destroy(): void {
    this.#wire.destroy()
  }

  begin({ method, target, host, headers, chunked, hasBody, upgrade }: UpstreamRequest, sink: ResponseSink): void {
    this.uses++
    this.#method = method
    this.#sink = sink
    this.#requestDone = false
    this.#chunked = chunked
    const framing = `${chunked ? 'transfer-encoding: chunked\r\n' : ''}${upgrade === undefined ? '' : `connection: Upgrade\r\nupgrade: ${upgrade}\r\n`}`
    const head = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n${typeof headers === 'string' ? headers : formatHeaders(headers)}${framing}\r\n`
    if (hasBody) this.#unsent = head
    else this.#wire.sendText(head)
  }

  write(bytes: Buffer, start: number, end: number): boolean {
    const wire = this.#wire
    if (this.#unsent === '' && !this.#chunked) return wire.sendBytes(bytes, start, end)
    const corked = wire.cork()
    this.flush()
    if (this.#chunked) wire.sendText(`${(end - start).toString(16)}\r\n`)
    const open = wire.sendBytes(bytes, start, end)
    if (this.#chunked) wire.sendText('\r\n')
    return corked ? wire.uncork() : open
  }

  flush(): void {
    if (this.#unsent === '') return
    const head = this.#unsent
    this.#unsent = ''
    this.#wire.sendText(head)
  }

  finish(): void {
    this.#requestDone = true
    this.flush()
    if (this.#chunked) this.#wire.sendText(lastChunk)
    if (this.#sink === undefined) this.#release()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    const rest = this.#rest
    this.#rest = undefined
    if (rest !== undefined) this.bytes(rest, rest.length)
    if (!this.#paused) this.#wire.resume()
  }

  cancel(): void {
    this.#sink = undefined
    this.#wire.destroy()
  }

  drained(): void {
    this.#sink?.requestDrained()
  }

  bytes(given: Buffer, givenEnd: number): void {
    const sink = this.#sink
    if (sink === undefined) return this.#wire.destroy() // a backend that speaks out of turn
    let [bytes, end] = [given, givenEnd]
    if (this.#rest !== undefined) {
      bytes = Buffer.concat([this.#rest, given.subarray(0, givenEnd)])
      end = bytes.length
      this.#rest = undefined
    }
    if (this.#paused) {
      this.#rest = Buffer.from(bytes.subarray(0, end))
      return
    }
    const corked = sink.cork()
    try {
      this.#read(bytes, end, sink)
    } catch (error) {
      if (!(error instanceof RefusedMessage)) throw error
      this.#fail(error.message)
    } finally {
      if (corked && !sink.uncork() && this.#sink === sink) this.#pause()
    }
  }

  #pause(): void {
    this.#paused = true
    this.#wire.pause()
  }

  #read(bytes: Buffer, end: number, sink: ResponseSink): void {
    let at = 0
    if (this.#head === undefined) {
      at = this.#readHead(bytes, end, sink)
      if (at < 0) return
    }
    at = this.#reader.read(bytes, at, end)
    if (this.#reader.done) {
      if (at < end && this.#head !== undefined) this.#head = { ...this.#head, keepAlive: false } // more than was announced: the connection cannot be trusted
      this.#complete()
    } else if (at < end && this.#sink === sink) {
      this.#rest = Buffer.from(bytes.subarray(at, end))
      this.#pause()
    }
  }

  /** Where the body of the final response begins; -1 when it is not there, or nobody waits for it. */
  #readHead(bytes: Buffer, end: number, sink: ResponseSink): number {
    let start = 0
    for (;;) {
      const head = start === end ? undefined : parseResponseHead(bytes, start, end, this.#method)
      if ((head === undefined ? end : head.end) - start > MAX_HEAD) throw new RefusedMessage(502, 'the head is too large')
      if (head === undefined) {
        if (start < end) this.#rest = Buffer.from(bytes.subarray(start, end))
        return -1
      }
      start = head.end
      if (head.status === 101) {
        this.#detach()
        sink.responseSwitched(listOfLines(head.all), this.#wire, start < end ? Buffer.from(bytes.subarray(start, end)) : undefined)
        return -1
      }
      if (head.status < 200) continue // interim answers stay here
      this.#head = head
      this.#reader.start(head.framing)
      sink.responseHead({ status: head.status, framing: head.framing, endToEnd: head.endToEnd, list: () => listOfLines(head.all) })
      return this.#sink === undefined ? -1 : start
    }
  }

  content(bytes: Buffer, start: number, end: number): boolean {
    const more = this.#sink?.responseData(bytes, start, end) ?? true
    if (!more) this.#pause()
    return more
  }

  #complete(): void {
    const sink = this.#sink
    this.#sink = undefined
    if (this.#requestDone) this.#release() // first, so that the client's next request finds this connection
    else this.#wire.destroy() // the backend answered before the end of the request
    sink?.responseEnd()
  }

  #release(): void {
    const reusable = this.#head?.keepAlive === true && this.#head.framing.type !== 'close' && !this.#wire.destroyed
    this.#head = undefined
    if (this.#paused) {
      this.#paused = false
      this.#wire.resume()
    }
    if (!reusable) this.#wire.destroy()
    this.#released(this, reusable)
  }

  ended(): void {
    this.#gone()
  }

  closed(): void {
    this.#gone()
  }

  #gone(): void {
    if (this.#detached) return
    if (this.#sink !== undefined && this.#head?.framing.type === 'close') return this.#complete()
    this.#fail('the backend closed the connection')
  }

  #fail(reason: string): void {
    const sink = this.#sink
    this.#sink = undefined
    const responded = this.#head !== undefined || this.#rest !== undefined
    this.#wire.destroy()
    this.#released(this, false)
    sink?.responseFailed(reason, responded)
  }

  #detach(): void {
    this.#sink = undefined
    this.#detached = true
    this.#released(this, false)
  }
}
