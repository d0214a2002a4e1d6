import type { AnyObject } from '@idp/formats'
import type { Entry } from '@idp/store'
import { apiVersionOf } from '@idp/api'
import { cloneJson } from './json-value.ts'
import type { ObjectCodec } from './object-codec.ts'
import type { Resource } from './resource.ts'

const encoder = new TextEncoder()

/**
 * Stored objects in the version a resource is served at. Single-version resources hand out the stored bytes; others are converted,
 * once per revision.
 */
export interface Presenter {
  object(resource: Resource, entry: Entry): AnyObject | Promise<AnyObject>
  objects(resource: Resource, entries: readonly Entry[]): Promise<AnyObject[]>
  /** What `object` gave for the entry, as JSON: the stored bytes where they are the same, encoded once otherwise. */
  bytes(entry: Entry, object: AnyObject): Uint8Array
  /** The stored object, converted to the served version. */
  convert(resource: Resource, stored: AnyObject): AnyObject | Promise<AnyObject>
}

export function presenter(codec: ObjectCodec): Presenter {
  const converted = new WeakMap<Entry, Map<string, Promise<AnyObject>>>()
  const encoded = new WeakMap<AnyObject, Uint8Array>()
  const convert = (resource: Resource, stored: AnyObject): AnyObject | Promise<AnyObject> =>
    stored.apiVersion === apiVersionOf(resource.kind) ? stored : convertObject(resource, stored)
  const object = (resource: Resource, entry: Entry): AnyObject | Promise<AnyObject> => {
    const stored = codec.object(entry)
    const apiVersion = apiVersionOf(resource.kind)
    if (stored.apiVersion === apiVersion) return stored
    let versions = converted.get(entry)
    if (versions === undefined) converted.set(entry, (versions = new Map()))
    let known = versions.get(apiVersion)
    if (known === undefined) versions.set(apiVersion, (known = convertObject(resource, stored)))
    return known
  }
  return {
    object,
    convert,
    async objects(resource, entries) {
      const found = entries.map((entry) => object(resource, entry))
      return found.some((one) => one instanceof Promise) ? await Promise.all(found) : found as AnyObject[]
    },
    bytes(entry, presented) {
      if (presented === codec.object(entry)) return codec.bytes(entry)
      let bytes = encoded.get(presented)
      if (bytes === undefined) encoded.set(presented, (bytes = encoder.encode(JSON.stringify(presented))))
      return bytes
    },
  }
}

/** Converts one object to the version of `resource`; without a converter the versions differ in name only. */
export async function convertObject(resource: Resource, object: AnyObject): Promise<AnyObject> {
  return convertTo(resource, object, apiVersionOf(resource.kind))
}

export async function convertTo(resource: Resource, object: AnyObject, apiVersion: string): Promise<AnyObject> {
  if (object.apiVersion === apiVersion) return object
  if (resource.convert === undefined) return { ...object, apiVersion }
  const [converted] = await resource.convert([cloneJson(object)], apiVersion)
  return converted ?? { ...object, apiVersion }
}
