import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { messageOf, type Clock, type Log } from '@idp/kit'
import type { ContainerFiles } from '@idp/sandbox'
import { readRecords, record } from '@idp/tsdb'
import type { LogStore } from './log-store.ts'
import type { PushedStream } from './push.ts'

const flushMs = 2000
const segmentBytes = 4 * 2 ** 20
const sweepMs = 10 * 60_000

/** Keeps what is pushed in segments that only grow; a segment goes when its newest line is older than the retention. */
export interface LineKeeper extends AsyncDisposable { take(streams: readonly PushedStream[]): void }

export interface KeepLinesOptions { readonly files: ContainerFiles; readonly directory: string; readonly store: LogStore; readonly clock: Clock; readonly log: Log; /** Milliseconds. */ readonly retention: number }

/** Reads what was kept into the store, then keeps what comes. What a kill loses is at most the last two seconds. */
export async function keepLines({ files, directory, store, clock, log, retention }: KeepLinesOptions): Promise<LineKeeper> {
  const path = (segment: number): string => `${directory}/segment-${String(segment).padStart(8, '0')}`
  const newest = new Map<number, number>()
  const found = (await files.exists(directory)) ? (await files.list(directory)).flatMap(({ name }) => /^segment-(\d+)$/.exec(name)?.[1] ?? []).map(Number).sort((a, b) => a - b) : []
  for (const segment of found) {
    const bytes = await files.read(path(segment))
    const sound = readRecords(bytes, (payload) => {
      for (const { labels, lines } of JSON.parse(inflateRawSync(payload).toString()) as PushedStream[]) {
        store.append(labels, lines)
        newest.set(segment, Math.max(newest.get(segment) ?? 0, lines.at(-1)?.t ?? 0))
      }
    })
    if (sound < bytes.length) log.warn('the end of a segment was torn and is left out', { segment, bytes: bytes.length - sound })
  }
  // A torn end stays where it is: what follows goes into a new segment.
  let current = (found.at(-1) ?? 0) + 1
  let size = 0
  let pending: PushedStream[] = []
  const flush = async (): Promise<void> => {
    if (pending.length === 0) return
    const bytes = record(deflateRawSync(JSON.stringify(pending)))
    newest.set(current, Math.max(newest.get(current) ?? 0, ...pending.map(({ lines }) => lines.at(-1)?.t ?? 0)))
    pending = []
    await files.append(path(current), bytes)
    size += bytes.length
    if (size < segmentBytes) return
    current++
    size = 0
  }
  const sweep = async (): Promise<void> => {
    const oldest = clock.now() - retention
    store.dropBefore(oldest)
    for (const [segment, last] of newest) {
      if (last >= oldest || segment === current) continue
      await files.remove(path(segment))
      newest.delete(segment)
    }
  }
  await sweep()
  let swept = clock.now()
  let busy: Promise<void> = Promise.resolve()
  const round = async (): Promise<void> => {
    await flush()
    if (clock.now() - swept < sweepMs) return
    swept = clock.now()
    await sweep()
  }
  let timer = clock.timer(flushMs, tick)
  function tick(): void {
    busy = round().catch((error: unknown) => log.error('lines could not be written', { error: messageOf(error) }))
    void busy.then(() => { timer = clock.timer(flushMs, tick) })
  }
  return {
    take(streams) {
      for (const { labels, lines } of streams) if (store.append(labels, lines) > 0) pending.push({ labels, lines })
    },
    async [Symbol.asyncDispose]() {
      timer[Symbol.dispose]()
      await busy
      await flush()
    },
  }
}
