import type { Duplex } from 'node:stream'
import { serveConnection, type Peer } from '@idp/http'
import type { OpenPort } from './listeners.ts'
import { acceptTls } from './tls-connection.ts'

/** Gives a raw connection to whatever listens: as it is to raw listeners, through TLS and HTTP/1.1 framing to web servers. Ends with the listener. */
export function serveRaw(open: OpenPort, connection: Duplex, peer: Peer): void {
  const onClosed = () => connection.destroy()
  open.closed.addEventListener('abort', onClosed, { once: true })
  connection.once('close', () => open.closed.removeEventListener('abort', onClosed))
  if (open.type === 'raw') return open.accept(connection, peer)
  if (open.tls === undefined) return void serveConnection(connection, open.server, peer)
  acceptTls(connection, open.tls, peer).then(
    (accepted) => serveConnection(accepted.socket, open.server, accepted.peer),
    // The client saw the handshake fail; there is nobody else to tell.
    () => connection.destroy(),
  )
}
