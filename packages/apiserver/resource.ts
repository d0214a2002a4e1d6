import type { Kind, PrinterColumn, StatusCause } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { Schema } from './schema/resolve-schema.ts'

/** Where the `scale` subresource finds its numbers. */
export interface ScalePaths {
  readonly spec: readonly string[]
  readonly status: readonly string[]
  readonly selector?: readonly string[]
}

/** One served resource at one version: all that the generic verbs need to know about it. Built-in kinds and custom resources look the same from here. */
export interface Resource {
  readonly kind: Kind<AnyObject>
  /** `/registry/<group or core>/<plural>/`. All versions of a resource share it. */
  readonly prefix: string
  /** apiVersion in which objects are stored. */
  readonly storageApiVersion: string
  readonly builtIn: boolean
  /** Structure with list and merge markers; absent: anything goes and lists are atomic. */
  readonly schema: Schema | undefined
  readonly hasStatus: boolean
  readonly scale: ScalePaths | undefined
  /** What `kubectl get` prints. */
  readonly columns: readonly PrinterColumn[]
  /** Status of a new object of a built-in kind. */
  initialStatus?(object: AnyObject): object
  /** Fields usable in fieldSelector besides metadata.name and metadata.namespace. */
  readonly selectableFields: readonly string[]
  readonly verbs: readonly string[]
  readonly deprecated?: string
  /** Checks types, drops what the schema does not know and fills in zero values, in place; returns the paths it dropped. Throws ApiError `BadRequest`. */
  decode(object: AnyObject): string[]
  /** Fills in defaults, in place. */
  normalize(object: AnyObject): void
  /** Loads what `validate` needs; awaited before it. Undefined when nothing is missing. */
  prepare?(): Promise<void> | undefined
  /** Causes for which the object is refused with `Invalid`. */
  validate(object: AnyObject, old: AnyObject | undefined, subresource: string): StatusCause[]
  /** Turns an object of another version of the same resource into this one. */
  convert?(objects: AnyObject[], toApiVersion: string): Promise<AnyObject[]>
  readonly strategy?: Strategy
  /** What of a written object counts, for subresources that write only some fields; set for the one request. */
  scope?(live: AnyObject, written: AnyObject): AnyObject
}

/** What is particular to writing one kind. */
export interface Strategy {
  /** Runs whenever defaults are filled in; safe to repeat. */
  normalize?(object: AnyObject): void
  /** Runs before validation of a creation; may change the object in place. */
  prepareCreate?(object: AnyObject): void
  /** Runs before validation of a change; may change the object in place. */
  prepareUpdate?(object: AnyObject, old: AnyObject): void
  /** False: metadata.generation is not kept (kinds without a spec that is acted on). */
  readonly generation?: boolean
  /** False: the object stays although nothing in its metadata holds it (a namespace that is not finalized). */
  mayGo?(object: AnyObject): boolean
  /** How many seconds a deletion gives the object to end by itself; 0 or absent: it goes at once. */
  /** Status of a new object. */
  initialStatus?(object: AnyObject): object
  /** Changes what a deletion changes besides metadata, in place (a namespace's phase). */
  markDeleted?(object: AnyObject): void
  /** True: a deletion that is done answers the object instead of a Status, as upstream does for pods and others. */
  readonly answersDeleted?: boolean
  gracePeriod?(object: AnyObject, asked: number | undefined): number
}

export const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const

/** `/registry/core/pods/`. */
export function storagePrefix(group: string, plural: string): string {
  return `/registry/${group === '' ? 'core' : group}/${plural}/`
}

/** The store key of one object. */
export function storageKey(resource: Pick<Resource, 'prefix' | 'kind'>, namespace: string | undefined, name: string): string {
  return resource.kind.scope === 'Namespaced' ? `${resource.prefix}${namespace ?? ''}/${name}` : resource.prefix + name
}
