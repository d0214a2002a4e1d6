import { definition, parseApiVersion, refName, refOf, schemaFor, type Schema } from '@idp/api'
import { deepEqual, type AnyObject, type Json, type JsonObject } from '@idp/formats'

/** An object with a configuration merged into it as server-side apply does: maps are merged, lists by their keys (`x-kubernetes-list-type`), everything else is replaced. Neither input is changed. */
export function mergeApplied(object: AnyObject, applied: JsonObject): AnyObject {
  return merge(object as unknown as Json, applied, schemaFor({ ...parseApiVersion(object.apiVersion), kind: object.kind })) as unknown as AnyObject
}

const isMap = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

function merge(live: Json | undefined, applied: Json, given: Schema | undefined): Json {
  const schema = resolved(given)
  if (isMap(applied) && isMap(live) && schema?.['x-kubernetes-map-type'] !== 'atomic') {
    const out: JsonObject = { ...live }
    for (const [name, value] of Object.entries(applied)) out[name] = merge(live[name], value, fieldOf(schema, name))
    return out
  }
  if (Array.isArray(applied) && Array.isArray(live)) return mergeLists(live, applied, schema)
  return applied
}

function mergeLists(live: readonly Json[], applied: readonly Json[], schema: Schema | undefined): Json[] {
  const type = schema?.['x-kubernetes-list-type']
  if (type === 'set') return [...live, ...applied.filter((item) => !live.some((one) => deepEqual(one, item)))]
  if (type !== 'map') return [...applied]
  const items = resolved(schema?.items)
  const keyOf = (item: Json): string => JSON.stringify((schema?.['x-kubernetes-list-map-keys'] ?? []).map((key) => (isMap(item) ? item[key] ?? items?.properties?.[key]?.default ?? null : null)))
  const wanted = new Map(applied.map((item) => [keyOf(item), item]))
  const present = new Set(live.map(keyOf))
  return [...live.map((item) => {
    const change = wanted.get(keyOf(item))
    return change === undefined ? item : merge(item, change, schema?.items)
  }), ...applied.filter((item) => !present.has(keyOf(item)))]
}

function fieldOf(schema: Schema | undefined, name: string): Schema | undefined {
  const own = schema?.properties?.[name]
  if (own !== undefined) return own
  return typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined
}

/** A field's own marks (list type) with what its reference says. */
function resolved(schema: Schema | undefined): Schema | undefined {
  if (schema === undefined) return undefined
  const reference = refOf(schema)
  return reference === undefined ? schema : { ...definition(refName(reference)), ...schema }
}
