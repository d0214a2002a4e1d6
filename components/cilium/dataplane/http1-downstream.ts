import type { Duplex } from 'node:stream'
import type { Exchange } from './exchange.ts'
import { checkAuthority, parseRequestHead } from './http1-head.ts'
import { Http1Exchange } from './http1-exchange.ts'
import { reasonPhrase } from './reason-phrase.ts'
import { RefusedMessage } from './refused-message.ts'
import { hostOf } from './request-target.ts'
import { wireDuplex } from './wire-duplex.ts'
import { wireOf, type Wire, type WireReader } from './wire.ts'

export interface DownstreamOptions {
  readonly scheme: 'http' | 'https'
  readonly client: string
  /** Answers a request, sooner or later. */
  handle(exchange: Exchange): void
  /** Told of a message that was refused; `begun` when it belongs to an exchange that had been handed out, which then says so itself. */
  refused(status: number, message: string, begun: boolean): void
  /** Largest head in bytes. */
  readonly maxHead: number
  /** Takes a connection over whose client speaks HTTP/2 from its first byte (RFC 9113 §3.3); such a client is refused without it. */
  http2?(connection: Duplex): void
}

/** What a connection waits for from its client: the rest of a head or a body, the next request, that it takes the answer, or that it closes. */
export type ClientWait = 'head' | 'body' | 'next' | 'reading' | 'close'

/** A client's connection as the sweeper of slow ones sees it. */
export interface Downstream {
  readonly waits: ClientWait | undefined
  /** Changes with each request, and with each piece of a body or an answer; a slowly growing head is no progress. */
  readonly progress: number
  /** Ends the connection after the answer under way. */
  drain(): void
  /** Refuses what has come so far with 408. */
  timeOut(): void
}

/** What a client of HTTP/2 sends first (RFC 9113 §3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')

/** Serves HTTP/1.1 on a connection: one request after the other, strictly framed. */
export function serveHttp1(socket: Duplex, options: DownstreamOptions): Downstream {
  return new Http1Downstream(socket, options)
}

export class Http1Downstream implements Downstream, WireReader {
  readonly wire: Wire
  readonly options: DownstreamOptions
  progress = 0
  #rest: Buffer | undefined
  /** How much of an incomplete head has been searched for its end. */
  #searched = 0
  #exchange: Http1Exchange | undefined
  #processing = false
  #congested = false
  #draining = false
  /** The client sends nothing more. */
  #ended = false
  /** Nothing more is served: what still comes is thrown away. */
  #finished = false
  #closed = false
  #authority = ''
  #host = ''

  constructor(socket: Duplex, options: DownstreamOptions) {
    this.options = options
    this.wire = wireOf(socket, this)
  }

