import { isMap } from '@idp/lang-gotemplate/core'

/** What was looked at in one map or list. */
export interface Look {
  keys: Set<string> | undefined
  truth: boolean
  shallow: boolean
  deep: boolean
}

/** Maps and lists that templates of several files can reach: what is in them decides which outputs still hold. */
export type Shared = WeakSet<object>

/** Notes what is below a value as shared. */
export function share(value: unknown, shared: Shared): void {
  if (Array.isArray(value)) {
    if (shared.has(value)) return
    shared.add(value)
    for (const item of value) share(item, shared)
  } else if (isMap(value) && !shared.has(value)) {
    shared.add(value)
    for (const key of Object.keys(value)) share(value[key], shared)
  }
}
