import type { JsonObject } from '@idp/formats'

/**
 * A set of paths into an object. A path is a list of elements in the wire form of FieldsV1: `f:name` a field, `k:{"name":"x"}` an item
 * of a list by its keys, `v:"x"` an item of a set by its value, `i:0` an item by its place.
 *
 *     {"f:spec":{"f:replicas":{},"f:ports":{"k:{\"port\":80}":{".":{},"f:name":{}}}}}
 *
 * holds .spec.replicas, .spec.ports[port=80] and .spec.ports[port=80].name.
 */
export interface FieldSet {
  readonly members: Set<string>
  readonly children: Map<string, FieldSet>
}

export function emptySet(): FieldSet {
  return { members: new Set(), children: new Map() }
}

export function isEmpty(set: FieldSet): boolean {
  if (set.members.size > 0) return false
  for (const child of set.children.values()) if (!isEmpty(child)) return false
  return true
}

/** The set below `element`, made if it is not there. */
export function childOf(set: FieldSet, element: string): FieldSet {
  let child = set.children.get(element)
  if (child === undefined) set.children.set(element, (child = emptySet()))
  return child
}

export function insertPath(set: FieldSet, path: readonly string[]): void {
  const last = path.at(-1)
  if (last === undefined) return
  path.slice(0, -1).reduce(childOf, set).members.add(last)
}

export function hasPath(set: FieldSet, path: readonly string[]): boolean {
  const last = path.at(-1)
  let at: FieldSet | undefined = set
  for (const element of path.slice(0, -1)) at = at?.children.get(element)
  return last !== undefined && at?.members.has(last) === true
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map(a.children)
  for (const [element, child] of b.children) {
    const other = children.get(element)
    children.set(element, other === undefined ? child : union(other, child))
  }
  return { members: a.members.union(b.members), children }
}

/** Paths of `a` that are not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  const out: FieldSet = { members: a.members.difference(b.members), children: new Map() }
  for (const [element, child] of a.children) {
    const other = b.children.get(element)
    const rest = other === undefined ? child : difference(child, other)
    if (!isEmpty(rest)) out.children.set(element, rest)
  }
  return out
}

/** Paths of `a` that are neither in `b` nor below a path of `b`. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  const out: FieldSet = { members: a.members.difference(b.members), children: new Map() }
  for (const [element, child] of a.children) {
    if (b.members.has(element)) continue
    const other = b.children.get(element)
    const rest = other === undefined ? child : recursiveDifference(child, other)
    if (!isEmpty(rest)) out.children.set(element, rest)
  }
  return out
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const out: FieldSet = { members: a.members.intersection(b.members), children: new Map() }
  for (const [element, child] of a.children) {
    const other = b.children.get(element)
    const both = other === undefined ? undefined : intersection(child, other)
    if (both !== undefined && !isEmpty(both)) out.children.set(element, both)
  }
  return out
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  return isEmpty(difference(a, b)) && isEmpty(difference(b, a))
}

/** Every path of the set, parents before children, in wire order. */
export function* paths(set: FieldSet, prefix: readonly string[] = []): Generator<readonly string[]> {
  for (const element of elementsInOrder(set)) {
    const path = [...prefix, element]
    if (set.members.has(element)) yield path
    const child = set.children.get(element)
    if (child !== undefined) yield* paths(child, path)
  }
}

/** FieldsV1, as `metadata.managedFields[].fieldsV1` holds it. */
export function toFieldsV1(set: FieldSet): JsonObject {
  const out: JsonObject = {}
  for (const element of elementsInOrder(set)) {
    const child = set.children.get(element)
    const fields = memberOf(set.members.has(element), child === undefined ? {} : toFieldsV1(child))
    if (fields !== undefined) out[element] = fields
  }
  return out
}

/** Elements of fields by their names; kept, because a name that is known already is a far cheaper key than one put together anew. */
const fieldElements = new Map<string, string>()
const mostFieldElements = 8192

/** `f:name` */
export function fieldElement(name: string): string {
  let element = fieldElements.get(name)
  if (element === undefined) {
    if (fieldElements.size >= mostFieldElements) fieldElements.clear()
    fieldElements.set(name, (element = `f:${name}`))
  }
  return element
}

/** What FieldsV1 holds under an element that has `below` under it and may itself be a member; undefined for nothing at all. */
export function memberOf(isMember: boolean, below: JsonObject): JsonObject | undefined {
  for (const _ in below) return isMember ? { '.': {}, ...below } : below
  return isMember ? below : undefined
}

/** Reads FieldsV1; anything that is not one gives an empty set. */
export function fromFieldsV1(fields: JsonObject | undefined): FieldSet {
  const set = emptySet()
  for (const element in fields) {
    if (element === '.') continue
    const below = fields[element]
    let count = 0
    let isMember = false
    if (below !== null && typeof below === 'object' && !Array.isArray(below)) {
      for (const key in below) {
        count++
        isMember ||= key === '.'
      }
    }
    if (count === 0 || isMember) set.members.add(element)
    if (count > (isMember ? 1 : 0)) set.children.set(element, fromFieldsV1(below as JsonObject))
  }
  return set
}

const kinds = 'fkvi'

/** Fields before keyed items before items of sets before items by place, each by their text. */
export function inWireOrder(a: string, b: string): number {
  return (a[0] === b[0] ? 0 : kinds.indexOf(a[0] ?? '') - kinds.indexOf(b[0] ?? '')) || (a < b ? -1 : a > b ? 1 : 0)
}

/** Items in wire order. */
export function inOrder(found: ReadonlyMap<string, JsonObject>): JsonObject {
  const out: JsonObject = {}
  for (const element of found.size > 1 ? [...found.keys()].sort(inWireOrder) : found.keys()) out[element] = found.get(element) ?? {}
  return out
}

function elementsInOrder(set: FieldSet): string[] {
  const all = set.children.size === 0 ? [...set.members] : [...new Set([...set.members, ...set.children.keys()])]
  return all.length > 1 ? all.sort(inWireOrder) : all
}

/** `.spec.containers[name="web"].image` */
export function pathText(path: readonly string[]): string {
  return path.map((element) => {
    const rest = element.slice(2)
    if (element.startsWith('f:')) return `.${rest}`
    if (element.startsWith('v:')) return `[=${rest}]`
    if (element.startsWith('i:')) return `[${rest}]`
    const keys = JSON.parse(rest) as Record<string, unknown>
    return `[${Object.entries(keys).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`
  }).join('')
}
