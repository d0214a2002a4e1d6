export interface LocalRequestInit {
  /** Upper case. GET without it. */
  readonly method?: string
  readonly headers?: Headers
  readonly body?: string | Uint8Array<ArrayBuffer>
  /** The caller's; handed on as it is, not copied into a signal that depends on it. */
  readonly signal?: AbortSignal
}

/**
 * A Request for a handler of this process, with a body that is already there. The same as `new Request(url, init)`, many times
 * cheaper: it becomes a real one only for who asks for the body's stream.
 */
export function localRequest(url: string | URL, init: LocalRequestInit = {}): Request {
  return new LocalRequest(url, init) as unknown as Request
}

/** The body of a Request of this process that nobody has read, without reading it; undefined when it comes over a wire. */
export function wholeBody(request: Request): string | Uint8Array | undefined {
  return LocalRequest.is(request) ? request.untouched : undefined
}

class LocalRequest {
  static is(request: object): request is LocalRequest {
    return #body in request
  }
  get untouched(): string | Uint8Array | undefined {
    return this.#real !== undefined || this.#used ? undefined : this.#body ?? ''
  }
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly cache = 'default'
  readonly credentials = 'same-origin'
  readonly destination = ''
  readonly integrity = ''
  readonly keepalive = false
  readonly mode = 'cors'
  readonly redirect = 'follow'
  readonly referrer = 'about:client'
  readonly referrerPolicy = ''
  readonly duplex = 'half'
  readonly #body: string | Uint8Array<ArrayBuffer> | undefined
  #signal: AbortSignal | undefined
  #used = false
  /** What the body became for who wanted its stream. */
  #real: Request | undefined

  constructor(url: string | URL, { method = 'GET', headers = new Headers(), body, signal }: LocalRequestInit) {
    this.method = method
    this.url = (typeof url === 'string' ? new URL(url) : url).href
    this.headers = headers
    this.#body = body
    this.#signal = signal
    if (typeof body === 'string' && !headers.has('content-type')) headers.set('content-type', 'text/plain;charset=UTF-8')
  }
  get signal(): AbortSignal {
    return (this.#signal ??= new AbortController().signal)
  }
  #full(): Request {
    if (this.#used) throw new TypeError('Body is unusable: Body has already been read')
    return (this.#real ??= new Request(this.url, { method: this.method, headers: this.headers, ...(this.#body === undefined ? {} : { body: this.#body }) }))
  }
  /** The whole body, for one who has it alone. */
  #take(): string | Uint8Array<ArrayBuffer> | undefined {
    if (this.#real !== undefined || this.#used) return undefined
    this.#used = this.#body !== undefined
    return this.#body ?? ''
  }
  get body(): ReadableStream<Uint8Array> | null {
    return this.#body === undefined || this.#used ? null : this.#full().body
  }
  get bodyUsed(): boolean {
    return this.#real?.bodyUsed ?? this.#used
  }
  async text(): Promise<string> {
    const body = this.#take()
    return body === undefined ? await this.#full().text() : typeof body === 'string' ? body : utf8.decode(body)
  }
  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.bytes()
    return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  }
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const body = this.#take()
    return body === undefined ? new Uint8Array(await this.#full().arrayBuffer()) : typeof body === 'string' ? new Uint8Array(Buffer.from(body)) : body
  }
  async blob(): Promise<Blob> {
    return await this.#full().blob()
  }
  async formData(): Promise<FormData> {
    return await this.#full().formData()
  }
  clone(): Request {
    if (this.#real !== undefined || this.#used) return this.#full().clone()
    return localRequest(this.url, { method: this.method, headers: new Headers(this.headers), ...(this.#body === undefined ? {} : { body: this.#body }), signal: this.signal })
  }
}

const utf8 = new TextDecoder()
