import type { Json, JsonObject } from '@idp/formats'
import { parseApiVersion } from '../kind.ts'
import { builtInResources, definition, definitionName } from '../schema/built-in.ts'
import { refOf, type Schema } from '../schema/schema.ts'
import { resourcePaths } from './paths.ts'

/** Gives the description of a definition (no field) or of one of its fields. */
export type Describe = (definition: string, field?: string) => string | undefined

const docs = new Map<string, JsonObject>()

/**
 * The OpenAPI v3 document of a built-in group version (`v1`, `apps/v1`), for `/openapi/v3/api/v1` and `/openapi/v3/apis/apps/v1`;
 * undefined for one that is not built in. With `describe` the schemas carry descriptions, for `kubectl explain`.
 */
export function openApiV3(groupVersion: string, describe?: Describe): JsonObject | undefined {
  const cached = describe === undefined ? docs.get(groupVersion) : undefined
  if (cached) return cached
  const resources = builtInResources(groupVersion)
  if (resources.length === 0) return undefined
  const { group, version } = parseApiVersion(groupVersion)
  const paths: JsonObject = {}
  for (const facts of resources) {
    const sub = facts.sub.map((entry) => ({ ...entry, verbs: entry.verbs.split(' ') }))
    Object.assign(paths, resourcePaths({ group, version, plural: facts.name, kind: facts.kind, namespaced: facts.namespaced, verbs: facts.verbs.split(' '), sub, definition: definitionName }))
  }
  const roots = new Set<string>()
  collectPathRefs(paths, roots)
  const document = { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'unversioned' }, paths, components: { schemas: closure(roots, describe) } }
  if (describe === undefined) docs.set(groupVersion, document)
  return document
}

function collectPathRefs(value: Json, into: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) collectPathRefs(item, into)
  else if (value !== null && typeof value === 'object') {
    if (typeof value.$ref === 'string') into.add(value.$ref.slice('#/components/schemas/'.length))
    for (const key in value) collectPathRefs(value[key] ?? null, into)
  }
}

/** The definitions `names` and all they refer to, by name. */
export function closure(names: Iterable<string>, describe?: Describe): JsonObject {
  const schemas: JsonObject = {}
  const queue = [...names]
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (schemas[name] !== undefined) continue
    const schema = definition(name)
    if (!schema) continue
    schemas[name] = (describe ? describeSchema(name, schema, describe) : schema) as JsonObject
    collectRefs(schema, queue)
  }
  return schemas
}

function describeSchema(name: string, schema: Schema, describe: Describe): Schema {
  const own = describe(name)
  const result: Schema = own === undefined ? { ...schema } : { ...schema, description: own }
  if (schema.properties) {
    result.properties = {}
    for (const field in schema.properties) {
      const description = describe(name, field)
      result.properties[field] = description === undefined ? schema.properties[field] ?? {} : { ...schema.properties[field], description }
    }
  }
  return result
}

/** Adds every definition name that `schema` refers to. */
export function collectRefs(schema: Schema, into: string[]): void {
  const name = refOf(schema)
  if (name !== undefined) into.push(name)
  for (const key in schema.properties) collectRefs(schema.properties[key] ?? {}, into)
  if (schema.items) collectRefs(schema.items, into)
  if (typeof schema.additionalProperties === 'object') collectRefs(schema.additionalProperties, into)
}

/** The index at `/openapi/v3`; `hash` of a document lets clients cache it. */
export function openApiV3Index(groupVersions: readonly string[], hash: (groupVersion: string) => string): JsonObject {
  const paths: JsonObject = {}
  for (const groupVersion of groupVersions) {
    const path = groupVersion.includes('/') ? `apis/${groupVersion}` : `api/${groupVersion}`
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash(groupVersion)}` }
  }
  return { paths }
}
