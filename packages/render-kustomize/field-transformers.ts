import type { Json, JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import { mapList, memberSetter, scalarSetter, updateField, type FieldSpec } from './field-spec.ts'
import { splitImage, imageMatcher } from './image-reference.ts'
import type { ImageEntry } from './kustomization.ts'
import { allIds, isObject, originalId, rememberId, setIn, withObject, type Resource } from './resource.ts'
import { formatGvk, idOf, isSelectedByGvk, type Gvk } from './resource-id.ts'
import { eachResource, type Transform } from './transform.ts'

/** Adds labels or annotations at every field of `specs`. */
export function addMembers(members: Readonly<Record<string, string>> | undefined, specs: readonly FieldSpec[]): Transform {
  if (members === undefined || Object.keys(members).length === 0) return (resources) => resources
  const update = { create: 'map', set: memberSetter(members) } as const
  return eachResource((resource) => withObject(resource, specs.reduce((object, spec) => updateField(object, spec, update), resource.object)))
}

const NEVER_RENAMED: readonly Gvk[] = [
  { group: '', version: '', kind: 'CustomResourceDefinition' },
  { group: 'apiregistration.k8s.io', version: '', kind: 'APIService' },
  { group: '', version: '', kind: 'Namespace' },
]

/** Puts a prefix or suffix on names. */
export function addAffix(kind: 'prefix' | 'suffix', affix: string, specs: readonly FieldSpec[]): Transform {
  return eachResource((resource) => {
    const original = originalId(resource)
    if (NEVER_RENAMED.some((gvk) => isSelectedByGvk(original, gvk))) return resource
    let result = resource
    for (const spec of specs) {
      if (!isSelectedByGvk(original, spec)) continue
      if (spec.path === 'metadata/name' && affix !== '') {
        const affixed = kind === 'prefix' ? { ...result, prefixes: [...result.prefixes, affix] } : { ...result, suffixes: [...result.suffixes, affix] }
        result = rememberId(affixed)
      }
      const set = (found: Json): Json => scalarSetter(kind === 'prefix' ? `${affix}${textAt(found)}` : `${textAt(found)}${affix}`)(found)
      result = withObject(result, updateField(result.object, spec, { create: 'scalar', set }))
    }
    return result
  })
}

const textAt = (value: Json): string => (typeof value === 'object' ? '' : String(value))

/** Sets the number of replicas of a named workload. Throws `ReplicaTargetNotFound` when there is none. */
export function setReplicas(name: string, count: number, specs: readonly FieldSpec[]): Transform {
  return (resources) => {
    let found = false
    const result = resources.map((resource) => {
      let object = resource.object
      for (const spec of specs) {
        if (!allIds(resource).some((id) => id.name === name && isSelectedByGvk(id, spec))) continue
        found = true
        object = updateField(object, spec, { create: 'scalar', set: scalarSetter(count) })
      }
      return withObject(resource, object)
    })
    if (!found) throw failure('ReplicaTargetNotFound', `resource with name ${name} does not match a config with the following GVK [${specs.map(formatGvk).join(' ')}]`)
    return result
  }
}

/** Changes name, tag or digest of an image wherever it is used: fields of `specs`, and every `containers` and `initContainers` list. */
export function setImage(image: ImageEntry, specs: readonly FieldSpec[]): Transform {
  const matches = imageMatcher(image.name ?? '')
  const change = (found: Json): Json => (typeof found === 'string' && matches(found) ? newImage(found, image) : found)
  const set = (found: Json): Json => {
    if (typeof found === 'object' && found !== null) throw failure('KustomizeFieldMismatch', 'an image must be text')
    return change(found)
  }
  return eachResource((resource) => {
    if (idOf(resource.object).kind === 'CustomResourceDefinition') return resource
    const legacy = changeContainers(resource.object, change) as JsonObject // a map stays a map
    return withObject(resource, specs.reduce((object, spec) => updateField(object, spec, { set }), legacy))
  })
}

function newImage(found: string, image: ImageEntry): string {
  const old = splitImage(found)
  let { tag, digest } = old
  if (image.newTag !== undefined && image.newTag !== '') {
    tag = image.newTag
    digest = image.digest ?? ''
  } else if (image.digest !== undefined && image.digest !== '') {
    tag = ''
    digest = image.digest
  } else if (image.tagSuffix !== undefined && image.tagSuffix !== '') {
    tag += image.tagSuffix
    digest = ''
  }
  const name = image.newName !== undefined && image.newName !== '' ? image.newName : old.name
  return `${name}${tag === '' ? '' : `:${tag}`}${digest === '' ? '' : `@${digest}`}`
}

function changeContainers(value: Json, change: (image: Json) => Json): Json {
  if (Array.isArray(value)) return mapList(value, (item) => changeContainers(item, change))
  if (!isObject(value)) return value
  let out: JsonObject = value
  for (const key of Object.keys(value)) {
    const member = value[key]
    if (typeof member !== 'object' || member === null) continue
    let next = changeContainers(member, change)
    if ((key === 'containers' || key === 'initContainers') && Array.isArray(next)) {
      next = mapList(next, (item) => (isObject(item) && Object.hasOwn(item, 'image') ? setIn(item, 'image', change(item['image'] ?? null)) : item))
    }
    if (next !== member) out = { ...out, [key]: next }
  }
  return out
}

/** Fails when two resources have one id, as after a change of namespace. */
export function checkConflicts(resources: readonly Resource[], message: string): void {
  const seen = new Set<string>()
  for (const { object } of resources) {
    const { key } = idOf(object)
    if (seen.has(key)) throw failure('ResourceConflict', `${message}: ${key.split('\n').join(' ').trim()}`)
    seen.add(key)
  }
}
