import { parseYaml, type Json, type JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import type { Kustomization } from './kustomization.ts'
import { listMergeSchema, type ListMergeSchema } from './list-merge-schema.ts'
import { joinPath, loadText, type Loader } from './loader.ts'
import { isObject } from './resource.ts'
import type { SchemaLookup } from './strategic-patch.ts'

/** The schema of a build. The first kustomization that sets `openapi` decides for all, as upstream has it. */
export interface OpenApi {
  use(kustomization: Kustomization, loader: Loader): Promise<void>
  /** True once a kustomization has named a schema of its own. */
  readonly custom: boolean
  readonly lookup: SchemaLookup
}

const BUILT_IN = 'v1.21.2'

export function createOpenApi(): OpenApi {
  let custom: SchemaLookup | undefined
  let set = false
  return {
    async use({ openapi, file }, loader) {
      if (set || openapi === undefined) return
      const { path, version } = openapi
      if (path !== undefined) {
        if (version !== undefined) throw failure('InvalidKustomization', 'builtin version and custom schema provided, cannot use both', file)
        const source = joinPath(loader.root, path)
        custom = readSchema(parseYaml(await loadText(loader, path), { source }), source)
        set = true
      } else if (version !== undefined && version !== '') {
        if (version !== BUILT_IN) throw failure('InvalidKustomization', 'the specified OpenAPI version is not built in', file)
        set = true
      }
    },
    get custom() { return custom !== undefined },
    get lookup() { return custom ?? listMergeSchema },
  }
}

export function schemaLookup(openApi: OpenApi): SchemaLookup {
  return (apiVersion, kind) => openApi.lookup(apiVersion, kind)
}

const REFERENCE = '#/definitions/'

function readSchema(document: Json, source: string): SchemaLookup {
  const definitions = isObject(document) ? document['definitions'] : undefined
  if (!isObject(definitions)) throw failure('InvalidSchema', 'an OpenAPI document with definitions is wanted', source)
  const kinds = new Map<string, JsonObject>()
  for (const name of Object.keys(definitions)) {
    const definition = definitions[name]
    const gvks = isObject(definition) ? definition['x-kubernetes-group-version-kind'] : undefined
    if (!isObject(definition) || !Array.isArray(gvks)) continue
    for (const gvk of gvks) {
      if (!isObject(gvk)) continue
      const group = typeof gvk['group'] === 'string' ? gvk['group'] : ''
      kinds.set(`${group === '' ? '' : `${group}/`}${String(gvk['version'])} ${String(gvk['kind'])}`, definition)
    }
  }
  const known = new Map<JsonObject, ListMergeSchema>()
  const convert = (schema: Json | undefined, depth = 0): ListMergeSchema | undefined => {
    if (!isObject(schema)) return undefined
    const reference = schema['$ref']
    if (typeof reference === 'string') return depth > 100 ? undefined : convert(definitions[reference.slice(REFERENCE.length)], depth + 1)
    let made = known.get(schema)
    if (made === undefined) known.set(schema, made = lazySchema(schema, convert))
    return made
  }
  return (apiVersion, kind) => convert(kinds.get(`${apiVersion} ${kind}`))
}

/** Schemas refer to each other in circles, so members are converted when they are first read. */
function lazySchema(schema: JsonObject, convert: (schema: Json | undefined) => ListMergeSchema | undefined): ListMergeSchema {
  const properties = isObject(schema['properties']) ? schema['properties'] : {}
  const fields: Record<string, ListMergeSchema> = {}
  for (const name of Object.keys(properties)) Object.defineProperty(fields, name, { enumerable: true, get: () => convert(properties[name]) ?? {} })
  const strategy = schema['x-kubernetes-patch-strategy']
  const merges = typeof strategy === 'string' && strategy.split(',').includes('merge')
  return {
    fields,
    ...(merges ? { mergeKeys: mergeKeys(schema) } : {}),
    get items() { return convert(schema['items']) ?? {} },
    get values() { return convert(schema['additionalProperties']) ?? {} },
  }
}

function mergeKeys(schema: JsonObject): string[] {
  const keys = schema['x-kubernetes-list-map-keys']
  if (Array.isArray(keys)) return keys.map(String)
  const key = schema['x-kubernetes-patch-merge-key']
  return typeof key === 'string' ? [key] : []
}
