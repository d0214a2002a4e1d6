import type { Random } from './random.ts'

const poolBytes = 4096

/** Random bytes drawn in larger portions, because asking the system for a few costs as much as for many. No byte is given twice, or kept once it was given. */
export function pooledRandom(random: Random): Random {
  let pool: Uint8Array = new Uint8Array(0)
  let at = 0
  return (count) => {
    if (count > poolBytes / 8) return random(count)
    if (at + count > pool.length) {
      pool = random(poolBytes)
      at = 0
    }
    const given = Uint8Array.from(pool.subarray(at, at + count)) // a copy, also where the pool is a Buffer, whose `slice` is none
    pool.fill(0, at, at + count)
    at += count
    return given
  }
}
