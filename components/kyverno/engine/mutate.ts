import { applyJsonPatch, applyStrategicMergePatch, cloneJson, emptyMergeSchema, parseYaml, type AnyObject, type Json, type JsonObject, type JsonPatchOperation, type MergeSchema } from '@idp/formats'
import { mergeSchemaFor, parseApiVersion } from '@idp/api'
import type { Mutation } from '../kinds/policy.ts'
import { matchPattern, readAnchor } from './match-pattern.ts'
import { substitute, type Scope } from './variables.ts'

/** The object after a rule's mutation; the same object when nothing changes. Throws for patches that cannot be applied. */
export function mutateObject(mutation: Mutation, object: AnyObject, scope: Scope): AnyObject {
  let result = object
  if (mutation.patchStrategicMerge !== undefined) {
    const patch = resolveAnchors(substitute(mutation.patchStrategicMerge, scope), object as unknown as Json)
    if (patch !== undefined) result = applyStrategicMergePatch(cloneJson(result as unknown as JsonObject), patch as JsonObject, schemaOf(object)) as unknown as AnyObject
  }
  if (mutation.patchesJson6902 !== undefined) {
    const operations = substitute((typeof mutation.patchesJson6902 === 'string' ? parseYaml(mutation.patchesJson6902) : mutation.patchesJson6902) as Json, scope) as unknown as JsonPatchOperation[]
    result = applyJsonPatch(cloneJson(result as unknown as JsonObject), operations) as unknown as AnyObject
  }
  return result
}

function schemaOf({ apiVersion, kind }: AnyObject): MergeSchema {
  return mergeSchemaFor({ ...parseApiVersion(apiVersion), kind }) ?? emptyMergeSchema
}

const isMap = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The patch without its anchors, as far as the object meets them; undefined where a condition does not hold. */
function resolveAnchors(patch: Json, value: Json | undefined): Json | undefined {
  if (Array.isArray(patch)) return resolveList(patch, Array.isArray(value) ? value : [])
  if (!isMap(patch)) return patch
  const own = isMap(value) ? value : {}
  for (const [key, sub] of Object.entries(patch)) {
    const anchor = readAnchor(key)
    if ((anchor.kind === 'condition' || anchor.kind === 'global') && (own[anchor.key] === undefined || matchPattern(sub, own[anchor.key]).type !== 'pass')) return undefined
  }
  const result: JsonObject = {}
  for (const [key, sub] of Object.entries(patch)) {
    const anchor = readAnchor(key)
    if (anchor.kind === 'condition' || anchor.kind === 'global') {
      // A condition on a name tells which element of a list is meant, so the name stays in the patch.
      if (typeof own[anchor.key] !== 'object') result[anchor.key] = own[anchor.key] ?? null
      continue
    }
    if (anchor.kind === 'add' && own[anchor.key] !== undefined) continue
    const resolved = resolveAnchors(sub, own[anchor.key])
    if (resolved !== undefined) result[anchor.key] = resolved
  }
  return result
}

/** An element with anchors is meant for every element of the object that meets them. */
function resolveList(patch: readonly Json[], value: readonly Json[]): Json[] {
  return patch.flatMap((item) => {
    if (!isMap(item) || !Object.keys(item).some((key) => readAnchor(key).kind === 'condition')) return [resolveAnchors(item, value.find((one) => isMap(one) && isMap(item) && one['name'] === item['name'])) ?? item]
    return value.flatMap((one) => {
      const resolved = resolveAnchors(item, one)
      if (!isMap(resolved)) return []
      return [isMap(one) && one['name'] !== undefined ? { name: one['name'], ...resolved } : resolved]
    })
  })
}
