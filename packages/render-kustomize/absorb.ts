import { type Json, type JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import { allIds, isObject, setIn, setMetadata, stringMapOf, type Resource } from './resource.ts'
import { formatId, idOf, sameId } from './resource-id.ts'

const MOST_RESOURCES = 20_000

/** A list of resources that grows; an id that is there already is an error. */
export function growing(start: readonly Resource[]): { readonly list: readonly Resource[]; add(more: readonly Resource[], where: string): void } {
  const list = [...start]
  const seen = new Set(start.map(({ object }) => idOf(object).key))
  return {
    list,
    add(more, where) {
      for (const resource of more) {
        const id = idOf(resource.object)
        if (seen.has(id.key)) throw failure('DuplicateResource', `may not add resource with an already registered id: ${formatId(id)}`, where)
        seen.add(id.key)
        list.push(resource)
        // A few small directories that double each other would otherwise fill the memory.
        if (list.length > MOST_RESOURCES) throw failure('TooManyResources', `more than ${MOST_RESOURCES} resources`, where)
      }
    },
  }
}

/** Two lists in one; see {@link growing}. */
export function appendResources(resources: readonly Resource[], more: readonly Resource[], where: string): readonly Resource[] {
  if (more.length === 0) return resources
  const joined = growing(resources)
  joined.add(more, where)
  return joined.list
}

/** Adds a generated resource by its behaviour: create, merge with or replace the one that has its id. */
export function absorb(resources: readonly Resource[], made: Resource, where: string): readonly Resource[] {
  const id = idOf(made.object)
  const found = resources.filter((resource) => allIds(resource).some((other) => sameId(other, id)))
  const [old, second] = found
  if (second !== undefined) throw failure('DuplicateResource', `found multiple objects that could accept merge of ${formatId(id)}`, where)
  if (old === undefined) {
    if (made.behavior === 'merge' || made.behavior === 'replace') throw failure('MergeTargetNotFound', `id ${formatId(id)} does not exist; cannot merge or replace`, where)
    return [...resources, made]
  }
  if (made.behavior !== 'merge' && made.behavior !== 'replace') throw failure('DuplicateResource', `id ${formatId(id)} exists; behavior must be merge or replace`, where)
  const joined = joinGenerated(old, made)
  return resources.map((resource) => (resource === old ? joined : resource))
}

function joinGenerated(old: Resource, made: Resource): Resource {
  let object = made.object
  for (const member of ['labels', 'annotations'] as const) {
    const both = { ...stringMapOf(old.object, member), ...stringMapOf(object, member) }
    object = setMetadata(object, member, Object.keys(both).length === 0 ? undefined : both)
  }
  const before = idOf(old.object)
  object = setMetadata(object, 'name', before.name)
  object = setMetadata(object, 'namespace', before.namespace === '' ? undefined : before.namespace)
  if (made.behavior === 'merge') {
    object = mergeData(object, old.object, 'data')
    object = mergeData(object, old.object, 'binaryData')
  }
  return {
    ...made, object, previous: old.previous, prefixes: old.prefixes, suffixes: old.suffixes, vars: old.vars,
    behavior: old.behavior, needsHash: old.needsHash && made.needsHash, origin: made.behavior === 'merge' ? (old.origin ?? made.origin) : (made.origin ?? old.origin),
  }
}

function mergeData(object: JsonObject, old: JsonObject, key: string): JsonObject {
  const map = (value: Json | undefined): JsonObject => (isObject(value) ? value : {})
  const both = { ...map(old[key]), ...map(object[key]) }
  return setIn(object, key, Object.keys(both).length === 0 ? undefined : both)
}
