import type { Json } from '@idp/formats'
import { failure } from './failure.ts'
import { lookupPath, splitFieldPath } from './field-path-edit.ts'
import { mapList, updateField, type FieldSpec } from './field-spec.ts'
import type { Variable } from './kustomization.ts'
import { allIds, isObject, withObject, type Resource } from './resource.ts'
import { makeId, parseApiVersion, sameId, type ResourceId } from './resource-id.ts'
import type { Transform } from './transform.ts'

/** Marks the resources that variables read from, so that they are found after being renamed. */
export function markVariableSources(variables: readonly Variable[], where: string): Transform {
  return (resources) => variables.reduce<readonly Resource[]>((list, variable) => {
    const matches = matcher(variable)
    const found = list.filter((resource) => allIds(resource).some(matches))
    if (found.length > 1) throw failure('AmbiguousReference', `found ${found.length} resId matches for var ${variable.name} (unable to disambiguate)`, where)
    return list.map((resource) => (resource === found[0] ? { ...resource, vars: [...resource.vars, variable.name] } : resource))
  }, resources)
}

function matcher({ objref }: Variable): (id: ResourceId) => boolean {
  const version = objref?.apiVersion === undefined || objref.apiVersion === '' ? { group: objref?.group ?? '', version: objref?.version ?? '' } : parseApiVersion(objref.apiVersion)
  const id = makeId({ ...version, kind: objref?.kind ?? '' }, objref?.name ?? '', objref?.namespace ?? '')
  if (id.namespace !== '' || id.clusterScoped) return (other) => sameId(id, other)
  return (other) => other.name === id.name && other.kind === id.kind && other.group === id.group && other.version === id.version
}

/** Joins lists of variables. Throws `DuplicateVariable` when a name comes twice. */
export function mergeVariables(a: readonly Variable[], b: readonly Variable[], where: string): readonly Variable[] {
  if (b.length === 0) return a
  const names = new Set(a.map(({ name }) => name))
  for (const { name } of b) {
    if (names.has(name)) throw failure('DuplicateVariable', `var '${name}' already encountered`, where)
    names.add(name)
  }
  return [...a, ...b]
}

/** Replaces `$(NAME)` in the fields of `specs` by the values of variables. */
export function resolveVariables(variables: readonly Variable[], specs: readonly FieldSpec[]): Transform {
  if (variables.length === 0) return (resources) => resources
  return (resources) => {
    const values = new Map(variables.map((variable) => [variable.name, valueOf(resources, variable)]))
    const set = (found: Json): Json => expandAll(found, values)
    return resources.map((resource) => withObject(resource, specs.reduce((object, spec) => updateField(object, spec, { set }), resource.object)))
  }
}

function valueOf(resources: readonly Resource[], variable: Variable): Json {
  const source = resources.find((resource) => resource.vars.includes(variable.name))
  if (source === undefined) throw failure('VariableNotFound', `var '${variable.name}' cannot be mapped to a field in the set of known resources`)
  const path = variable.fieldref?.fieldPath === undefined || variable.fieldref.fieldPath === '' ? 'metadata.name' : variable.fieldref.fieldPath
  const value = lookupPath(source.object, splitFieldPath(path).flatMap(splitIndex))
  if (value === undefined) throw failure('VariableNotFound', `field specified in var '${variable.name}' not found in corresponding resource: ${path}`)
  return value
}

/** `ports[0]` means member and index. */
function splitIndex(part: string): string[] {
  const match = /^(.+?)\[(\d+)\]$/.exec(part)
  return match === null || part.startsWith('[') ? [part] : [match[1] ?? '', match[2] ?? '']
}

function expandAll(found: Json, values: ReadonlyMap<string, Json>): Json {
  if (typeof found === 'string') return expand(found, values)
  if (Array.isArray(found)) {
    return mapList(found, (item) => {
      if (typeof item !== 'string') throw failure('KustomizeFieldMismatch', 'invalid value type expect a string')
      return expand(item, values)
    })
  }
  if (!isObject(found)) return found
  let out = found
  for (const key of Object.keys(found)) {
    const value = found[key]
    const next = typeof value === 'string' ? expand(value, values) : value
    if (next !== value) out = { ...out, [key]: next ?? null }
  }
  return out
}

/** `$(A)` alone keeps the type of the value, inside text it becomes text; `$$` is a dollar sign; unknown names stay. */
function expand(text: string, values: ReadonlyMap<string, Json>): Json {
  if (!text.includes('$')) return text
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const next = text.charAt(i + 1)
    if (text.charAt(i) !== '$' || next === '') { out += text.charAt(i); continue }
    const end = next === '(' ? text.indexOf(')', i + 2) : -1
    if (end < 0) {
      out += next === '$' ? '$' : `$${next}`
      i++
      continue
    }
    const name = text.slice(i + 2, end)
    const value = values.get(name)
    const scalar = value !== undefined && (typeof value !== 'object' || value === null) ? value : undefined
    if (scalar !== undefined && text === `$(${name})`) return scalar
    out += scalar === undefined ? `$(${name})` : String(scalar)
    i = end
  }
  return out
}
