import { ApiError, type Status } from '@idp/api'
import type { KubeObject } from '@idp/formats'
import type { WatchEvent } from './client.ts'

type WireEvent<T> = WatchEvent<T> | { readonly type: 'ERROR'; readonly object: Status }

/**
 * Reads the newline-delimited events of a watch. Ends when the server ends the stream or the signal aborts;
 * an `ERROR` event is thrown as ApiError.
 */
export async function* readEvents<T extends KubeObject>(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
  const reader = body.getReader()
  const stop = () => void reader.cancel().catch(() => undefined)
  signal.addEventListener('abort', stop, { once: true })
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await readOrEnd(reader, signal)
      if (done || signal.aborted) return
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line === '') continue
        const event = JSON.parse(line) as WireEvent<T>
        if (event.type === 'ERROR') throw ApiError.fromStatus(event.object, event.object.code ?? 500)
        yield event
      }
    }
  } finally {
    signal.removeEventListener('abort', stop)
    await reader.cancel().catch(() => undefined)
  }
}

/** The events of a watch whose server is in this process and hands its objects over as they are. */
export async function* eventsIn<T extends KubeObject>(batches: AsyncIterable<unknown>, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
  for await (const batch of batches as AsyncIterable<readonly WireEvent<T>[]>) {
    for (const event of batch) {
      if (signal.aborted) return
      if (event.type === 'ERROR') throw ApiError.fromStatus(event.object, event.object.code ?? 500)
      yield event
    }
  }
}

/** A read that fails because the caller stopped the watch is an end, not an error. */
async function readOrEnd(reader: ReadableStreamDefaultReader<Uint8Array>, signal: AbortSignal) {
  try {
    return await reader.read()
  } catch (error) {
    if (signal.aborted) return { done: true, value: undefined } as const
    throw error
  }
}
