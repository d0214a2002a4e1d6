import type { Random } from '@idp/kit'

const poolBytes = 2048

/** The same bytes, asked for in larger pieces: names and uids need a few at a time, and each question to the machine's source costs more than they do. */
export function pooledRandom(random: Random): Random {
  let pool: Uint8Array = new Uint8Array(0)
  let at = 0
  return (n) => {
    if (n > poolBytes / 8) return random(n)
    if (at + n > pool.length) {
      pool = random(poolBytes)
      at = 0
    }
    return pool.slice(at, (at += n))
  }
}
