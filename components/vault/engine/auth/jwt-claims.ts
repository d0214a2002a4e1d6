import { readJwt } from '@idp/pki'
import { VaultError } from '../vault-error.ts'

/** What a token claims, unchecked: to find out whom to ask. @throws VaultError 400 */
export function readClaims(token: string): Readonly<Record<string, unknown>> {
  try {
    return readJwt(token).claims
  } catch {
    throw new VaultError(400, 'error parsing token: it is not a JWT')
  }
}
