import { gunzipSync } from 'node:zlib'

/** A request's body as far as it is read into memory. */
export interface BodyBegin {
  /** Inflated where the client compressed it. The whole body when `rest` is undefined. */
  readonly bytes: Buffer
  /** What was not read because it is too much. */
  readonly rest: AsyncIterator<Uint8Array> | undefined
  /** All of it as the client sent it. */
  raw(): AsyncIterable<Uint8Array>
}

/** Bodies up to this are kept in memory, also inflated. */
const limit = 32 * 2 ** 20

export async function beginOf(request: Request): Promise<BodyBegin> {
  const chunks: Uint8Array[] = []
  let length = 0
  let rest: AsyncIterator<Uint8Array> | undefined
  if (request.body !== null) {
    const stream = (request.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
    for (let next = await stream.next(); next.done !== true; next = await stream.next()) {
      chunks.push(next.value)
      length += next.value.length
      if (length <= limit) continue
      rest = stream
      break
    }
  }
  const sent = Buffer.concat(chunks)
  const inflated = rest === undefined && request.headers.get('content-encoding') === 'gzip' ? inflate(sent) : sent
  return {
    bytes: inflated ?? sent, rest: inflated === undefined ? ended : rest,
    async* raw() {
      yield sent
      if (rest !== undefined) yield* { [Symbol.asyncIterator]: () => rest }
    },
  }
}

/** Undefined when it is not gzip, or inflates to too much: then it is git's to refuse. */
function inflate(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: limit })
  } catch {
    return undefined
  }
}

const ended: AsyncIterator<Uint8Array> = { next: async () => ({ done: true, value: undefined }) }
