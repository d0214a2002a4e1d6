/** Bytes of a body, or the text that becomes them. */
export type Content = string | Uint8Array

/**
 * A Response with a body that is already there. The same as `new Response(body, init)`, many times cheaper: nothing of the
 * web's machinery is made before someone asks for a stream.
 */
export function respond(body: Content, init: ResponseInit = {}): Response {
  return asResponse(new LocalResponse(init, { content: () => body, text: typeof body === 'string' }))
}

/**
 * A Response for a JSON value. It is encoded when somebody reads the body; a caller in this process takes the value itself
 * with `valueOf`. The value is shared from then on: nobody may change it.
 */
export function respondValue(value: unknown, encode: () => Content, init: ResponseInit = {}): Response {
  return asResponse(new LocalResponse(init, { content: encode, value: { value } }))
}

/**
 * A Response whose body is a stream of batches, each encoded on its own when it is sent; a caller in this process takes the
 * batches themselves with `batchesOf`. Either way the iterator is returned when the reader stops. `waiting` is how many
 * encoded batches may wait for a slow reader before no more are asked for.
 */
export function respondBatches<T>(batches: AsyncIterable<T>, encode: (batch: T) => Uint8Array, init: ResponseInit = {}, waiting = 16): Response {
  return asResponse(new LocalResponse(init, { stream: () => streamOf(batches[Symbol.asyncIterator](), encode, waiting), batches }))
}

/** The ready body of a Response, if it has one that nobody has begun to read. */
export function readyBody(response: Response): Content | undefined {
  return LocalResponse.is(response) ? response.untouched?.content?.() : undefined
}

/** Whether all of the body is there: reading it waits for nobody. */
export function isReady(response: Response): boolean {
  return LocalResponse.is(response) && response.untouched?.content !== undefined
}

/** The value a Response was made of, if its body has not been read. Shared: never change it. */
export function valueOf(response: Response): { readonly value: unknown } | undefined {
  return LocalResponse.is(response) ? response.untouched?.value : undefined
}

/** The batches a Response was made of, if its body has not been read; from then on they are the caller's to iterate, once. */
export function batchesOf(response: Response): AsyncIterable<unknown> | undefined {
  return LocalResponse.is(response) ? response.takeBatches() : undefined
}

interface Source {
  readonly content?: () => Content
  readonly text?: boolean
  readonly value?: { readonly value: unknown }
  readonly stream?: () => ReadableStream<Uint8Array>
  readonly batches?: AsyncIterable<unknown>
}

/** Behaves as a Response and becomes a real one for who needs its streams. */
class LocalResponse {
  readonly status: number
  readonly statusText: string
  readonly redirected = false
  readonly type = 'default'
  readonly url = ''
  readonly #source: Source
  readonly #init: ResponseInit
  #headers: Headers | undefined
  /** What the body became; undefined as long as nobody has touched it. */
  #real: Response | undefined

  constructor(init: ResponseInit, source: Source) {
    this.status = init.status ?? 200
    this.statusText = init.statusText ?? ''
    this.#init = init
    this.#source = source
  }
  static is(response: object): response is LocalResponse {
    return #source in response
  }
  get untouched(): Source | undefined {
    return this.#real === undefined ? this.#source : undefined
  }
  takeBatches(): AsyncIterable<unknown> | undefined {
    const batches = this.untouched?.batches
    if (batches !== undefined) this.#real = usedUp
    return batches
  }
  get headers(): Headers {
    if (this.#headers === undefined) {
      this.#headers = new Headers(this.#init.headers)
      if (this.#source.text === true && !this.#headers.has('content-type')) this.#headers.set('content-type', 'text/plain;charset=UTF-8')
    }
    return this.#headers
  }
  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }
  #full(): Response {
    const { content, stream } = this.#source
    return (this.#real ??= new Response((content?.() ?? stream?.() ?? null) as string | null, { status: this.status, statusText: this.statusText, headers: this.headers }))
  }
  get body(): ReadableStream<Uint8Array> | null {
    return this.#full().body
  }
  get bodyUsed(): boolean {
    return this.#real?.bodyUsed ?? false
  }
  async text(): Promise<string> {
    const content = this.untouched?.content
    if (content === undefined) return await this.#full().text()
    this.#real = usedUp
    const body = content()
    return typeof body === 'string' ? body : utf8.decode(body)
  }
  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }
  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#full().arrayBuffer()
  }
  bytes(): Promise<Uint8Array> {
    return this.#full().bytes()
  }
  blob(): Promise<Blob> {
    return this.#full().blob()
  }
  formData(): Promise<FormData> {
    return this.#full().formData()
  }
  clone(): Response {
    const source = this.untouched
    return source?.content === undefined ? this.#full().clone() : asResponse(new LocalResponse({ status: this.status, statusText: this.statusText, headers: this.headers }, source))
  }
}

/** Node's types declare Response with members that only its own class has. */
function asResponse(response: LocalResponse): Response {
  return response as unknown as Response
}

const utf8 = new TextDecoder()
/** Stands for a body that has been read. */
const usedUp = new Response('')
void usedUp.text()

/** Asks for batches at once and ahead of the reader, up to `waiting`: what is open must not wait for its first reader. */
function streamOf<T>(batches: AsyncIterator<T>, encode: (batch: T) => Uint8Array, waiting: number): ReadableStream<Uint8Array> {
  let drained = () => {}
  let cancelled = false
  const pump = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    for (;;) {
      const { value, done } = await batches.next()
      if (cancelled) return
      if (done === true) return controller.close()
      controller.enqueue(encode(value))
      if ((controller.desiredSize ?? 1) <= 0) await new Promise<void>((resolve) => (drained = resolve))
    }
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      pump(controller).catch((error: unknown) => { if (!cancelled) controller.error(error) })
    },
    pull() { drained() },
    async cancel() {
      cancelled = true
      drained()
      await batches.return?.()
    },
  }, { highWaterMark: waiting })
}
