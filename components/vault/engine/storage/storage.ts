/**
 * What a backend keeps, as JSON values under paths. Writes are visible at once to every later read and durable when the
 * request that made them is answered; all writes of one request become durable together or not at all.
 */
export interface Storage {
  /** The value is shared: it is frozen where it comes from the disk. */
  get<T>(key: string): T | undefined
  /** Names directly below a prefix (which ends in `/` or is empty), sorted; folders end in `/`. */
  list(prefix: string): string[]
  /** Every key below a prefix, with the prefix cut off. */
  keys(prefix: string): string[]
  put(key: string, value: unknown): void
  delete(key: string): void
}

/** The part of a storage below a prefix that ends in `/`. */
export function storageView(storage: Storage, prefix: string): Storage {
  return {
    get: (key) => storage.get(prefix + key),
    list: (below) => storage.list(prefix + below),
    keys: (below) => storage.keys(prefix + below),
    put: (key, value) => storage.put(prefix + key, value),
    delete: (key) => storage.delete(prefix + key),
  }
}

/** Deletes everything below a prefix. */
export function clear(storage: Storage, prefix: string): void {
  for (const key of storage.keys(prefix)) storage.delete(prefix + key)
}
