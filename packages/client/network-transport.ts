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
      ...(options.ca === undefined ? {} : { ca: options.ca }), ...options.identity,
      ...(options.serverName === undefined ? {} : { servername: options.serverName }),
    })
    : new HttpAgent({ keepAlive: true })
  const transport: Transport = async (path, init) => {
    const headers: Record<string, string> = Object.fromEntries(new Headers(init.headers))
    const body = await bodyOf(init.body)
    if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body))
    const target: RequestOptions = {
      agent, method: init.method ?? 'GET', headers, host: base.hostname.replace(/^\[|\]$/g, ''), port: base.port === '' ? (secure ? 443 : 80) : Number(base.port),
      path: base.pathname.replace(/\/$/, '') + path, ...(init.signal === undefined || init.signal === null ? {} : { signal: init.signal }),
    }
    return new Promise<Response>((resolve, reject) => {
      const outgoing = (secure ? httpsRequest : httpRequest)(target, (incoming) => void responseOf(incoming).then(resolve, reject))
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }
  return Object.assign(transport, { [Symbol.dispose]: () => agent.destroy() })
}

async function bodyOf(body: RequestInit['body']): Promise<string | Uint8Array | undefined> {
  if (body === undefined || body === null) return undefined
  return typeof body === 'string' || body instanceof Uint8Array ? body : new Uint8Array(await new Response(body).arrayBuffer())
}

const bodiless = new Set([204, 205, 304])
/** Answers of known length up to this are read at once, which costs far less than a stream. */
const wholeLimit = 1024 * 1024

async function responseOf(incoming: IncomingMessage): Promise<Response> {
  const status = incoming.statusCode ?? 502
  const headers: [string, string][] = []
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) headers.push([incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? ''])
  if (bodiless.has(status)) {
    incoming.resume()
    return new Response(null, { status, headers })
  }
  const length = Number(incoming.headers['content-length'] ?? Infinity)
  return new Response(length <= wholeLimit ? await wholeOf(incoming) : (Readable.toWeb(incoming) as ReadableStream), { status, headers })
}

function wholeOf(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => resolve(Buffer.concat(chunks)))
    incoming.on('error', reject)
    incoming.on('aborted', () => reject(new Error('the connection was closed inside the answer')))
  })
}
