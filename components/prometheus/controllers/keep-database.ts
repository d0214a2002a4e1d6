import { messageOf, type Clock, type Log } from '@idp/kit'
import type { ContainerFiles } from '@idp/sandbox'
import { createDatabase, createJournal, replay, snapshot, type Database, type Journal } from '@idp/tsdb'

/** How often samples go to the disk, and how large the journal may grow before a snapshot replaces it. */
const flushMs = 5000
const journalLimit = 8 * 2 ** 20

export interface KeptDatabase extends AsyncDisposable { readonly database: Database; readonly journal: Journal }

export interface KeepOptions { readonly files: ContainerFiles; readonly directory: string; readonly clock: Clock; readonly log: Log; /** Milliseconds. */ readonly retention: number }

/**
 * A database that survives the pod: `snapshot-N` holds all chunks, `wal` what came since. What a kill loses is at most the last five seconds:
 * a snapshot is written beside the one before, which goes when the new one is whole.
 */
export async function keepDatabase({ files, directory, clock, log, retention }: KeepOptions): Promise<KeptDatabase> {
  const database = createDatabase()
  const journal = createJournal()
  const at = (name: string): string => `${directory}/${name}`
  let journalSize = 0
  const found = (await files.exists(directory)) ? (await files.list(directory)).map(({ name }) => name) : []
  // The newest snapshot first: an older one, left by a kill, may only fill in what it lacks.
  let generations = found.flatMap((name) => /^snapshot-(\d+)$/.exec(name)?.[1] ?? []).map(Number).sort((a, b) => b - a)
  for (const name of [...generations.map((one) => `snapshot-${one}`), ...(found.includes('wal') ? ['wal'] : [])]) {
    const bytes = await files.read(at(name))
    const sound = replay(bytes, database)
    if (sound < bytes.length) log.warn('the end of a file was torn and is left out', { file: name, bytes: bytes.length - sound })
    if (name === 'wal') journalSize = bytes.length
  }
  database.dropBefore(clock.now() - retention)
  const checkpoint = async (): Promise<void> => {
    database.dropBefore(clock.now() - retention)
    const [newest = 0] = generations
    await files.write(at(`snapshot-${newest + 1}`), snapshot(database))
    await files.write(at('wal'), journal.restart())
    journalSize = 0
    for (const one of generations) await files.remove(at(`snapshot-${one}`))
    generations = [newest + 1]
  }
  const flush = async (): Promise<void> => {
    const bytes = journal.take()
    if (bytes === undefined) return
    await files.append(at('wal'), bytes)
    journalSize += bytes.length
    if (journalSize >= journalLimit) await checkpoint()
  }
  // What follows is numbered anew, so an old journal becomes part of a snapshot first.
  if (journalSize > 0) await checkpoint()
  let busy: Promise<void> = Promise.resolve()
  let timer = clock.timer(flushMs, tick)
  function tick(): void {
    busy = flush().catch((error: unknown) => log.error('samples could not be written', { error: messageOf(error) }))
    void busy.then(() => { timer = clock.timer(flushMs, tick) })
  }
  return {
    database, journal,
    async [Symbol.asyncDispose]() {
      timer[Symbol.dispose]()
      await busy
      await flush()
    },
  }
}
