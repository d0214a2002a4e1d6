import type { AnyObject } from '@idp/formats'

/** One change of the cluster as the watch brought it: `before` is absent for a new object, `after` for one that is gone. */
export interface Change {
  readonly kind: string
  readonly before: AnyObject | undefined
  readonly after: AnyObject | undefined
  /** Milliseconds since 1970, when it arrived here. */
  readonly at: number
}

/** The object a change is about. */
export function subjectOf({ before, after }: Change): AnyObject {
  const object = after ?? before
  if (object === undefined) throw new Error('a change without an object')
  return object
}

/** Who made a change, from the managed fields whose time is new; the last writer when none is (times are whole seconds). */
export function writerOf({ before, after }: Pick<Change, 'before' | 'after'>): { readonly manager: string; readonly status: boolean } {
  const entries = after?.metadata.managedFields ?? []
  const known = new Set((before?.metadata.managedFields ?? []).map((entry) => `${entry.manager} ${entry.subresource} ${entry.time}`))
  const fresh = entries.filter((entry) => !known.has(`${entry.manager} ${entry.subresource} ${entry.time}`))
  const last = (fresh.length > 0 ? fresh : entries).reduce<(typeof entries)[number] | undefined>((newest, entry) => ((entry.time ?? '') >= (newest?.time ?? '') ? entry : newest), undefined)
  return { manager: last?.manager ?? '', status: last?.subresource === 'status' }
}
