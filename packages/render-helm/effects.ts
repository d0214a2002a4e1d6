import { setKey, type GoMap } from '@idp/lang-gotemplate/core'
import type { Changes } from './changes.ts'

/** One change a template made to what others see (`set .Values …`); undefined stands for a key that is not there. */
export interface Write { readonly map: GoMap; readonly key: string; readonly value: unknown; old: unknown }

export function writeOf(map: GoMap, key: string, value: unknown): Write {
  return { map, key, value, old: current(map, key) }
}

function current(map: GoMap, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined
}

function put(map: GoMap, key: string, value: unknown): void {
  if (value === undefined) delete map[key]
  else setKey(map, key, value)
}

/** Takes changes back, the last one first. */
export function undo(writes: readonly Write[]): void {
  for (let i = writes.length - 1; i >= 0; i--) {
    const { map, key, old } = writes[i] as Write
    put(map, key, old)
  }
}

/** Makes the changes of a template that does not run again. Behind it, what it writes is as it was behind it the last time. */
export function replay(writes: readonly Write[], changes: Changes): void {
  for (const write of writes) {
    write.old = current(write.map, write.key)
    put(write.map, write.key, write.value)
    changes.same(write.map, write.key)
  }
}

interface Span { readonly map: GoMap; readonly key: string; readonly before: unknown; after: unknown }

/** What a list of changes comes to, by map and key. */
function total(writes: readonly Write[]): Map<GoMap, Map<string, Span>> {
  const spans = new Map<GoMap, Map<string, Span>>()
  for (const { map, key, value, old } of writes) {
    let keys = spans.get(map)
    if (keys === undefined) spans.set(map, keys = new Map())
    const span = keys.get(key)
    if (span === undefined) keys.set(key, { map, key, before: old, after: value })
    else span.after = value
  }
  return spans
}

/** Compares what a template that ran again wrote with what it wrote the last time. Answers whether anything differs. */
export function settle(last: readonly Write[], now: readonly Write[], changes: Changes): boolean {
  if (last.length === 0 && now.length === 0) return false
  const was = total(last)
  const is = total(now)
  let differs = false
  const judge = (map: GoMap, key: string, same: boolean): void => {
    if (same) return changes.same(map, key)
    changes.key(map, key)
    changes.truth(map)
    differs = true
  }
  for (const keys of is.values()) {
    for (const { map, key, before, after } of keys.values()) {
      const old = was.get(map)?.get(key)
      if (old !== undefined) judge(map, key, old.after === after)
      else if (before !== after || changes.has(map, key)) judge(map, key, false)
    }
  }
  for (const keys of was.values()) {
    for (const { map, key, after } of keys.values()) if (is.get(map)?.has(key) !== true) judge(map, key, current(map, key) === after)
  }
  return differs
}
