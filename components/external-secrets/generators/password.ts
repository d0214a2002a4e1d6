import type { Random } from '@idp/kit'
import { encodeBase32 } from './base32.ts'

export interface PasswordSpec { length?: number; digits?: number; symbols?: number; symbolCharacters?: string; noUpper?: boolean; allowRepeat?: boolean; secretKeys?: string[]; encoding?: 'raw' | 'base64' | 'base64url' | 'base32' | 'hex' }

const lower = 'abcdefghijklmnopqrstuvwxyz'
const numbers = '0123456789'
const signs = '~!@#$%^&*()_+`-={}|[]\\:"<>?,./'

/** A password for each of the spec's keys, or one under `password`, encoded as it says. */
export function passwords(spec: PasswordSpec, random: Random): [string, string][] {
  const { secretKeys = ['password'], encoding = 'raw' } = spec
  return secretKeys.map((key) => {
    const value = Buffer.from(password(spec, random))
    return [key, encoding === 'raw' ? value.toString() : encoding === 'base32' ? encodeBase32(value) : value.toString(encoding)]
  })
}

/** A random password: `digits` and `symbols` are counts, a quarter of the length each unless given; the rest are letters. Throws when it cannot be made. */
export function password(spec: PasswordSpec, random: Random): string {
  const { length = 24, noUpper = false, allowRepeat = false, symbolCharacters } = spec
  const digits = spec.digits ?? Math.floor(length / 4)
  const symbols = spec.symbols ?? Math.floor(length / 4)
  const letters = length - digits - symbols
  if (length < 1 || letters < 0) throw new Error('number of digits and symbols must be less than total length')
  const alphabets: [string, number][] = [[noUpper ? lower : lower + lower.toUpperCase(), letters], [numbers, digits], [symbolCharacters === undefined || symbolCharacters === '' ? signs : symbolCharacters, symbols]]
  const out: string[] = []
  for (const [alphabet, count] of alphabets) {
    const left = [...alphabet]
    if (!allowRepeat && count > left.length) throw new Error(`number of ${alphabet === numbers ? 'digits' : 'characters'} exceeds available ones and repeats are not allowed`)
    for (let i = 0; i < count; i++) {
      const at = below(left.length, random)
      out.push(left[at] ?? '')
      if (!allowRepeat) left.splice(at, 1)
    }
  }
  for (let i = out.length - 1; i > 0; i--) {
    const j = below(i + 1, random)
    const [a = '', b = ''] = [out[i], out[j]]
    out[i] = b
    out[j] = a
  }
  return out.join('')
}

/** A number below `n`, each equally likely. */
function below(n: number, random: Random): number {
  const limit = Math.floor(0x1_0000_0000 / n) * n
  for (;;) {
    const value = Buffer.from(random(4)).readUInt32BE()
    if (value < limit) return value % n
  }
}
