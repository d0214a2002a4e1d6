/** JSON as Go's encoder writes it: sorted members, `<`, `>`, `&` and the line separators escaped. Input of hashes, so it must be exact. */
export function goJson(value: unknown): string {
  if (typeof value === 'string') return goString(value)
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`
  if (typeof value === 'object') {
    const object = value as Record<string, unknown>
    return `{${Object.keys(object).filter((key) => object[key] !== undefined).sort(compareUtf8).map((key) => `${goString(key)}:${goJson(object[key])}`).join(',')}}`
  }
  return String(value)
}

const ESCAPES: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' }

function goString(text: string): string {
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (c) => ESCAPES[c] ?? c)
}

/** Go compares bytes of UTF-8; UTF-16 differs only above the surrogates. */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const high = x >= 0xd800 && x <= 0xdfff
    const highY = y >= 0xd800 && y <= 0xdfff
    if (high !== highY) return high ? 1 : -1
    return x - y
  }
  return a.length - b.length
}
