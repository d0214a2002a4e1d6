import type { JsonObject, ManagedFieldsEntry } from '@idp/formats'
import { emptySet, fromFieldsV1, union } from './field-set.ts'
import { isEmptyWire, ownedOfSet, ownedOfWire, type OwnedFields } from './owned-fields.ts'

/** Who owns which fields of one object, and since when. */
export interface Manager {
  readonly name: string
  readonly operation: 'Apply' | 'Update'
  readonly subresource: string
  readonly apiVersion: string
  readonly time: string | undefined
  readonly fields: OwnedFields
}

/** Managers under their identity. An applier is the same in every version, so that it can move its configuration to a newer one. */
export type Managers = Map<string, Manager>

/** The parts stand between characters that no name has. */
export function managerId(manager: Pick<Manager, 'name' | 'operation' | 'subresource' | 'apiVersion'>): string {
  return `${manager.operation}\0${manager.subresource}\0${manager.operation === 'Apply' ? '' : manager.apiVersion}\0${manager.name}`
}

/** `from` says who wrote the entries: this server, whose FieldsV1 is taken as it is, or a client, whose is put in order. */
export function readManagers(entries: readonly ManagedFieldsEntry[] | undefined, from: 'store' | 'client'): Managers {
  const managers: Managers = new Map()
  for (const entry of entries ?? []) {
    const wire = entry.fieldsV1 ?? {}
    const manager: Manager = {
      name: entry.manager ?? '', operation: entry.operation ?? 'Update', subresource: entry.subresource ?? '',
      apiVersion: entry.apiVersion ?? '', time: entry.time, fields: from === 'store' ? ownedOfWire(wire) : ownedOfSet(fromFieldsV1(wire)),
    }
    managers.set(managerId(manager), manager)
  }
  return managers
}

/** The wire form: appliers first, then by time, then by name. */
export function writeManagers(managers: Managers): ManagedFieldsEntry[] {
  const text = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  const list = [...managers.values()]
  if (list.length > 1) list.sort((a, b) => text(a.operation, b.operation) || text(a.time ?? '', b.time ?? '') || text(a.name, b.name) || text(a.apiVersion, b.apiVersion) || text(a.subresource, b.subresource))
  return list.map((manager) => entryOf(manager, manager.fields.wire))
}

export function entryOf(manager: Omit<Manager, 'fields'>, fieldsV1: JsonObject): ManagedFieldsEntry {
  return {
    manager: manager.name, operation: manager.operation, apiVersion: manager.apiVersion,
    ...(manager.time === undefined ? {} : { time: manager.time }), fieldsType: 'FieldsV1', fieldsV1,
    ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
  }
}

const mostUpdaters = 10

/** Keeps an object that everybody touches from growing without end: the oldest updaters of a version become one, `ancient-changes`. */
export function capUpdaters(managers: Managers): void {
  if (managers.size <= mostUpdaters) return
  const updaters = [...managers].filter(([, manager]) => manager.operation === 'Update' && manager.subresource === '')
    .sort(([, a], [, b]) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1))
  for (const [id, manager] of updaters.slice(0, Math.max(0, updaters.length - mostUpdaters + 1))) {
    if (updaters.length <= mostUpdaters) return
    managers.delete(id)
    const ancient = { ...manager, name: 'ancient-changes' }
    const known = managers.get(managerId(ancient))
    managers.set(managerId(ancient), { ...ancient, fields: ownedOfSet(union(known?.fields.set ?? emptySet(), manager.fields.set)) })
  }
}

export function dropEmpty(managers: Managers): void {
  for (const [id, manager] of managers) if (isEmptyWire(manager.fields.wire)) managers.delete(id)
}
