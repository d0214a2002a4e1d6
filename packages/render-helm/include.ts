import { ListMemo, type TemplateSet } from '@idp/lang-gotemplate/core'
import type { IncludeMemo } from './include-memo.ts'
import type { Shared } from './read-log.ts'
import type { Trace } from './trace.ts'
import type { Tracker } from './tracker.ts'

/** Where includes are remembered, while templates change nothing that others see. */
export interface Includes {
  readonly memo: IncludeMemo
  readonly shared: Shared
  readonly set: TemplateSet
  /** Does it hold since the last rendering? */
  readonly holds: (trace: Trace) => boolean
}

type RunInclude = (data: unknown, memo: ListMemo | undefined) => string

/** What an include writes: what it wrote before for the same data, when that is sure to be the same, or what `run` gives. */
export function rememberedInclude({ memo, shared, set, holds }: Includes, tracker: Tracker, name: string, data: unknown, run: RunInclude): string {
  const template = set.get(name)
  const key = template === undefined ? undefined : memo.keyOf(data, shared)
  if (template === undefined || key === undefined) return run(data, undefined)
  const known = memo.get(name, key)
  const entry = known?.template === template ? known : undefined
  if (entry !== undefined && repeats(entry.trace) && (entry.seen === memo.rendering || holds(entry.trace))) {
    entry.seen = memo.rendering
    tracker.add(entry.trace)
    return entry.text
  }
  // With the same map as the last time, statements inside see that it is the same.
  const given = entry === undefined || entry.trace.mutates ? data : entry.data
  const list = entry === undefined ? undefined : entry.list ?? new ListMemo()
  tracker.enter({ data: given, original: data })
  const text = run(given, list)
  const trace = tracker.end()
  memo.set(name, key, { template, data: given, text, trace, list, seen: memo.rendering })
  return text
}

function repeats({ isImpure, mutates, asksFile }: Trace): boolean {
  return !isImpure && !mutates && !asksFile
}
