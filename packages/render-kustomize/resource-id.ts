import type { Json, JsonObject } from '@idp/formats'
import { isClusterScoped } from './known-kinds.ts'

export interface Gvk { readonly group: string; readonly version: string; readonly kind: string }

/** What identifies a resource among others: group, version, kind, namespace and name. */
export interface ResourceId extends Gvk {
  readonly name: string
  /** As written, '' when absent. */
  readonly namespace: string
  /** The namespace that counts for equality: `default` for none, a reserved word for kinds known to be cluster-scoped. */
  readonly effectiveNamespace: string
  readonly clusterScoped: boolean
  /** Equal for equal ids. */
  readonly key: string
}

/** The effective namespace of kinds that have none. */
export const NOT_NAMESPACED = '_non_namespaceable_'
const ids = new WeakMap<JsonObject, ResourceId>()

/** Splits `group/version`; the core group is ''. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? { group: '', version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) }
}

/** The id of an object as it stands. Objects are never changed in place, so the answer is kept. */
export function idOf(object: JsonObject): ResourceId {
  let id = ids.get(object)
  if (id === undefined) {
    const apiVersion = textOf(object['apiVersion'])
    const kind = textOf(object['kind'])
    const metadata = object['metadata']
    const meta = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? metadata : {}
    id = makeId({ ...parseApiVersion(apiVersion), kind }, textOf(meta['name']), textOf(meta['namespace']))
    ids.set(object, id)
  }
  return id
}

export function makeId({ group, version, kind }: Gvk, name: string, namespace: string): ResourceId {
  const clusterScoped = isClusterScoped(group === '' ? version : `${group}/${version}`, kind)
  const effectiveNamespace = clusterScoped ? NOT_NAMESPACED : effective(namespace)
  return { group, version, kind, name, namespace, clusterScoped, effectiveNamespace, key: keyOf({ group, version, kind }, name, effectiveNamespace) }
}

/** The id of a name that a resource once had; its scope is no longer looked up. */
export function makePreviousId({ group, version, kind }: Gvk, name: string, namespace: string): ResourceId {
  const effectiveNamespace = effective(namespace)
  return { group, version, kind, name, namespace, clusterScoped: false, effectiveNamespace, key: keyOf({ group, version, kind }, name, effectiveNamespace) }
}

function effective(namespace: string): string {
  return namespace === '' ? 'default' : namespace
}

function keyOf({ group, version, kind }: Gvk, name: string, effectiveNamespace: string): string {
  return `${effectiveNamespace}\n${group}\n${version}\n${kind}\n${name}`
}

export function sameId(a: ResourceId, b: ResourceId): boolean {
  return a.key === b.key
}

/** True when every field that `selector` gives is equal. */
export function isSelectedByGvk(gvk: Gvk, selector: Gvk): boolean {
  return (selector.kind === '' || selector.kind === gvk.kind) && (selector.group === '' || selector.group === gvk.group)
    && (selector.version === '' || selector.version === gvk.version)
}

/** `Kind.version.group/name.namespace` as kustomize prints ids in messages. */
export function formatId(id: ResourceId): string {
  return `${formatGvk(id)}/${id.name === '' ? '[noName]' : id.name}.${id.namespace === '' ? '[noNs]' : id.namespace}`
}

export function formatGvk({ group, version, kind }: Gvk): string {
  return `${kind === '' ? '[noKind]' : kind}.${version === '' ? '[noVer]' : version}.${group === '' ? '[noGrp]' : group}`
}

export function textOf(value: Json | undefined): string {
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value)
}
