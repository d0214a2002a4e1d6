import type { Json, JsonObject } from '@idp/formats'
import { isMarkedEmpty } from './empty-members.ts'
import type { Origin } from './origin.ts'
import { idOf, makePreviousId, type ResourceId } from './resource-id.ts'

/** What a generated object does when one of its id exists already. */
export type Behavior = '' | 'create' | 'merge' | 'replace'

/**
 * An object on its way through a build. Neither it nor `object` is ever changed in place: a transformation makes a new one that
 * shares what it did not touch, so that results of earlier builds can be kept.
 */
export interface Resource {
  readonly object: JsonObject
  /** Ids it had before names, namespaces or kinds were changed; oldest first. */
  readonly previous: readonly ResourceId[]
  readonly prefixes: readonly string[]
  readonly suffixes: readonly string[]
  /** Append a hash of the contents to the name at the end. */
  readonly needsHash: boolean
  readonly behavior: Behavior
  /** It has members that are `undefined`: see empty-members.ts. */
  readonly hasEmpty: boolean
  /** Names of `vars` that read from it. */
  readonly vars: readonly string[]
  readonly origin?: Origin | undefined
  readonly transformations?: readonly Origin[] | undefined
}

export function makeResource(object: JsonObject): Resource {
  return { object, previous: [], prefixes: [], suffixes: [], needsHash: false, behavior: '', vars: [], hasEmpty: isMarkedEmpty(object) }
}

/** The id it was loaded with. */
export function originalId(resource: Resource): ResourceId {
  return resource.previous[0] ?? idOf(resource.object)
}

/** Records the present id among the previous ones; to be called before a change of name, namespace or kind. */
export function rememberId(resource: Resource): Resource {
  const id = idOf(resource.object)
  const last = makePreviousId(id, id.name, id.effectiveNamespace)
  return { ...resource, previous: [...resource.previous, last] }
}

export function withObject(resource: Resource, object: JsonObject): Resource {
  return object === resource.object ? resource : { ...resource, object }
}

/** Any of its present and previous ids. The group and version of previous ids follow the present ones. */
export function allIds(resource: Resource): readonly ResourceId[] {
  const current = idOf(resource.object)
  return resource.previous.length === 0 ? [current] : [...resource.previous, current]
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Replaces one member; undefined removes it. */
export function setIn(object: JsonObject, key: string, value: Json | undefined): JsonObject {
  if (value === undefined) {
    if (!Object.hasOwn(object, key)) return object
    const { [key]: _, ...rest } = object
    return rest
  }
  return object[key] === value && Object.hasOwn(object, key) ? object : { ...object, [key]: value }
}

/** Replaces one member of `metadata`; undefined removes it. */
export function setMetadata(object: JsonObject, key: string, value: Json | undefined): JsonObject {
  const metadata = isObject(object['metadata']) ? object['metadata'] : {}
  return setIn(object, 'metadata', setIn(metadata, key, value))
}

/** `metadata.labels` or `metadata.annotations`, with every value as text. */
export function stringMapOf(object: JsonObject, member: 'annotations' | 'labels'): Record<string, string> {
  const metadata = object['metadata']
  const map = isObject(metadata) ? metadata[member] : undefined
  const out: Record<string, string> = {}
  if (isObject(map)) for (const key of Object.keys(map)) out[key] = scalarText(map[key])
  return out
}

/** The text of a scalar as kustomize reads it where it wants text; nothing for lists and maps. */
export function scalarText(value: Json | undefined): string {
  return value === undefined || (typeof value === 'object' && value !== null) ? '' : String(value)
}
