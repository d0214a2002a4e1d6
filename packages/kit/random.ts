import { randomBytes } from 'node:crypto'

/** Randomness as an argument: `n` random bytes. */
export type Random = (n: number) => Uint8Array

/** The machine's cryptographic source. */
export const systemRandom: Random = (n) => randomBytes(n)

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
  const hex = Buffer.from(b).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
