import { deepEqual, type AnyObject } from '@idp/formats'
import { ignoredPlaces, withoutPlaces, type IgnoreRule } from './ignored-fields.ts'
import { comparable, surelyMatches } from './matches-live.ts'

export interface CompareOptions {
  readonly rules: readonly IgnoreRule[]
  /** Field manager of syncs. */
  readonly manager: string
  /** What the server says `target` would become when applied over `live`; undefined when it refuses. */
  predict(target: AnyObject, live: AnyObject): Promise<AnyObject | undefined>
}

/** True when a sync of `target` would change nothing that counts. */
export async function isInSync(target: AnyObject, live: AnyObject, { rules, manager, predict }: CompareOptions): Promise<boolean> {
  const relevant = rules.filter((rule) => rule.matches(live) || rule.matches(target))
  if (relevant.length === 0 && surelyMatches(target, live, manager)) return true
  const predicted = await predict(target, live)
  if (predicted === undefined) return false
  const strip = (object: AnyObject): AnyObject => comparable(withoutPlaces(object, ignoredPlaces(object, live, relevant)))
  return deepEqual(withoutEmpty(strip(predicted)), withoutEmpty(strip(live)))
}

/** `{}` and `[]` in place of nothing is no difference. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => withoutEmpty(one))
  if (value === null || typeof value !== 'object') return value
  const kept: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) {
    const cleaned = withoutEmpty(inner)
    if (cleaned !== null && typeof cleaned === 'object' && Object.keys(cleaned).length === 0) continue
    if (cleaned !== undefined && cleaned !== null) kept[key] = cleaned
  }
  return kept
}
