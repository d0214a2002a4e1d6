import type { Range } from './store.ts'

/** Most items a chunk holds; a full one splits in two. Insertion moves at most this many pointers. */
const CHUNK = 256

/** Things with a key, in key order: a two-level sorted array. */
export interface SortedKeys<T extends { readonly key: string }> {
  add(item: T): void
  remove(key: string): void
  /** Items in the range, ascending. The collection must not change while it is being read. */
  scan(range: Range): IterableIterator<T>
}

/** An empty collection. Order is that of JavaScript strings (UTF-16 code units), equal to byte order for all that the API server stores. */
export function sortedKeys<T extends { readonly key: string }>(): SortedKeys<T> {
  const chunks: T[][] = []
  const chunkFor = (key: string): number => {
    // The last chunk whose first key is <= key.
    let low = 0
    let high = chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((chunks[middle]?.[0]?.key ?? '') <= key) low = middle
      else high = middle - 1
    }
    return low
  }
  return {
    add(item) {
      const at = chunkFor(item.key)
      const chunk = chunks[at]
      if (chunk === undefined) return void chunks.push([item])
      chunk.splice(lowerBound(chunk, item.key), 0, item)
      if (chunk.length > CHUNK) chunks.splice(at + 1, 0, chunk.splice(CHUNK >> 1))
    },
    remove(key) {
      const at = chunkFor(key)
      const chunk = chunks[at]
      if (chunk === undefined) return
      const position = lowerBound(chunk, key)
      if (chunk[position]?.key !== key) return
      chunk.splice(position, 1)
      if (chunk.length === 0) chunks.splice(at, 1)
    },
    *scan({ from, to }) {
      for (let at = chunkFor(from), first = true; at < chunks.length; at++, first = false) {
        const chunk = chunks[at] ?? []
        for (let i = first ? lowerBound(chunk, from) : 0; i < chunk.length; i++) {
          const item = chunk[i] as T // i is below the length
          if (item.key >= to) return
          yield item
        }
      }
    },
  }
}

/** Index of the first item whose key is >= `key`. */
function lowerBound(chunk: readonly { readonly key: string }[], key: string): number {
  let low = 0
  let high = chunk.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((chunk[middle]?.key ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
}
