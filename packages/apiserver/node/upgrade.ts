import type { Duplex } from 'node:stream'
import { ApiError } from '@idp/api'
import type { Peer, UpgradeHandler } from '@idp/http'
import { apiErrorOf } from '../answer.ts'
import type { ResourceRequest, ServerContext } from '../server-context.ts'

/** Takes over connections for exec, attach and port-forward. What does so is loaded with the first of them. */
export function upgradeServer(server: ServerContext, admit: (request: Request, peer: Peer) => ResourceRequest): UpgradeHandler {
  return async (request, socket, head, peer) => {
    try {
      const asked = admit(request, peer)
      const { subresource, resource } = asked.info
      const protocol = (request.headers.get('upgrade') ?? '').toLowerCase()
      if (resource !== 'pods') throw new ApiError('BadRequest', 'nothing here can be upgraded')
      if (protocol !== 'websocket' && protocol !== 'spdy/3.1') throw new ApiError('BadRequest', `unable to upgrade to ${JSON.stringify(protocol)}; WebSocket and SPDY/3.1 are served`)
      if (subresource === 'exec' || subresource === 'attach') await (protocol === 'websocket' ? (await import('./exec-websocket.ts')).execOverWebSocket : (await import('./exec-spdy.ts')).execOverSpdy)(asked, socket, head)
      else if (subresource === 'portforward') await (await import('./port-forward.ts')).forwardPorts(asked, socket, head)
      else throw new ApiError('NotFound', 'the server could not find the requested resource')
    } catch (error) {
      refuse(socket, apiErrorOf(error, server.log))
    }
  }
}

/** An ordinary HTTP answer on a connection that wanted to become something else. */
function refuse(socket: Duplex, error: ApiError): void {
  const body = JSON.stringify(error.toStatus())
  socket.end(`HTTP/1.1 ${error.code} ${error.reason}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
}
