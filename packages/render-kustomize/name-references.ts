import type { Json, JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import { mapList, updateField, type FieldSpec } from './field-spec.ts'
import { isObject, originalId, setIn, withObject, type Resource } from './resource.ts'
import { formatId, idOf, isSelectedByGvk, type Gvk } from './resource-id.ts'
import type { NameReference } from './transformer-config.ts'
import type { Transform } from './transform.ts'

/** Writes the new names of renamed resources into the fields that refer to them. */
export function fixNameReferences(references: readonly NameReference[]): Transform {
  return (resources) => {
    checkBindings(resources)
    // Names looked up are always previous ones: who was never renamed cannot be meant.
    const byName = new Map<string, Resource[]>()
    for (const resource of resources) {
      for (const name of new Set(resource.previous.map((id) => id.name))) byName.set(name, [...(byName.get(name) ?? []), resource])
    }
    if (byName.size === 0) return resources
    const rows = new Map<string, Row[]>()
    // Referrals are read while they are being written; upstream sees the changed ones, but only their names count, which stay.
    return resources.map((resource) => {
      const id = originalId(resource)
      const key = `${id.group}/${id.version}/${id.kind}`
      let own = rows.get(key)
      if (own === undefined) rows.set(key, own = rowsFor(references, id))
      let current = resource
      for (const { spec, target } of own) {
        const filter: Filter = { referrer: current, target, path: spec.path, byName, all: resources, subjects: bindingNamespaces(current) }
        // The spec's kind was compared with the original id already.
        const object = updateField(current.object, { ...spec, group: '', version: '', kind: '' }, { set: (found) => resolve(filter, found) })
        current = withObject(current, object)
      }
      return current
    })
  }
}

interface Row { readonly spec: FieldSpec; readonly target: Gvk }
interface Filter {
  readonly referrer: Resource
  readonly target: Gvk
  readonly path: string
  readonly byName: ReadonlyMap<string, readonly Resource[]>
  readonly all: readonly Resource[]
  readonly subjects: ReadonlySet<string>
}

function rowsFor(references: readonly NameReference[], id: Gvk): Row[] {
  return references.flatMap((reference) => reference.fieldSpecs.filter((spec) => isSelectedByGvk(id, spec)).map((spec) => ({ spec, target: reference })))
}

function resolve(filter: Filter, found: Json): Json {
  if (found === null || found === undefined) return found
  if (Array.isArray(found)) return mapList(found, (item) => (isObject(item) ? resolveMap(filter, item) : Array.isArray(item) ? item : resolveScalar(filter, item)))
  return isObject(found) ? resolveMap(filter, found) : resolveScalar(filter, found)
}

function resolveScalar(filter: Filter, found: Json): Json {
  if (found === null) return found
  const referral = selectReferral(filter, String(found), referable(filter, String(found)), (a, b) => a.name === b.name)
  if (referral === undefined) return found
  const { name } = idOf(referral.object)
  return name === String(found) ? found : name
}

function resolveMap(filter: Filter, map: JsonObject): JsonObject {
  const name = map['name']
  if (name === undefined) throw failure('KustomizeConfigConflict', `updating name reference in '${filter.path}' field of '${formatId(idOf(filter.referrer.object))}': path config error; no 'name' field in node`)
  if (name === null || typeof name === 'object') return map
  let candidates = referable(filter, String(name))
  const namespace = map['namespace']
  if (typeof namespace === 'string') {
    const inOriginal = (resource: Resource): boolean => originalId(resource).effectiveNamespace === namespace
    const known = filter.all.some((resource) => inOriginal(resource) && isReferable(filter, resource))
    candidates = candidates.filter(known ? inOriginal : (resource) => idOf(resource.object).effectiveNamespace === namespace)
  }
  const referral = selectReferral(filter, String(name), candidates, (a, b) => a.name === b.name && a.namespace === b.namespace)
  if (referral === undefined) return map
  const id = idOf(referral.object)
  const named = setIn(map, 'name', id.name === String(name) ? name : id.name)
  return id.namespace === '' ? named : setIn(named, 'namespace', id.namespace)
}

/** Those of a name that the referrer may see: cluster-scoped, of its namespace, or where a role binding's service accounts live. */
function referable(filter: Filter, name: string): readonly Resource[] {
  return (filter.byName.get(name) ?? []).filter((resource) => isReferable(filter, resource))
}

function isReferable({ referrer, subjects }: Filter, { object }: Resource): boolean {
  const own = idOf(referrer.object)
  const id = idOf(object)
  return own.clusterScoped || id.clusterScoped || id.effectiveNamespace === own.effectiveNamespace || subjects.has(id.namespace)
}

/** Checked for every role binding, whether or not anything was renamed. */
function checkBindings(resources: readonly Resource[]): void {
  for (const resource of resources) bindingNamespaces(resource)
}

function bindingNamespaces({ object }: Resource): ReadonlySet<string> {
  const namespaces = new Set<string>()
  if (object['kind'] !== 'RoleBinding' || !Array.isArray(object['subjects'])) return namespaces
  for (const subject of object['subjects']) {
    if (!isObject(subject) || subject['kind'] !== 'ServiceAccount' || !Object.hasOwn(subject, 'namespace')) continue
    const { namespace } = subject
    if (typeof namespace !== 'string') throw failure('InvalidResource', `Invalid Input: namespace is blank for resource "${formatId(idOf(object))}"`, formatId(idOf(object)))
    namespaces.add(namespace)
  }
  return namespaces
}

type Same = (a: { name: string; namespace: string }, b: { name: string; namespace: string }) => boolean

function selectReferral(filter: Filter, name: string, candidates: readonly Resource[], same: Same): Resource | undefined {
  if (candidates.length === 0) return undefined
  const { referrer, target } = filter
  const own = idOf(referrer.object)
  const role = roleKind(filter)
  let left = candidates.filter((resource) => resource.previous.some((id) => isSelectedByGvk(id, target)))
  if (role !== undefined) left = left.filter((resource) => resource.previous.some((id) => isSelectedByGvk(id, role)))
  if (!own.clusterScoped) {
    left = left.filter(({ object }) => {
      const id = idOf(object)
      return id.clusterScoped || id.kind === 'ServiceAccount' || id.effectiveNamespace === own.effectiveNamespace
    })
  }
  if (left.length === 1) return left[0]
  left = left.filter((resource) => sameAffixes(resource, referrer, true))
  if (left.length > 1) left = left.filter((resource) => sameAffixes(resource, referrer, false))
  const [first] = left
  if (first === undefined || left.length === 1) return first
  if (left.every((resource) => same(idOf(resource.object), idOf(first.object)))) return first
  throw failure('AmbiguousReference', `updating name reference in '${filter.path}' field of '${formatId(own)}': found multiple possible referrals: ${left.map(({ object }) => formatId(idOf(object))).join(', ')} for ${name}`)
}

/** For `roleRef/name`, what the role's kind must be. */
function roleKind({ referrer, path }: Filter): Gvk | undefined {
  if (!path.endsWith('roleRef/name')) return undefined
  const role = referrer.object['roleRef']
  if (!isObject(role) || typeof role['apiGroup'] !== 'string' || typeof role['kind'] !== 'string') return undefined
  return { group: role['apiGroup'], version: '', kind: role['kind'] }
}

function sameAffixes(a: Resource, b: Resource, allowEmpty: boolean): boolean {
  return sameEnd(a.prefixes, b.prefixes, allowEmpty) && sameEnd(a.suffixes, b.suffixes, allowEmpty)
}

/** True when the shorter list is the end of the longer one. */
function sameEnd(a: readonly string[], b: readonly string[], allowEmpty: boolean): boolean {
  if (allowEmpty && (a.length === 0 || b.length === 0)) return true
  const length = Math.min(a.length, b.length)
  if (length === 0) return a.length === b.length
  for (let i = 1; i <= length; i++) if (a.at(-i) !== b.at(-i)) return false
  return true
}
