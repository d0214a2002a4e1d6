import { Secret, type Kind } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { isCoded, messageOf, rfc3339 } from '@idp/kit'
import { keyMatches, parseCertificates, parseKey, type Certificate as X509 } from '@idp/pki'
import type { KeyObject } from 'node:crypto'
import { withCondition } from '../engine/conditions.ts'
import { dataOf } from '../engine/reissue.ts'
import { ClusterIssuer, Issuer, type AnyIssuer } from '../kinds/cert-manager.ts'

/** Where the Secrets of an issuer are: its namespace, or that of cert-manager for cluster issuers. */
export function secretNamespace(issuer: AnyIssuer, clusterNamespace: string): string {
  return issuer.kind === 'ClusterIssuer' ? clusterNamespace : issuer.metadata.namespace ?? ''
}

export type CaKeyPair = { readonly key: KeyObject; readonly chain: readonly X509[] } | { readonly reason: string; readonly message: string }

/** The signing key and chain in a CA issuer's Secret. */
export function readCa(secret: Secret | undefined, secretName: string): CaKeyPair {
  if (secret === undefined) return { reason: 'ErrGetKeyPair', message: `Error getting keypair for CA issuer: secrets "${secretName}" not found` }
  const [cert, key] = [dataOf(secret, 'tls.crt'), dataOf(secret, 'tls.key')]
  if (cert === undefined || key === undefined) return { reason: 'ErrGetKeyPair', message: `Error getting keypair for CA issuer: no data for "${cert === undefined ? 'tls.crt' : 'tls.key'}" in secret '${secret.metadata.namespace}/${secretName}'` }
  try {
    const chain = parseCertificates(cert)
    const [issuer] = chain
    if (issuer === undefined || !issuer.isCa) return { reason: 'ErrInvalidKeyPair', message: 'Error getting keypair for CA issuer: certificate is not a CA' }
    const parsed = parseKey(key)
    if (!keyMatches(issuer, parsed)) return { reason: 'ErrInvalidKeyPair', message: 'Error getting keypair for CA issuer: the private key does not belong to the certificate' }
    return { key: parsed, chain: [...chain, ...parseCertificates(dataOf(secret, 'ca.crt') ?? '').filter((extra) => !chain.some(({ fingerprint }) => fingerprint === extra.fingerprint))] }
  } catch (error) {
    if (!isCoded(error)) throw error
    return { reason: 'ErrGetKeyPair', message: `Error getting keypair for CA issuer: ${messageOf(error)}` }
  }
}

/** Judges the issuers of a kind: condition `Ready`. */
export function issuerController(kind: Kind<Issuer> | Kind<ClusterIssuer>, clusterNamespace: string): Controller {
  const usersOf = (secret: Secret, scope: Scope) => scope.cache<AnyIssuer>(kind as Kind<AnyIssuer>).list()
    .filter((issuer) => issuer.spec.ca?.secretName === secret.metadata.name && secretNamespace(issuer, clusterNamespace) === secret.metadata.namespace)
    .map(({ metadata }) => ({ name: metadata.name ?? '', namespace: metadata.namespace }))
  const controller: Controller<AnyIssuer> = {
    name: kind.kind === 'Issuer' ? 'cert-manager-issuers' : 'cert-manager-clusterissuers',
    for: kind as Kind<AnyIssuer>,
    watches: [watch(Secret, usersOf)],
    async reconcile(issuer, scope) {
      const verdict = judge(issuer, scope, clusterNamespace)
      const old = issuer.status?.conditions?.find(({ type }) => type === 'Ready')
      if (old?.status !== verdict.status || old.reason !== verdict.reason) {
        if (verdict.status === 'False') scope.event(issuer, 'Warning', verdict.reason, verdict.message)
        else if (verdict.reason === 'KeyPairVerified') scope.event(issuer, 'Normal', verdict.reason, verdict.message)
      }
      return { status: { ...issuer.status, conditions: withCondition(issuer.status?.conditions, { type: 'Ready', ...verdict, observedGeneration: issuer.metadata.generation ?? 1 }, rfc3339(scope.clock.now())) } }
    },
  }
  return controller as unknown as Controller
}

function judge(issuer: AnyIssuer, scope: Scope, clusterNamespace: string): { status: 'True' | 'False'; reason: string; message: string } {
  const { spec } = issuer
  if (spec.selfSigned !== undefined) return { status: 'True', reason: 'IsReady', message: '' }
  if (spec.ca !== undefined) {
    const found = readCa(scope.cache(Secret).get(spec.ca.secretName, secretNamespace(issuer, clusterNamespace)), spec.ca.secretName)
    return 'key' in found ? { status: 'True', reason: 'KeyPairVerified', message: 'Signing CA verified' } : { status: 'False', ...found }
  }
  const type = ['acme', 'vault', 'venafi'].find((name) => name in spec)
  return { status: 'False', reason: 'NotSupported', message: type === undefined ? 'no issuer type is configured' : `issuer type ${type} is not supported by this stand-in` }
}
