import { constants } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls'
import type { Peer } from '@idp/http'
import type { Clock } from '@idp/kit'
import type { ClientValidation } from '../engine/frontend-validation.ts'
import { alertFor, alertRecord } from './tls-alert.ts'

/** A handshake that takes longer is cut off; and how long a client that was refused may take to close. */
const HANDSHAKE_MS = 10_000
const LINGER_MS = 2_000

/** A listener's side of mutual TLS. */
export interface MutualListener { readonly identity: { readonly cert: string; readonly key: string }; readonly clients: ClientValidation }

/** Why there is no connection: no certificate where one is required, one that is not valid, or anything else of TLS. */
export type Refusal = 'missing' | 'invalid' | 'handshake'

export interface MutualTlsOptions {
  readonly clock: Pick<Clock, 'timer'>
  readonly ciphers: string
  refused(peer: Peer, why: Refusal, detail: string): void
}

/** Does the handshake on a connection; `secured` gets the socket if the client may come in. */
export type MutualTls = (connection: Duplex, peer: Peer, listener: MutualListener, secured: (socket: TLSSocket) => void) => void

/**
 * TLS with clients' certificates (RFC 8446 §4.3.2). Every handshake is a whole one: a session that is taken up again would outlive a change of the CA.
 * Who is refused is told why, by the alert that TLS has for it.
 */
export function mutualTls(options: MutualTlsOptions): MutualTls {
  const contexts = new Map<string, SecureContext>()
  const contextOf = ({ identity, clients }: MutualListener): SecureContext => {
    const key = `${clients.ca}\n${identity.cert}`
    let context = contexts.get(key)
    if (context === undefined) {
      if (contexts.size >= 100) contexts.clear()
      context = createSecureContext({
        ...identity, ca: clients.ca, ciphers: options.ciphers, sessionIdContext: 'clients',
        secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_CIPHER_SERVER_PREFERENCE | constants.SSL_OP_PRIORITIZE_CHACHA,
      })
      contexts.set(key, context)
    }
    return context
  }
  return (connection, peer, listener, secured) => {
    const { required } = listener.clients
    const socket = new TLSSocket(connection, { isServer: true, secureContext: contextOf(listener), ALPNProtocols: ['h2', 'http/1.1'], requestCert: true, rejectUnauthorized: false })
    let settled = false
    const refuse = (why: Refusal, detail: string): void => {
      if (!settled) options.refused(peer, why, detail)
      settled = true
    }
    const fail = (detail: string): void => {
      refuse('handshake', detail)
      socket.destroy()
      connection.destroy()
    }
    let secret: Buffer | undefined
    socket.on('keylog', (line: Buffer) => {
      const [label, , value] = line.toString('latin1').trim().split(' ')
      if (label === 'SERVER_TRAFFIC_SECRET_0' && value !== undefined) secret = Buffer.from(value, 'hex')
    })
    socket.setTimeout(HANDSHAKE_MS, () => fail('the handshake took too long'))
    socket.on('error', (error: Error & { code?: string }) => fail(error.code ?? error.message)) // OpenSSL has sent the alert
    connection.on('error', (error: Error & { code?: string }) => fail(error.code ?? error.message))
    socket.once('secure', () => {
      socket.setTimeout(0)
      const missing = Object.keys(socket.getPeerCertificate()).length === 0
      const verdict = !required ? undefined : missing ? 'no client certificate' : verdictOn(socket)
      if (verdict === undefined) {
        settled = true
        Object.assign(socket, { secureConnecting: false }) // Node clears this only on sockets of its own tls.Server; HTTP/2 sessions wait for it
        return secured(socket)
      }
      // This runs within the client's last handshake message: what OpenSSL has to say comes after it.
      const protocol = socket.getProtocol()
      const record = alertRecord(alertFor(missing ? undefined : verdict, protocol), { protocol, suite: socket.getCipher().standardName, secret })
      if (record !== undefined) connection.write(record)
      refuse(missing ? 'missing' : 'invalid', verdict)
      socket.resume() // an end with unread bytes would be a reset, and take the alert with it
      socket.end()
      const slow = options.clock.timer(LINGER_MS, () => connection.destroy())
      socket.once('close', () => slow[Symbol.dispose]())
    })
  }
}

/** OpenSSL's verdict on the client's certificate; undefined when it is valid. Node shows it only on sockets of its own tls.Server, so it is asked below. */
function verdictOn(socket: TLSSocket): string | undefined {
  const { ssl } = socket as unknown as { ssl?: { verifyError?(): (Error & { code?: string }) | null | undefined } | null }
  if (typeof ssl?.verifyError !== 'function') return 'the certificate cannot be verified'
  const error = ssl.verifyError()
  return error === null || error === undefined ? undefined : error.code ?? error.message
}
