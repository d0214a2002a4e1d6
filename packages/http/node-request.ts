import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

export type Incoming = IncomingMessage | Http2ServerRequest
export type Outgoing = ServerResponse | Http2ServerResponse

/** A request that cannot be served; the adapter answers with the code and the message. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * Node's request as a web Request. Its signal aborts when the caller goes away before the answer is complete.
 * @throws BadRequest for what has no valid URL, or a body above `maxBodyBytes` by its own account
 */
export function toRequest(incoming: Incoming, outgoing: Outgoing | undefined, scheme: 'http' | 'https', maxBodyBytes: number): Request {
  const method = incoming.method ?? 'GET'
  const authority = incoming.headers[':authority'] ?? incoming.headers.host ?? 'localhost'
  const target = incoming.url ?? '/'
  const url = target.startsWith('/') ? `${scheme}://${String(authority)}${target}` : target
  if (!URL.canParse(url)) throw new BadRequest(400, `the request target ${JSON.stringify(target)} is not valid`)
  if (Number(incoming.headers['content-length'] ?? 0) > maxBodyBytes) throw new BadRequest(413, `the body is larger than ${maxBodyBytes} bytes`)
  const init: RequestInit & { duplex?: 'half' } = { method, headers: headersOf(incoming) }
  if (method !== 'GET' && method !== 'HEAD') {
    init.body = Readable.toWeb(maxBodyBytes === Infinity ? incoming : limited(incoming, maxBodyBytes)) as ReadableStream
    init.duplex = 'half'
  }
  try {
    return outgoing === undefined ? new Request(url, init) : new ServerRequest(url, init, outgoing) as Request
  } catch (error) {
    throw new BadRequest(method === 'CONNECT' || method === 'TRACE' ? 405 : 400, error instanceof Error ? error.message : String(error))
  }
}

/** Node's types declare Request's members as properties, which a class may not override with accessors. */
const RequestBase = Request as unknown as new (url: string, init: RequestInit) => Omit<Request, 'signal'>

/** Makes the signal only when it is asked for: most handlers never do. */
class ServerRequest extends RequestBase {
  readonly #outgoing: Outgoing
  #signal: AbortSignal | undefined
  constructor(url: string, init: RequestInit, outgoing: Outgoing) {
    super(url, init)
    this.#outgoing = outgoing
  }
  get signal(): AbortSignal {
    return (this.#signal ??= goneSignal(this.#outgoing))
  }
}

function goneSignal(outgoing: Outgoing): AbortSignal {
  const gone = new AbortController()
  const abort = (): void => { if (!outgoing.writableFinished) gone.abort(new DOMException('the caller went away', 'AbortError')) }
  if (outgoing.destroyed || outgoing.closed) abort()
  else outgoing.once('close', abort)
  return gone.signal
}

function headersOf(incoming: Incoming): [string, string][] {
  const raw = incoming.rawHeaders
  const headers: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    if (!name.startsWith(':')) headers.push([name, raw[i + 1] ?? ''])
  }
  return headers
}

function limited(incoming: Incoming, maxBodyBytes: number): Readable {
  if (incoming.headers['content-length'] !== undefined) return incoming
  let size = 0
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
      size += chunk.length
      if (size > maxBodyBytes) throw new BadRequest(413, `the body is larger than ${maxBodyBytes} bytes`)
      yield chunk
    }
  }
  return Readable.from(counted(), { objectMode: false })
}
