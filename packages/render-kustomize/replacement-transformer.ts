import { resolvePlainScalar, type Json } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { failure } from './failure.ts'
import { editPath, lookupPath, splitFieldPath } from './field-path-edit.ts'
import type { FieldOptions, Replacement, Selector } from './kustomization.ts'
import { allIds, isObject, scalarText, stringMapOf, withObject, type Resource } from './resource.ts'
import { idOf, type ResourceId } from './resource-id.ts'
import { matchesLabels } from './selector.ts'
import type { Transform } from './transform.ts'

/** Copies a field of one resource into fields of others. */
export function applyReplacements(replacements: readonly Replacement[], where: string): Transform {
  return (resources) => replacements.reduce<readonly Resource[]>((list, replacement) => replaceOnce(list, replacement, where), resources)
}

type Target = NonNullable<Replacement['targets']>[number]

function replaceOnce(resources: readonly Resource[], replacement: Replacement, where: string): readonly Resource[] {
  const { source, sourceValue, targets } = replacement
  if ((source === undefined && sourceValue === undefined) || targets === undefined) throw failure('InvalidReplacement', 'replacements must specify a source and at least one target', where)
  if (source !== undefined && sourceValue !== undefined) throw failure('InvalidReplacement', 'value and resource selectors are mutually exclusive', where)
  const value = source === undefined ? (sourceValue ?? '') : sourceOf(resources, source, where)
  // Text given in the file itself is not marked as text where a new field takes it.
  const untyped = source === undefined
  return targets.reduce<readonly Resource[]>((list, target) => writeTarget(list, { value, untyped }, target, where), resources)
}

function sourceOf(resources: readonly Resource[], source: NonNullable<Replacement['source']>, where: string): Json {
  const found = resources.filter((resource) => allIds(resource).some((id) => isSelectedBy(id, source)))
  const [only, second] = found
  const text = describe(source)
  if (second !== undefined) throw failure('InvalidReplacement', `multiple matches for selector ${text}`, where)
  if (only === undefined) throw failure('InvalidReplacement', `nothing selected by ${text}`, where)
  const path = source.fieldPath === undefined || source.fieldPath === '' ? 'metadata.name' : source.fieldPath
  const value = lookupPath(only.object, splitFieldPath(path))
  if (value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)) {
    throw failure('InvalidReplacement', `fieldPath \`${path}\` is missing for replacement source ${text}`, where)
  }
  return refine(value, source.options, where)
}

function describe(selector: Selector): string {
  const or = (text: string | undefined, none: string): string => (text === undefined || text === '' ? none : text)
  return `${or(selector.kind, '[noKind]')}.${or(selector.version, '[noVer]')}.${or(selector.group, '[noGrp]')}/${or(selector.name, '[noName]')}.${or(selector.namespace, '[noNs]')}`
}

function refine(value: Json, options: FieldOptions | undefined, where: string): Json {
  const delimiter = options?.delimiter ?? ''
  if (delimiter === '') return value
  if (typeof value === 'object') throw failure('InvalidReplacement', 'delimiter option can only be used with scalar nodes', where)
  const parts = String(value).split(delimiter)
  const index = options?.index ?? 0
  const part = index < 0 ? undefined : parts[index]
  if (part === undefined) throw failure('InvalidReplacement', `options.index ${index} is out of bounds for value ${String(value)}`, where)
  return typeof value === 'string' ? part : (resolvePlainScalar(part, 'kustomize')?.value ?? part)
}

/** A replacement selects by equality, unlike a patch. Scope does not count here. */
function isSelectedBy(id: ResourceId, selector: Selector): boolean {
  const or = (wanted: string | undefined, found: string): boolean => wanted === undefined || wanted === '' || wanted === found
  const namespace = selector.namespace ?? ''
  return or(selector.group, id.group) && or(selector.version, id.version) && or(selector.kind, id.kind) && or(selector.name, id.name)
    && (namespace === '' || namespace === (id.namespace === '' ? 'default' : id.namespace))
}

