import type { Change, Entry, Range, Store, Write } from '@idp/store'
import { CodedError } from '@idp/kit'

/** A Store that keeps everything in memory and nothing on disk: for tests of what lies above it. */
export function memoryStore(): Store {
  const versions = new Map<string, { revision: number; entry: Entry | undefined }[]>()
  const log: Change[] = []
  const wake = new Set<() => void>()
  let keys: string[] = []
  let revision = 0
  let compacted = 0

  const at = (key: string, when: number) => versions.get(key)?.findLast((version) => version.revision <= when)?.entry
  const readable = (when: number) => {
    if (when < compacted) throw new CodedError({ code: 'Compacted', message: `revision ${when} is gone; the oldest is ${compacted}` })
  }
  const check = (write: Write) => {
    const key = 'put' in write ? write.put : write.delete
    if (write.if !== undefined && (at(key, revision)?.revision ?? 0) !== write.if) throw new CodedError({ code: 'Conflict', message: `${key} is not at revision ${write.if}`, where: key })
  }
  const apply = (write: Write) => {
    const key = 'put' in write ? write.put : write.delete
    const previous = at(key, revision)
    if (!('put' in write) && previous === undefined) return
    const entry: Entry | undefined = 'put' in write ? { key, value: write.value, revision, created: previous?.created ?? revision } : undefined
    const history = versions.get(key)
    if (history === undefined) {
      versions.set(key, [{ revision, entry }])
      keys.splice(lowerBound(keys, key), 0, key)
    } else history.push({ revision, entry })
    log.push({ type: entry === undefined ? 'delete' : 'put', key, revision, ...(entry === undefined ? {} : { entry }), ...(previous === undefined ? {} : { previous }) })
  }
  const entriesOf = (range: Range, when: number) => {
    const found: Entry[] = []
    for (let i = lowerBound(keys, range.from); i < keys.length; i++) {
      const key = keys[i] ?? ''
      if (key >= range.to) break
      const entry = at(key, when)
      if (entry !== undefined) found.push(entry)
    }
    return found
  }

  return {
    get revision() { return revision },
    get compacted() { return compacted },
    get(key, when = revision) {
      readable(when)
      return at(key, when)
    },
    list(range, { at: when = revision, limit } = {}) {
      readable(when)
      const all = entriesOf(range, when)
      return { entries: limit === undefined ? all : all.slice(0, limit), revision: when, more: limit !== undefined && all.length > limit }
    },
    count: (range) => entriesOf(range, revision).length,
    async commit(writes) {
      writes.forEach(check)
      revision++
      writes.forEach(apply)
      for (const run of [...wake]) run()
      return revision
    },
    async *watch(range, after, signal) {
      readable(after)
      let next = lowerBoundBy(log, (change) => change.revision <= after)
      while (!signal.aborted) {
        const batch = log.slice(next).filter((change) => change.key >= range.from && change.key < range.to)
        next = log.length
        if (batch.length > 0) yield batch
        else await new Promise<void>((resolve) => {
          const run = () => {
            wake.delete(run)
            signal.removeEventListener('abort', run)
            resolve()
          }
          wake.add(run)
          signal.addEventListener('abort', run)
        })
      }
    },
    async compact(before) {
      compacted = Math.max(compacted, before)
    },
    async [Symbol.asyncDispose]() {
      keys = []
      versions.clear()
    },
  }
}

function lowerBound(sorted: readonly string[], value: string): number {
  return lowerBoundBy(sorted, (key) => key < value)
}

function lowerBoundBy<T>(sorted: readonly T[], before: (item: T) => boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (before(sorted[middle] as T)) low = middle + 1
    else high = middle
  }
  return low
}
