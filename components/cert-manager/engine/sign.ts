import { signCertificate, type Certificate as X509, type Csr, type KeyUsage } from '@idp/pki'
import type { KeyObject } from 'node:crypto'
import type { CertificateRequest } from '../kinds/cert-manager.ts'
import { durationOf, usagesOf } from './certificate-spec.ts'

export interface Signed { readonly certificate: string; readonly ca: string }

interface Asked { readonly csr: Csr; readonly request: CertificateRequest; readonly now: number }

function templateOf({ csr, request, now }: Asked) {
  const isCa = request.spec.isCA === true
  const usages: KeyUsage[] = usagesOf({ usages: request.spec.usages as never, isCA: isCa as never })
  const start = Math.floor(now / 1000) * 1000
  return {
    rawSubject: csr.rawSubject, dnsNames: csr.dnsNames, ipAddresses: csr.ipAddresses, uris: csr.uris, emails: csr.emails, publicKey: csr.publicKey,
    usages, isCa, notBefore: start, notAfter: start + durationOf(request.spec as Parameters<typeof durationOf>[0]),
  }
}

/** The certificate that a request asks for, signed by a CA. @param chain the CA's certificate and those above it */
export function signWithCa(asked: Asked, ca: { readonly key: KeyObject; readonly chain: readonly X509[] }): Signed {
  const [issuer] = ca.chain
  if (issuer === undefined) throw new Error('the CA has no certificate')
  const leaf = signCertificate(templateOf(asked), { key: ca.key, certificate: issuer })
  const isRoot = (certificate: X509): boolean => certificate.rawIssuer.equals(certificate.rawSubject)
  const root = ca.chain.find(isRoot) ?? ca.chain.at(-1) ?? issuer
  return { certificate: leaf + ca.chain.filter((certificate) => !isRoot(certificate)).map(({ pem }) => pem).join(''), ca: root.pem }
}

/** The certificate that a request asks for, signed with its own key. */
export function signSelf(asked: Asked, key: KeyObject): Signed {
  const certificate = signCertificate(templateOf(asked), { key })
  return { certificate, ca: certificate }
}

