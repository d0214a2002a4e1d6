import { resolvePlainScalar, type Json } from '@idp/formats'
import { failure } from './failure.ts'
import { editPath } from './field-path-edit.ts'
import { splitPath } from './field-spec.ts'
import type { Selector } from './kustomization.ts'
import { setNamespace } from './namespace-transformer.ts'
import { isObject, scalarText, withObject, type Resource } from './resource.ts'
import { selectResources } from './selector.ts'
import type { Transform } from './transform.ts'

/** Writes a value into fields, or into one segment of a path that a field holds (`ValueAddTransformer`). */
export function addValue(value: string, targets: readonly Json[], where: string): Transform {
  const steps = targets.map((target): Transform => {
    if (!isObject(target) || typeof target['fieldPath'] !== 'string' || target['fieldPath'] === '') throw failure('InvalidPlugin', 'fieldPath cannot be empty', where)
    const path = target['fieldPath']
    const position = Number(target['filePathPosition'] ?? 0)
    if (position < 0) throw failure('InvalidPlugin', `value of FilePathPosition (${position}) cannot be negative`, where)
    const selector = isObject(target['selector']) ? (target['selector'] as Selector) : undefined
    const toNamespace = path === 'metadata/namespace' ? setNamespace({ namespace: value, specs: [] }) : undefined
    return (resources) => {
      const selected = selector === undefined ? new Set(resources) : selectResources(resources, selector)
      return resources.map((resource) => {
        if (!selected.has(resource)) return resource
        if (toNamespace !== undefined) return withObject(resource, toNamespace([resource])[0]?.object ?? resource.object)
        return writeValue(resource, path, position > 0 ? (found) => insertSegment(scalarText(found), position - 1, value) : () => value)
      })
    }
  })
  return (resources) => steps.reduce<readonly Resource[]>((list, step) => step(list), resources)
}

function writeValue(resource: Resource, path: string, make: (found: Json) => string): Resource {
  const { value } = editPath(resource.object, splitPath(path), {
    create: 'scalar',
    set: (found, created) => {
      if (typeof found === 'object' && found !== null) throw failure('KustomizeFieldMismatch', `wrong node kind: expected ScalarNode at ${path}`)
      const text = make(created ? '' : found)
      return resolvePlainScalar(text, 'kustomize')?.value ?? text
    },
  })
  return isObject(value) ? withObject(resource, value) : resource
}

/** Inserts a segment at a position; a leading `/` stays in front. */
function insertSegment(path: string, position: number, segment: string): string {
  if (path === '') return segment
  const absolute = path.startsWith('/')
  const parts = path.split('/').filter((part) => part !== '')
  parts.splice(Math.min(position, parts.length), 0, segment)
  return `${absolute ? '/' : ''}${parts.join('/')}`
}
