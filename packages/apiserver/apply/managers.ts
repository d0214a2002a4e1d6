import type { ManagedFieldsEntry } from '@idp/formats'
import { emptySet, fromFieldsV1, isEmpty, toFieldsV1, union, type FieldSet } from './field-set.ts'

/** Who owns which fields of one object, and since when. */
export interface Manager {
  readonly name: string
  readonly operation: 'Apply' | 'Update'
  readonly subresource: string
  readonly apiVersion: string
  readonly time: string | undefined
  readonly fields: FieldSet
}

/** Managers under their identity. An applier is the same in every version, so that it can move its configuration to a newer one. */
export type Managers = Map<string, Manager>

export function managerId(manager: Pick<Manager, 'name' | 'operation' | 'subresource' | 'apiVersion'>): string {
  return JSON.stringify([manager.name, manager.operation, manager.subresource, manager.operation === 'Apply' ? '' : manager.apiVersion])
}

export function readManagers(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  const managers: Managers = new Map()
  for (const entry of entries ?? []) {
    const manager: Manager = {
      name: entry.manager ?? '', operation: entry.operation ?? 'Update', subresource: entry.subresource ?? '',
      apiVersion: entry.apiVersion ?? '', time: entry.time, fields: fromFieldsV1(entry.fieldsV1),
    }
    managers.set(managerId(manager), manager)
  }
  return managers
}

/** The wire form: appliers first, then by time, then by name. */
export function writeManagers(managers: Managers): ManagedFieldsEntry[] {
  const text = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return [...managers.values()]
    .sort((a, b) => text(a.operation, b.operation) || text(a.time ?? '', b.time ?? '') || text(a.name, b.name) || text(a.apiVersion, b.apiVersion) || text(a.subresource, b.subresource))
    .map((manager) => ({
      manager: manager.name, operation: manager.operation, apiVersion: manager.apiVersion,
      ...(manager.time === undefined ? {} : { time: manager.time }), fieldsType: 'FieldsV1' as const, fieldsV1: toFieldsV1(manager.fields),
      ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
    }))
}

const mostUpdaters = 10

/** Keeps an object that everybody touches from growing without end: the oldest updaters of a version become one, `ancient-changes`. */
export function capUpdaters(managers: Managers): void {
  const updaters = [...managers].filter(([, manager]) => manager.operation === 'Update' && manager.subresource === '')
    .sort(([, a], [, b]) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1))
  for (const [id, manager] of updaters.slice(0, Math.max(0, updaters.length - mostUpdaters + 1))) {
    if (updaters.length <= mostUpdaters) return
    managers.delete(id)
    const ancient = { ...manager, name: 'ancient-changes' }
    const known = managers.get(managerId(ancient))
    managers.set(managerId(ancient), { ...ancient, fields: union(known?.fields ?? emptySet(), manager.fields) })
  }
}

export function dropEmpty(managers: Managers): void {
  for (const [id, manager] of managers) if (isEmpty(manager.fields)) managers.delete(id)
}