interface Value { readonly value: Json; readonly untyped: boolean }

function writeTarget(resources: readonly Resource[], value: Value, target: Target, where: string): readonly Resource[] {
  const { select } = target
  if (select === undefined) throw failure('InvalidReplacement', 'target must specify resources to select', where)
  return resources.map((resource) => {
    if (!byMarks(resource, select) || (target.reject ?? []).some((reject) => hasMarks(reject) && byMarks(resource, reject))) return resource
    const ids = allIds(resource)
    if (!ids.some((id) => isSelectedBy(id, select))) return resource
    if ((target.reject ?? []).some((reject) => hasId(reject) && ids.some((id) => isSelectedBy(id, reject)))) return resource
    return writeInto(resource, value, target, where)
  })
}

const hasMarks = (selector: Selector): boolean => (selector.labelSelector ?? '') !== '' || (selector.annotationSelector ?? '') !== ''
const hasId = (selector: Selector): boolean => [selector.group, selector.version, selector.kind, selector.name, selector.namespace].some((text) => (text ?? '') !== '')

function byMarks({ object }: Resource, selector: Selector): boolean {
  return matchesLabels(selector.annotationSelector, () => stringMapOf(object, 'annotations')) && matchesLabels(selector.labelSelector, () => stringMapOf(object, 'labels'))
}

function writeInto(resource: Resource, value: Value, target: Target, where: string): Resource {
  const paths = target.fieldPaths === undefined || target.fieldPaths.length === 0 ? ['metadata.name'] : target.fieldPaths
  const kind = Array.isArray(value.value) ? 'list' : isObject(value.value) ? 'map' : 'scalar'
  const create = target.options?.create === true ? kind : undefined
  return paths.reduce((current, path) => {
    const missing = `unable to find ${create === undefined ? '' : 'or create '}field "${path}" in replacement target`
    try {
      const { value: object, count } = editPath(current.object, splitFieldPath(path), { create, set: (found, created) => newValue(found, created, value, target.options) })
      if (count === 0) throw failure('InvalidReplacement', missing, where)
      return isObject(object) ? withObject(current, object) : current
    } catch (error) {
      if (!(error instanceof CodedError) || error.code === 'InvalidReplacement') throw error
      throw failure('InvalidReplacement', `${missing}: ${error.message}`, `${where}: ${idOf(current.object).kind}/${idOf(current.object).name}`, error)
    }
  }, resource)
}

function newValue(found: Json, created: boolean, { value }: Value, options: FieldOptions | undefined): Json {
  const delimiter = options?.delimiter ?? ''
  let text = value
  if (delimiter !== '') {
    if (typeof found === 'object' && found !== null) throw failure('InvalidReplacement', 'delimiter option can only be used with scalar nodes')
    text = splice(scalarText(found), scalarText(value), delimiter, options?.index ?? 0)
  }
  if (typeof found === 'object' && found !== null) return text
  if (typeof text === 'object' && text !== null) return found === null || created ? text : ''
  return retype(found, created, scalarText(text))
}

function splice(target: string, value: string, delimiter: string, index: number): string {
  const parts = target.split(delimiter)
  if (index < 0) parts.unshift(value)
  else if (index >= parts.length) parts.push(value)
  else parts[index] = value
  return parts.join(delimiter)
}

/** A scalar keeps the type of the field it is written to; a new field takes the type that the bare text has in YAML. */
function retype(found: Json, created: boolean, text: string): Json {
  if (typeof found === 'string' && !created) return text
  const resolved = resolvePlainScalar(text, 'kustomize')
  const plain = resolved?.value ?? (resolved === undefined ? text : null)
  if (created || found === null) return plain
  if (typeof plain === typeof found) return plain
  throw failure('InvalidReplacement', `cannot decode !!str \`${text}\` as a !!${typeof found === 'number' ? 'int' : 'bool'}`)
}
