import type { Json, JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import { mapList, scalarSetter, updateField, type FieldSpec } from './field-spec.ts'
import { checkConflicts } from './field-transformers.ts'
import { isObject, rememberId, setIn, withObject } from './resource.ts'
import { idOf } from './resource-id.ts'
import { eachResource, type Transform } from './transform.ts'

export interface NamespaceArgs {
  readonly namespace: string
  readonly specs: readonly FieldSpec[]
  /** Leave namespaces alone that are set. */
  readonly unsetOnly?: boolean
  /** Which subjects of role bindings follow: those named `default` (the default), every service account, or none. */
  readonly subjects?: string
}

const MODES = ['defaultOnly', 'allServiceAccounts', 'none']

/** Moves namespaced resources to a namespace, with the fields that name it. */
export function setNamespace({ namespace, specs, unsetOnly = false, subjects = '' }: NamespaceArgs): Transform {
  if (subjects !== '' && !MODES.includes(subjects)) {
    throw failure('InvalidKustomization', `invalid value "${subjects}" for setRoleBindingSubjects: must be one of "defaultOnly", "none" or "allServiceAccounts"`)
  }
  if (namespace === '') return (resources) => resources
  const set = unsetOnly ? (found: Json): Json => (found === null || found === '' ? scalarSetter(namespace)(found) : found) : scalarSetter(namespace)
  const metadata: FieldSpec = { group: '', version: '', kind: '', path: 'metadata/namespace', create: true }
  const move = eachResource((resource) => {
    const { clusterScoped, kind, group, version } = idOf(resource.object)
    const inCore = group === '' && version === 'v1'
    const binding = kind === 'RoleBinding' || kind === 'ClusterRoleBinding'
    let object = clusterScoped ? resource.object : updateField(resource.object, metadata, { create: 'scalar', set })
    if (binding) object = moveSubjects(object, subjects, set)
    for (const spec of specs) {
      if (spec.path === 'metadata/namespace' || (spec.path === 'metadata/name' && !inCore)) continue
      if (binding && spec.path === 'subjects/namespace' && (spec.kind === 'RoleBinding' || spec.kind === 'ClusterRoleBinding')) continue
      object = updateField(object, spec, { create: 'scalar', set })
    }
    return withObject(rememberId(resource), object)
  })
  return (resources) => {
    const result = move(resources)
    checkConflicts(result, 'namespace transformation produces ID conflict')
    return result
  }
}

function moveSubjects(object: JsonObject, mode: string, set: (found: Json) => Json): JsonObject {
  const subjects = object['subjects']
  if (mode === 'none' || subjects === null || subjects === undefined) return object
  if (!Array.isArray(subjects)) throw failure('KustomizeFieldMismatch', 'setting namespace on (cluster)role binding subjects: a list is wanted')
  return setIn(object, 'subjects', mapList(subjects, (subject) => {
    if (!isObject(subject)) return subject
    const follows = mode === 'allServiceAccounts' ? subject['kind'] === 'ServiceAccount' : subject['name'] === 'default'
    return follows ? setIn(subject, 'namespace', set(subject['namespace'] ?? '')) : subject
  }))
}
