import { Num, Struct, isMap, type GoMap, type ListMemo, type Template } from '@idp/lang-gotemplate/core'
import type { Shared } from './read-log.ts'
import type { Trace } from './trace.ts'

/** An include that ran: what it wrote for its data, and on what grounds. */
export interface IncludeEntry {
  readonly template: Template
  readonly data: unknown
  readonly text: string
  readonly trace: Trace
  /** Its statements, kept from the second run on. */
  list: ListMemo | undefined
  /** The last rendering in which it was sure to hold. */
  seen: number
}

const mostEntries = 20_000
const mostKeys = 12

/** What includes wrote, by name and data: the names and labels of a chart are asked for by each of its templates. */
export class IncludeMemo {
  private readonly entries = new Map<string, Map<unknown, IncludeEntry>>()
  private readonly numbers = new WeakMap<object, number>()
  private lastNumber = 0
  private count = 0
  /** Counts renderings. */
  rendering = 0

  get(name: string, key: unknown): IncludeEntry | undefined {
    return this.entries.get(name)?.get(key)
  }

  set(name: string, key: unknown, entry: IncludeEntry): void {
    if (this.count >= mostEntries) this.clear()
    let byKey = this.entries.get(name)
    if (byKey === undefined) this.entries.set(name, byKey = new Map())
    if (!byKey.has(key)) this.count++
    byKey.set(key, entry)
  }

  clear(): void {
    this.entries.clear()
    this.count = 0
  }

  /** Forgets those that were not asked for in this rendering and do not hold any more: later nobody could tell. */
  sweep(holds: (trace: Trace) => boolean): void {
    for (const byKey of this.entries.values()) {
      for (const [key, entry] of byKey) {
        if (entry.seen === this.rendering) continue
        if (holds(entry.trace)) entry.seen = this.rendering
        else {
          byKey.delete(key)
          this.count--
        }
      }
    }
  }

  /** What stands for an include's data: the data itself when it is shared or a scalar, the content of a small map of such; undefined for any other. */
  keyOf(data: unknown, shared: Shared): unknown {
    if (typeof data !== 'object' || data === null) return data === undefined ? undefined : this.part(data, shared)
    if (shared.has(data)) return data
    if (!isMap(data)) return undefined
    let key = ''
    let members = 0
    for (const name of Object.keys(data)) {
      const part = ++members > mostKeys ? undefined : this.part((data as GoMap)[name], shared)
      if (part === undefined) return undefined
      key += `${name.length}:${name}${part}`
    }
    return Object.getOwnPropertySymbols(data).length > 0 ? undefined : key
  }

  private part(value: unknown, shared: Shared): string | undefined {
    if (typeof value === 'string') return `s${value.length}:${value}`
    if (typeof value !== 'object') return value === undefined ? undefined : `${typeof value}:${String(value)};`
    if (value === null) return 'null;'
    if (value instanceof Num || value instanceof Struct || !shared.has(value)) return undefined
    let number = this.numbers.get(value)
    if (number === undefined) this.numbers.set(value, number = ++this.lastNumber)
    return `#${number};`
  }
}
