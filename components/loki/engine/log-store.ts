import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { labelsKey, matchesAll, type Labels, type Matcher } from '@idp/lang-promql'
import type { LogLine, LogSource, LogStream } from '@idp/lang-logql'

/** Lines of one stream are packed when they reach this size. */
const packBytes = 128 * 1024

interface Pack { readonly first: number; readonly last: number; readonly count: number; readonly bytes: Uint8Array; /** Size of the lines themselves. */ readonly raw: number }
interface Stored { readonly labels: Labels; packs: Pack[]; open: LogLine[]; openBytes: number; newest: number }

export interface StoreStats { readonly streams: number; readonly chunks: number; readonly bytes: number; readonly entries: number }

/** Keeps log lines by stream, older ones packed. Times in milliseconds. */
export interface LogStore extends LogSource {
  /** Adds lines; ones that are known already (same time, same text) are left out. Gives how many were added. */
  append(labels: Labels, lines: readonly LogLine[]): number
  /** Streams with lines in the range. */
  streams(matchers: readonly Matcher[], start: number, end: number): readonly Labels[]
  labelNames(start: number, end: number): readonly string[]
  labelValues(name: string, start: number, end: number): readonly string[]
  stats(matchers: readonly Matcher[], start: number, end: number): StoreStats
  /** Bytes of lines per stream in the range. */
  volume(matchers: readonly Matcher[], start: number, end: number): readonly { readonly labels: Labels; readonly bytes: number }[]
  /** Removes what is older than `time`. */
  dropBefore(time: number): void
}

export function createLogStore(): LogStore {
  const streams = new Map<string, Stored>()
  const matching = (matchers: readonly Matcher[]): Stored[] => [...streams.values()].filter(({ labels }) => matchesAll(labels, matchers))
  const overlaps = ({ packs, open }: Stored, start: number, end: number): boolean => packs.some(({ first, last }) => first < end && last >= start) || open.some(({ t }) => t >= start && t < end)
  const during = (start: number, end: number): Stored[] => [...streams.values()].filter((stored) => overlaps(stored, start, end))
  return {
    append(labels, lines) {
      const key = labelsKey(labels)
      const stored = streams.get(key) ?? { labels, packs: [], open: [], openBytes: 0, newest: -Infinity }
      streams.set(key, stored)
      let added = 0
      for (const line of lines) {
        if (line.t <= stored.newest && isKnown(stored, line)) continue
        insert(stored, line)
        added++
      }
      if (stored.openBytes >= packBytes) pack(stored)
      return added
    },
    select: (matchers, start, end) => matching(matchers).flatMap((stored): LogStream[] => {
      const lines = linesOf(stored, start, end)
      return lines.length === 0 ? [] : [{ labels: stored.labels, lines }]
    }),
    streams: (matchers, start, end) => matching(matchers).filter((stored) => overlaps(stored, start, end)).map(({ labels }) => labels),
    labelNames: (start, end) => [...new Set(during(start, end).flatMap(({ labels }) => Object.keys(labels)))].sort(),
    labelValues: (name, start, end) => [...new Set(during(start, end).flatMap(({ labels }) => labels[name] ?? []))].sort(),
    stats(matchers, start, end) {
      const found = matching(matchers).filter((stored) => overlaps(stored, start, end))
      const packs = found.flatMap((stored) => stored.packs)
      return {
        streams: found.length, chunks: packs.length + found.filter(({ open }) => open.length > 0).length,
        bytes: packs.reduce((sum, { raw }) => sum + raw, 0) + found.reduce((sum, { openBytes }) => sum + openBytes, 0), entries: packs.reduce((sum, { count }) => sum + count, 0) + found.reduce((sum, { open }) => sum + open.length, 0),
      }
    },
    volume: (matchers, start, end) => matching(matchers).filter((stored) => overlaps(stored, start, end)).map((stored) => ({ labels: stored.labels, bytes: linesOf(stored, start, end).reduce((sum, { line }) => sum + Buffer.byteLength(line), 0) })),
    dropBefore(time) {
      for (const [key, stored] of streams) {
        stored.packs = stored.packs.filter(({ last }) => last >= time)
        stored.open = stored.open.filter(({ t }) => t >= time)
        stored.openBytes = sizeOf(stored.open)
        if (stored.packs.length === 0 && stored.open.length === 0) streams.delete(key)
      }
    },
  }
}

const sizeOf = (lines: readonly LogLine[]): number => lines.reduce((sum, { line }) => sum + Buffer.byteLength(line), 0)

function isKnown(stored: Stored, { t, line }: LogLine): boolean {
  return linesOf(stored, t, t + 0.0005).some((one) => one.line === line)
}

/** Lines of one stream mostly come in order; a late one takes its place among the open ones. */
function insert(stored: Stored, line: LogLine): void {
  let at = stored.open.length
  while (at > 0 && (stored.open[at - 1]?.t ?? 0) > line.t) at--
  stored.open.splice(at, 0, line)
  stored.openBytes += Buffer.byteLength(line.line)
  stored.newest = Math.max(stored.newest, line.t)
}

function pack(stored: Stored): void {
  const { open } = stored
  stored.packs.push({ first: open[0]?.t ?? 0, last: open.at(-1)?.t ?? 0, count: open.length, raw: stored.openBytes, bytes: deflateRawSync(JSON.stringify(open.map(({ t, line, metadata }) => (metadata === undefined ? [t, line] : [t, line, metadata])))) })
  stored.open = []
  stored.openBytes = 0
}

function unpack({ bytes }: Pack): LogLine[] {
  return (JSON.parse(inflateRawSync(bytes).toString()) as [number, string, Labels?][]).map(([t, line, metadata]) => ({ t, line, ...(metadata === undefined ? {} : { metadata }) }))
}

function linesOf({ packs, open }: Stored, start: number, end: number): LogLine[] {
  const wanted = ({ t }: LogLine): boolean => t >= start && t < end
  const older = packs.filter(({ first, last }) => first < end && last >= start).flatMap((one) => unpack(one).filter(wanted))
  const lines = [...older, ...open.filter(wanted)]
  // Late lines may lie before what was packed.
  return packs.length === 0 ? lines : lines.sort((a, b) => a.t - b.t)
}
