import type { Duplex } from 'node:stream'
import type { Peer, WebServer } from '@idp/http'
import type { NodeNetwork } from './node-network.ts'

/** Certificate and key in PEM; a function is asked again for each handshake, so that renewal needs no restart. */
export interface TlsIdentity { readonly cert: string; readonly key: string }

export interface ListenOptions {
  /** Serve HTTPS. With `clientCa` client certificates are asked for and verified. */
  readonly tls?: { identity(serverName: string | undefined): TlsIdentity; readonly clientCa?: string }
}

/** A server's open port; disposing closes it and ends its connections. */
export interface Listener extends AsyncDisposable { readonly port: number }

export interface FetchOptions extends RequestInit {
  /** PEM certificates to trust instead of the cluster CA (for https). */
  readonly ca?: string
  /** Accept any certificate (upstream's `insecureSkipVerify`); never the default. */
  readonly insecure?: boolean
  /** The name that is asked for (SNI) and that the certificate must be for, instead of the URL's host. */
  readonly serverName?: string
  readonly clientIdentity?: TlsIdentity
}

/**
 * The network as a pod sees it: its own address, cluster DNS names, Service addresses, NetworkPolicy in between.
 * Inside the engine no socket is used; a dialled name resolves Service -> ready endpoint -> listener of that pod.
 * Names outside the cluster go to the machine's network only where egress is allowed. Failures are CodedErrors:
 * `NameNotFound`, `NameRefused` (a DNS rule), `ConnectionRefused`, `ConnectionTimedOut` (policy drop), `NoEndpoints`, `CertificateInvalid`, `EgressDenied`.
 */
export interface Net {
  /** The pod's address. */
  readonly ip: string
  /** The node's own network, for containers of the host network with the capability NET_ADMIN (or privileged) alone. */
  readonly admin?: NodeNetwork
  /** Serves HTTP (or HTTPS) on the pod's address. Throws `PortInUse`. */
  listen(port: number, server: WebServer, options?: ListenOptions): Promise<Listener>
  /** Accepts raw connections (gateway data path, TCP protocols). */
  listenRaw(port: number, accept: (connection: Duplex, peer: Peer) => void): Promise<Listener>
  /** HTTP(S) to any cluster name, Service or pod address. */
  fetch(url: string | URL, options?: FetchOptions): Promise<Response>
  /** A raw connection. */
  connect(target: { readonly host: string; readonly port: number }): Promise<Duplex>
  /** Addresses behind a name, as cluster DNS answers (A records; headless services give every ready pod). */
  resolve(name: string): Promise<readonly string[]>
}
