import type { Duplex } from 'node:stream'

/** Who is at the other end of a request. */
export interface Peer {
  /** Address without port, e.g. `127.0.0.1` or a pod's `10.42.1.7`. */
  readonly address: string
  /** Subject of the client certificate, when one was presented and verified against the server's client CA. */
  readonly certificate?: { readonly commonName: string; readonly organizations: readonly string[] }
  /**
   * What the client presented: its own certificate first, then those it sent along to prove it, PEM. That it holds the key is
   * proved; who signed it is for the reader to judge, unless `certificate` is set: then it was verified against the server's
   * client CA. Only where the server asked (`clientCa`, `requestClientCertificate`).
   */
  readonly certificatePem?: string
}

/**
 * The one contract of every server of the product. Streams (watch, logs) are Response bodies; the handler notices a
 * caller that went away by `request.signal` or by the cancellation of the body it returned.
 */
export type Handler = (request: Request, peer: Peer) => Response | Promise<Response>

/** Takes over a connection that asked for `Upgrade` (WebSocket, SPDY, raw port-forward). Writes its own response head. */
export type UpgradeHandler = (request: Request, socket: Duplex, head: Uint8Array, peer: Peer) => void | Promise<void>

/** What can be listened with. */
export interface WebServer {
  readonly handler: Handler
  readonly upgrade?: UpgradeHandler
}
