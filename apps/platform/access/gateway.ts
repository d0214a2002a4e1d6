import { request as plainRequest, type IncomingMessage } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { CodedError, messageOf } from '@idp/kit'

/** Where the gateway listens, as seen from this machine. */
export interface GatewayAddress {
  readonly address: string
  readonly httpsPort: number
  readonly httpPort: number
  /** PEM certificates to trust. */
  readonly ca: string
}

export interface PresentedCertificate { readonly subject: string; readonly issuer: string; readonly names: readonly string[]; readonly serial: string; readonly validTo: string }

export interface GatewayRequest {
  /** Host name without port: goes into SNI and the Host header; no DNS is asked. */
  readonly host: string
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
  /** Plain HTTP on the other port. */
  readonly plain?: boolean
  readonly signal?: AbortSignal | undefined
}

export interface GatewayResponse { readonly response: Response; readonly certificate: PresentedCertificate | undefined }

/** One request through the gateway's real port, with the certificate verified for `host`. Throws CodedError `GatewayUnreachable`. */
export function gatewayRequest(gateway: GatewayAddress, { host, path, method = 'GET', headers = {}, body, plain = false, signal }: GatewayRequest): Promise<GatewayResponse> {
  const port = plain ? gateway.httpPort : gateway.httpsPort
  const options = {
    host: gateway.address, port, path, method, agent: false as const, ...(signal === undefined ? {} : { signal }),
    headers: { host: `${host}:${port}`, ...headers, ...(body === undefined ? {} : { 'content-length': String(body.byteLength) }) },
  }
  return new Promise((resolve, reject) => {
    let certificate: PresentedCertificate | undefined
    const answered = (incoming: IncomingMessage) => resolve({ response: toResponse(incoming), certificate })
    const outgoing = plain ? plainRequest(options, answered) : tlsRequest({ ...options, servername: host, ca: gateway.ca }, answered)
    outgoing.on('socket', (socket) => socket.once('secureConnect', () => { certificate = presented(socket as TLSSocket) }))
    outgoing.on('error', (cause) => reject(new CodedError({ code: 'GatewayUnreachable', message: `${plain ? 'http' : 'https'}://${host}:${port}${path}: ${messageOf(cause)}`, where: `${gateway.address}:${port}`, cause })))
    outgoing.end(body)
  })
}

function toResponse(incoming: IncomingMessage): Response {
  const headers = new Headers()
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) headers.append(incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? '')
  const status = incoming.statusCode ?? 502
  if (status === 204 || status === 304) {
    incoming.resume()
    return new Response(null, { status, headers })
  }
  return new Response(Readable.toWeb(incoming) as ReadableStream, { status, headers })
}

function presented(socket: TLSSocket): PresentedCertificate {
  const certificate = socket.getPeerCertificate()
  const name = (fields: object | undefined) => Object.entries(fields ?? {}).map(([key, value]) => `${key}=${String(value)}`).join(', ')
  return {
    subject: name(certificate.subject), issuer: name(certificate.issuer), serial: certificate.serialNumber, validTo: certificate.valid_to,
    names: (certificate.subjectaltname ?? '').split(', ').filter((part) => part !== '').map((part) => part.replace(/^DNS:/, '')),
  }
}
