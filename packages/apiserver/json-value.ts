export { cloneJson } from '@idp/formats'

/** Deep equality of JSON values; the order of keys does not matter, and a key that is undefined is a key that is absent. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && !equalJson(a[i], b[i])) return false
    return true
  }
  if (Array.isArray(b)) return false
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  let count = 0
  for (const key in left) {
    const value = left[key]
    if (value === undefined) continue
    const other = right[key]
    if (value !== other && !equalJson(value, other)) return false
    count++
  }
  for (const key in right) if (right[key] !== undefined) count--
  return count === 0
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** The value at `path`, undefined where something on the way is missing. */
export function fieldAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), value)
}

/** Sets the value at `path`, making the objects on the way. */
export function setFieldAt(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const last = path.at(-1)
  if (last === undefined) return
  let at = target
  for (const key of path.slice(0, -1)) {
    const next = at[key]
    at = isRecord(next) ? next : (at[key] = {})
  }
  if (value === undefined) delete at[last]
  else at[last] = value
}
