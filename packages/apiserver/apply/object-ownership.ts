import type { AnyObject, JsonObject } from '@idp/formats'
import { cloneJson, equalJson } from '../json-value.ts'
import type { Schema } from '../schema/resolve-schema.ts'
import { fromFieldsV1 } from './field-set.ts'
import { capUpdaters, entryOf, readManagers, writeManagers, type Managers } from './managers.ts'
import { newFields, type Ignored } from './new-fields.ts'
import { applyConfig, trackUpdate, type IgnoredFields } from './own-fields.ts'
import { isEmptyWire } from './owned-fields.ts'

export interface Writer {
  readonly manager: string
  readonly subresource: string
  readonly schema: Schema | undefined
  /** RFC 3339. */
  readonly time: string
}

/** Fields that identify or that the server sets: nobody owns them. */
const unowned: Ignored = {
  'f:apiVersion': true, 'f:kind': true,
  'f:metadata': {
    'f:name': true, 'f:namespace': true, 'f:creationTimestamp': true, 'f:selfLink': true, 'f:uid': true, 'f:clusterName': true,
    'f:generation': true, 'f:managedFields': true, 'f:resourceVersion': true, 'f:deletionTimestamp': true, 'f:deletionGracePeriodSeconds': true,
  },
}
const ignoredByStatus = ignoring({ ...unowned, 'f:spec': true })
const ignoredBesideStatus = ignoring({ ...unowned, 'f:status': true })
const ignoredWithoutStatus = ignoring(unowned)

function ignoring(names: Ignored): IgnoredFields {
  const wire = (below: Ignored): JsonObject => Object.fromEntries(Object.entries(below).map(([element, more]) => [element, more === true ? {} : wire(more)]))
  return { names, set: fromFieldsV1(wire(names)) }
}

/** What each endpoint leaves alone: an object's own endpoint its status, the status endpoint all else. */
function ignoredFields(subresource: string, hasStatus: boolean): IgnoredFields {
  if (subresource === 'status') return ignoredByStatus
  return hasStatus ? ignoredBesideStatus : ignoredWithoutStatus
}

/** Server-side apply of `config` onto `live` (undefined: nothing there yet). Returns a new object with its managedFields. */
export function applyObject(live: AnyObject | undefined, config: AnyObject, writer: Writer & { readonly force: boolean; readonly hasStatus: boolean }): AnyObject {
  const by = { name: writer.manager, operation: 'Apply' as const, subresource: writer.subresource, apiVersion: config.apiVersion, time: writer.time }
  const managers = readManagers(live?.metadata.managedFields, 'store')
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
  const ignored = ignoredFields(writer.subresource, writer.hasStatus)
  const given = next.metadata.managedFields
  const known = live?.metadata.managedFields
  if (live === undefined && (given === undefined || given.length === 0)) {
    const fields = newFields(withoutManagers(next) as unknown as JsonObject, writer.schema, ignored.names)
    if (fields !== undefined) return isEmptyWire(fields) ? [] : [entryOf(by, fields)]
  }
  const managers = isReset(next) ? readManagers([], 'store') : !given?.length || equalJson(given, known) ? readManagers(known, 'store') : readManagers(given, 'client')
  const before = live === undefined ? { apiVersion: next.apiVersion, kind: next.kind, metadata: {} } : withoutManagers(live)
  const after = trackUpdate(before, withoutManagers(next), { schema: writer.schema, managers, by, ignored })
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
    if (known !== undefined && known.apiVersion === manager.apiVersion && known !== manager && known.fields === manager.fields) after.set(id, known)
  }
  return after
}

function withoutManagers(object: AnyObject): AnyObject {
  const { managedFields: _managed, ...metadata } = object.metadata
  return { ...object, metadata }
}
