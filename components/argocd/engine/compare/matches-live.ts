import type { AnyObject, JsonObject } from '@idp/formats'
import { memberOf } from './ignored-fields.ts'

/** Fields that the server writes and no comparison looks at. */
const serverMetadata: readonly string[] = ['managedFields', 'resourceVersion', 'uid', 'generation', 'creationTimestamp', 'selfLink', 'deletionTimestamp', 'deletionGracePeriodSeconds']

/** A copy for comparing: without status and what the server writes into metadata. */
export function comparable(object: AnyObject): AnyObject {
  const { status: _status, metadata, ...rest } = object
  const kept: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(metadata)) if (!serverMetadata.includes(key)) kept[key] = value
  return { ...rest, metadata: kept } as AnyObject
}

/**
 * True when it is certain, without asking the server, that applying `target` would change nothing: every value of `target`
 * is live, and `manager` owns no field that `target` no longer has. False means "not certain" (defaults, other spellings
 * of a quantity, lists with keys): then a dry run decides.
 */
export function surelyMatches(target: AnyObject, live: AnyObject, manager: string): boolean {
  const { status: _status, metadata: wantedMetadata, ...wanted } = target
  const { metadata, ...rest } = live
  if (!covered(wanted, rest) || !covered({ labels: wantedMetadata.labels ?? {}, annotations: wantedMetadata.annotations ?? {} }, { labels: {}, annotations: {}, ...metadata })) return false
  const owned = metadata.managedFields?.find((entry) => entry.manager === manager && entry.operation === 'Apply' && (entry.subresource ?? '') === '')?.fieldsV1
  return owned !== undefined && nothingLeft(owned, target)
}

/** Every value of `wanted` is in `live`; lists have the same length and order. */
function covered(wanted: unknown, live: unknown): boolean {
  if (wanted === live) return true
  if (wanted === null || live === null || typeof wanted !== 'object' || typeof live !== 'object') return false
  if (Array.isArray(wanted)) return Array.isArray(live) && wanted.length === live.length && wanted.every((one, at) => covered(one, live[at]))
  if (Array.isArray(live)) return false
  return Object.entries(wanted).every(([key, value]) => covered(value, (live as Record<string, unknown>)[key]))
}

/** Every field that is owned is still wanted. */
function nothingLeft(owned: JsonObject, target: unknown): boolean {
  return Object.entries(owned).every(([element, inner]) => {
    if (element === '.') return true
    const key = memberOf(target, element)
    return key !== undefined && nothingLeft(inner as JsonObject, (target as Record<string | number, unknown>)[key])
  })
}
