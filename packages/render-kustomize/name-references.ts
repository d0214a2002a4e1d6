import type { Json, JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import { mapList, updateField, type FieldSpec } from './field-spec.ts'
import { isObject, originalId, setIn, withObject, type Resource } from './resource.ts'
import { formatId, idOf, isSelectedByGvk, NOT_NAMESPACED, type Gvk } from './resource-id.ts'
import type { NameReference } from './transformer-config.ts'
import type { Transform } from './transform.ts'

/** Writes the new names of renamed resources into the fields that refer to them. */
export function fixNameReferences(references: readonly NameReference[]): Transform {
  const rows = new Map<string, Row[]>()
  const known = new WeakMap<Resource, Known>()
  let last: Indexed | undefined
  return (resources) => {
    checkBindings(resources, last?.resources)
    const before = last
    // What fails half way leaves nothing to go on from.
    last = undefined
    const indexed = before === undefined ? undefined : indexAgain(before, resources)
    const names = indexed?.names ?? indexRenamed(resources)
    if (names.byName.size === 0) return resources
    const round = (before?.round ?? 0) + 1
    const touched = indexed?.touched
    const isUntouched = ({ lookups, round: then }: Known): boolean => touched !== undefined && then === round - 1 && !lookups.some(({ name }) => touched.has(name))
    const holds = (earlier: Known): boolean => isUntouched(earlier) || earlier.lookups.every(({ name, namespace, found }) => sameList(renamed(names, name, namespace), found))
    const results = resources.map((resource) => {
      const earlier = known.get(resource)
      if (earlier !== undefined && holds(earlier)) {
        earlier.round = round
        return earlier.result
      }
      const id = originalId(resource)
      const key = `${id.group}/${id.version}/${id.kind}`
      let own = rows.get(key)
      if (own === undefined) rows.set(key, own = rowsFor(references, id))
      const lookups: Lookup[] = []
      const result = fixOne(resource, own, { names, all: resources, lookups })
      if (!lookups.includes(MORE_THAN_NAMES)) known.set(resource, { lookups, result, round })
      return result
    })
    last = { resources, names, round }
    return results
  }
}

/** Who had a name before, by the namespace they are in now. */
interface Lookup { readonly name: string; readonly namespace: string; readonly found: readonly Resource[] }

/** Stands in the record of a resource whose references depend on more than who has a name. */
const MORE_THAN_NAMES: Lookup = { name: '', namespace: '', found: [] }

/** What was made of a resource, and which resources had the names that it mentions. */
interface Known { readonly lookups: readonly Lookup[]; readonly result: Resource; /** The last time this was found to hold. */ round: number }

function sameList(a: readonly Resource[], b: readonly Resource[]): boolean {
  return a === b || (a.length === b.length && a.every((item, i) => item === b[i]))
}

/** Renamed resources by a former name, then by present namespace. Those never renamed cannot be meant by a name that has to change. */
interface Names { readonly byName: Map<string, Map<string, readonly Resource[]>>; readonly order: Map<Resource, number> }

/** The resources of the last time, and their names. */
interface Indexed { readonly resources: readonly Resource[]; readonly names: Names; readonly round: number }

const NOBODY: readonly Resource[] = []

function renamed({ byName }: Names, name: string, namespace: string): readonly Resource[] {
  return byName.get(name)?.get(namespace) ?? NOBODY
}

function indexRenamed(resources: readonly Resource[]): Names {
  const byName = new Map<string, Map<string, Resource[]>>()
  const order = new Map<Resource, number>()
  for (const resource of resources) {
    if (resource.previous.length === 0) continue
    order.set(resource, order.size)
    const namespace = idOf(resource.object).effectiveNamespace
    let last: string | undefined
    for (const { name } of resource.previous) {
      if (name === last) continue
      last = name
      let spaces = byName.get(name)
      if (spaces === undefined) byName.set(name, spaces = new Map())
      const list = spaces.get(namespace)
      if (list === undefined) spaces.set(namespace, [resource])
      else if (!list.includes(resource)) list.push(resource)
    }
  }
  return { byName, order }
}

/**
 * The index of `last` turned into that of `resources`, and the names for which others stand in it now; undefined when they differ in more than a few
 * that took the place, the former names and the namespace of others.
 */
function indexAgain({ resources: before, names }: Indexed, resources: readonly Resource[]): { names: Names; touched: ReadonlySet<string> } | undefined {
  if (before.length !== resources.length) return undefined
  const replaced: [Resource, Resource][] = []
  for (let i = 0; i < resources.length; i++) {
    const [old, now] = [before[i] as Resource, resources[i] as Resource]
    if (old === now) continue
    if (!sameNames(old, now) || replaced.length >= mostReplaced) return undefined
    replaced.push([old, now])
  }
  const touched = new Set<string>()
  for (const [old, now] of replaced) {
    const place = names.order.get(old)
    if (place === undefined) continue
    names.order.delete(old)
    names.order.set(now, place)
    const namespace = idOf(now.object).effectiveNamespace
    for (const { name } of now.previous) {
      if (touched.has(name) && names.byName.get(name)?.get(namespace)?.includes(now) === true) continue
      touched.add(name)
      const list = renamed(names, name, namespace)
      // Earlier lookups keep the list as it was.
      names.byName.get(name)?.set(namespace, list.map((resource) => (resource === old ? now : resource)))
    }
  }
  return { names, touched }
}

const mostReplaced = 64

function sameNames(a: Resource, b: Resource): boolean {
  return a.previous.length === b.previous.length && idOf(a.object).effectiveNamespace === idOf(b.object).effectiveNamespace && a.previous.every(({ name }, i) => name === b.previous[i]?.name)
}

function fixOne(resource: Resource, rows: readonly Row[], { names, all, lookups }: Pick<Filter, 'names' | 'all' | 'lookups'>): Resource {
  let current = resource
  const subjects = bindingNamespaces(resource)
  for (const { spec, target } of rows) {
    const filter: Filter = { referrer: current, target, path: spec.path, names, all, lookups, subjects }
    current = withObject(current, updateField(current.object, spec, { set: (found) => resolve(filter, found) }))
  }
  return current
}

interface Row { readonly spec: FieldSpec; readonly target: Gvk }
interface Filter {
  readonly referrer: Resource
  readonly target: Gvk
  readonly path: string
  readonly names: Names
  readonly all: readonly Resource[]
  readonly subjects: ReadonlySet<string>
  /** Records every name that is looked up, with who had it. */
  readonly lookups: Lookup[]
}

function rowsFor(references: readonly NameReference[], id: Gvk): Row[] {
  // The kind was compared with the original id here, so it counts no more when the field is looked for.
  const anyKind = { group: '', version: '', kind: '' }
  return references.flatMap((reference) => reference.fieldSpecs.filter((spec) => isSelectedByGvk(id, spec)).map((spec) => ({ spec: { ...spec, ...anyKind }, target: reference })))
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
    filter.lookups.push(MORE_THAN_NAMES)
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
  const { names, referrer, subjects, lookups } = filter
  const own = idOf(referrer.object)
  if (own.clusterScoped) {
    const all = [...(names.byName.get(name)?.values() ?? [])]
    lookups.push(MORE_THAN_NAMES)
    return all.length === 1 ? (all[0] ?? NOBODY) : inOrder(all.flat(), names)
  }
  let found = NOBODY
  for (const namespace of new Set([NOT_NAMESPACED, own.effectiveNamespace, ...subjects])) {
    const here = renamed(names, name, namespace)
    lookups.push({ name, namespace, found: here })
    if (here.length > 0) found = found.length === 0 ? here : inOrder([...found, ...here], names)
  }
  return found
}

function inOrder(resources: Resource[], { order }: Names): Resource[] {
  return resources.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0))
}

function isReferable({ referrer, subjects }: Filter, { object }: Resource): boolean {
  const own = idOf(referrer.object)
  const id = idOf(object)
  return own.clusterScoped || id.clusterScoped || id.effectiveNamespace === own.effectiveNamespace || subjects.has(id.namespace)
}

/** Checked for every role binding, whether or not anything was renamed. */
function checkBindings(resources: readonly Resource[], checked: readonly Resource[] = []): void {
  for (const [i, resource] of resources.entries()) if (resource !== checked[i]) bindingNamespaces(resource)
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
