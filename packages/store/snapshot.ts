import { rename, unlink } from 'node:fs/promises'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '@idp/kit'
import { diskError, type Disk } from './disk.ts'
import type { Mvcc } from './mvcc.ts'
import { snapshotName } from './recover.ts'
import type { Entry, Revision } from './store.ts'
import { frameCodec } from './wal-frame.ts'
import { encodeRecord, type WalRecord } from './wal-record.ts'

/** Entries read between two turns of the event loop. */
const PAGE = 500

export interface SnapshotOptions {
  readonly directory: string
  readonly key: Uint8Array | undefined
  readonly random: Random
  readonly disk: Disk
  readonly index: Mvcc
  /** A revision that stays readable until this is done. */
  readonly at: Revision
}

/**
 * Writes the state at a revision, under a temporary name until it is durable, and then removes older snapshots.
 * Commits go on meanwhile. @throws CodedError `StorageFull`, `StorageFailed`; the old snapshot is then still there
 */
export async function writeSnapshot({ directory, key, random, disk, index, at }: SnapshotOptions): Promise<void> {
  const name = snapshotName(at)
  const path = join(directory, name)
  try {
    const file = await disk.open(`${path}.new`, 'create')
    try {
      const codec = frameCodec(name, key, random)
      let offset = 0
      const put = async (record: WalRecord): Promise<void> => {
        const frame = codec.encode(encodeRecord(record), offset)
        await file.write(frame, offset)
        offset += frame.length
      }
      let count = 0
      for (const entries of pages(index, at)) {
        await put({ type: 'entries', entries })
        count += entries.length
      }
      await put({ type: 'end', count })
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(`${path}.new`, path)
    await disk.syncDirectory(directory)
  } catch (error) {
    await unlink(`${path}.new`).catch(() => undefined) // may never have been made
    throw diskError(error, path)
  }
  for (const old of await readdir(directory)) if (/^snapshot-\d+\.snap$/.test(old) && old < name) await unlink(join(directory, old))
}

function* pages(index: Mvcc, at: Revision): Generator<readonly Entry[]> {
  let from = ''
  for (;;) {
    const { entries, more } = index.list({ from, to: '\uffff\uffff' }, { at, limit: PAGE })
    if (entries.length > 0) yield entries
    const last = entries.at(-1)
    if (!more || last === undefined) return
    from = `${last.key}\0`
  }
}
