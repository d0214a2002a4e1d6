import { createCsr, generateKey, parseCsr, signCertificate } from '@idp/pki'
import type { KeyObject } from 'node:crypto'
import { names, type Certificate } from '../kinds/cert-manager.ts'
import { durationOf, requestTemplate, usagesOf } from './certificate-spec.ts'

/** Whether a certificate that nobody vouches for is wanted until the real one is there: some load balancers need one to start. */
export const wantsTemporary = ({ metadata }: Certificate): boolean => metadata.annotations?.[names.temporary] === 'true'

/** A certificate of what is asked for, signed by a key that is thrown away. */
export async function temporaryCertificate({ spec }: Certificate, key: KeyObject, now: number): Promise<string> {
  const csr = parseCsr(createCsr({ ...requestTemplate(spec), key }))
  const start = Math.floor(now / 1000) * 1000
  return signCertificate({
    rawSubject: csr.rawSubject, dnsNames: csr.dnsNames, ipAddresses: csr.ipAddresses, uris: csr.uris, emails: csr.emails, otherNames: csr.otherNames, publicKey: csr.publicKey, usages: usagesOf(spec), isCa: spec.isCA === true,
    notBefore: start, notAfter: start + durationOf(spec),
  }, { key: await generateKey() })
}
