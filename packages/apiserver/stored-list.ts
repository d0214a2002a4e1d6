import type { AnyObject } from '@idp/formats'
import type { ObjectStorage } from './object-storage.ts'
import type { Resource } from './resource.ts'
import type { ResourceRegistry } from './resource-registry.ts'

/** All objects of a kind that nearly every request asks for and that hardly ever changes, derived from once per change. */
export interface StoredList<T> {
  /** Shared: never change it. */
  current(): T
}

/** Derives `T` from the objects of one built-in kind; anew when one of them was written. Empty when the kind is not served. */
export function storedList<T>({ storage, registry }: { readonly storage: ObjectStorage; readonly registry: ResourceRegistry }, kind: { readonly group: string; readonly version: string; readonly plural: string }, derive: (objects: readonly AnyObject[]) => T): StoredList<T> {
  let resource: Resource | undefined
  let value: { readonly of: T } | undefined
  storage.onWrite(({ resource: { prefix } }) => {
    if (prefix === resource?.prefix) value = undefined
  })
  return {
    current() {
      if (value !== undefined) return value.of
      resource ??= registry.find(kind.group, kind.version, kind.plural)
      if (resource === undefined) return derive([])
      value = { of: derive(storage.list(resource)) }
      return value.of
    },
  }
}

/** Objects under their namespace. */
export function byNamespace<T>(objects: readonly AnyObject[]): ReadonlyMap<string, readonly T[]> {
  return Map.groupBy(objects as readonly T[], (object) => (object as AnyObject).metadata.namespace ?? '')
}
