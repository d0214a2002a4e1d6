import { Readable } from 'node:stream'
import { BadRequest } from './bad-request.ts'

/** A request's body that nobody has read from yet. */
export interface LazyBody {
  /** `whole` and `stream` exclude each other; the first read decides. */
  readonly state: 'untouched' | 'stream' | 'whole'
  readonly stream: ReadableStream<Uint8Array>
  /** All of it at once, without a web stream. Rejects with BadRequest 413 beyond the limit, and when the caller goes away in between. */
  whole(): Promise<Buffer<ArrayBuffer>>
}

/** Node's request as a body; not a byte is taken from the connection before it is asked for. */
export function lazyBody(incoming: Readable, maxBytes: number): LazyBody {
  let state: LazyBody['state'] = 'untouched'
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  const opened = (): ReadableStreamDefaultReader<Uint8Array> => {
    if (state === 'whole') throw new TypeError('the body has been read')
    state = 'stream'
    return (reader ??= (Readable.toWeb(limited(incoming, maxBytes)) as ReadableStream<Uint8Array>).getReader())
  }
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await opened().read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: (reason) => opened().cancel(reason),
  }, { highWaterMark: 0 })
  return {
    get state() {
      return state
    },
    stream,
    whole() {
      state = 'whole'
      return readWhole(incoming, maxBytes)
    },
  }
}

function tooLarge(maxBytes: number): BadRequest {
  return new BadRequest(413, `the body is larger than ${maxBytes} bytes`)
}

function readWhole(incoming: Readable, maxBytes: number): Promise<Buffer<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    if (incoming.destroyed && !incoming.readableEnded) return void reject(gone())
    const chunks: Buffer<ArrayBuffer>[] = []
    let size = 0
    const take = (chunk: Buffer<ArrayBuffer>): void => {
      size += chunk.length
      if (size > maxBytes) {
        incoming.off('data', take)
        chunks.length = 0
        reject(tooLarge(maxBytes))
      } else chunks.push(chunk)
    }
    incoming.on('data', take)
    incoming.once('end', () => resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)))
    incoming.once('error', reject)
    incoming.once('close', () => reject(gone())) // means nothing after the end
  })
}

function gone(): Error {
  return new DOMException('the caller went away in the middle of the body', 'AbortError')
}

function limited(incoming: Readable, maxBytes: number): Readable {
  if (maxBytes === Infinity) return incoming
  let size = 0
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
      size += chunk.length
      if (size > maxBytes) throw tooLarge(maxBytes)
      yield chunk
    }
  }
  return Readable.from(counted(), { objectMode: false })
}
