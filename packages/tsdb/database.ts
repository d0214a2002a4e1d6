import type { Labels, Matcher, SampleSource, Series } from '@idp/lang-promql'
import { ChunkWriter, readChunk, type Chunk } from './chunk.ts'
import { createLabelIndex, postingsKey, type Posting } from './label-index.ts'

/** Samples in one chunk, as upstream. */
const chunkSamples = 120

/** A handle of one series, so that a scraper that knows its series does not look them up again. */
export interface SeriesRef { readonly labels: Labels }

interface Stored extends SeriesRef { readonly id: number; readonly key: string; chunks: Chunk[]; head: ChunkWriter | undefined; last: number; lastValue: number; gone: boolean }

/** Why a sample was not taken; `duplicate` has the time but not the value of the newest one. */
export type Appended = 'added' | 'known' | 'out-of-order' | 'duplicate'

export interface DatabaseStats { readonly series: number; readonly chunks: number; readonly samples: number; readonly bytes: number; readonly first: number | undefined; readonly last: number | undefined }

/** A chunk of one series, for keeping and restoring. */
export interface StoredChunk { readonly labels: Labels; readonly chunk: Chunk }

/** A time series database in memory: an inverted index of labels over compressed chunks. Times in milliseconds. */
export interface Database extends SampleSource {
  /** The series of a label set, made when it is new. Labels with empty values do not count. */
  series(labels: Labels): SeriesRef
  append(series: SeriesRef, t: number, v: number): Appended
  /** Label sets with samples in the range. */
  find(matchers: readonly Matcher[], start: number, end: number): readonly Labels[]
  labelNames(): readonly string[]
  labelValues(name: string): readonly string[]
  /** Removes chunks that end before `time` and series left without any; gives how many series went. */
  dropBefore(time: number): number
  /** Removes the series that match. */
  remove(matchers: readonly Matcher[]): number
  stats(): DatabaseStats
  /** Everything, as closed chunks. */
  chunks(): Iterable<StoredChunk>
  /** Puts back a chunk; one that does not follow what is there is left out and false given. */
  restore(stored: StoredChunk): boolean
}

