import { once } from 'node:events'
import { connect as http2Connect } from 'node:http2'
import type { Duplex } from 'node:stream'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import type { KeyPair } from '@idp/pki'
import { settledDuplex } from '../../components/cilium/dataplane/settled-duplex.ts'
import type { WireResponse } from '../../components/cilium/test/wire.ts'

/** A call of gRPC over HTTP/2 from the first byte; trailers stand among the headers of the answer. */
export async function callGrpc(raw: Duplex, host: string, path: string, headers: Readonly<Record<string, string>>): Promise<WireResponse> {
  const session = http2Connect(`http://${host}`, { createConnection: () => settledDuplex(raw) })
  try {
    const stream = session.request({ ':path': path, ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', ...headers })
    stream.end()
    const seen: Record<string, string> = {}
    const keep = (found: object): void => { for (const [name, value] of Object.entries(found)) seen[name] = String(value) }
    stream.on('trailers', keep)
    const failed = once(session, 'error').then(([error]) => { throw error as Error })
    failed.catch(() => {})
    keep((await Promise.race([once(stream, 'response'), failed]))[0] as object)
    let body = ''
    for await (const chunk of stream.setEncoding('utf8')) body += chunk
    return { status: Number(seen[':status']), headers: seen, body, raw: '' }
  } finally {
    session.destroy()
  }
}

/** Bytes over a TLS that is passed through, and what comes back. */
export async function throughTls(socket: TLSSocket, bytes: string): Promise<WireResponse> {
  socket.write(bytes)
  let body = ''
  for await (const chunk of socket.setEncoding('utf8')) body += chunk
  return { status: 0, headers: {}, body, raw: body }
}

export async function handshake(raw: Duplex, servername: string, certificate?: KeyPair): Promise<TLSSocket> {
  const socket = tlsConnect({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], ...(servername === '' ? {} : { servername }), ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }) })
  const closed = once(raw, 'close').then(() => { throw new Error('the handshake was refused') })
  closed.catch(() => {})
  await Promise.race([once(socket, 'secureConnect'), closed])
  return socket
}
