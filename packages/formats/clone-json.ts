/** A deep copy of a JSON value; several times faster than `structuredClone`. Members that are `undefined` are dropped. */
export function cloneJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(cloneJson) as T
  const copy: Record<string, unknown> = {}
  const source = value as Record<string, unknown>
  for (const key of Object.keys(source)) {
    const member = source[key]
    if (member === undefined) continue
    if (key === '__proto__') Object.defineProperty(copy, key, { value: cloneJson(member), enumerable: true, configurable: true, writable: true })
    else copy[key] = typeof member === 'object' && member !== null ? cloneJson(member) : member
  }
  return copy as T
}
