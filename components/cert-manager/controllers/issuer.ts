import { Secret, type Kind } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { isCoded, messageOf, rfc3339 } from '@idp/kit'
import { keyMatches, parseCertificates, parseKey, type Certificate as X509 } from '@idp/pki'
import type { KeyObject } from 'node:crypto'
import { withCondition } from '../engine/conditions.ts'
import { dataOf } from '../engine/reissue.ts'
import type { ClusterIssuer, Issuer, AnyIssuer } from '../kinds/cert-manager.ts'
import { judgeAcme, type AcmeClients, type Verdict } from './acme-account.ts'
import { judgeVault } from './vault.ts'
import { secretNamespace, type World } from './world.ts'

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

/** Names of the Secrets that an issuer reads. */
function secretsOf({ spec }: AnyIssuer): (string | undefined)[] {
  const { vault, acme } = spec
  return [
    spec.ca?.secretName, acme?.privateKeySecretRef.name, acme?.externalAccountBinding?.keySecretRef.name,
    vault?.caBundleSecretRef?.name, vault?.clientCertSecretRef?.name, vault?.clientKeySecretRef?.name, vault?.auth.tokenSecretRef?.name, vault?.auth.appRole?.secretRef.name, vault?.auth.clientCertificate?.secretName, vault?.auth.kubernetes?.secretRef?.name,
  ]
}

/** Judges the issuers of a kind: condition `Ready`. */
export function issuerController(kind: Kind<Issuer> | Kind<ClusterIssuer>, world: World, clients: AcmeClients): Controller {
  const usersOf = (secret: Secret, scope: Scope) => scope.cache<AnyIssuer>(kind as Kind<AnyIssuer>).list()
    .filter((issuer) => secretNamespace(issuer, world.clusterNamespace) === secret.metadata.namespace && secretsOf(issuer).includes(secret.metadata.name))
    .map(({ metadata }) => ({ name: metadata.name ?? '', namespace: metadata.namespace }))
  const controller: Controller<AnyIssuer> = {
    name: kind.kind === 'Issuer' ? 'cert-manager-issuers' : 'cert-manager-clusterissuers',
    for: kind as Kind<AnyIssuer>,
    watches: [watch(Secret, usersOf)],
    concurrency: 4,
    async reconcile(issuer, scope) {
      const { acme, failed, ...verdict } = await judge(issuer, scope, world, clients)
      const old = issuer.status?.conditions?.find(({ type }) => type === 'Ready')
      if (old?.status !== verdict.status || old.reason !== verdict.reason) {
        if (verdict.status === 'False' && issuer.spec.acme === undefined) scope.event(issuer, 'Warning', verdict.reason, verdict.message)
        else if (verdict.reason === 'KeyPairVerified') scope.event(issuer, 'Normal', verdict.reason, verdict.message)
      }
      const conditions = withCondition(issuer.status?.conditions, { type: 'Ready', ...verdict, observedGeneration: issuer.metadata.generation ?? 1 }, rfc3339(scope.clock.now()))
      return { status: { ...issuer.status, conditions, ...(acme === undefined ? {} : { acme }) }, ...(failed === undefined ? {} : { failed }) }
    },
  }
  return controller as unknown as Controller
}

async function judge(issuer: AnyIssuer, scope: Scope, world: World, clients: AcmeClients): Promise<Verdict> {
  const { spec } = issuer
  if (spec.selfSigned !== undefined) return { status: 'True', reason: 'IsReady', message: '' }
  if (spec.ca !== undefined) {
    const found = readCa(scope.cache(Secret).get(spec.ca.secretName, secretNamespace(issuer, world.clusterNamespace)), spec.ca.secretName)
    return 'key' in found ? { status: 'True', reason: 'KeyPairVerified', message: 'Signing CA verified' } : { status: 'False', ...found }
  }
  if (spec.acme !== undefined) return judgeAcme(issuer, scope, world, clients)
  if (spec.vault !== undefined) return judgeVault(issuer, scope, world)
  return { status: 'False', reason: 'NotSupported', message: 'venafi' in spec ? 'issuer type venafi is not supported by this stand-in' : 'no issuer type is configured' }
}
