import { readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError, messageOf, type Log, type Random } from '@idp/kit'
import type { Disk } from './disk.ts'
import type { Mvcc } from './mvcc.ts'
import type { Revision } from './store.ts'
import { findFrame, frameCodec } from './wal-frame.ts'
import { decodeRecord, type WalRecord } from './wal-record.ts'

/** A log file that holds the commits from `first` on. */
export interface Segment { readonly name: string; readonly first: Revision; size: number }

export interface Recovery {
  readonly directory: string
  readonly key: Uint8Array | undefined
  readonly random: Random
  readonly log: Log
  readonly disk: Disk
  readonly index: Mvcc
}

export const segmentName = (first: Revision): string => `log-${String(first).padStart(16, '0')}.wal`
export const snapshotName = (at: Revision): string => `snapshot-${String(at).padStart(16, '0')}.snap`

/**
 * Brings the index to the last durable commit: newest snapshot, then every log file after it. An incomplete last frame, as
 * a crash leaves it, is put aside and cut off; any other damage is refused.
 * @returns the log files, oldest first
 * @throws CodedError `CorruptData` naming file and offset
 */
export async function recover(recovery: Recovery): Promise<Segment[]> {
  const { directory, index } = recovery
  const names = (await readdir(directory)).sort()
  for (const name of names.filter((name) => name.endsWith('.new'))) await unlink(join(directory, name))
  const snapshot = names.filter((name) => /^snapshot-\d+\.snap$/.test(name)).at(-1)
  if (snapshot !== undefined) await loadSnapshot(recovery, snapshot)
  const logs = names.filter((name) => name.startsWith('log-') && name.endsWith('.wal')).map((name) => ({ name, first: Number(name.slice(4, 20)), size: 0 }))
  const segments: Segment[] = []
  for (const [i, segment] of logs.entries()) {
    const following = logs[i + 1]
    // What the snapshot covers is only waiting for the next compaction to remove it.
    const covered = following !== undefined && following.first <= index.compacted + 1
    segment.size = covered ? (await stat(join(directory, segment.name))).size : await replay(recovery, segment, following === undefined)
    segments.push(segment)
  }
  index.publish()
  return segments
}

async function loadSnapshot(recovery: Recovery, name: string): Promise<void> {
  const { index } = recovery
  let count = 0
  let ended = false
  await readFrames(recovery, name, false, (record, offset) => {
    if (record.type === 'entries') for (const entry of record.entries) index.load(entry)
    if (record.type === 'entries') count += record.entries.length
    if (record.type !== 'end') return
    if (record.count !== count) throw corrupt(recovery, name, offset, `the snapshot holds ${count} of ${record.count} entries`)
    ended = true
  })
  if (!ended) throw corrupt(recovery, name, 0, 'the snapshot has no end')
  index.startAt(Number(name.slice(9, 25)))
}

async function replay(recovery: Recovery, segment: Segment, last: boolean): Promise<number> {
  const { index } = recovery
  let compact = 0
  const size = await readFrames(recovery, segment.name, last, (record, offset) => {
    if (record.type === 'compact') compact = record.before
    if (record.type !== 'commits') return
    for (const { revision, writes } of record.commits) {
      if (revision <= index.revision) continue
      if (revision !== index.revision + 1) throw corrupt(recovery, segment.name, offset, `revision ${revision} follows ${index.revision}: commits are missing`)
      index.apply(writes, revision)
    }
  })
  if (compact > 0) await index.compact(compact)
  return size
}

/** Hands every record to `use`; returns the length of the undamaged file. */
async function readFrames(recovery: Recovery, name: string, mayBeTorn: boolean, use: (record: WalRecord, offset: number) => void): Promise<number> {
  const bytes = await readFile(join(recovery.directory, name))
  const codec = frameCodec(name, recovery.key, recovery.random)
  let offset = 0
  while (offset < bytes.length) {
    const frame = codec.decode(bytes, offset)
    if (frame === 'sealed') throw corrupt(recovery, name, offset, 'the record does not open with the key: it was changed or moved')
    if (frame === 'bad') {
      const next = findFrame(bytes, offset + 1)
      if (!mayBeTorn || next !== undefined) throw corrupt(recovery, name, offset, next === undefined ? 'the checksum does not fit' : `the checksum does not fit, but a good record follows at ${next}`)
      await cutTail(recovery, name, bytes, offset)
      return offset
    }
    let record: WalRecord
    try {
      record = decodeRecord(frame.payload)
    } catch (cause) {
      throw corrupt(recovery, name, offset, messageOf(cause))
    }
    use(record, offset)
    offset = frame.next
  }
  return offset
}

/** A crash cut the last write short, so nobody was told that it is done. The bytes are kept beside, in case it was something else. */
async function cutTail(recovery: Recovery, name: string, bytes: Buffer, offset: number): Promise<void> {
  const path = join(recovery.directory, name)
  await writeFile(`${path}.torn-${offset}`, bytes.subarray(offset), { mode: 0o600, flush: true })
  const file = await recovery.disk.open(path, 'existing')
  try {
    await file.truncate(offset)
    await file.sync()
  } finally {
    await file.close()
  }
  recovery.log.warn('cut off an incomplete record at the end of the log', { file: name, offset, bytes: bytes.length - offset })
}

function corrupt({ directory }: Recovery, name: string, offset: number, why: string): CodedError {
  return new CodedError({ code: 'CorruptData', message: `${name} is damaged at offset ${offset}: ${why}`, where: `${join(directory, name)}:${offset}`, remedy: 'nothing was changed; restore the directory from a copy, or `idp destroy` and start anew' })
}
