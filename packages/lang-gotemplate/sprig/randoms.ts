import type { Random } from '@idp/kit'
import { uuid } from '@idp/kit'
import { toBase64 } from '../base64.ts'
import { GoError, LimitError } from '../go-error.ts'
import { fn, type GoFunction } from '../value.ts'

const digits = '0123456789'
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('')
const longest = 1_000_000

/** A whole number in [0, limit) without bias. */
export function randomBelow(random: Random, limit: number): number {
  const ceiling = Math.floor(2 ** 48 / limit) * limit
  for (;;) {
    const value = number48(random(6), 0)
    if (value < ceiling) return value % limit
  }
}

/** Six bytes as a number, the highest first. */
function number48(bytes: Uint8Array, at: number): number {
  let value = 0
  for (let i = 0; i < 6; i++) value = value * 256 + (bytes[at + i] ?? 0)
  return value
}

/** A text of random letters; asks for bytes once. */
function randomText(random: Random, alphabet: string, count: number): string {
  const ceiling = Math.floor(2 ** 48 / alphabet.length) * alphabet.length
  const bytes = random(6 * count)
  let text = ''
  for (let i = 0; i < count; i++) {
    const value = number48(bytes, 6 * i)
    text += alphabet[value < ceiling ? value % alphabet.length : randomBelow(random, alphabet.length)]
  }
  return text
}

/** Sprig's random texts and numbers, from bytes that are handed in. `used` is told of each use. */
export function randomFunctions(random: Random, used: () => void): readonly (readonly [string, GoFunction])[] {
  const text = (alphabet: string) => fn('int', (count: number) => {
    used()
    if (count > longest) throw new LimitError('output', `a random text of more than ${longest} characters`)
    return randomText(random, alphabet, Math.max(count, 0))
  })
  return [
    ['randAlphaNum', text(letters + digits)],
    ['randAlpha', text(letters)],
    ['randNumeric', text(digits)],
    ['randAscii', text(ascii)],
    ['randInt', fn('int int', (min: number, max: number) => {
      used()
      if (max <= min) throw new GoError('invalid argument to Intn')
      return BigInt(min + randomBelow(random, max - min))
    })],
    ['randBytes', fn('int', (count: number) => {
      used()
      return toBase64(random(Math.min(count, longest)))
    })],
    ['shuffle', fn('string', (s: string) => {
      used()
      const runes = [...s]
      for (let i = runes.length - 1; i > 0; i--) {
        const k = randomBelow(random, i + 1)
        ;[runes[i], runes[k]] = [runes[k] ?? '', runes[i] ?? '']
      }
      return runes.join('')
    })],
    ['uuidv4', fn('', () => {
      used()
      return uuid(random)
    })],
  ]
}
