import type { Labels } from '@idp/lang-promql'
import { frameRecord, joined, readRecords, record as framedRecord, recordHead } from './records.ts'
import type { Database, SeriesRef, StoredChunk } from './database.ts'

/**
 * How a database is kept: a snapshot of chunks, and a journal of the samples since. Both are records (records.ts).
 *
 * Payloads: `S` id labels — a series gets its number; `V` (id, time, value)* — samples; `C` chunk with its labels.
 */
export interface Journal {
  /** The samples taken since the last call as one record; undefined when there are none. */
  take(): Uint8Array | undefined
  record(series: SeriesRef, t: number, v: number): void
  /** Drops what was not taken and begins a journal that depends on nothing before it; gives its first bytes, the numbers of the series. */
  restart(): Uint8Array
}

export function createJournal(): Journal {
  const ids = new Map<SeriesRef, number>()
  let fresh: { id: number; labels: Labels }[] = []
  let samples: number[] = []
  return {
    restart() {
      samples = []
      fresh = []
      return seriesRecords([...ids].map(([{ labels }, id]) => ({ id, labels })))
    },
    record(series, t, v) {
      let id = ids.get(series)
      if (id === undefined) {
        id = ids.size + 1
        ids.set(series, id)
        fresh.push({ id, labels: series.labels })
      }
      samples.push(id, t, v)
    },
    take() {
      if (samples.length === 0) return undefined
      const named = seriesRecords(fresh)
      const values = framed('V', new Uint8Array(Float64Array.from(samples).buffer))
      fresh = []
      samples = []
      return joined([named, values])
    },
  }
}

/** Thousands of series are named at once after a first scrape: their records are one piece of memory, written in place. */
function seriesRecords(named: readonly { readonly id: number; readonly labels: Labels }[]): Uint8Array {
  const texts = named.map(({ id, labels }) => `S${JSON.stringify([id, labels])}`)
  const bytes = Buffer.alloc(texts.reduce((sum, text) => sum + recordHead + Buffer.byteLength(text), 0))
  let at = 0
  for (const text of texts) {
    const length = bytes.write(text, at + recordHead)
    frameRecord(bytes, at, length)
    at += recordHead + length
  }
  return bytes
}

/** All chunks as one file. */
export function snapshot(database: Database): Uint8Array {
  return joined([...database.chunks()].map((stored) => framed('C', encodeChunk(stored))))
}

/** Puts records back into a database; gives how many bytes were sound. Samples and chunks that are known already are passed over. */
export function replay(bytes: Uint8Array, database: Database): number {
  const series = new Map<number, SeriesRef>()
  return readRecords(bytes, (payload) => {
    const [type, body] = [String.fromCharCode(payload[0] ?? 0), new Uint8Array(payload.subarray(1))]
    if (type === 'S') {
      const [id, labels] = JSON.parse(decode(body)) as [number, Labels]
      series.set(id, database.series(labels))
    } else if (type === 'V') {
      const values = new Float64Array(body.buffer, 0, Math.floor(body.length / 8))
      for (let i = 0; i + 2 < values.length; i += 3) {
        const ref = series.get(values[i] ?? 0)
        if (ref !== undefined) database.append(ref, values[i + 1] ?? 0, values[i + 2] ?? NaN)
      }
    } else if (type === 'C') database.restore(decodeChunk(body))
  })
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function framed(type: 'S' | 'V' | 'C', body: Uint8Array): Uint8Array {
  return framedRecord(joined([encode(type), body]))
}

function encodeChunk({ labels, chunk }: StoredChunk): Uint8Array {
  const head = encode(JSON.stringify({ labels, count: chunk.count, first: chunk.first, last: chunk.last }))
  const bytes = new Uint8Array(4 + head.length + chunk.bytes.length)
  new DataView(bytes.buffer).setUint32(0, head.length)
  bytes.set(head, 4)
  bytes.set(chunk.bytes, 4 + head.length)
  return bytes
}

function decodeChunk(body: Uint8Array): StoredChunk {
  const length = new DataView(body.buffer, body.byteOffset).getUint32(0)
  const { labels, count, first, last } = JSON.parse(decode(body.subarray(4, 4 + length))) as { labels: Labels; count: number; first: number; last: number }
  return { labels, chunk: { bytes: body.slice(4 + length), count, first, last } }
}
