import { defineKind, type Kind } from '@idp/api'
import type { ObjectMeta } from '@idp/formats'
import type { ICertificate } from '@kubernetes-models/cert-manager/cert-manager.io/v1/Certificate'
import type { ICertificateRequest } from '@kubernetes-models/cert-manager/cert-manager.io/v1/CertificateRequest'
import type { IClusterIssuer } from '@kubernetes-models/cert-manager/cert-manager.io/v1/ClusterIssuer'
import type { IIssuer } from '@kubernetes-models/cert-manager/cert-manager.io/v1/Issuer'

const group = 'cert-manager.io'
const categories = ['cert-manager']

export interface Condition { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string; observedGeneration?: number }

/** Status fields as they travel: times are RFC 3339 text. */
export interface CertificateStatus {
  conditions?: Condition[]
  lastFailureTime?: string
  failedIssuanceAttempts?: number
  nextPrivateKeySecretName?: string
  notBefore?: string
  notAfter?: string
  renewalTime?: string
  revision?: number
}
export interface Certificate extends Omit<ICertificate, 'metadata' | 'status' | 'spec'> { metadata: ObjectMeta; spec: NonNullable<ICertificate['spec']>; status?: CertificateStatus }
export const Certificate: Kind<Certificate> = defineKind({ group, version: 'v1', kind: 'Certificate', plural: 'certificates', scope: 'Namespaced', shortNames: ['cert', 'certs'], categories, subresources: ['status'] })

export interface CertificateRequestStatus { conditions?: Condition[]; certificate?: string; ca?: string; failureTime?: string }
export interface CertificateRequest extends Omit<ICertificateRequest, 'metadata' | 'status' | 'spec'> { metadata: ObjectMeta; spec: NonNullable<ICertificateRequest['spec']>; status?: CertificateRequestStatus }
export const CertificateRequest: Kind<CertificateRequest> = defineKind({ group, version: 'v1', kind: 'CertificateRequest', plural: 'certificaterequests', scope: 'Namespaced', shortNames: ['cr', 'crs'], categories, subresources: ['status'] })

export interface IssuerStatus { conditions?: Condition[]; acme?: { uri?: string; lastPrivateKeyHash?: string; lastRegisteredEmail?: string } }
export interface Issuer extends Omit<IIssuer, 'metadata' | 'status'> { metadata: ObjectMeta; status?: IssuerStatus }
export const Issuer: Kind<Issuer> = defineKind({ group, version: 'v1', kind: 'Issuer', plural: 'issuers', scope: 'Namespaced', shortNames: ['iss'], categories, subresources: ['status'] })

export interface ClusterIssuer extends Omit<IClusterIssuer, 'metadata' | 'status'> { metadata: ObjectMeta; status?: IssuerStatus }
export const ClusterIssuer: Kind<ClusterIssuer> = defineKind({ group, version: 'v1', kind: 'ClusterIssuer', plural: 'clusterissuers', scope: 'Cluster', shortNames: ['ciss'], categories, subresources: ['status'] })

export type AnyIssuer = Issuer | ClusterIssuer
export const certManagerGroup = group

/** Annotations and labels of cert-manager.io. */
export const names = {
  certificateName: 'cert-manager.io/certificate-name', revision: 'cert-manager.io/certificate-revision', privateKeySecret: 'cert-manager.io/private-key-secret-name',
  issuerName: 'cert-manager.io/issuer-name', issuerKind: 'cert-manager.io/issuer-kind', issuerGroup: 'cert-manager.io/issuer-group',
  commonName: 'cert-manager.io/common-name', altNames: 'cert-manager.io/alt-names', ipSans: 'cert-manager.io/ip-sans', uriSans: 'cert-manager.io/uri-sans', emailSans: 'cert-manager.io/email-sans',
  nextPrivateKey: 'cert-manager.io/next-private-key', fao: 'controller.cert-manager.io/fao',
  /** Of this stand-in, on issuers of type CA: certificates are issued anew when the CA is replaced. Upstream leaves them until they are renewed. */
  followCa: 'idp.dev/reissue-on-ca-change',
  temporary: 'cert-manager.io/issue-temporary-certificate', issuer: 'cert-manager.io/issuer', clusterIssuer: 'cert-manager.io/cluster-issuer',
} as const
