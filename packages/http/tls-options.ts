import type { Peer } from './handler.ts'

/** Certificate chain and key, both PEM. */
export interface Identity { readonly cert: string; readonly key: string }

export interface TlsOptions {
  /** Asked at each handshake, so that a renewed certificate needs no restart. Throw to refuse the handshake. */
  identity(serverName: string | undefined): Identity
  /** Ask clients for a certificate and verify it against these (PEM). Without a valid one the request has no `peer.certificate`. */
  readonly clientCa?: string
  /**
   * Ask clients for a certificate and hand on any (`peer.certificatePem`), whoever signed it and however old: the handler judges.
   * Such handshakes are always whole ones, since a resumed one carries no chain.
   */
  readonly requestClientCertificate?: boolean
  /** OpenSSL's names in order of preference, TLS 1.3's among them. The server's order counts, but a client that prefers ChaCha20 gets it. Node's list and the client's order when absent. */
  readonly ciphers?: string
  /** Told of handshakes that failed, with OpenSSL's reason. */
  failed?(peer: Peer, reason: string): void
  /** Offered protocols in order of preference; HTTP/2 and HTTP/1.1 by default. */
  readonly alpn?: readonly ('h2' | 'http/1.1')[]
}
