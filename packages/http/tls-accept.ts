import { constants } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls'
import { messageOf } from '@idp/kit'
import type { Peer } from './handler.ts'
import type { Identity, TlsOptions } from './tls-options.ts'

/** A handshake that takes longer is cut off. */
const HANDSHAKE_MS = 10_000

/** Does the server's side of TLS on a connection. */
export type TlsAcceptor = (connection: Duplex, peer: Peer) => void

/**
 * TLS for connections of any kind; hands on those whose handshake succeeds, and destroys the others.
 * The peer carries the subject of the client's certificate when one was asked for and is valid.
 */
export function tlsAcceptor(options: TlsOptions, onSecure: (socket: TLSSocket, peer: Peer) => void): TlsAcceptor {
  const contexts = new Map<string, SecureContext>()
  // OpenSSL refuses to resume a session that carries a client certificate unless the session belongs to a named context.
  const clientCa = options.clientCa === undefined ? {} : { ca: options.clientCa, sessionIdContext: 'idp' }
  const ciphers = options.ciphers === undefined ? {} : { ciphers: options.ciphers, secureOptions: constants.SSL_OP_CIPHER_SERVER_PREFERENCE | constants.SSL_OP_PRIORITIZE_CHACHA }
  const contextOf = ({ cert, key }: Identity): SecureContext => {
    const known = contexts.get(cert)
    if (known !== undefined) return known
    if (contexts.size >= 100) contexts.clear()
    const made = createSecureContext({ cert, key, ...clientCa, ...ciphers })
    contexts.set(cert, made)
    return made
  }
  const standard = (): { secureContext?: SecureContext } => {
    try {
      return { secureContext: contextOf(options.identity(undefined)) }
    } catch {
      return {} // no certificate for clients that name no server: their handshake fails, the others have their own
    }
  }
  return (connection, peer) => {
    const socket = new TLSSocket(connection, {
      isServer: true,
      ...standard(),
      ALPNProtocols: [...(options.alpn ?? ['h2', 'http/1.1'])],
      ...(options.clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: false }),
      SNICallback(name, done) {
        try {
          done(null, contextOf(options.identity(name)))
        } catch (error) {
          done(error instanceof Error ? error : new Error(String(error)))
        }
      },
    })
    let settled = false
    const fail = (reason: string): void => {
      if (!settled) options.failed?.(peer, reason)
      settled = true
      socket.destroy()
      connection.destroy()
    }
    socket.setTimeout(HANDSHAKE_MS, () => fail('the handshake took too long'))
    socket.on('error', (error: Error & { code?: string }) => fail(error.code ?? error.message)) // the client has been sent the alert; nobody else is concerned
    connection.on('error', (error) => fail(messageOf(error)))
    socket.once('secure', () => {
      settled = true
      socket.setTimeout(0)
      // Node clears this only on sockets of its own tls.Server; HTTP/2 sessions wait for it.
      Object.assign(socket, { secureConnecting: false })
      onSecure(socket, options.clientCa === undefined ? peer : withCertificate(socket, peer))
    })
  }
}

function withCertificate(socket: TLSSocket, peer: Peer): Peer {
  // Node sets `authorized` only on sockets of its own tls.Server; the verdict of OpenSSL is here.
  const { ssl } = socket as unknown as { ssl?: { verifyError(): Error | null } | null }
  const subject = socket.getPeerCertificate().subject as { CN?: string | string[]; O?: string | string[] } | undefined
  if (subject === undefined || ssl === undefined || ssl === null || (ssl.verifyError() ?? null) !== null) return peer
  return { ...peer, certificate: { commonName: [subject.CN ?? ''].flat()[0] ?? '', organizations: subject.O === undefined ? [] : [subject.O].flat() } }
}
