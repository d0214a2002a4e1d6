import { extensionOids, signedBy, type Certificate } from '@idp/pki'
import { extensionsOf } from './read-der.ts'

/** Certificates of a client's chain are few; longer ones are refused. */
const longest = 8

/**
 * The chain from a client's certificate to one that is trusted, that included; undefined when there is none that is valid at `now`.
 * A trusted certificate that is no authority trusts itself alone. As RFC 5280 §6, without policies; chains through authorities with
 * name constraints are refused whole.
 */
export function trustedChain(presented: readonly Certificate[], trusted: readonly Certificate[], now: number): Certificate[] | undefined {
  const [leaf, ...rest] = presented.slice(0, longest)
  if (leaf === undefined || !current(leaf, now) || !isForClients(leaf)) return undefined
  if (trusted.some(({ fingerprint }) => fingerprint === leaf.fingerprint)) return [leaf]
  const anchors = trusted.filter((each) => authority(each, now))
  const between = rest.filter((each) => authority(each, now))
  const climb = (chain: readonly Certificate[]): Certificate[] | undefined => {
    const last = chain.at(-1)
    if (last === undefined || chain.length > longest) return undefined
    const below = chain.slice(1).filter((each) => !each.rawSubject.equals(each.rawIssuer)).length
    const issues = (each: Certificate): boolean => (each.maxPathLength === undefined || each.maxPathLength >= below) && signedBy(last, each)
    const anchor = anchors.find(issues)
    if (anchor !== undefined) return [...chain, anchor]
    for (const each of between) {
      if (chain.some(({ fingerprint }) => fingerprint === each.fingerprint) || !issues(each)) continue
      const found = climb([...chain, each])
      if (found !== undefined) return found
    }
    return undefined
  }
  return climb([leaf])
}

const current = ({ notBefore, notAfter }: Certificate, now: number): boolean => notBefore <= now && now <= notAfter

function authority(certificate: Certificate, now: number): boolean {
  const { isCa, usages, nameConstraints } = certificate
  return isCa && current(certificate, now) && nameConstraints === undefined && (usages.length === 0 || usages.includes('cert sign'))
}

/** Certificates that name no extended usage are for every use. */
export function isForClients({ usages, der }: Certificate): boolean {
  return usages.includes('client auth') || usages.includes('any') || !extensionsOf(der).has(extensionOids.extendedKeyUsage)
}
