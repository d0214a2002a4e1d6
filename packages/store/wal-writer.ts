import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError, type Random } from '@idp/kit'
import { diskError, type Disk, type DiskFile } from './disk.ts'
import { segmentName, type Segment } from './recover.ts'
import type { Revision } from './store.ts'
import { frameCodec, type FrameCodec } from './wal-frame.ts'
import { encodeRecord, sizeOfWrite, type Commit, type WalRecord } from './wal-record.ts'

/** Most bytes that share one write and one fsync. */
const BATCH = 4 << 20

export interface WalWriterOptions {
  readonly directory: string
  readonly key: Uint8Array | undefined
  readonly random: Random
  readonly disk: Disk
  readonly segmentBytes: number
  /** Files found at the start, oldest first; the last one is continued. */
  readonly segments: Segment[]
  /** Last revision in them. */
  readonly revision: Revision
  /** Called with commits that are on the disk, in order, before their promises resolve. */
  durable(commits: readonly Commit[]): void
  /** Called with commits that will never be, before their promises reject. */
  lost(commits: readonly Commit[]): void
}

export interface WalWriter extends AsyncDisposable {
  /** Resolves when the commit is durable. Throws `StorageFull` (later ones may succeed) or `StorageFailed` (none will). */
  commit(commit: Commit): Promise<void>
  append(record: WalRecord): Promise<void>
  /** Files that hold only commits before `revision`; never the current one. */
  segmentsBefore(revision: Revision): Segment[]
  forget(segment: Segment): void
}

type Waiting = { resolve(): void; reject(error: unknown): void } & ({ readonly commit: Commit } | { readonly record: WalRecord })

/**
 * Writes the log. One batch is under way at a time; what is asked for meanwhile waits and becomes the next batch, so that
 * concurrent commits share one fsync without anyone waiting on purpose.
 */
export async function walWriter(options: WalWriterOptions): Promise<WalWriter> {
  const { directory, key, random, disk, segments } = options
  let written = options.revision
  let current: { segment: Segment; file: DiskFile; codec: FrameCodec } | undefined
  let queue: Waiting[] = []
  let running: Promise<void> | undefined
  let broken: CodedError | undefined

  const openSegment = async (segment: Segment, how: 'create' | 'existing'): Promise<void> => {
    const path = join(directory, segment.name)
    const file = await disk.open(path, how, 'durable')
    if (how === 'create') {
      try {
        await disk.syncDirectory(directory)
      } catch (error) {
        await file.close()
        await unlink(path)
        throw error
      }
      segments.push(segment)
    }
    await current?.file.close()
    current = { segment, file, codec: frameCodec(segment.name, key, random) }
  }
  const roll = async (): Promise<{ segment: Segment; file: DiskFile; codec: FrameCodec }> => {
    if (current !== undefined && (current.segment.size < options.segmentBytes || current.segment.first > written)) return current
    await openSegment({ name: segmentName(written + 1), first: written + 1, size: 0 }, 'create')
    return current as NonNullable<typeof current> // openSegment has just set it
  }
  const write = async (payload: Buffer): Promise<void> => {
    const { segment, file, codec } = await roll()
    const frame = codec.encode(payload, segment.size)
    try {
      await file.write(frame, segment.size)
    } catch (error) {
      const failure = diskError(error, join(directory, segment.name))
      // No room is found out before anything is written through; all else is a sync that failed.
      if (file.writesThrough === true && failure.code !== 'StorageFull') throw unconfirmed(error, segment)
      await takeBack(file, segment)
      throw failure
    }
    try {
      if (file.writesThrough !== true) await file.sync()
    } catch (error) {
      throw unconfirmed(error, segment)
    }
    segment.size += frame.length
  }
  /** After a failed fsync the kernel may have dropped the pages: what the file holds is unknown until it is read again. */
  const unconfirmed = (error: unknown, segment: Segment): CodedError =>
    (broken = new CodedError({ ...diskError(error, join(directory, segment.name)), code: 'StorageFailed', message: `the disk did not confirm a write to ${segment.name}`, cause: error }))
  /** A refused write may have left some bytes: without them gone, nothing more may be written. */
  const takeBack = async (file: DiskFile, segment: Segment): Promise<void> => {
    try {
      await file.truncate(segment.size)
      await file.sync()
    } catch (error) {
      broken = diskError(error, join(directory, segment.name))
    }
  }
  const flush = async (batch: readonly Waiting[]): Promise<void> => {
    const commits: Commit[] = []
    for (const item of batch) if ('commit' in item) commits.push(item.commit)
    try {
      if (broken !== undefined) throw broken
      const [first] = batch
      await write(encodeRecord(first !== undefined && 'record' in first ? first.record : { type: 'commits', commits }))
    } catch (error) {
      const failure = error instanceof CodedError ? error : diskError(error, directory)
      // Later commits in the queue were checked against these, and their revisions follow: they go as well.
      const all = [...batch, ...queue]
      queue = []
      options.lost(all.flatMap((item) => ('commit' in item ? [item.commit] : [])))
      for (const item of all) item.reject(failure)
      return
    }
    written = commits.at(-1)?.revision ?? written
    options.durable(commits)
    for (const item of batch) item.resolve()
  }
  const run = async (): Promise<void> => {
    while (queue.length > 0) await flush(takeBatch())
    running = undefined
  }
  /** Commits that fit together, or one other record. */
  const takeBatch = (): Waiting[] => {
    let size = 0
    let n = 0
    for (const item of queue) {
      if ('record' in item) {
        n ||= 1
        break
      }
      for (const one of item.commit.writes) size += sizeOfWrite(one)
      if (n > 0 && size > BATCH) break
      n++
    }
    return queue.splice(0, n)
  }
  const enqueue = (item: { readonly commit: Commit } | { readonly record: WalRecord }): Promise<void> => new Promise((resolve, reject) => {
    queue.push({ ...item, resolve, reject })
    // The first commit waits for the rest of this turn, so that commits made together travel together.
    running ??= Promise.resolve().then(run)
  })

  const last = segments.at(-1)
  if (last !== undefined) await openSegment(last, 'existing')
  return {
    commit: (commit) => enqueue({ commit }),
    append: (record) => enqueue({ record }),
    segmentsBefore: (revision) => segments.filter((segment, i) => segment !== current?.segment && (segments[i + 1]?.first ?? Infinity) <= revision),
    forget: (segment) => void segments.splice(segments.indexOf(segment), 1),
    async [Symbol.asyncDispose]() {
      while (running !== undefined) await running
      if (current === undefined) return
      if (broken === undefined) await write(encodeRecord({ type: 'closed' })).catch(() => undefined) // only a hint for the next start; a full disk may refuse it
      await current.file.close()
    },
  }
}
