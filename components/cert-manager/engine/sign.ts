import { informationExtensions, signCertificate, type Certificate as X509, type CertificateTemplate, type Csr, type InformationAccess, type KeyUsage } from '@idp/pki'
import type { KeyObject } from 'node:crypto'

/** A chain, leaf first, and the CA above it where it is known. */
export interface Signed { readonly certificate: string; readonly ca?: string }

/** What is to be signed. `duration` in milliseconds. */
export interface Asked { readonly csr: Csr; readonly usages: readonly KeyUsage[]; readonly isCa: boolean; readonly duration: number; readonly now: number; readonly access?: InformationAccess }

function templateOf({ csr, usages, isCa, duration, now, access = {} }: Asked): CertificateTemplate {
  const start = Math.floor(now / 1000) * 1000
  return {
    rawSubject: csr.rawSubject, dnsNames: csr.dnsNames, ipAddresses: csr.ipAddresses, uris: csr.uris, emails: csr.emails, otherNames: csr.otherNames, publicKey: csr.publicKey,
    usages, isCa, notBefore: start, notAfter: start + duration,
    extensions: [...(isCa && csr.nameConstraints !== undefined ? [csr.nameConstraints] : []), ...informationExtensions(access)],
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
