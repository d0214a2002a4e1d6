import { readFileSync } from 'node:fs'
import type { Kind } from '../kind.ts'
import { inflateType, longName, type PackedType, parseGvk } from './inflate.ts'
import type { Schema } from './schema.ts'

/** What identifies a kind in one version of its group. */
export type Gvk = Pick<Kind, 'group' | 'version' | 'kind'>

/** A resource as discovery lists it; `kind` of a subresource is `group/version/Kind`. */
export interface ResourceFacts {
  name: string
  kind: string
  namespaced: boolean
  verbs: string
  sub: { name: string; kind: string; verbs: string; query?: string }[]
}

interface Facts {
  resources: Record<string, ResourceFacts[]>
  types: Map<string, PackedType>
  /** `apps/v1/Deployment` → name of its definition */
  byGvk: Map<string, string>
}

let facts: Facts | undefined
const inflated = new Map<string, Schema>()

/** Reads the data file at first use (1–2 ms); nothing is inflated yet. */
function load(): Facts {
  if (facts) return facts
  const { resources, types } = JSON.parse(readFileSync(new URL('../data/schemas.json', import.meta.url), 'utf8')) as { resources: Record<string, ResourceFacts[]>; types: Record<string, PackedType> }
  facts = { resources, types: new Map(), byGvk: new Map() }
  for (const short in types) {
    const packed = types[short] as PackedType
    const name = longName(short)
    facts.types.set(name, packed)
    if (packed.$gvk !== undefined && packed.$gvk !== '*') facts.byGvk.set(packed.$gvk, name)
  }
  return facts
}

/** Group versions served, in the order of discovery: `v1`, `apps/v1`, … */
export function builtInGroupVersions(): string[] {
  return Object.keys(load().resources)
}

/** The resources of a built-in group version with verbs and subresources; empty for one that is not built in. */
export function builtInResources(groupVersion: string): readonly ResourceFacts[] {
  return load().resources[groupVersion] ?? []
}

/** A definition by its full name (`io.k8s.api.core.v1.Pod`), inflated at first use. */
export function definition(name: string): Schema | undefined {
  let schema = inflated.get(name)
  if (schema) return schema
  const packed = load().types.get(name)
  if (!packed) return undefined
  const kind = name.slice(name.lastIndexOf('.') + 1)
  schema = inflateType(packed, () => everyGroupVersion(kind))
  inflated.set(name, schema)
  return schema
}

function everyGroupVersion(kind: string): { group: string; version: string; kind: string }[] {
  return builtInGroupVersions().map((groupVersion) => parseGvk(`${groupVersion}/${kind}`))
}

export function gvkText(gvk: Gvk): string {
  return gvk.group === '' ? `${gvk.version}/${gvk.kind}` : `${gvk.group}/${gvk.version}/${gvk.kind}`
}

/** The name of the definition of a built-in kind; `undefined` when it is not built in. */
export function definitionName(gvk: Gvk): string | undefined {
  return load().byGvk.get(gvkText(gvk))
}

/** The schema of a built-in kind (with `$ref`s that `definition` resolves); `undefined` when it is not built in. */
export function schemaFor(gvk: Gvk): Schema | undefined {
  const name = definitionName(gvk)
  return name === undefined ? undefined : definition(name)
}
