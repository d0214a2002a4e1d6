import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { ServerResponse } from 'node:http'
import { BadRequest } from './bad-request.ts'
import { lazyBody, type LazyBody } from './lazy-body.ts'

export type Incoming = IncomingMessage | Http2ServerRequest
export type Outgoing = ServerResponse | Http2ServerResponse

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
  if (incoming.httpVersionMajor === 2) incoming.on('error', () => {}) // a reset stream: whoever reads the body is told by its reader
  const body = method === 'GET' || method === 'HEAD' ? undefined : lazyBody(incoming, incoming.headers['content-length'] === undefined ? maxBodyBytes : Infinity)
  if (body !== undefined) {
    init.body = body.stream
    init.duplex = 'half'
  }
  try {
    return outgoing === undefined ? new Request(url, init) : new ServerRequest(url, init, outgoing, body) as unknown as Request
  } catch (error) {
    throw new BadRequest(method === 'CONNECT' || method === 'TRACE' ? 405 : 400, error instanceof Error ? error.message : String(error))
  }
}

interface ReadingRequest {
  readonly body: ReadableStream<Uint8Array> | null
  arrayBuffer(): Promise<ArrayBuffer>
  text(): Promise<string>
}

/** Node's types declare Request's members as properties, which a class may not override with accessors and methods. */
const RequestBase = Request as unknown as new (url: string, init: RequestInit) => Omit<Request, 'signal' | 'bodyUsed' | 'json' | keyof ReadingRequest> & ReadingRequest

/** Makes the signal only when it is asked for, and reads a body that is wanted whole without the web's streams: most handlers need neither. */
class ServerRequest extends RequestBase {
  readonly #outgoing: Outgoing
  readonly #lazy: LazyBody | undefined
  #signal: AbortSignal | undefined
  constructor(url: string, init: RequestInit, outgoing: Outgoing, lazy: LazyBody | undefined) {
    super(url, init)
    this.#outgoing = outgoing
    this.#lazy = lazy
  }
  get signal(): AbortSignal {
    return (this.#signal ??= goneSignal(this.#outgoing))
  }
  get bodyUsed(): boolean {
    return this.#lazy?.state === 'whole' || this.#disturbed()
  }
  override async arrayBuffer(): Promise<ArrayBuffer> {
    const whole = this.#whole()
    if (whole === undefined) return await super.arrayBuffer()
    const bytes = await whole
    return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  }
  override async text(): Promise<string> {
    const whole = this.#whole()
    return whole === undefined ? await super.text() : utf8.decode(await whole)
  }
  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }
  #disturbed(): boolean {
    return Reflect.get(Request.prototype, 'bodyUsed', this) as boolean
  }
  /** The body read straight from Node; undefined when there is none, or somebody has had its stream. */
  #whole(): Promise<Buffer<ArrayBuffer>> | undefined {
    return this.#lazy?.state !== 'untouched' || this.#disturbed() || this.body?.locked !== false ? undefined : this.#lazy.whole()
  }
}

const utf8 = new TextDecoder()

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
