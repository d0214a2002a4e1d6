import type { Framing } from './http1-head.ts'
import { RefusedMessage } from './refused-message.ts'

/** What takes a body's content; the bytes change after the return. */
export interface ContentSink {
  /** False stops the reading until the next call. */
  content(bytes: Buffer, start: number, end: number): boolean
}

const CR = 13
const LF = 10
/** Longest line of a chunk's size with its extensions, and of all trailers. */
const MAX_LINE = 256
const MAX_TRAILERS = 8192

/** Finds the end of a body in a stream of bytes and hands out its content. One reader serves all messages of a connection. */
export class BodyReader {
  done = true
  readonly #sink: ContentSink
  readonly #status: 400 | 502
  #state: 'length' | 'close' | 'size' | 'data' | 'end' | 'trailers' = 'length'
  #left = 0
  #line = ''
  #trailers = 0

  /** @param status what a malformed body is answered with */
  constructor(sink: ContentSink, status: 400 | 502) {
    this.#sink = sink
    this.#status = status
  }

  /** Begins with another body. */
  start(framing: Framing): void {
    this.done = framing.type === 'none'
    this.#state = framing.type === 'chunked' ? 'size' : framing.type === 'close' ? 'close' : 'length'
    this.#left = framing.type === 'length' ? framing.length : 0
    this.#line = ''
    this.#trailers = 0
  }

  /** Reads from `from`; returns where it stopped: the end of the bytes, the end of the body, or (when the sink said so) in between. */
  read(bytes: Buffer, from: number, end: number): number {
    if (this.done || from === end) return from
    if (this.#state === 'length') {
      const stop = Math.min(end, from + this.#left)
      this.#left -= stop - from
      this.done = this.#left === 0
      this.#sink.content(bytes, from, stop)
      return stop
    }
    if (this.#state !== 'close') return this.#readChunks(bytes, from, end)
    this.#sink.content(bytes, from, end)
    return end
  }

  #readChunks(bytes: Buffer, from: number, end: number): number {
    let at = from
    while (at < end && !this.done) {
      if (this.#state === 'data') {
        const stop = Math.min(end, at + this.#left)
        this.#left -= stop - at
        if (this.#left === 0) this.#state = 'end'
        const more = this.#sink.content(bytes, at, stop)
        at = stop
        if (!more) return at
      } else at = this.#state === 'end' ? this.#readEnd(bytes, at) : this.#readLine(bytes, at, end)
    }
    return at
  }

  /** CRLF after the data, possibly in two pieces. */
  #readEnd(bytes: Buffer, at: number): number {
    this.#line += String.fromCharCode(bytes[at] ?? 0)
    if (this.#line === '\r\n') {
      this.#line = ''
      this.#state = 'size'
    } else if (this.#line !== '\r') this.#fail()
    return at + 1
  }

  #readLine(bytes: Buffer, from: number, end: number): number {
    let at = from
    while (at < end && bytes[at] !== LF) at++
    const whole = at < end
    this.#line += bytes.toString('latin1', from, whole ? at + 1 : end)
    if (this.#line.length > (this.#state === 'trailers' ? MAX_TRAILERS : MAX_LINE)) this.#fail()
    if (!whole) return end
    if (this.#line.charCodeAt(this.#line.length - 2) !== CR) this.#fail()
    const text = this.#line.slice(0, -2)
    this.#line = ''
    if (this.#state === 'size') this.#readSize(text)
    else if (text === '') this.done = true
    else if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*$/.test(text) || (this.#trailers += text.length) > MAX_TRAILERS) this.#fail()
    return at + 1
  }

  #readSize(text: string): void {
    const match = /^([0-9a-fA-F]{1,12})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?$/.exec(text)
    if (match === null) return this.#fail()
    this.#left = parseInt(match[1] ?? '', 16)
    this.#state = this.#left === 0 ? 'trailers' : 'data'
  }

  #fail(): never {
    throw new RefusedMessage(this.#status, 'the chunked body is malformed')
  }
}

export const lastChunk = '0\r\n\r\n'