  get waits(): ClientWait | undefined {
    if (this.#closed) return undefined
    if (this.#finished) return 'close'
    if (this.#congested) return 'reading'
    if (this.#exchange !== undefined) return this.#exchange.waitsForBody ? 'body' : undefined
    return this.#rest === undefined ? 'next' : 'head'
  }

  drain(): void {
    this.#draining = true
    if (this.#exchange === undefined && this.#rest === undefined) this.#finish()
    else this.#exchange?.close()
  }

  timeOut(): void {
    if (this.#finished || this.#congested || this.#exchange?.started === true) return this.wire.destroy()
    if (this.#rest === undefined && this.#exchange === undefined) return this.#finish()
    this.#refuse(new RefusedMessage(408, 'the request took too long'))
  }

  /** Host of an authority. Clients seldom change it on a connection. @throws RefusedMessage */
  hostOf(authority: string): string {
    if (authority === this.#authority) return this.#host
    checkAuthority(authority)
    this.#authority = authority
    return (this.#host = hostOf(authority))
  }

  bytes(given: Buffer, givenEnd: number): void {
    if (this.#finished) return
    if (this.#rest === undefined) return this.#process(given, givenEnd)
    const all = Buffer.concat([this.#rest, given.subarray(0, givenEnd)])
    this.#rest = undefined
    this.#process(all, all.length)
  }

  drained(): void {
    this.#congested = false
    this.progress++
    this.#exchange?.observer?.clientDrained()
    this.process()
  }

  ended(): void {
    this.#ended = true
    if (this.#exchange === undefined) this.#finish()
    else if (this.#rest === undefined) this.#exchange.ended()
  }

  closed(): void {
    this.#closed = true
    this.#rest = undefined
    const exchange = this.#exchange
    this.#exchange = undefined
    exchange?.gone()
  }

  /** Goes on with what had to wait. */
  process(): void {
    if (this.#processing || this.#closed) return
    const rest = this.#rest
    this.#rest = undefined
    if (rest !== undefined) this.#process(rest, rest.length)
    else this.wire.resume()
  }

  /** Works through what has been read until it needs more, or a request must be answered first. */
  #process(bytes: Buffer, end: number): void {
    if (this.#processing) {
      this.#rest = this.#rest === undefined ? Buffer.from(bytes.subarray(0, end)) : Buffer.concat([this.#rest, bytes.subarray(0, end)])
      return
    }
    this.#processing = true
    let at = 0
    try {
      while (at < end && !this.#closed && !this.#finished) {
        const next = this.#exchange === undefined ? this.#readHead(bytes, at, end) : this.#readBody(this.#exchange, bytes, at, end)
        if (next === at) break
        at = next
      }
    } catch (error) {
      if (!(error instanceof RefusedMessage)) throw error
      this.#refuse(error)
    } finally {
      this.#processing = false
    }
    if (this.#closed || this.#finished) return
    if (at < end) return this.#keep(bytes, at, end)
    if (this.#rest !== undefined) return
    if (!this.#ended) this.wire.resume()
    else if (this.#exchange === undefined) this.#finish()
    else this.#exchange.ended()
  }

  /** Keeps what cannot be worked on yet. While a request is being answered, what the client sends ahead stays in the kernel. */
  #keep(bytes: Buffer, at: number, end: number): void {
    this.#rest = this.#rest === undefined ? Buffer.from(bytes.subarray(at, end)) : Buffer.concat([bytes.subarray(at, end), this.#rest])
    if (this.#exchange !== undefined || this.#congested) this.wire.pause()
    else this.wire.resume()
  }

  /** Where the next byte to read stands; `at` when there is not enough. */
  #readHead(bytes: Buffer, at: number, end: number): number {
    if (this.#congested) return at
    if (this.progress === 0 && bytes[at] === 0x50 && this.options.http2 !== undefined) {
      const known = Math.min(end - at, PREFACE.length)
      if (PREFACE.compare(bytes, at, at + known, 0, known) === 0) return known < PREFACE.length ? at : this.#switchToHttp2(bytes, at, end)
    }
    let start = at
    while (start < end && start - at < 4 && (bytes[start] === 13 || bytes[start] === 10)) start++ // empty lines before a request (RFC 9112 §2.2)
    if (this.#searched > 0) {
      const found = bytes.indexOf(HEAD_END, Math.max(at, this.#searched - 3))
      this.#searched = found < 0 ? end : 0
      if (found < 0) return this.#incomplete(start, end, at)
    }
    const head = start === end ? undefined : parseRequestHead(bytes, start, end)
    if (head === undefined) {
      this.#searched = end - at
      return this.#incomplete(start, end, at)
    }
    this.#searched = 0
    if (head.end - start > this.options.maxHead) throw new RefusedMessage(431, 'the head is too large')
    const exchange = new Http1Exchange(this, head, !head.keepAlive || this.#draining)
    this.#exchange = exchange
    this.progress++
    this.options.handle(exchange)
    return head.end
  }

  #switchToHttp2(bytes: Buffer, at: number, end: number): number {
    this.detach()
    this.options.http2?.(wireDuplex(this.wire, Buffer.from(bytes.subarray(at, end))))
    return end
  }

  #incomplete(start: number, end: number, at: number): number {
    if (end - start > this.options.maxHead) throw new RefusedMessage(431, 'the head is too large')
    return at
  }

  #readBody(exchange: Http1Exchange, bytes: Buffer, at: number, end: number): number {
    if (!exchange.waitsForBody) return at
    this.progress++
    return exchange.read(bytes, at, end)
  }

  #refuse(error: RefusedMessage): void {
    const exchange = this.#exchange
    this.options.refused(error.status, error.message, exchange !== undefined)
    this.#rest = undefined
    this.#exchange = undefined
    exchange?.gone(error)
    if (exchange?.started === true) return this.wire.destroy()
    this.wire.sendText(`HTTP/1.1 ${error.status} ${reasonPhrase(error.status)}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
    this.#finish() // what is still coming is thrown away, so that the answer is not lost in a reset
  }

  #finish(): void {
    if (this.#finished) return
    this.#finished = true
    this.#rest = undefined
    this.wire.resume()
    this.wire.end()
  }

  /** Called when an exchange has been answered and its body read. */
  finished(close: boolean): void {
    this.#exchange = undefined
    if (close || this.#draining || (this.#ended && this.#rest === undefined && !this.#processing)) return this.#finish()
    if (!this.#processing) this.process()
  }

  /** The kernel takes no more at the moment. */
  congested(): void {
    this.#congested = true
  }

  /** Lets go of the connection; returns what was read and not used. */
  detach(): Buffer | undefined {
    const rest = this.#rest
    this.#rest = undefined
    this.#exchange = undefined
    this.#closed = true
    return rest
  }
}
