import { isRecord } from '../fields.ts'

/** The structure of a secret without its values; `depth` 0 is all of it. */
export function subkeys(value: unknown, depth: number, level = 1): unknown {
  if (!isRecord(value)) return null
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, isRecord(member) && Object.keys(member).length > 0 && (depth === 0 || level < depth) ? subkeys(member, depth, level + 1) : null]))
}
