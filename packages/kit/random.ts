/** Randomness as an argument: `n` random bytes. */
export type Random = (n: number) => Uint8Array

/** What Web Crypto gives at once. */
const mostAtOnce = 65_536

/** The machine's cryptographic source. */
export const systemRandom: Random = (n) => {
  const bytes = new Uint8Array(n)
  for (let at = 0; at < n; at += mostAtOnce) crypto.getRandomValues(bytes.subarray(at, at + mostAtOnce))
  return bytes
}

/** Repeatable bytes for tests (a 32-bit xorshift; not for secrets). */
export function seededRandom(seed = 1): Random {
  let state = seed >>> 0 || 1
  return (n) => Uint8Array.from({ length: n }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state & 0xff
  })
}

/** A random version 4 UUID (RFC 9562). */
export function uuid(random: Random): string {
  const b = random(16)
  b[6] = ((b[6] ?? 0) & 0x0f) | 0x40
  b[8] = ((b[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(b, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
