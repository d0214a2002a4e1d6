import type { Duplex } from 'node:stream'
import type { Wire, WireReader } from './wire.ts'

/** A wire over any Duplex, e.g. a connection in memory. */
export class StreamWire implements Wire {
  reader: WireReader
  readonly #socket: Duplex
  #corked: Buffer[] | undefined
  #over = false

  constructor(socket: Duplex, reader: WireReader) {
    this.#socket = socket
    this.reader = reader
    socket.allowHalfOpen = true // one side may say that it is done before it has its answer
    socket.on('data', (chunk: Buffer) => this.reader.bytes(chunk, chunk.length))
    socket.on('drain', () => this.reader.drained())
    socket.on('end', () => { if (!this.#over) this.reader.ended() })
    socket.on('error', () => socket.destroy()) // resets are part of life; the close tells the reader
    socket.once('close', () => this.#close())
  }

  #close(): void {
    if (this.#over) return
    this.#over = true
    this.reader.closed()
  }

  get destroyed(): boolean {
    return this.#socket.destroyed
  }

  get paused(): boolean {
    return this.#socket.isPaused()
  }

  sendText(text: string): boolean {
    return this.#send(Buffer.from(text, 'latin1'))
  }

  sendBytes(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#send(Buffer.from(bytes.subarray(start, end)))
  }

  #send(bytes: Buffer): boolean {
    if (this.#corked === undefined) return this.#socket.write(bytes)
    this.#corked.push(bytes)
    return true
  }

  cork(): boolean {
    if (this.#corked !== undefined) return false
    this.#corked = []
    return true
  }

  uncork(): boolean {
    const pieces = this.#corked
    this.#corked = undefined
    return pieces === undefined || pieces.length === 0 || this.#socket.destroyed || this.#socket.write(pieces.length === 1 ? pieces[0] as Buffer : Buffer.concat(pieces))
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    if (this.#socket.isPaused()) this.#socket.resume()
  }

  end(): void {
    this.uncork()
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
