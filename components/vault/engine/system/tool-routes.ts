import { createHash } from 'node:crypto'
import type { BackendRequest, Route } from '../backend.ts'
import type { Active } from '../core/active.ts'
import { integer, text } from '../fields.ts'
import { badRequest } from '../vault-error.ts'

const hashes: Readonly<Record<string, string>> = { 'sha2-224': 'sha224', 'sha2-256': 'sha256', 'sha2-384': 'sha384', 'sha2-512': 'sha512', 'sha3-224': 'sha3-224', 'sha3-256': 'sha3-256', 'sha3-384': 'sha3-384', 'sha3-512': 'sha3-512' }

/** Random bytes and hashes, also served by transit. */
export function toolRoutes({ random }: Pick<Active, 'random'>, prefix = 'tools/'): Route[] {
  const format = ({ data }: BackendRequest, otherwise: string): 'hex' | 'base64' => {
    const name = text(data, 'format', otherwise)
    if (name !== 'hex' && name !== 'base64') throw badRequest(`unsupported encoding format ${name}; must be "hex" or "base64"`)
    return name
  }
  function bytes(request: BackendRequest) {
    const count = Number(request.params['bytes'] ?? integer(request.data, 'bytes', 32))
    if (!Number.isInteger(count) || count < 1) throw badRequest('"bytes" cannot be less than 1')
    if (count > 131_072) throw badRequest('"bytes" should be less than 131072')
    return { data: { random_bytes: Buffer.from(random(count)).toString(format(request, 'base64')) } }
  }
  function hash(request: BackendRequest) {
    const name = text(request.data, 'algorithm', request.params['algorithm'] ?? 'sha2-256')
    const algorithm = hashes[name]
    if (algorithm === undefined) throw badRequest(`unsupported algorithm ${name}`)
    return { data: { sum: createHash(algorithm).update(Buffer.from(text(request.data, 'input'), 'base64')).digest(format(request, 'hex')) } }
  }
  return [
    { path: `${prefix}random`, write: bytes },
    { path: `${prefix}random/:source/:bytes`, write: bytes },
    { path: `${prefix}random/:bytes`, write: bytes },
    { path: `${prefix}hash`, write: hash },
    { path: `${prefix}hash/:algorithm`, write: hash },
  ]
}
