import { CodedError } from '@idp/kit'
import { prefixRange, type Change, type Range, type Revision } from './store.ts'

/** Most changes handed out at once; a commit is never split. */
const BATCH = 1000

/** Changes in revision order; those of `compacted` and before are gone. */
export interface History {
  readonly changes: Change[]
  readonly revision: Revision
  readonly compacted: Revision
}

export interface WatchHub {
  watch(range: Range, after: Revision, signal: AbortSignal): AsyncIterable<readonly Change[]>
  /** Wakes the watchers that wait and are concerned by what came since the last call. */
  publish(): void
  /** Takes the first `n` changes out of the history. */
  drop(n: number): Change[]
  close(): void
}

interface Watcher {
  readonly range: Range
  readonly signal: AbortSignal
  readonly onAbort: () => void
  /** Everything up to this revision has been handed out (or did not concern the range). */
  position: Revision
  wake: ((batch: readonly Change[] | undefined) => void) | undefined
  ended: boolean
}

/**
 * Watchers read the one shared history at their own pace, so a slow one costs no memory of its own; it fails with
 * `SlowWatcher` when compaction overtakes it. A waiting one has seen all that concerns it and is never overtaken. A commit
 * looks only at those whose range is a prefix of its keys, however many others wait.
 */
export function watchHub(history: History): WatchHub {
  const watchers = watcherIndex()
  let published = 0

  const collect = (watcher: Watcher, start: number): Change[] => {
    const { changes } = history
    const batch: Change[] = []
    for (let i = start; i < changes.length; i++) {
      const change = changes[i] as Change // i is below the length
      if (change.revision > watcher.position && batch.length >= BATCH) return batch
      if (change.key >= watcher.range.from && change.key < watcher.range.to) batch.push(change)
      watcher.position = change.revision
    }
    watcher.position = Math.max(watcher.position, history.revision)
    return batch
  }
  const end = (watcher: Watcher): void => {
    watcher.ended = true
    watchers.remove(watcher)
    watcher.signal.removeEventListener('abort', watcher.onAbort)
    const { wake } = watcher
    watcher.wake = undefined
    wake?.(undefined)
  }

  return {
    watch(range, after, signal) {
      const watcher: Watcher = { range, signal, onAbort: () => end(watcher), position: after, wake: undefined, ended: signal.aborted }
      if (!signal.aborted) {
        watchers.add(watcher)
        signal.addEventListener('abort', watcher.onAbort, { once: true })
      }
      const next = async (): Promise<IteratorResult<readonly Change[]>> => {
        if (watcher.ended) return { value: undefined, done: true }
        if (watcher.position < history.compacted) {
          end(watcher)
          throw new CodedError({ code: 'SlowWatcher', message: `the watcher stood at revision ${watcher.position} when ${history.compacted} was compacted`, remedy: 'list again and watch from there' })
        }
        const batch = watcher.position < history.revision ? collect(watcher, firstAfter(history.changes, watcher.position)) : []
        if (batch.length > 0) return { value: batch, done: false }
        const woken = await new Promise<readonly Change[] | undefined>((resolve) => { watcher.wake = resolve })
        return woken === undefined ? { value: undefined, done: true } : { value: woken, done: false }
      }
      const iterator: AsyncIterableIterator<readonly Change[]> = {
        next,
        async return() {
          end(watcher)
          return { value: undefined, done: true }
        },
        [Symbol.asyncIterator]: () => iterator,
      }
      return iterator
    },
    publish() {
      const before = published
      const start = firstAfter(history.changes, before)
      published = history.revision
      for (const watcher of watchers.concerned(history.changes, start)) {
        const { wake } = watcher
        if (wake === undefined || watcher.position >= history.revision) continue
        const batch = collect(watcher, watcher.position > before ? firstAfter(history.changes, watcher.position) : start)
        if (batch.length === 0) continue
        watcher.wake = undefined
        wake(batch)
      }
    },
    drop: (n) => history.changes.splice(0, n),
    close() {
      for (const watcher of watchers.all()) end(watcher)
    },
  }
}

/** Watchers by what they watch. */
function watcherIndex() {
  /** Those of all keys below one `/`, by that prefix. */
  const byPrefix = new Map<string, Set<Watcher>>()
  const others = new Set<Watcher>()
  const isPrefix = ({ from, to }: Range) => from.endsWith('/') && prefixRange(from).to === to
  return {
    add(watcher: Watcher): void {
      const { range } = watcher
      if (!isPrefix(range)) return void others.add(watcher)
      const same = byPrefix.get(range.from)
      if (same === undefined) byPrefix.set(range.from, new Set([watcher]))
      else same.add(watcher)
    },
    remove(watcher: Watcher): void {
      if (others.delete(watcher)) return
      const same = byPrefix.get(watcher.range.from)
      if (same?.delete(watcher) === true && same.size === 0) byPrefix.delete(watcher.range.from)
    },
    all: (): Watcher[] => [...others, ...[...byPrefix.values()].flatMap((same) => [...same])],
    /** Whoever one of the changes from `start` on may concern. */
    concerned(changes: readonly Change[], start: number): Set<Watcher> {
      const found = new Set(others)
      for (let i = start; i < changes.length; i++) {
        const { key } = changes[i] as Change // i is below the length
        for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) {
          for (const watcher of byPrefix.get(key.slice(0, slash + 1)) ?? []) found.add(watcher)
        }
      }
      return found
    },
  }
}

/** Index of the first change with a revision greater than `revision`. */
function firstAfter(changes: readonly Change[], revision: Revision): number {
  let low = 0
  let high = changes.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((changes[middle]?.revision ?? 0) <= revision) low = middle + 1
    else high = middle
  }
  return low
}
