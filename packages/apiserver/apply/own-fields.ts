import { ApiError } from '@idp/api'
import { equalJson } from '../json-value.ts'
import type { Schema } from '../schema/resolve-schema.ts'
import { compareObjects, excluding, isSame, type Comparison } from './compare-objects.ts'
import { difference, emptySet, intersection, isEmpty, pathText, paths, recursiveDifference, union, type FieldSet } from './field-set.ts'
import { dropEmpty, managerId, type Manager, type Managers } from './managers.ts'
import { mergeObjects } from './merge-objects.ts'
import { fieldsOf, wireFieldsOf, withNamedFields } from './object-fields.ts'
import type { Ignored } from './new-fields.ts'
import { includesAll, overlaps, ownedOfSet, ownedOfWire, reaches } from './owned-fields.ts'
import { removeFields } from './remove-fields.ts'

export interface Ownership { readonly managers: Managers; readonly object: unknown }

interface Change {
  readonly schema: Schema | undefined
  readonly managers: Managers
  /** Who changes; `fields` is ignored. */
  readonly by: Omit<Manager, 'fields'>
  /** Paths nobody owns through this endpoint (identity, and what the endpoint does not write). */
  readonly ignored: IgnoredFields
}

/** The same paths in the forms that set algebra and single passes need. */
export interface IgnoredFields { readonly set: FieldSet; readonly names: Ignored }

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
  const wire = wireFieldsOf(config, schema, ignored.names)
  const isSameAsLast = last !== undefined && equalJson(last.wire, wire)
  const fields = isSameAsLast ? last : ownedOfWire(wire)
  managers.set(id, { ...by, fields })
  // What is still applied stays: only a configuration that dropped something needs the search for what goes.
  const dropped = last !== undefined && !isSameAsLast && !includesAll(fields.wire, last.set)
  const pruned = dropped ? prune(merged, last.set, managers, schema) : merged
  // Alone there is nobody to take fields from.
  if (managers.size > 1) yieldFields(managers, id, excluding(compareObjects(live, pruned, schema), ignored.set), change.force)
  dropEmpty(managers)
  return { managers, object: pruned }
}

/** Ownership after `live` became `next` by an ordinary write: `by` owns what it added or changed, nobody owns what is gone. */
export function trackUpdate(live: unknown, next: unknown, change: Change): Managers {
  const { by, ignored } = change
  const managers = new Map(change.managers)
  const id = managerId(by)
  const comparison = excluding(compareObjects(live, next, change.schema), ignored.set)
  const before = managers.get(id)
  if (!isSame(comparison)) {
    const changed = union(comparison.added, comparison.modified)
    yieldFields(managers, id, comparison, true)
    const loses = before !== undefined && overlaps(before.fields.wire, comparison.removed)
    // What only got other values is owned as before, since now.
    if (before !== undefined && !loses && isEmpty(changed)) managers.set(id, before)
    else if (before !== undefined && !loses && !reaches(before.fields.wire, ignored.names) && includesAll(before.fields.wire, changed)) managers.set(id, { ...by, fields: before.fields })
    else managers.set(id, { ...by, fields: ownedOfSet(ownable(union(difference(before?.fields.set ?? emptySet(), comparison.removed), changed), ignored.set)) })
  }
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
  if (managers.size === 0 || (managers.size === 1 && managers.has(id)) || isSame(comparison)) return
  const changed = union(comparison.added, comparison.modified)
  const lost = [...managers].filter(([other, { fields }]) => other !== id && overlaps(fields.wire, changed)).map(([other, manager]) => ({ other, manager, fields: intersection(manager.fields.set, changed) }))
  if (lost.length > 0 && !force) throw applyConflict(lost)
  for (const { other, manager } of lost) managers.set(other, { ...manager, fields: ownedOfSet(difference(manager.fields.set, changed)) })
  if (isEmpty(comparison.removed)) return
  for (const [other, manager] of managers) {
    if (other !== id && overlaps(manager.fields.wire, comparison.removed)) managers.set(other, { ...manager, fields: ownedOfSet(difference(manager.fields.set, comparison.removed)) })
  }
}

/** Removes what the applier owned before, then puts back what anybody still owns and what stood inside only by chance. */
function prune(merged: unknown, last: FieldSet, managers: Managers, schema: Schema | undefined): unknown {
  const named = (set: FieldSet) => withNamedFields(set, schema)
  const missing = (from: unknown) => difference(named(fieldsOf(merged, schema)), named(fieldsOf(from, schema)))
  const bare = removeFields(merged, last, schema) ?? {}
  const owned = [...managers.values()].reduce((all, manager) => union(all, manager.fields.set), emptySet())
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
