import type { Duplex } from 'node:stream'
import { pushQueue, type PushQueue } from './push-queue.ts'
import { spdyHeaders } from './spdy-headers.ts'

/** One stream that the other side opened. */
export interface SpdyStream {
  readonly headers: ReadonlyMap<string, string>
  /** What the other side sends; ends when it half-closes. */
  readonly input: AsyncIterable<Uint8Array>
  write(chunk: Uint8Array | string): void
  /** Half-closes our side. */
  end(): void
  reset(): void
}

const version = 0x8003
const synStream = 1
const synReply = 2
const rstStream = 3
const ping = 6
const goAway = 7
const fin = 1
const largestFrame = 1024 * 1024

/**
 * The server's side of SPDY/3.1 as Kubernetes uses it: the client opens streams, both write, no flow control. Calls `accept` for each
 * stream and resolves when the connection is over.
 */
export async function serveSpdy(connection: Duplex, accept: (stream: SpdyStream) => void): Promise<void> {
  const codec = spdyHeaders()
  const inputs = new Map<number, PushQueue<Uint8Array>>()
  const send = (header: Buffer, payload: Uint8Array) => {
    if (connection.writable) connection.write(Buffer.concat([header, payload]))
  }
  const control = (type: number, flags: number, payload: Uint8Array) => send(frameHead(version, type, flags, payload.length), payload)
  const open = async (id: number, block: Buffer, flags: number) => {
    const headers = await codec.read(block)
    const input = pushQueue<Uint8Array>()
    inputs.set(id, input)
    if ((flags & fin) !== 0) input.end()
    control(synReply, 0, Buffer.concat([number32(id), await codec.write(new Map())]))
    accept({
      headers, input,
      write: (chunk) => data(id, 0, typeof chunk === 'string' ? Buffer.from(chunk) : chunk),
      end: () => data(id, fin, Buffer.alloc(0)),
      reset: () => control(rstStream, 0, Buffer.concat([number32(id), number32(5)])),
    })
  }
  const data = (id: number, flags: number, chunk: Uint8Array) => {
    const head = Buffer.alloc(8)
    head.writeUInt32BE(id)
    head.writeUInt32BE(((flags << 24) | chunk.length) >>> 0, 4)
    send(head, chunk)
  }
  try {
    for await (const frame of framesOf(connection)) {
      const { type, flags, payload } = frame
      if (type === 'data') {
        const input = inputs.get(frame.id)
        if (payload.length > 0) input?.push(payload)
        if ((flags & fin) !== 0) input?.end()
      } else if (type === synStream) await open(payload.readUInt32BE(0) & 0x7fffffff, payload.subarray(10), flags)
      else if (type === rstStream) inputs.get(payload.readUInt32BE(0) & 0x7fffffff)?.end()
      else if (type === ping) control(ping, 0, payload)
      else if (type === goAway) break
    }
  } finally {
    for (const input of inputs.values()) input.end()
    codec.close()
  }
}

type Frame = { readonly type: 'data'; readonly id: number; readonly flags: number; readonly payload: Buffer } | { readonly type: number; readonly id: 0; readonly flags: number; readonly payload: Buffer }

async function* framesOf(connection: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of connection) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    while (rest.length >= 8) {
      const first = rest.readUInt32BE(0)
      const flags = rest[4] ?? 0
      const length = rest.readUIntBE(5, 3)
      if (length > largestFrame) throw new RangeError(`a SPDY frame has ${length} bytes`)
      if (rest.length < 8 + length) break
      const payload = rest.subarray(8, 8 + length)
      rest = rest.subarray(8 + length)
      yield first >>> 31 === 1 ? { type: first & 0xffff, id: 0, flags, payload } : { type: 'data', id: first, flags, payload }
    }
  }
}

function frameHead(head: number, type: number, flags: number, length: number): Buffer {
  const out = Buffer.alloc(8)
  out.writeUInt16BE(head)
  out.writeUInt16BE(type, 2)
  out.writeUInt32BE(((flags << 24) | length) >>> 0, 4)
  return out
}

function number32(value: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeUInt32BE(value)
  return out
}
