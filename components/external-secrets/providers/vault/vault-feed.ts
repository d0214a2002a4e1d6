import type { ProviderContext } from '../provider.ts'
import type { VaultSession } from './vault-session.ts'
import { vaultSpecOf } from './vault-spec.ts'

/** Vault's word that something below its KV engines has changed, for as long as it is given. */
export interface VaultFeed extends Disposable {
  /** While true, no word means no change. */
  readonly live: boolean
}

/** An answer that takes longer than this is none. */
const handshakeMs = 5_000
const longestEvent = 1 << 20

/**
 * Subscribes to `sys/events/subscribe/kv*` over a WebSocket with the session's token. `changed` is called with every event, when the feed becomes
 * live (what happened before is unknown) and when it ends. A Vault without events, a policy that does not allow them, and a server over https
 * (whose sources are then looked at again and again, as ever) give a feed that never lives.
 */
export async function openFeed(context: ProviderContext, session: Pick<VaultSession, 'token'>, changed: () => void): Promise<VaultFeed | undefined> {
  const spec = vaultSpecOf(context.store)
  const url = new URL(`${spec.server.replace(/\/+$/, '')}/v1/sys/events/subscribe/kv*?json=true`)
  if (context.dial === undefined || url.protocol !== 'http:') return undefined
  const [{ WebSocket }, connection] = await Promise.all([import('ws'), context.dial({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) })])
  url.protocol = 'ws:'
  const socket = new WebSocket(url, {
    createConnection: () => connection as never, handshakeTimeout: handshakeMs, maxPayload: longestEvent, perMessageDeflate: false,
    headers: { ...spec.headers, 'x-vault-request': 'true', 'x-vault-token': session.token, ...(spec.namespace === undefined ? {} : { 'x-vault-namespace': spec.namespace }) },
  })
  let live = false
  socket.on('open', () => {
    live = true
    changed()
  })
  socket.on('message', changed)
  socket.on('error', () => socket.terminate()) // `close` follows
  socket.once('close', () => {
    connection.destroy()
    if (!live) return
    live = false
    changed()
  })
  return { get live() { return live }, [Symbol.dispose]: () => socket.terminate() }
}
