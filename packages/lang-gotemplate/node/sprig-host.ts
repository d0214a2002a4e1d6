import { createHash } from 'node:crypto'
import type { SprigHost } from '../sprig/host.ts'
import { cryptoFunctions } from './crypto.ts'

/** What Node gives to Sprig. */
export const nodeSprigHost: SprigHost = {
  digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest('hex'),
  crypto: (random, now, used) => new Map(cryptoFunctions(random, now, used)),
}
