import { applyJsonPatch, parseYaml, type Json, type JsonObject, type JsonPatchOperation } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { fillEmpty } from './empty-members.ts'
import { failure } from './failure.ts'
import type { PatchEntry, Selector } from './kustomization.ts'
import { parseResources, typedAnnotations } from './parse-resources.ts'
import { allIds, isObject, rememberId, setIn, setMetadata, stringMapOf, withObject, type Resource } from './resource.ts'
import { formatId, idOf, sameId, type ResourceId } from './resource-id.ts'
import { selectResources } from './selector.ts'
import { applyStrategicPatch, type SchemaLookup } from './strategic-patch.ts'
import type { Transform } from './transform.ts'

export interface PatchOptions { readonly allowNameChange: boolean; readonly allowKindChange: boolean }

/** A patch whose text was read: from `patch`, or from the file `path`. */
export interface PatchText { readonly text: string; readonly source: string }

/** An entry of `patches`: strategic merge or JSON patch, told apart by what the text parses as. */
export function patchTransform(entry: PatchEntry, { text, source }: PatchText, lookup: SchemaLookup): Transform {
  const options = { allowNameChange: entry.options?.['allowNameChange'] === true, allowKindChange: entry.options?.['allowKindChange'] === true }
  // A text that begins like a list can only be operations; one that does not may still be, behind comments.
  const strategic = /^\s*[-[](?!--)/.test(text) ? undefined : attempt(() => parseResources(text, source))
  if (strategic !== undefined && !(strategic instanceof CodedError)) return strategicTransform(strategic, { target: entry.target, options, lookup, source })
  const operations = attempt(() => parseOperations(text, source))
  if (operations instanceof CodedError) {
    const cause = strategic ?? operations
    throw failure('InvalidPatch', `unable to parse SM or JSON patch from [${source}]: ${cause.message}`, cause.where ?? source, cause)
  }
  return jsonTransform(operations, { target: entry.target, source, remember: true })
}

function attempt<T>(parse: () => T): T | CodedError {
  try {
    return parse()
  } catch (error) {
    if (error instanceof CodedError) return error
    throw error
  }
}

/** Reads the operations of a JSON patch from JSON or YAML. Throws `InvalidPatch`, `InvalidYaml`. */
export function parseOperations(text: string, source: string): JsonPatchOperation[] {
  const value = parseYaml(text, { source, duplicateKeys: 'last' })
  if (!Array.isArray(value)) throw failure('InvalidPatch', 'a JSON patch is a list of operations', source)
  for (const item of value) if (!isObject(item)) throw failure('InvalidPatch', 'an operation of a JSON patch is a map', source)
  return value as unknown as JsonPatchOperation[] // each is checked when it is applied
}

interface StrategicArgs { readonly target: Selector | undefined; readonly options: PatchOptions; readonly lookup: SchemaLookup; readonly source: string; readonly rewriteMembers?: boolean }

export function strategicTransform(written: readonly JsonObject[], { target, options, lookup, source, rewriteMembers = false }: StrategicArgs): Transform {
  const patches = written.map(fillEmpty)
  const apply = (resource: Resource, patch: JsonObject): Resource | undefined => applyToResource(resource, patch, { ...options, lookup })
  if (target !== undefined) {
    const [first, ...more] = patches
    const patch = first && textMembers(first)
    if (more.length > 0) throw failure('InvalidPatch', `Multiple Strategic-Merge Patches in one \`patches\` entry is not allowed to set \`patches.target\` field: [${source}]`, source)
    if (patch === undefined) return (resources) => resources
    return (resources) => {
      const selected = selectResources(resources, target)
      return keep(resources.map((resource) => (selected.has(resource) ? apply(resource, setIn(patch, 'apiVersion', resource.object['apiVersion'])) : resource)))
    }
  }
  return (resources) => patches.reduce<readonly Resource[]>((list, patch) => {
    const found = findTarget(list, idOf(patch), source)
    return keep(list.map((resource) => (resource === found ? apply(resource, rewriteMembers ? textMembers(patch) : patch) : resource)))
  }, resources)
}

/**
 * Patches that come by selection or from `patchesStrategicMerge` have their labels and annotations rewritten as text before they are
 * applied: a null there does not remove but becomes the word.
 */
function textMembers(patch: JsonObject): JsonObject {
  return (['labels', 'annotations'] as const).reduce((object, member) => {
    const metadata = object['metadata']
    if (!isObject(metadata) || !Object.hasOwn(metadata, member)) return object
    const members = stringMapOf(object, member)
    return setMetadata(object, member, Object.keys(members).length === 0 ? undefined : members)
  }, patch)
}

const keep = (resources: readonly (Resource | undefined)[]): Resource[] => resources.filter((resource) => resource !== undefined)

function findTarget(resources: readonly Resource[], id: ResourceId, source: string): Resource {
  const found = resources.filter((resource) => allIds(resource).some((other) => sameId(other, id)))
  const [only, second] = found
  if (only === undefined || second !== undefined) {
    const reason = second === undefined ? 'no matches' : 'multiple matches'
    throw failure('PatchTargetNotFound', `no resource matches strategic merge patch "${formatId(id)}": ${reason} for Id ${formatId(id)}; failed to find unique target for patch ${formatId(id)}`, source)
  }
  return only
}

function applyToResource(resource: Resource, patch: JsonObject, { allowNameChange, allowKindChange, lookup }: PatchOptions & { lookup: SchemaLookup }): Resource | undefined {
  const before = idOf(resource.object)
  const remembered = allowNameChange || allowKindChange ? rememberId(resource) : resource
  const merged = applyStrategicPatch(resource.object, patch, lookup)
  if (merged === undefined || Object.keys(merged).length === 0) return undefined
  let object = allowKindChange ? merged : setIn(merged, 'kind', before.kind)
  if (!allowNameChange) object = setMetadata(object, 'name', before.name)
  const namespace = before.namespace === '' ? undefined : before.namespace
  return withObject(remembered, setMetadata(object, 'namespace', namespace))
}

interface JsonArgs { readonly target: Selector | undefined; readonly source: string; readonly remember: boolean }

export function jsonTransform(operations: readonly JsonPatchOperation[], { target, source, remember }: JsonArgs): Transform {
  if (target === undefined) throw failure('InvalidPatch', `must specify a target for JSON patch [${source}]`, source)
  return (resources) => {
    const selected = selectResources(resources, target)
    return resources.map((resource) => {
      if (!selected.has(resource)) return resource
      const before = remember ? rememberId(resource) : resource
      const patched = applyOperations(withAnnotations(before), operations, source)
      return { ...before, object: textAnnotations(patched), hasEmpty: false }
    })
  }
}

/**
 * kustomize keeps what it remembers of a resource in annotations; so from the first change of its name on, a resource has the map that
 * a patch may want to add to.
 */
function withAnnotations({ object, hasEmpty, previous, prefixes, suffixes, needsHash, behavior, origin }: Resource): JsonObject {
  const typed = withTypedAnnotations(object)
  const full = hasEmpty ? fillEmpty(typed) : typed
  const kept = previous.length > 0 || prefixes.length > 0 || suffixes.length > 0 || needsHash || behavior !== '' || origin !== undefined
  const metadata = full['metadata']
  return kept && isObject(metadata) && !isObject(metadata['annotations']) ? setMetadata(full, 'annotations', {}) : full
}

function withTypedAnnotations(object: JsonObject): JsonObject {
  const metadata = object['metadata']
  const typed = isObject(metadata) && isObject(metadata['annotations']) ? typedAnnotations.get(metadata['annotations']) : undefined
  return typed === undefined ? object : setMetadata(object, 'annotations', typed)
}

function applyOperations(object: JsonObject, operations: readonly JsonPatchOperation[], source: string): JsonObject {
  try {
    const result: Json = applyJsonPatch(object, operations)
    if (!isObject(result)) throw failure('PatchFailed', 'the patch leaves no object', source)
    return result
  } catch (error) {
    if (error instanceof CodedError) throw failure(error.code, error.message, `${source}: ${error.where ?? ''} on ${formatId(idOf(object))}`, error)
    throw error
  }
}

/** Annotations are written back as text after a JSON patch; an empty map goes. */
export function textAnnotations(object: JsonObject): JsonObject {
  const metadata = object['metadata']
  if (!isObject(metadata) || !Object.hasOwn(metadata, 'annotations')) return object
  const annotations = stringMapOf(object, 'annotations')
  const keys = Object.keys(annotations)
  if (keys.length === 0) return setMetadata(object, 'annotations', undefined)
  const present = metadata['annotations']
  if (isObject(present) && keys.every((key) => present[key] === annotations[key])) return object
  return setMetadata(object, 'annotations', annotations)
}
