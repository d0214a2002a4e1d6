import { constants, createGzip } from 'node:zlib'
import { Readable } from 'node:stream'
import type { Clock } from '@idp/kit'
import { security } from './assets.ts'
import type { Hub } from './hub.ts'

/** A browser notices a dead connection by the silence. */
const beat = 10_000
/** A browser that takes nothing for so many bytes is let go; it comes back and gets everything anew. */
const most = 8_000_000

export interface StreamOptions { readonly clock: Clock; readonly signal: AbortSignal; /** The first message. */ readonly hello: object; /** The browser takes it packed. */ readonly packed: boolean }

/** Server-sent events: first every collection whole, then what changes. */
export function streamOf(hub: Hub, { clock, signal, hello, packed }: StreamOptions): Response {
  const encoder = new TextEncoder()
  let leave = (): void => {}
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const held: { joined?: Disposable; heart?: Disposable } = {}
      leave = () => {
        held.joined?.[Symbol.dispose]()
        held.heart?.[Symbol.dispose]()
      }
      const end = (): void => {
        leave()
        try {
          controller.close()
        } catch {
          // The browser closed it first.
        }
      }
      const write = (text: string): void => {
        if ((controller.desiredSize ?? 0) < -most) return end()
        controller.enqueue(encoder.encode(text))
      }
      const pulse = (): void => {
        write(': beat\n\n')
        held.heart = clock.timer(beat, pulse)
      }
      write(`data: ${JSON.stringify(hello)}\n\n`)
      held.joined = hub.join((message) => write(`data: ${message}\n\n`))
      held.heart = clock.timer(beat, pulse)
      signal.addEventListener('abort', end, { once: true })
    },
    cancel: () => leave(),
  }, new ByteLengthQueuingStrategy({ highWaterMark: 65_536 }))
  return new Response(packed ? pack(body) : body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', ...(packed ? { 'content-encoding': 'gzip' } : {}), ...security } })
}

/** Packs a stream so that each message leaves at once. */
function pack(body: ReadableStream<Uint8Array>): ReadableStream {
  const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])
  const gzip = createGzip({ level: 5, flush: constants.Z_SYNC_FLUSH })
  gzip.on('close', () => source.destroy())
  source.on('error', () => gzip.destroy())
  return Readable.toWeb(source.pipe(gzip)) as ReadableStream
}
