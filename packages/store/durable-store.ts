import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError, silentLog, systemRandom, type Log, type Random } from '@idp/kit'
import { checkDirectory, claimDirectory } from './data-directory.ts'
import { lockDirectory } from './directory-lock.ts'
import { systemDisk, type Disk } from './disk.ts'
import { mvcc } from './mvcc.ts'
import { pendingWrites } from './pending.ts'
import { recover, type Segment } from './recover.ts'
import { writeSnapshot } from './snapshot.ts'
import type { Revision, Store, Write } from './store.ts'
import { walWriter } from './wal-writer.ts'

export interface StoreOptions {
  /** For lock names and initialisation vectors; the machine's source when absent. */
  readonly random?: Random
  readonly log?: Log
  /** 32 bytes or more; everything written is then encrypted with AES-256-GCM under a key derived from it. */
  readonly encryptionKey?: Uint8Array
  /** A new log file is begun after so many bytes; 16 MiB by default. */
  readonly segmentBytes?: number
  /** Log files that compaction made superfluous are replaced by a snapshot when they reach so many bytes; 4 MiB by default. */
  readonly snapshotBytes?: number
  /** For tests of failing disks. */
  readonly disk?: Disk
}

/**
 * Opens the store in a directory of its own, making it when it is not there.
 * A log of checksummed records is the truth, the index in memory is rebuilt from it; see the package's README.
 * @throws CodedError `DataDirectoryInUse`, `ForeignDataDirectory`, `NewerDataDirectory`, `CorruptData`, `WrongFileMode`, `WrongEncryptionKey`
 */
export async function openStore(directory: string, options: StoreOptions = {}): Promise<Store> {
  const { random = systemRandom, log = silentLog, disk = systemDisk, segmentBytes = 16 << 20, snapshotBytes = 4 << 20 } = options
  await checkDirectory(directory)
  await using claim = new AsyncDisposableStack()
  claim.use(await lockDirectory(directory, random))
  const key = await claimDirectory(directory, options.encryptionKey, disk)
  const index = mvcc()
  const segments = await recover({ directory, key, random, log, disk, index })
  const pending = pendingWrites((name) => index.get(name))
  const writer = await walWriter({ directory, key, random, disk, segmentBytes, segments, revision: index.revision, durable, lost })
  claim.use(writer)
  const held = claim.move()

  let assigned = index.revision
  let compacting: Promise<void> = Promise.resolve()
  let open = true

  function durable(commits: readonly { readonly revision: Revision; readonly writes: readonly Write[] }[]): void {
    for (const { revision, writes } of commits) {
      index.apply(writes, revision)
      pending.settle(writes, revision)
    }
    index.publish()
  }
  function lost(commits: readonly { readonly revision: Revision; readonly writes: readonly Write[] }[]): void {
    for (const { revision, writes } of commits) pending.settle(writes, revision)
    assigned = index.revision
  }
  const compactNow = async (before: Revision): Promise<void> => {
    const until = Math.min(before, index.revision)
    if (until <= index.compacted) return
    await writer.append({ type: 'compact', before: until })
    await index.compact(until)
    const superfluous = writer.segmentsBefore(until + 1)
    if (sizeOf(superfluous) < snapshotBytes) return
    await writeSnapshot({ directory, key, random, disk, index, at: until })
    for (const segment of superfluous) {
      await unlink(join(directory, segment.name))
      writer.forget(segment)
    }
    await disk.syncDirectory(directory)
    log.info('wrote a snapshot and removed the log before it', { revision: until, files: superfluous.length })
  }

  return {
    get revision() { return index.revision },
    get compacted() { return index.compacted },
    get: index.get,
    list: index.list,
    count: index.count,
    watch: index.watch,
    async commit(writes) {
      if (!open) throw closed()
      try {
        pending.check(writes)
      } catch (error) {
        // A conflict is told when what was faster can be seen: a loser who tries again at once would lose against the same write.
        await pending.quiet(writes)
        throw error
      }
      if (writes.length === 0) return index.revision
      const revision = ++assigned
      pending.add(writes, revision)
      await writer.commit({ revision, writes })
      return revision
    },
    compact(before) {
      if (!open) return Promise.reject(closed())
      const done = compacting.then(() => compactNow(before))
      compacting = done.catch(() => undefined) // whoever asked is told; the next compaction tries again
      return done
    },
    async [Symbol.asyncDispose]() {
      if (!open) return
      open = false
      await compacting
      await held.disposeAsync()
      index.close()
    },
  }
}

function sizeOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.size, 0)
}

function closed(): CodedError {
  return new CodedError({ code: 'StoreClosed', message: 'the store is closed' })
}
