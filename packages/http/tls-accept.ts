import { constants } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { createSecureContext, TLSSocket, type DetailedPeerCertificate, type SecureContext } from 'node:tls'
import { messageOf } from '@idp/kit'
import type { Peer } from './handler.ts'
import type { Identity, TlsOptions } from './tls-options.ts'

/** A handshake that takes longer is cut off. */
const HANDSHAKE_MS = 10_000

/** Does the server's side of TLS on a connection. */
export type TlsAcceptor = (connection: Duplex, peer: Peer) => void

/**
 * TLS for connections of any kind; hands on those whose handshake succeeds, and destroys the others.
 * The peer carries the client's certificate when one was asked for, and its subject when it was also verified.
 */
export function tlsAcceptor(options: TlsOptions, onSecure: (socket: TLSSocket, peer: Peer) => void): TlsAcceptor {
  const contexts = new Map<string, SecureContext>()
  // OpenSSL refuses to resume a session that carries a client certificate unless the session belongs to a named context.
  const clientCa = options.clientCa === undefined ? {} : { ca: options.clientCa, sessionIdContext: 'idp' }
  const asks = options.clientCa !== undefined || options.requestClientCertificate === true
  const ciphers = options.ciphers === undefined ? {} : { ciphers: options.ciphers }
  const secureOptions = (options.ciphers === undefined ? 0 : constants.SSL_OP_CIPHER_SERVER_PREFERENCE | constants.SSL_OP_PRIORITIZE_CHACHA) | (options.requestClientCertificate === true ? constants.SSL_OP_NO_TICKET : 0)
  const contextOf = ({ cert, key }: Identity): SecureContext => {
    const known = contexts.get(cert)
    if (known !== undefined) return known
    if (contexts.size >= 100) contexts.clear()
    const made = createSecureContext({ cert, key, ...clientCa, ...ciphers, secureOptions })
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
      ...(asks ? { requestCert: true, rejectUnauthorized: false } : {}),
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
      onSecure(socket, asks ? withCertificate(socket, peer, options.clientCa !== undefined) : peer)
    })
  }
}

function withCertificate(socket: TLSSocket, peer: Peer, judged: boolean): Peer {
  const presented = socket.getPeerCertificate(true)
  const subject = presented.subject as { CN?: string | string[]; O?: string | string[] } | undefined
  if (subject === undefined) return peer
  const shown = { ...peer, certificatePem: chainOf(presented) }
  // Node sets `authorized` only on sockets of its own tls.Server; the verdict of OpenSSL is here.
  const { ssl } = socket as unknown as { ssl?: { verifyError(): Error | null } | null }
  if (!judged || ssl === undefined || ssl === null || (ssl.verifyError() ?? null) !== null) return shown
  return { ...shown, certificate: { commonName: [subject.CN ?? ''].flat()[0] ?? '', organizations: subject.O === undefined ? [] : [subject.O].flat() } }
}

/** The certificate and its issuers as far as they are known; one that signs itself is its own issuer. */
function chainOf(leaf: DetailedPeerCertificate): string {
  const chain = new Set<string>()
  for (let each: DetailedPeerCertificate | undefined = leaf; each?.raw !== undefined; each = each.issuerCertificate) {
    const pem = encodePem(each.raw)
    if (chain.has(pem)) break
    chain.add(pem)
  }
  return [...chain].join('')
}

function encodePem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}
