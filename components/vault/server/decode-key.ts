import { badRequest } from '../engine/vault-error.ts'

/** A key share as hex, else as base64. @throws VaultError 400 */
export function decodeKey(text: string): Uint8Array {
  if (/^([0-9a-fA-F]{2})+$/.test(text)) return Buffer.from(text, 'hex')
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return Buffer.from(text, 'base64')
  throw badRequest("'key' must be a valid hex or base64 string")
}
