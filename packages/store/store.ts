/** Counts commits; grows by one with each. 0 is the empty store. */
export type Revision = number

/** A key at one moment. Values are opaque bytes (UTF-8 JSON in the API server). */
export interface Entry {
  readonly key: string
  readonly value: Uint8Array
  /** Revision of the commit that wrote this value. */
  readonly revision: Revision
  /** Revision of the commit that created the key. */
  readonly created: Revision
}

/** One key's part of a commit. `if` makes the whole commit conditional: the key must be at that revision (0: absent). */
export type Write =
  | { readonly put: string; readonly value: Uint8Array; readonly if?: Revision }
  | { readonly delete: string; readonly if?: Revision }

/** What a watcher sees. `previous` is the entry before the change, absent for a creation. */
export interface Change {
  readonly type: 'put' | 'delete'
  readonly key: string
  readonly revision: Revision
  readonly entry?: Entry
  readonly previous?: Entry
}

/** Keys `>= from` and `< to`, in the order of JavaScript strings (byte order for all keys without characters beyond U+FFFF). `prefixRange('/pods/')` is the usual one. */
export interface Range { readonly from: string; readonly to: string }

export interface ListOptions {
  /** Read as of this revision; now when absent. Throws CodedError `Compacted` when it is gone, `FutureRevision` when it is not there yet. */
  readonly at?: Revision
  readonly limit?: number
}

/**
 * Multi-version key-value store. Knows keys and bytes only.
 * A commit is acknowledged when it is durable and then visible to reads and watchers at once, in revision order; concurrent
 * commits share one fsync. Reads never wait for a disk.
 */
export interface Store extends AsyncDisposable {
  readonly revision: Revision
  /** Oldest revision that can still be read or watched from. */
  readonly compacted: Revision
  get(key: string, at?: Revision): Entry | undefined
  list(range: Range, options?: ListOptions): { readonly entries: readonly Entry[]; readonly revision: Revision; readonly more: boolean }
  count(range: Range): number
  /** All writes or none; values must not be changed afterwards; a key may occur once. Throws CodedError `Conflict` (naming the key) when an `if` does not hold, `StorageFull`/`StorageFailed` when the disk refuses. */
  commit(writes: readonly Write[]): Promise<Revision>
  /**
   * Batches of changes after `after`, in order, without gaps, no commit split; ends with the signal or with the store.
   * Throws `Compacted` at once when `after` is gone; the iteration throws `SlowWatcher` rather than dropping when compaction overtakes it.
   */
  watch(range: Range, after: Revision, signal: AbortSignal): AsyncIterable<readonly Change[]>
  /** Forgets versions that no read at `before` or later needs. */
  compact(before: Revision): Promise<void>
}

/** All keys that start with `prefix`. */
export function prefixRange(prefix: string): Range {
  const last = prefix.codePointAt(prefix.length - 1) ?? 0
  return { from: prefix, to: prefix.slice(0, -1) + String.fromCodePoint(last + 1) }
}
