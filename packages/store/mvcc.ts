import { CodedError } from '@idp/kit'
import { sortedKeys } from './sorted-keys.ts'
import type { Change, Entry, ListOptions, Range, Revision, Write } from './store.ts'
import { watchHub, type History } from './watch-hub.ts'

/** A key and its versions, oldest first; a version without value is a deletion. Example: put@3, delete@7, put@9. */
interface Slot { readonly key: string; readonly versions: Version[] }
type Version = Entry | { readonly revision: Revision; readonly value?: undefined }

/** How many changes a compaction forgets before it lets other work run. */
const COMPACT_SLICE = 10_000

/** The index that both stores read from: every version since `compacted`, and the changes that led to them. */
export interface Mvcc {
  readonly revision: Revision
  readonly compacted: Revision
  get(key: string, at?: Revision): Entry | undefined
  list(range: Range, options?: ListOptions): { entries: Entry[]; revision: Revision; more: boolean }
  count(range: Range): number
  watch(range: Range, after: Revision, signal: AbortSignal): AsyncIterable<readonly Change[]>
  /** Makes a commit readable as `revision`, which must be the next one. Watchers see it at `publish`. */
  apply(writes: readonly Write[], revision: Revision): void
  publish(): void
  compact(before: Revision): Promise<void>
  /** Puts an entry of a snapshot in place, before anything is applied. */
  load(entry: Entry): void
  /** Says that the loaded entries are the state at `revision`. */
  startAt(revision: Revision): void
  /** Ends all watches. */
  close(): void
}

/** An empty index at revision 0. */
export function mvcc(): Mvcc {
  let revision = 0
  let compacted = 0
  const slots = new Map<string, Slot>()
  const order = sortedKeys<Slot>()
  const changes: Change[] = []
  const history: History = { changes, get revision() { return revision }, get compacted() { return compacted } }
  const hub = watchHub(history)

  const readable = (at: Revision | undefined): Revision => {
    if (at === undefined) return revision
    if (at < compacted) throw compactedError(at, compacted)
    if (at > revision) throw new CodedError({ code: 'FutureRevision', message: `revision ${at} does not exist yet; the latest is ${revision}` })
    return at
  }
  const slotOf = (key: string): Slot => {
    const found = slots.get(key)
    if (found !== undefined) return found
    const slot: Slot = { key, versions: [] }
    slots.set(key, slot)
    order.add(slot)
    return slot
  }
  const forget = (key: string, before: Revision): void => {
    const slot = slots.get(key)
    if (slot === undefined) return
    let keep = slot.versions.length - 1
    while (keep > 0 && (slot.versions[keep]?.revision ?? 0) > before) keep--
    const kept = slot.versions[keep]
    if (kept !== undefined && kept.revision <= before && kept.value === undefined) keep++
    slot.versions.splice(0, keep)
    if (slot.versions.length > 0) return
    slots.delete(key)
    order.remove(key)
  }

  return {
    get revision() { return revision },
    get compacted() { return compacted },
    get(key, at) {
      const when = readable(at)
      const slot = slots.get(key)
      return slot === undefined ? undefined : versionAt(slot, when)
    },
    list(range, options = {}) {
      const at = readable(options.at)
      const limit = options.limit ?? 0
      const entries: Entry[] = []
      for (const slot of order.scan(range)) {
        const entry = versionAt(slot, at)
        if (entry === undefined) continue
        if (limit > 0 && entries.length === limit) return { entries, revision: at, more: true }
        entries.push(entry)
      }
      return { entries, revision: at, more: false }
    },
    count(range) {
      let n = 0
      for (const slot of order.scan(range)) if (slot.versions.at(-1)?.value !== undefined) n++
      return n
    },
    watch(range, after, signal) {
      if (after < compacted) throw compactedError(after, compacted)
      return hub.watch(range, after, signal)
    },
    apply(writes, next) {
      for (const write of writes) {
        const key = 'put' in write ? write.put : write.delete
        const before = slots.get(key)?.versions.at(-1)
        const previous = before?.value === undefined ? undefined : before
        if ('put' in write) {
          const entry: Entry = { key, value: write.value, revision: next, created: previous?.created ?? next }
          slotOf(key).versions.push(entry)
          changes.push({ type: 'put', key, revision: next, entry, ...(previous === undefined ? {} : { previous }) })
        } else if (previous !== undefined) {
          slotOf(key).versions.push({ revision: next })
          changes.push({ type: 'delete', key, revision: next, previous })
        }
      }
      revision = next
    },
    publish: hub.publish,
    async compact(before) {
      if (before <= compacted) return
      compacted = Math.min(before, revision)
      const until = compacted
      for (;;) {
        let n = 0
        while (n < COMPACT_SLICE && (changes[n]?.revision ?? Infinity) <= until) n++
        if (n === 0) return
        for (const change of hub.drop(n)) forget(change.key, until)
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
    },
    load(entry) {
      slotOf(entry.key).versions.push(entry)
    },
    startAt(at) {
      revision = at
      compacted = at
    },
    close: hub.close,
  }
}

/** The entry that a read at `at` sees. Most reads are of the newest version. */
function versionAt({ versions }: Slot, at: Revision): Entry | undefined {
  for (let i = versions.length - 1; i >= 0; i--) {
    const version = versions[i]
    if (version !== undefined && version.revision <= at) return version.value === undefined ? undefined : version
  }
  return undefined
}

function compactedError(at: Revision, compacted: Revision): CodedError {
  return new CodedError({ code: 'Compacted', message: `revision ${at} has been compacted; the oldest that can be read is ${compacted}`, remedy: 'list again and watch from the revision of that list' })
}
