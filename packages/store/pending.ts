import { CodedError } from '@idp/kit'
import type { Entry, Revision, Write } from './store.ts'

/** Checks the conditions of commits against what is visible plus what is on its way to the disk. */
export interface Pending {
  /** Throws `Conflict` or `InvalidCommit`. */
  check(writes: readonly Write[]): void
  /** Notes that the writes will become `revision`. */
  add(writes: readonly Write[], revision: Revision): void
  /** They are visible now (or never will be). */
  settle(writes: readonly Write[], revision: Revision): void
  /** Resolves when nothing is under way any more to the keys of these writes: whoever lost against it can then see what it lost against. */
  quiet(writes: readonly Write[]): Promise<void>
}

/** @param current the visible entry of a key */
export function pendingWrites(current: (key: string) => Entry | undefined): Pending {
  /** Revision of the newest write under way, and whether it leaves the key present. */
  const pending = new Map<string, { revision: Revision; present: boolean; waiting?: (() => void)[] }>()
  return {
    check(writes) {
      const seen = writes.length > 1 ? new Set<string>() : undefined
      for (const write of writes) {
        const key = keyOf(write)
        if (key === '') throw new CodedError({ code: 'InvalidCommit', message: 'a key is empty' })
        if (seen?.has(key)) throw new CodedError({ code: 'InvalidCommit', message: `key ${key} occurs twice in one commit` })
        seen?.add(key)
        if (write.if === undefined) continue
        const underWay = pending.get(key)
        const at = underWay === undefined ? current(key)?.revision ?? 0 : underWay.present ? underWay.revision : 0
        if (at !== write.if) throw new CodedError({ code: 'Conflict', message: `key ${key} is at revision ${at}, not ${write.if}`, where: key })
      }
    },
    add(writes, revision) {
      for (const write of writes) {
        const waiting = pending.get(keyOf(write))?.waiting
        pending.set(keyOf(write), { revision, present: 'put' in write, ...(waiting === undefined ? {} : { waiting }) })
      }
    },
    settle(writes, revision) {
      for (const write of writes) {
        const underWay = pending.get(keyOf(write))
        if (underWay?.revision !== revision) continue
        pending.delete(keyOf(write))
        for (const tell of underWay.waiting ?? []) tell()
      }
    },
    async quiet(writes) {
      await Promise.all(writes.map((write) => {
        const underWay = pending.get(keyOf(write))
        return underWay === undefined ? undefined : new Promise<void>((resolve) => { (underWay.waiting ??= []).push(resolve) })
      }))
    },
  }
}

function keyOf(write: Write): string {
  return 'put' in write ? write.put : write.delete
}
