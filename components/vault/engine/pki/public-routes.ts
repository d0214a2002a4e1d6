import type { Answer, Route } from '../backend.ts'
import { chainOf, derAnswer as der, pemAnswer as pem, type PkiEngine } from './pki-engine.ts'

/** What everybody may read: authorities, lists of what was revoked, certificates. */
export function publicRoutes({ issuers, certificates }: PkiEngine): Route[] {
  const readCertificateAt = (serial: string): Answer | undefined => {
    if (serial === 'ca' || serial === 'ca_chain') {
      const issuer = issuers.find('default')
      return issuer === undefined ? undefined : { data: { certificate: (serial === 'ca' ? issuer.certificate : chainOf(issuer).join('\n')).trim(), revocation_time: 0, ca_chain: chainOf(issuer) } }
    }
    if (serial === 'crl') return { data: { certificate: certificates.crlPem(issuers.required('default')), revocation_time: 0 } }
    const found = certificates.find(serial)
    return found === undefined ? undefined : { data: { certificate: found.pem.trim(), issuer_id: found.issuer, revocation_time: Math.floor(found.revoked / 1000), revocation_time_rfc3339: found.revoked === 0 ? '' : new Date(found.revoked).toISOString() } }
  }
  return [
    { path: 'ca', open: true, read: () => der(issuers.required('default').certificate) },
    { path: 'ca/pem', open: true, read: () => pem(issuers.required('default').certificate.trim(), 'application/pkix-cert') },
    { path: 'ca_chain', open: true, read: () => pem(chainOf(issuers.required('default')).join('\n')) },
    { path: 'crl', open: true, read: () => ({ raw: { type: 'application/pkix-crl', body: certificates.crlOf(issuers.required('default')) } }) },
    { path: 'crl/pem', open: true, read: () => pem(certificates.crlPem(issuers.required('default')), 'application/x-pem-file') },
    { path: 'crl/rotate', read: () => { certificates.crlOf(issuers.required('default')); return { data: { success: true } } } },
    { path: 'cert/ca/raw/pem', open: true, read: () => pem(issuers.required('default').certificate.trim(), 'application/pem-certificate-chain') },
    { path: 'cert/:serial', open: true, read: ({ params }) => readCertificateAt(params['serial'] ?? '') },
    { path: 'certs', list: () => ({ data: { keys: certificates.serials() } }) },
    { path: 'certs/revoked', list: () => ({ data: { keys: certificates.serials().filter((serial) => (certificates.find(serial)?.revoked ?? 0) !== 0) } }) },
  ]
}
