import { connect, constants, type ClientHttp2Session } from 'node:http2'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { settledDuplex } from '../dataplane/settled-duplex.ts'
import { GrpcError, frame, grpcCode, unframe } from './grpc-server.ts'
import { decode, encode, type Message, type MessageType } from './protobuf.ts'

export interface GrpcClient extends Disposable {
  /** Calls a method; yields its messages. @throws GrpcError */
  call(path: string, types: { readonly request: MessageType; readonly response: MessageType }, request: Message, signal?: AbortSignal): AsyncGenerator<Message>
}

/** A client over a connection of its own, without TLS (prior knowledge). */
export function grpcClient(connection: Duplex, authority: string): GrpcClient {
  const session: ClientHttp2Session = connect(`http://${authority}`, { createConnection: () => (connection instanceof Socket ? connection : settledDuplex(connection)) })
  session.on('error', () => {}) // its calls see it
  return {
    async* call(path, { request, response }, message, signal) {
      if (session.destroyed) throw new GrpcError(grpcCode.unavailable, `the connection to ${authority} is closed`)
      const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' })
      const cancel = () => stream.close(constants.NGHTTP2_CANCEL)
      signal?.addEventListener('abort', cancel, { once: true })
      let status: Record<string, unknown> = {}
      stream.on('response', (headers) => { status = { ...status, ...headers } })
      stream.on('trailers', (headers) => { status = { ...status, ...headers } })
      stream.end(frame(encode(request, message)))
      try {
        for await (const bytes of unframe(stream)) yield decode(response, bytes)
      } catch (error) {
        if (signal?.aborted === true) return
        throw error instanceof GrpcError ? error : new GrpcError(grpcCode.unavailable, (error as Error).message)
      } finally {
        signal?.removeEventListener('abort', cancel)
        if (!stream.closed) cancel()
      }
      const code = Number(status['grpc-status'] ?? (signal?.aborted === true ? 0 : grpcCode.unavailable))
      if (code !== 0 && signal?.aborted !== true) throw new GrpcError(code, decodeURIComponent(String(status['grpc-message'] ?? `${authority} ended the call`)))
    },
    [Symbol.dispose]: () => session.destroy(),
  }
}
