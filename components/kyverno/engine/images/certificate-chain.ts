import { X509Certificate } from 'node:crypto'
import { CodedError } from '@idp/kit'

/** The certificates in PEM text, in order. */
export function certificatesIn(pem: string): X509Certificate[] {
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)].map(([block]) => new X509Certificate(block))
}

const maxDepth = 8

/** Builds a path from a certificate over CAs in between to a root, all valid at a time. Throws CodedError `CertificateInvalid`. */
export function verifyChain(leaf: X509Certificate, { between, roots, at }: { readonly between: readonly X509Certificate[]; readonly roots: readonly X509Certificate[]; readonly at: number }): void {
  const refuse = (why: string): CodedError => new CodedError({ code: 'CertificateInvalid', message: `certificate ${(leaf.subject as string | undefined ?? '').replaceAll('\n', ', ') || leaf.subjectAltName || leaf.serialNumber}: ${why}` })
  const valid = (one: X509Certificate): boolean => Date.parse(one.validFrom) <= at && at <= Date.parse(one.validTo)
  if (!valid(leaf)) throw refuse('it is not valid at the time of signing')
  const issued = (one: X509Certificate, by: X509Certificate): boolean => by.ca && one.checkIssued(by) && one.verify(by.publicKey) && valid(by)
  let current = leaf
  for (let depth = 0; depth < maxDepth; depth++) {
    if (roots.some((root) => root.fingerprint256 === current.fingerprint256 || issued(current, root))) return
    const next = between.find((one) => one.fingerprint256 !== current.fingerprint256 && issued(current, one))
    if (next === undefined) break
    current = next
  }
  throw refuse('it was not issued by a root that is trusted')
}
