import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { nativeStreams } from './native-streams.ts'
import { SocketWire } from './socket-wire.ts'
import { StreamWire } from './stream-wire.ts'

/** What takes a connection's bytes. */
export interface WireReader {
  /** Bytes from 0 to `end`; they change after the return, so what is kept must be copied. */
  bytes(bytes: Buffer, end: number): void
  /** What could not be sent at once has been sent. */
  drained(): void
  /** The other side sends nothing more. */
  ended(): void
  /** Comes last, and once. */
  closed(): void
}

/** A connection as the data path uses it: below Node's streams where it is a socket, above them otherwise. */
export interface Wire {
  reader: WireReader
  readonly destroyed: boolean
  /** Sends text of one byte a character. False: the connection is congested, wait for `drained`. */
  sendText(text: string): boolean
  /** Sends bytes, which may change after the return. */
  sendBytes(bytes: Uint8Array, start: number, end: number): boolean
  /** What is sent until `uncork` goes out in one write. False: it was corked already, or cannot be; then do not uncork. */
  cork(): boolean
  uncork(): boolean
  pause(): void
  resume(): void
  readonly paused: boolean
  /** Sends what is left, then FIN; goes on reading. */
  end(): void
  destroy(): void
}

/** Takes a connection over; nobody else may read or write it afterwards. */
export function wireOf(connection: Duplex, reader: WireReader): Wire {
  const native = connection instanceof Socket ? nativeStreams() : undefined
  const handle = native === undefined || connection.readableLength > 0 || (connection as Socket).connecting ? undefined : native.handleOf(connection as Socket)
  return native === undefined || handle === undefined ? new StreamWire(connection, reader) : new SocketWire(connection as Socket, handle, native, reader)
}