export function createDatabase(): Database {
  const byKey = new Map<string, Stored>()
  const index = createLabelIndex<Stored>()
  let nextId = 1

  const make = (postings: readonly Posting<Stored>[], key: string): Stored => {
    const labels: Record<string, string> = {}
    for (const { name, value } of postings) labels[name] = value
    const stored: Stored = { id: nextId++, key, labels, chunks: [], head: undefined, last: -Infinity, lastValue: NaN, gone: false }
    byKey.set(key, stored)
    for (const { members } of postings) members.push(stored)
    return stored
  }
  const lookUp = (labels: Labels): Stored => {
    const postings = index.postings(labels)
    const key = postingsKey(postings)
    return byKey.get(key) ?? make(postings, key)
  }
  const forget = (gone: readonly Stored[]): void => {
    for (const stored of gone) {
      stored.gone = true
      byKey.delete(stored.key)
    }
    if (gone.length > 0) index.remove(new Set(gone), gone.map(({ labels }) => labels))
  }
  /** The smallest list that the matchers allow, then filtered by the others. */
  const matching = (matchers: readonly Matcher[]): Stored[] => {
    let candidates: Iterable<Stored> = byKey.values()
    let fewest = Infinity
    for (const { label, op, value, matches } of matchers) {
      if (op !== '=' || value === '') {
        if (matches('')) continue
        const lists = (index.values(label)?.values() ?? [].values()).filter(({ value: text }) => matches(text)).map(({ members }) => members).toArray()
        const size = lists.reduce((sum, list) => sum + list.length, 0)
        if (size < fewest) { fewest = size; candidates = lists.flat() }
        continue
      }
      const members = index.values(label)?.get(value)?.members
      if (members === undefined) return []
      if (members.length < fewest) { fewest = members.length; candidates = members }
    }
    const found: Stored[] = []
    for (const stored of candidates) if (matchers.every(({ label, matches }) => matches(stored.labels[label] ?? ''))) found.push(stored)
    return found.sort((a, b) => a.id - b.id)
  }
  const reaches = (stored: Stored, start: number, end: number): boolean => stored.chunks.some((chunk) => overlaps(chunk, start, end)) || (stored.head !== undefined && overlaps(stored.head, start, end))

  return {
    series: (labels) => lookUp(labels),
    append(ref, t, v) {
      const known = ref as Stored
      // A handle outlives its series where retention has removed that.
      const stored = known.gone ? lookUp(ref.labels) : known
      if (t < stored.last) return 'out-of-order'
      if (t === stored.last) return Object.is(v, stored.lastValue) ? 'known' : 'duplicate'
      const head = stored.head ??= new ChunkWriter()
      head.append(t, v)
      stored.last = t
      stored.lastValue = v
      if (head.count >= chunkSamples) {
        stored.chunks.push(head.chunk())
        stored.head = undefined
      }
      return 'added'
    },
    select: (matchers, start, end) => matching(matchers).map((stored) => samplesOf(stored, start, end)).filter(({ t }) => t.length > 0),
    find: (matchers, start, end) => matching(matchers).filter((stored) => reaches(stored, start, end)).map(({ labels }) => labels),
    labelNames: () => [...index.names()].sort(),
    labelValues: (name) => [...(index.values(name)?.keys() ?? [])].sort(),
    dropBefore(time) {
      const gone: Stored[] = []
      for (const stored of byKey.values()) {
        if (stored.last < time) gone.push(stored)
        else if ((stored.chunks[0]?.last ?? Infinity) < time) stored.chunks = stored.chunks.filter(({ last }) => last >= time)
      }
      forget(gone)
      return gone.length
    },
    remove(matchers) {
      const gone = matching(matchers)
      forget(gone)
      return gone.length
    },
    stats() {
      let [chunks, samples, bytes] = [0, 0, 0]
      let [first, last] = [Infinity, -Infinity]
      for (const stored of byKey.values()) {
        for (const chunk of stored.chunks) { chunks++; samples += chunk.count; bytes += chunk.bytes.length }
        if (stored.head !== undefined) { chunks++; samples += stored.head.count; bytes += stored.head.size }
        first = Math.min(first, stored.chunks[0]?.first ?? stored.head?.first ?? Infinity)
        last = Math.max(last, stored.last)
      }
      return { series: byKey.size, chunks, samples, bytes, first: first === Infinity ? undefined : first, last: last === -Infinity ? undefined : last }
    },
    * chunks() {
      for (const stored of byKey.values()) for (const chunk of allChunks(stored)) yield { labels: stored.labels, chunk }
    },
    restore({ labels, chunk }) {
      const stored = lookUp(labels)
      if (chunk.first <= stored.last) return false
      if (stored.head !== undefined) {
        stored.chunks.push(stored.head.chunk())
        stored.head = undefined
      }
      stored.chunks.push(chunk)
      readChunk(chunk, (t, v) => { stored.last = t; stored.lastValue = v })
      return true
    },
  }
}

const overlaps = ({ first, last }: { readonly first: number; readonly last: number }, start: number, end: number): boolean => first <= end && last >= start

function allChunks({ chunks, head }: Stored): readonly Chunk[] {
  return head === undefined ? chunks : [...chunks, head.chunk()]
}

function samplesOf(stored: Stored, start: number, end: number): Series {
  const t: number[] = []
  const v: number[] = []
  const take = (at: number, value: number): void => { if (at >= start && at <= end) { t.push(at); v.push(value) } }
  for (const chunk of stored.chunks) if (overlaps(chunk, start, end)) readChunk(chunk, take)
  if (stored.head !== undefined && overlaps(stored.head, start, end)) readChunk(stored.head.chunk(), take)
  return { labels: stored.labels, t, v }
}

