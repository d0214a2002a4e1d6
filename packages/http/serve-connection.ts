import type { Duplex } from 'node:stream'
import type { Peer, WebServer } from './handler.ts'
import { tlsAcceptor, type TlsAcceptor } from './tls-accept.ts'
import type { TlsOptions } from './tls-options.ts'
import { webConnections, type ConnectionOptions, type WebConnections } from './web-connections.ts'

export interface ServeConnectionOptions extends ConnectionOptions { readonly tls?: TlsOptions }

interface Served { readonly web: WebConnections; readonly tls: TlsAcceptor | undefined }

/** The machinery behind a WebServer is made once, however many connections it gets. */
const served = new WeakMap<WebServer, Served>()

/** Serves HTTP/1.1 (with TLS also HTTP/2) on any Duplex, e.g. one end of an in-process pair or a forwarded port. Options count at the first connection of a server. */
export function serveConnection(connection: Duplex, server: WebServer, peer: Peer, options: ServeConnectionOptions = {}): void {
  const { web, tls } = served.get(server) ?? remember(server, options)
  if (tls === undefined) web.accept(connection, { peer, scheme: 'encrypted' in connection ? 'https' : 'http', protocol: 'alpnProtocol' in connection && connection.alpnProtocol === 'h2' ? 'h2' : 'http/1.1' })
  else tls(connection, peer)
}

function remember(server: WebServer, options: ServeConnectionOptions): Served {
  const web = webConnections(server, options)
  const tls = options.tls === undefined ? undefined : tlsAcceptor(options.tls, (socket, peer) => {
    web.accept(socket, { peer, scheme: 'https', protocol: socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1' })
  })
  const made = { web, tls }
  served.set(server, made)
  return made
}
