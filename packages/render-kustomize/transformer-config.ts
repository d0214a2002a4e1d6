import type { Json, JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import type { FieldSpec } from './field-spec.ts'
import { isObject } from './resource.ts'
import { isSelectedByGvk, type Gvk } from './resource-id.ts'

/** A kind whose name others hold, and the fields that hold it. */
export interface NameReference extends Gvk { readonly fieldSpecs: readonly FieldSpec[] }

/** Which fields the transformations act on: kustomize's defaults plus the files of `configurations` and `crds`. */
export interface TransformerConfig {
  readonly namePrefix: readonly FieldSpec[]
  readonly nameSuffix: readonly FieldSpec[]
  readonly namespace: readonly FieldSpec[]
  readonly commonLabels: readonly FieldSpec[]
  readonly labels: readonly FieldSpec[]
  readonly templateLabels: readonly FieldSpec[]
  readonly commonAnnotations: readonly FieldSpec[]
  readonly varReference: readonly FieldSpec[]
  readonly images: readonly FieldSpec[]
  readonly replicas: readonly FieldSpec[]
  readonly nameReference: readonly NameReference[]
}

const LISTS = [
  'namePrefix', 'nameSuffix', 'namespace', 'commonLabels', 'labels', 'templateLabels', 'commonAnnotations', 'varReference', 'images', 'replicas',
] as const

export const emptyConfig: TransformerConfig = {
  namePrefix: [], nameSuffix: [], namespace: [], commonLabels: [], labels: [], templateLabels: [], commonAnnotations: [], varReference: [], images: [],
  replicas: [], nameReference: [],
}

/** Joins two configurations. Throws `KustomizeConfigConflict` when they disagree on creating a field. */
export function mergeConfig(a: TransformerConfig, b: TransformerConfig): TransformerConfig {
  if (a === b || b === emptyConfig) return a
  if (a === emptyConfig) return b
  const out: Record<string, unknown> = { nameReference: mergeReferences(a.nameReference, b.nameReference) }
  for (const list of LISTS) out[list] = mergeSpecs(a[list], b[list])
  return out as unknown as TransformerConfig // every member was just set
}

export function mergeSpecs(a: readonly FieldSpec[], b: readonly FieldSpec[]): readonly FieldSpec[] {
  if (a === b || b.length === 0) return a
  if (a.length === 0) return b
  const result = [...a]
  for (const spec of b) {
    const known = result.find((other) => other.path === spec.path && isSelectedByGvk(other, spec))
    if (known === undefined) result.push(spec)
    else if (known.create !== spec.create) throw failure('KustomizeConfigConflict', 'conflicting fieldspecs', spec.path)
  }
  return result
}

function mergeReferences(a: readonly NameReference[], b: readonly NameReference[]): readonly NameReference[] {
  if (a === b || b.length === 0) return a
  let result = [...a]
  for (const reference of b) {
    let found = false
    result = result.map((known) => {
      if (known.kind !== reference.kind || known.group !== reference.group || known.version !== reference.version) return known
      found = true
      return { ...known, fieldSpecs: mergeSpecs(known.fieldSpecs, reference.fieldSpecs) }
    })
    if (!found) result.push(reference)
  }
  return result
}

/** Reads a file of `configurations`. Throws `InvalidKustomizeConfig` for members that do not exist. */
export function parseConfig(value: Json, source: string): TransformerConfig {
  if (value === null) return emptyConfig
  if (!isObject(value)) throw failure('InvalidKustomizeConfig', 'a transformer configuration must be a map', source)
  const out: Record<string, unknown> = { ...emptyConfig }
  for (const key of Object.keys(value)) {
    if (key === 'nameReference') out[key] = references(value[key], source)
    else if ((LISTS as readonly string[]).includes(key)) out[key] = sortSpecs(specs(value[key], source))
    else throw failure('InvalidKustomizeConfig', `error unmarshaling JSON: while decoding JSON: json: unknown field ${JSON.stringify(key)}`, source)
  }
  return out as unknown as TransformerConfig // starts as a whole configuration
}

function references(value: Json | undefined, source: string): NameReference[] {
  return objects(value, source).map((item) => {
    check(item, ['group', 'version', 'kind', 'fieldSpecs'], source)
    return { ...gvk(item), fieldSpecs: specs(item['fieldSpecs'], source) }
  })
}

/** Reads a list of field specs. Configurations of plugins may have members that nobody knows; files of `configurations` may not. */
export function specs(value: Json | undefined, source: string, strict = true): FieldSpec[] {
  return objects(value, source).map((item) => {
    if (strict) check(item, ['group', 'version', 'kind', 'path', 'create'], source)
    return { ...gvk(item), path: text(item['path']), create: item['create'] === true }
  })
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '')
const gvk = (item: JsonObject): Gvk => ({ group: text(item['group']), version: text(item['version']), kind: text(item['kind']) })

function objects(value: Json | undefined, source: string): JsonObject[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || !value.every(isObject)) throw failure('InvalidKustomizeConfig', 'a list of field specs is wanted', source)
  return value
}

function check(item: JsonObject, members: readonly string[], source: string): void {
  for (const key of Object.keys(item)) {
    if (!members.includes(key)) throw failure('InvalidKustomizeConfig', `error unmarshaling JSON: while decoding JSON: json: unknown field ${JSON.stringify(key)}`, source)
  }
}

/** Upstream sorts the specs of a file by kind; only the order of error messages depends on it. */
function sortSpecs(list: FieldSpec[]): FieldSpec[] {
  return list
}
