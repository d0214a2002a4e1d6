import type { AnyObject } from '@idp/formats'
import { cloneJson } from '../json-value.ts'
import type { Schema } from '../schema/resolve-schema.ts'
import { fromFieldsV1, type FieldSet } from './field-set.ts'
import { capUpdaters, readManagers, writeManagers, type Managers } from './managers.ts'
import { applyConfig, trackUpdate } from './own-fields.ts'

export interface Writer {
  readonly manager: string
  readonly subresource: string
  readonly schema: Schema | undefined
  /** RFC 3339. */
  readonly time: string
}

/** Fields that identify or that the server sets: nobody owns them. */
const unowned = {
  'f:apiVersion': {}, 'f:kind': {},
  'f:metadata': {
    'f:name': {}, 'f:namespace': {}, 'f:creationTimestamp': {}, 'f:selfLink': {}, 'f:uid': {}, 'f:clusterName': {},
    'f:generation': {}, 'f:managedFields': {}, 'f:resourceVersion': {}, 'f:deletionTimestamp': {}, 'f:deletionGracePeriodSeconds': {},
  },
}

/** What each endpoint leaves alone: an object's own endpoint its status, the status endpoint all else. */
function ignoredFields(subresource: string, hasStatus: boolean): FieldSet {
  if (subresource === 'status') return fromFieldsV1({ ...unowned, 'f:spec': {} })
  return fromFieldsV1(hasStatus ? { ...unowned, 'f:status': {} } : unowned)
}

/** Server-side apply of `config` onto `live` (undefined: nothing there yet). Returns a new object with its managedFields. */
export function applyObject(live: AnyObject | undefined, config: AnyObject, writer: Writer & { readonly force: boolean; readonly hasStatus: boolean }): AnyObject {
  const by = { name: writer.manager, operation: 'Apply' as const, subresource: writer.subresource, apiVersion: config.apiVersion, time: writer.time }
  const managers = readManagers(live?.metadata.managedFields)
  const bare = live === undefined ? { apiVersion: config.apiVersion, kind: config.kind, metadata: {} } : withoutManagers(live)
  const change = { schema: writer.schema, managers, by, ignored: ignoredFields(writer.subresource, writer.hasStatus) }
  const result = applyConfig(bare, withoutManagers(config), { ...change, force: writer.force })
  const object = cloneJson(result.object) as AnyObject
  object.metadata ??= {}
  object.metadata.managedFields = writeManagers(settle(result.managers, managers))
  return object
}

/** The managedFields of `next`, which replaces `live` (undefined: a creation). */
export function ownershipAfterUpdate(live: AnyObject | undefined, next: AnyObject, writer: Writer & { readonly hasStatus: boolean }): AnyObject['metadata']['managedFields'] {
  const by = { name: writer.manager, operation: 'Update' as const, subresource: writer.subresource, apiVersion: next.apiVersion, time: writer.time }
  const base = isReset(next) ? [] : next.metadata.managedFields?.length ? next.metadata.managedFields : live?.metadata.managedFields
  const managers = readManagers(base)
  const before = live === undefined ? { apiVersion: next.apiVersion, kind: next.kind, metadata: {} } : withoutManagers(live)
  const after = trackUpdate(before, withoutManagers(next), { schema: writer.schema, managers, by, ignored: ignoredFields(writer.subresource, writer.hasStatus) })
  capUpdaters(after)
  return writeManagers(after)
}

/** `managedFields: []` or `[{}]` asks to forget who owned what. */
function isReset(object: AnyObject): boolean {
  const entries = object.metadata.managedFields
  if (entries === undefined) return false
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0] ?? {}).length === 0)
}

/** An applier whose fields stay the same keeps its time, so that applying twice changes nothing. */
function settle(after: Managers, before: Managers): Managers {
  for (const [id, manager] of after) {
    const known = before.get(id)
    if (known !== undefined && known.apiVersion === manager.apiVersion && known !== manager && sameFields(known.fields, manager.fields)) after.set(id, known)
  }
  return after
}

function sameFields(a: FieldSet, b: FieldSet): boolean {
  if (a.members.size !== b.members.size || a.children.size !== b.children.size) return false
  for (const element of a.members) if (!b.members.has(element)) return false
  for (const [element, child] of a.children) {
    const other = b.children.get(element)
    if (other === undefined || !sameFields(child, other)) return false
  }
  return true
}

function withoutManagers(object: AnyObject): AnyObject {
  const { managedFields: _managed, ...metadata } = object.metadata
  return { ...object, metadata }
}
