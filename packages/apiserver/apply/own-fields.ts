import { ApiError } from '@idp/api'
import type { Schema } from '../schema/resolve-schema.ts'
import { compareObjects, excluding, type Comparison } from './compare-objects.ts'
import { difference, emptySet, intersection, isEmpty, pathText, paths, recursiveDifference, union, type FieldSet } from './field-set.ts'
import { dropEmpty, managerId, type Manager, type Managers } from './managers.ts'
import { mergeObjects } from './merge-objects.ts'
import { fieldsOf, withNamedFields } from './object-fields.ts'
import { removeFields } from './remove-fields.ts'

export interface Ownership { readonly managers: Managers; readonly object: unknown }

interface Change {
  readonly schema: Schema | undefined
  readonly managers: Managers
  /** Who changes; `fields` is ignored. */
  readonly by: Omit<Manager, 'fields'>
  /** Paths nobody owns through this endpoint (identity, and what the endpoint does not write). */
  readonly ignored: FieldSet
}

/**
 * Server-side apply on values: merges `config` into `live`, drops what `by` applied before and no longer does (unless others own
 * it), and moves ownership. Throws ApiError `Conflict` when others own fields that change, unless `force`.
 */
export function applyConfig(live: unknown, config: unknown, change: Change & { readonly force: boolean }): Ownership {
  const { schema, by, ignored } = change
  const managers = new Map(change.managers)
  const id = managerId(by)
  const last = managers.get(id)?.fields
  const merged = mergeObjects(live, config, schema)
  const fields = ownable(fieldsOf(config, schema), ignored)
  managers.set(id, { ...by, fields })
  // What is still applied stays: only a configuration that dropped something needs the search for what goes.
  const dropped = last !== undefined && !isEmpty(difference(last, fields))
  const pruned = dropped ? prune(merged, last, managers, schema) : merged
  const comparison = excluding(compareObjects(live, pruned, schema), ignored)
  yieldFields(managers, id, comparison, change.force)
  dropEmpty(managers)
  return { managers, object: pruned }
}

/** Ownership after `live` became `next` by an ordinary write: `by` owns what it added or changed, nobody owns what is gone. */
export function trackUpdate(live: unknown, next: unknown, change: Change): Managers {
  const { by, ignored } = change
  const managers = new Map(change.managers)
  const id = managerId(by)
  const comparison = excluding(compareObjects(live, next, change.schema), ignored)
  const changed = union(comparison.added, comparison.modified)
  yieldFields(managers, id, comparison, true)
  const before = managers.get(id)
  const fields = union(difference(before?.fields ?? emptySet(), comparison.removed), changed)
  // An untouched entry keeps its time: a write that changes nothing must not look like a change.
  const same = before !== undefined && isEmpty(changed) && isEmpty(intersection(before.fields, comparison.removed))
  managers.set(id, same ? before : { ...by, fields: ownable(fields, ignored) })
  dropEmpty(managers)
  return managers
}

/** Paths without those that are ignored; metadata as a whole is nobody's either. */
function ownable(fields: FieldSet, ignored: FieldSet): FieldSet {
  const rest = recursiveDifference(fields, ignored)
  rest.members.delete('f:metadata')
  return rest
}

/** Takes changed and removed fields away from all managers but `id`. */
function yieldFields(managers: Managers, id: string, comparison: Comparison, force: boolean): void {
  const changed = union(comparison.added, comparison.modified)
  const lost = [...managers].filter(([other]) => other !== id).map(([other, manager]) => ({ other, manager, fields: intersection(manager.fields, changed) })).filter(({ fields }) => !isEmpty(fields))
  if (lost.length > 0 && !force) throw applyConflict(lost)
  for (const { other, manager, fields } of lost) managers.set(other, { ...manager, fields: difference(manager.fields, fields) })
  if (isEmpty(comparison.removed)) return
  for (const [other, manager] of managers) {
    if (other === id) continue
    const gone = intersection(manager.fields, comparison.removed)
    if (!isEmpty(gone)) managers.set(other, { ...manager, fields: difference(manager.fields, gone) })
  }
}

/** Removes what the applier owned before, then puts back what anybody still owns and what stood inside only by chance. */
function prune(merged: unknown, last: FieldSet, managers: Managers, schema: Schema | undefined): unknown {
  const named = (set: FieldSet) => withNamedFields(set, schema)
  const missing = (from: unknown) => difference(named(fieldsOf(merged, schema)), named(fieldsOf(from, schema)))
  const bare = removeFields(merged, last, schema) ?? {}
  const owned = [...managers.values()].reduce((all, manager) => union(all, manager.fields), emptySet())
  const kept = removeFields(merged, difference(missing(bare), named(owned)), schema) ?? {}
  return removeFields(merged, intersection(missing(kept), named(last)), schema) ?? {}
}

function applyConflict(lost: readonly { manager: Manager; fields: FieldSet }[]): ApiError {
  const byManager = new Map<string, string[]>()
  for (const { manager, fields } of lost) byManager.set(describe(manager), [...(byManager.get(describe(manager)) ?? []), ...[...paths(fields)].map(pathText)])
  const all = [...byManager].flatMap(([manager, fields]) => fields.map((field) => ({ manager, field })))
  const text = all.length === 1
    ? `Apply failed with 1 conflict: conflict with ${all[0]?.manager}: ${all[0]?.field}`
    : `Apply failed with ${all.length} conflicts: ${[...byManager].sort(([a], [b]) => (a < b ? -1 : 1)).map(([manager, fields]) => `conflicts with ${manager}:\n${fields.map((field) => `- ${field}`).join('\n')}`).join('\n')}`
  return new ApiError('Conflict', text, { details: { causes: all.map(({ manager, field }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field })) } })
}

function describe(manager: Manager): string {
  const subresource = manager.subresource === '' ? '' : ` with subresource ${JSON.stringify(manager.subresource)}`
  return `${JSON.stringify(manager.name)}${subresource}${manager.operation === 'Update' ? ` using ${manager.apiVersion}` : ''}`
}
