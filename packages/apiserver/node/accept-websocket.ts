import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ApiError } from '@idp/api'
import { WebSocket, WebSocketServer } from 'ws'

/** Completes a WebSocket handshake with the first of `protocols` that the caller offers. Throws ApiError when there is none. */
export function acceptWebSocket(request: Request, connection: { readonly socket: Duplex; readonly head: Uint8Array }, protocols: readonly string[]): Promise<{ socket: WebSocket; protocol: string }> {
  const offered = (request.headers.get('sec-websocket-protocol') ?? '').split(',').map((text) => text.trim())
  const protocol = protocols.find((name) => offered.includes(name))
  if (protocol === undefined) throw new ApiError('BadRequest', `none of the offered WebSocket protocols is served: ${offered.join(', ')}; served are ${protocols.join(', ')}`)
  const server = new WebSocketServer({ noServer: true, handleProtocols: () => protocol, maxPayload: 32 * 1024 * 1024, perMessageDeflate: false })
  // ws wants the request as node:http hands it out; method, url and headers are all it reads.
  const message = new IncomingMessage(new Socket())
  message.method = 'GET'
  message.url = new URL(request.url).pathname
  for (const [name, value] of request.headers) message.headers[name] = value
  message.headers['connection'] ??= 'Upgrade'
  return new Promise((resolve) => {
    server.handleUpgrade(message, connection.socket, Buffer.from(connection.head), (socket) => resolve({ socket, protocol }))
  })
}
