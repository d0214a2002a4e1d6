import { CodedError } from '@idp/kit'
import { mvcc } from './mvcc.ts'
import { pendingWrites } from './pending.ts'
import type { Store } from './store.ts'

/** A store that forgets everything when the process ends; for tests and throw-away clusters. */
export function memoryStore(): Store {
  const index = mvcc()
  const pending = pendingWrites((key) => index.get(key))
  let open = true
  return {
    get revision() { return index.revision },
    get compacted() { return index.compacted },
    get: index.get,
    list: index.list,
    count: index.count,
    watch: index.watch,
    compact: index.compact,
    async commit(writes) {
      if (!open) throw new CodedError({ code: 'StoreClosed', message: 'the store is closed' })
      pending.check(writes)
      if (writes.length === 0) return index.revision
      index.apply(writes, index.revision + 1)
      index.publish()
      return index.revision
    },
    async [Symbol.asyncDispose]() {
      open = false
      index.close()
    },
  }
}
