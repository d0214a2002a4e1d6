import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { settledDuplex } from '../dataplane/settled-duplex.ts'
import { decode, encode, type Message, type MessageType } from './protobuf.ts'

/** A call's end other than OK; the codes are gRPC's. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}
export const grpcCode = { invalidArgument: 3, unimplemented: 12, internal: 13, unavailable: 14 } as const

/** A method: its answer is one message, or a stream of them. */
export interface Method {
  readonly request: MessageType
  readonly response: MessageType
  call(request: Message, signal: AbortSignal): Promise<Message> | AsyncIterable<Message>
}

export interface GrpcServer extends Disposable {
  /** Serves gRPC over HTTP/2 without TLS (prior knowledge) on a connection. */
  accept(connection: Duplex): void
}

const largestMessage = 4 * 1_048_576

/** @param methods by path, e.g. `/observer.Observer/GetFlows`. Specification: gRPC over HTTP/2; messages are not compressed. */
export function grpcServer(methods: Readonly<Record<string, Method>>): GrpcServer {
  const server = createServer({ settings: { maxConcurrentStreams: 100 } })
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.on('error', () => {}) // a peer that breaks the protocol loses its session
  })
  server.on('sessionError', () => {})
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {}) // the caller is gone; its signal says so
    const method = methods[headers[':path'] ?? '']
    if (!String(headers['content-type'] ?? '').startsWith('application/grpc')) {
      stream.respond({ ':status': 415 }, { endStream: true })
      return
    }
    if (method === undefined) return refuse(stream, new GrpcError(grpcCode.unimplemented, `unknown method ${headers[':path']}`))
    void serve(stream, method)
  })
  return {
    accept: (connection) => {
      connection.on('error', () => connection.destroy())
      server.emit('connection', connection instanceof Socket ? connection : settledDuplex(connection))
    },
    [Symbol.dispose]() {
      for (const session of sessions) session.destroy()
    },
  }
}

async function serve(stream: ServerHttp2Stream, { request, response, call }: Method): Promise<void> {
  const stopped = new AbortController()
  stream.once('close', () => stopped.abort())
  try {
    const asked = decode(request, await firstMessage(stream))
    const answer = call(asked, stopped.signal)
    const messages = Symbol.asyncIterator in answer ? answer : single(answer)
    const iterator = messages[Symbol.asyncIterator]()
    // An error before the first message has no head of its own.
    let next = await iterator.next()
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    let end: Record<string, string> = { 'grpc-status': '0' }
    stream.on('wantTrailers', () => { if (!stream.destroyed) stream.sendTrailers(end) })
    try {
      while (next.done !== true) {
        if (!stream.write(frame(encode(response, next.value)))) await drained(stream)
        next = await iterator.next()
      }
    } catch (error) {
      end = statusOf(error)
    }
    stream.end()
  } catch (error) {
    if (!stream.destroyed && !stream.headersSent) refuse(stream, error)
  }
}

async function* single(answer: Promise<Message>): AsyncGenerator<Message> {
  yield await answer
}

function refuse(stream: ServerHttp2Stream, error: unknown): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...statusOf(error) }, { endStream: true })
}

function statusOf(error: unknown): Record<string, string> {
  const { code, message } = error instanceof GrpcError ? error : { code: grpcCode.internal, message: (error as Error).message }
  return { 'grpc-status': String(code), 'grpc-message': encodeURIComponent(message) }
}

/** A message with its head of five bytes: not compressed, length. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(5 + message.length)
  framed.writeUInt32BE(message.length, 1)
  framed.set(message, 5)
  return framed
}

/** Messages out of the bytes of a stream. @throws GrpcError for compressed or too large ones */
export async function* unframe(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0)
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5) {
      const length = rest.readUInt32BE(1)
      if (rest[0] !== 0) throw new GrpcError(grpcCode.unimplemented, 'compressed messages are not supported')
      if (length > largestMessage) throw new GrpcError(grpcCode.invalidArgument, `a message of ${length} bytes is too large`)
      if (rest.length < 5 + length) break
      yield rest.subarray(5, 5 + length)
      rest = rest.subarray(5 + length)
    }
  }
}

async function firstMessage(stream: ServerHttp2Stream): Promise<Uint8Array> {
  for await (const message of unframe(fromStream(stream))) return message
  throw new GrpcError(grpcCode.invalidArgument, 'the call has no message')
}

/** As events, so that reading one message does not close the stream. */
async function* fromStream(stream: ServerHttp2Stream): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = []
  let done = false
  let wake = () => {}
  stream.on('data', (chunk: Buffer) => { chunks.push(chunk); wake() })
  stream.once('end', () => { done = true; wake() })
  stream.once('close', () => { done = true; wake() })
  for (;;) {
    const chunk = chunks.shift()
    if (chunk !== undefined) yield chunk
    else if (done) return
    else await new Promise<void>((resolve) => { wake = resolve })
  }
}

function drained(stream: ServerHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) return resolve()
    stream.once('drain', resolve)
    stream.once('close', () => resolve())
  })
}
