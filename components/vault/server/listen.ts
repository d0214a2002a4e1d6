import { serveConnection, tlsAcceptor, type TlsOptions, type WebServer } from '@idp/http'
import type { Listener, Net } from '@idp/sandbox'
import { acceptListMethod } from './list-method.ts'

/** Serves on a port of the pod, with the method LIST. */
export async function listenWithList(net: Net, port: number, server: WebServer, tls: TlsOptions | undefined): Promise<Listener> {
  if (tls === undefined) return await net.listenRaw(port, (connection, peer) => serveConnection(acceptListMethod(connection), server, peer))
  const accept = tlsAcceptor(tls, (socket, peer) => {
    serveConnection(socket.alpnProtocol === 'h2' ? socket : acceptListMethod(socket), server, peer)
  })
  return await net.listenRaw(port, accept)
}
