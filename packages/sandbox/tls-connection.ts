import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { connect, createSecureContext, TLSSocket, type SecureContext } from 'node:tls'
import { isIP } from 'node:net'
import { CodedError, messageOf } from '@idp/kit'
import type { Peer } from '@idp/http'
import type { ListenOptions, TlsIdentity } from './net.ts'

const contexts = new Map<string, SecureContext>()

function contextOf(identity: TlsIdentity, clientCa: string | undefined): SecureContext {
  const key = `${identity.cert} ${clientCa ?? ''}`
  const known = contexts.get(key)
  if (known !== undefined) return known
  if (contexts.size > 200) contexts.clear()
  const made = createSecureContext({ cert: identity.cert, key: identity.key, ...(clientCa === undefined ? {} : { ca: clientCa, sessionIdContext: 'idp' }) })
  contexts.set(key, made)
  return made
}

/** The server's side of a TLS handshake on a raw connection. Rejects with `TlsHandshakeFailed`, and has then destroyed the connection. */
export async function acceptTls(connection: Duplex, tls: NonNullable<ListenOptions['tls']>, peer: Peer, alpn: readonly string[] = ['h2', 'http/1.1']): Promise<{ socket: TLSSocket; peer: Peer }> {
  const clientCa = tls.clientCa
  const socket = new TLSSocket(connection, {
    isServer: true, secureContext: contextOf(tls.identity(undefined), clientCa), ALPNProtocols: [...alpn],
    SNICallback: (name, done) => {
      try {
        done(null, contextOf(tls.identity(name), clientCa))
      } catch (error) {
        done(error as Error)
      }
    },
    ...(clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: false }),
  })
  await handshake(socket, 'secure', 'the TLS client')
  const certificate = socket.authorized ? socket.getPeerCertificate() : undefined
  if (certificate?.subject === undefined) return { socket, peer }
  const { CN, O } = certificate.subject as unknown as { CN?: string | string[]; O?: string | string[] }
  return { socket, peer: { ...peer, certificate: { commonName: [CN ?? ''].flat()[0] ?? '', organizations: O === undefined ? [] : [O].flat() } } }
}

export interface ConnectTlsOptions {
  /** The name that is asked for and that the certificate must be for. */
  readonly host: string
  /** Trusted certificates in PEM; those that Node ships with when absent. */
  readonly ca?: string
  readonly insecure?: boolean
  readonly clientIdentity?: TlsIdentity
}

/** The client's side. Rejects with `CertificateInvalid` or `TlsHandshakeFailed`. */
export async function connectTls(connection: Duplex, options: ConnectTlsOptions): Promise<TLSSocket> {
  const socket = connect({
    socket: connection, ...(options.ca === undefined ? {} : { ca: options.ca }), rejectUnauthorized: options.insecure !== true, ALPNProtocols: ['http/1.1'],
    host: options.host, ...(isIP(options.host) === 0 ? { servername: options.host } : {}),
    ...(options.clientIdentity === undefined ? {} : { cert: options.clientIdentity.cert, key: options.clientIdentity.key }),
  })
  await handshake(socket, 'secureConnect', options.host)
  return socket
}

async function handshake(socket: TLSSocket, event: 'secure' | 'secureConnect', where: string): Promise<void> {
  try {
    const closed = once(socket, 'close').then(() => {
      throw new Error('the connection was closed')
    })
    closed.catch(() => {})
    await Promise.race([once(socket, event), closed])
  } catch (cause) {
    socket.destroy()
    const code = (cause as { code?: string }).code ?? ''
    const certificate = /CERT|SELF_SIGNED|ALTNAME|ISSUER/.test(code)
    throw new CodedError({
      code: certificate ? 'CertificateInvalid' : 'TlsHandshakeFailed', message: `TLS handshake failed: ${messageOf(cause)}`, where,
      remedy: certificate ? 'check which authority signed the certificate, its names and validity' : 'check that both sides speak TLS', cause,
    })
  }
}
