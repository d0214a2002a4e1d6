import type { Random } from '@idp/kit'
import { GoError } from '../go-error.ts'
import { fn, type GoFunction } from '../value.ts'
import type { DigestAlgorithm } from './digest.ts'

/** What the machine gives to Sprig; all of it may be absent. */
export interface SprigHost {
  /** A faster digest, in hex. */
  readonly digest?: (algorithm: DigestAlgorithm, bytes: Uint8Array) => string
  /** Keys, certificates, password hashes and ciphers. Without it the functions refuse by name. */
  readonly crypto?: CryptoFunctions
}

/** Makes the functions of {@link cryptoSignatures}; `used` is told of each random result. */
export type CryptoFunctions = (random: Random, now: () => number, used: () => void) => ReadonlyMap<string, GoFunction>

/** Sprig's functions that need cryptography, with what they take. */
export const cryptoSignatures: Readonly<Record<string, string>> = {
  bcrypt: 'string', htpasswd: 'string string', genPrivateKey: 'string', derivePassword: 'any string string string string', genCA: 'string int', genCAWithKey: 'string int string',
  genSelfSignedCert: 'string list list int', genSelfSignedCertWithKey: 'string list list int string', genSignedCert: 'string list list int any',
  genSignedCertWithKey: 'string list list int any string', buildCustomCert: 'string string', encryptAES: 'string string', decryptAES: 'string string',
}

/** These functions as they are when a host is known only at the time of the call. */
export function deferredCrypto(find: (name: string) => GoFunction | undefined): [string, GoFunction][] {
  return Object.entries(cryptoSignatures).map(([name, signature]) => [name, fn(signature, (...args: unknown[]) => {
    const found = find(name)
    if (found === undefined) throw new GoError(`${name} needs cryptography, which this host does not give`)
    return (found.call as (...values: unknown[]) => unknown)(...args)
  })])
}
