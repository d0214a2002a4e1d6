import { createHmac } from 'node:crypto'
import { decodeBase32 } from './base32.ts'

export interface OneTimeCodeSpec { readonly secret: { readonly name: string; readonly key: string }; readonly length?: number; readonly timePeriod?: number; readonly algorithm?: string; readonly when?: string }

const hashes: Readonly<Record<string, string>> = { '': 'sha1', sha1: 'sha1', sha256: 'sha256', sha512: 'sha512' }

/** A time-based one-time code (RFC 6238) and the seconds it is still good for. @param seed base32, as services hand it out. Throws Error without the seed. */
export function oneTimeCode({ length = 6, timePeriod = 30, algorithm = '', when }: OneTimeCodeSpec, seed: string, now: number): { readonly token: string; readonly timeLeft: string } {
  const hash = hashes[algorithm.toLowerCase()]
  if (hash === undefined) throw new Error(`failed to generate code for token key: algorithm ${algorithm} is not supported by this stand-in`)
  const seconds = Math.floor((when === undefined ? now : Date.parse(when)) / 1000)
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(seconds / timePeriod)))
  const digest = createHmac(hash, seedBytes(seed)).update(counter).digest()
  const offset = (digest.at(-1) ?? 0) & 0xf
  const number = digest.readUInt32BE(offset) & 0x7fff_ffff
  return { token: String(number % 10 ** length).padStart(length, '0'), timeLeft: String(timePeriod - seconds % timePeriod) }
}

function seedBytes(seed: string): Buffer {
  const bytes = decodeBase32(seed)
  if (bytes === undefined) throw new Error('failed to generate code for token key: the secret is not base32')
  return bytes
}
