import type { UpgradeHandler } from '@idp/http'
import type { WebSocket, WebSocketServer } from 'ws'
import type { IncomingMessage } from 'node:http'
import type { VaultEvent } from '../engine/core/event-bus.ts'
import type { Vault } from '../engine/core/vault.ts'

const prefix = '/v1/sys/events/subscribe/'
/** A subscriber that reads slower than this many bytes behind is let go: it lists and subscribes again. */
const mostBuffered = 4 << 20

/**
 * `sys/events/subscribe/:type` over WebSocket: CloudEvents as JSON, one a message. The token needs `read` on that path
 * and `subscribe` on the path that an event names. The connection ends with the token and with the seal.
 */
export function eventSubscriptions(vault: Vault): UpgradeHandler {
  let server: WebSocketServer | undefined
  return async (request, socket, head) => {
    const url = new URL(request.url)
    const refuse = (status: string): void => void socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n`)
    if (!url.pathname.startsWith(prefix)) return refuse('404 Not Found')
    const { active } = vault
    if (active === undefined) return refuse('503 Service Unavailable')
    const pattern = decodeURIComponent(url.pathname.slice(prefix.length))
    const id = request.headers.get('x-vault-token') ?? /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
    const token = active.tokens.find(id)
    if (token === undefined || !active.aclOf(token).allows('read', `sys/events/subscribe/${pattern}`)) return refuse('403 Forbidden')
    if (url.searchParams.get('json') === 'false') return refuse('400 Bad Request')
    server ??= new (await import('ws')).WebSocketServer({ noServer: true, maxPayload: 64 << 10 })
    const incoming = { method: 'GET', url: url.pathname, headers: Object.fromEntries(request.headers) } as unknown as IncomingMessage
    server.handleUpgrade(incoming, socket, Buffer.from(head), (client: WebSocket) => {
      const subscription = active.events.subscribe(pattern, (event) => {
        const current = vault.active === active ? active.tokens.find(id) : undefined
        if (current === undefined || client.bufferedAmount > mostBuffered) return client.close(1008, 'the subscription has ended')
        if (maySee(active.aclOf(current).capabilities(pathOf(event)))) client.send(JSON.stringify(event))
      })
      client.on('error', () => client.terminate())
      client.once('close', () => subscription[Symbol.dispose]())
    })
  }
}

const maySee = (capabilities: readonly string[]): boolean => capabilities.includes('root') || capabilities.includes('subscribe')

/** The path a policy speaks of: that of the data where the event has one. */
function pathOf({ data }: VaultEvent): string {
  return data.event.metadata['data_path'] ?? data.event.metadata['path'] ?? ''
}
