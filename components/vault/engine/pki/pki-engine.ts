import { parseCertificate, parseCsr, type Csr } from '@idp/pki'
import { isCoded, type Clock, type Random } from '@idp/kit'
import type { Answer, BackendRequest } from '../backend.ts'
import { text, type Data } from '../fields.ts'
import type { Storage } from '../storage/storage.ts'
import { badRequest } from '../vault-error.ts'
import type { Certificates } from './certificates.ts'
import type { Issuer, Issuers } from './issuers.ts'
import type { PkiRole } from './pki-role.ts'

/** What the routes of a mount share. */
export interface PkiEngine {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly issuers: Issuers
  readonly certificates: Certificates
  roleOf(name: string): PkiRole | undefined
}

export const nameOf = ({ params }: BackendRequest): string => params['name'] ?? ''
export const chainOf = (issuer: Issuer): string[] => [issuer.certificate, ...issuer.chain].map((pem) => pem.trim())
export const pemAnswer = (body: string, type = 'application/pem-certificate-chain'): Answer => ({ raw: { type, body } })
export const derAnswer = (certificatePem: string): Answer => ({ raw: { type: 'application/pkix-cert', body: parseCertificate(certificatePem).der } })

/** The certificate request of a call. @throws VaultError 400 */
export function readCsr(data: Data): Csr {
  if (text(data, 'csr') === '') throw badRequest('"csr" is empty')
  try {
    return parseCsr(text(data, 'csr'))
  } catch (error) {
    if (isCoded(error)) throw badRequest(`certificate request could not be parsed: ${error.message}`)
    throw error
  }
}
