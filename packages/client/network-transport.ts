import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import type { Transport } from './handler-transport.ts'

export interface NetworkOptions {
  /** e.g. `https://127.0.0.1:6443`. */
  readonly server: string
  /** PEM certificates to trust; the machine's when absent. */
  readonly ca?: string
  /** Client certificate and key, PEM. */
  readonly identity?: { readonly cert: string; readonly key: string }
  /** Accept any certificate; only where the user asked for it. */
  readonly insecure?: boolean
  /** Name to verify instead of the server's host. */
  readonly serverName?: string
}

/** A transport over TLS (or plain HTTP), with connections kept open between requests. */
export function networkTransport(options: NetworkOptions): Transport & Disposable {
  const base = new URL(options.server)
  const secure = base.protocol === 'https:'
  const agent = secure
    ? new HttpsAgent({
      keepAlive: true, rejectUnauthorized: options.insecure !== true,
      ...(options.ca === undefined ? {} : { ca: options.ca }), ...(options.identity ?? {}),
      ...(options.serverName === undefined ? {} : { servername: options.serverName }),
    })
    : new HttpAgent({ keepAlive: true })
  const transport: Transport = async (path, init) => {
    const headers: Record<string, string> = Object.fromEntries(new Headers(init.headers))
    const body = init.body === undefined || init.body === null ? undefined : Buffer.from(await new Response(init.body).arrayBuffer())
    if (body !== undefined) headers['content-length'] = String(body.byteLength)
    const target: RequestOptions = {
      agent, method: init.method ?? 'GET', headers, host: base.hostname.replace(/^\[|\]$/g, ''), port: base.port === '' ? (secure ? 443 : 80) : Number(base.port),
      path: base.pathname.replace(/\/$/, '') + path, ...(init.signal === undefined || init.signal === null ? {} : { signal: init.signal }),
    }
    return new Promise<Response>((resolve, reject) => {
      const outgoing = (secure ? httpsRequest : httpRequest)(target, (incoming) => resolve(responseOf(incoming)))
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }
  return Object.assign(transport, { [Symbol.dispose]: () => agent.destroy() })
}

const bodiless = new Set([204, 205, 304])

function responseOf(incoming: IncomingMessage): Response {
  const status = incoming.statusCode ?? 502
  const headers = new Headers()
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) headers.append(incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? '')
  if (bodiless.has(status)) {
    incoming.resume()
    return new Response(null, { status, headers })
  }
  return new Response(Readable.toWeb(incoming) as ReadableStream, { status, headers })
}
