import { extension, extensionOids } from './certificate.ts'
import { explicit, implicit, oid, seq } from './der.ts'

/** Where a certificate's revocation list, its issuer's certificate and its status are to be had; URLs. */
export interface InformationAccess { readonly crl?: readonly string[]; readonly issuer?: readonly string[]; readonly ocsp?: readonly string[] }

const methods = { ocsp: '1.3.6.1.5.5.7.48.1', issuer: '1.3.6.1.5.5.7.48.2' } as const

/** The extensions that say so (RFC 5280 §4.2.1.13 and §4.2.2.1); none where there is nothing to say. */
export function informationExtensions({ crl = [], issuer = [], ocsp = [] }: InformationAccess): Buffer[] {
  const url = (text: string): Buffer => implicit(6, Buffer.from(text, 'latin1'))
  const access = [...ocsp.map((text) => seq(oid(methods.ocsp), url(text))), ...issuer.map((text) => seq(oid(methods.issuer), url(text)))]
  return [
    ...(crl.length === 0 ? [] : [extension(extensionOids.crlDistributionPoints, false, seq(...crl.map((text) => seq(explicit(0, explicit(0, url(text)))))))]),
    ...(access.length === 0 ? [] : [extension(extensionOids.authorityInfo, false, seq(...access))]),
  ]
}
