import type { X509Certificate } from 'node:crypto'
import { verifyCertificate, type VerifyOptions } from './verify-certificate.ts'

/** Remembers chains that were found good, until the first certificate of the path expires: a handshake in process costs a look-up. */
export function createVerifier(): (chainPem: string, options: VerifyOptions) => X509Certificate {
  const good = new Map<string, { readonly leaf: X509Certificate; readonly ca: string; readonly from: number; readonly until: number }>()
  return (chainPem, options) => {
    const key = `${options.purpose} ${options.host ?? ''} ${chainPem}`
    const known = good.get(key)
    // Checked again at least once an hour of the clock, and whenever time has gone backwards.
    if (known !== undefined && known.ca === options.ca && options.now >= known.from && options.now < known.until) return known.leaf
    const leaf = verifyCertificate(chainPem, options)
    if (good.size > 1_000) good.clear()
    good.set(key, { leaf, ca: options.ca, from: options.now, until: Math.min(Date.parse(leaf.validTo), options.now + 3_600_000) })
    return leaf
  }
}
