import { Secret } from '@idp/api'
import type { Scope } from '@idp/controller'
import type { Certificate as X509 } from '@idp/pki'
import { Certificate, ClusterIssuer, Issuer, names, type AnyIssuer } from '../kinds/cert-manager.ts'
import { readCa } from './issuer.ts'
import { findIssuer, secretNamespace } from './world.ts'

/** Certificates whose CA is in a Secret, of issuers that want them to follow it. */
export function followersOf({ metadata: { name, namespace } }: Secret, scope: Scope, clusterNamespace: string): Certificate[] {
  const issuers = [...scope.cache(ClusterIssuer).list(), ...scope.cache(Issuer).list()]
    .filter((issuer) => followsCa(issuer) && issuer.spec.ca?.secretName === name && secretNamespace(issuer, clusterNamespace) === namespace)
  return issuers.length === 0 ? [] : scope.cache(Certificate).list().filter(({ spec: { issuerRef }, metadata }) => issuers.some((issuer) => issuer.metadata.name === issuerRef.name && issuer.kind === (issuerRef.kind ?? 'Issuer') && (issuer.kind === 'ClusterIssuer' || issuer.metadata.namespace === metadata.namespace)))
}

const followsCa = (issuer: AnyIssuer): boolean => issuer.metadata.annotations?.[names.followCa] === 'true'

/** The CA that the issuer of a certificate signs with, when certificates follow it and it can sign. */
export function caToFollow({ spec, metadata }: Certificate, scope: Scope, clusterNamespace: string): readonly X509[] | undefined {
  const issuer = findIssuer(spec.issuerRef, metadata.namespace ?? '', scope)
  const name = issuer?.spec.ca?.secretName
  if (issuer === undefined || name === undefined || !followsCa(issuer)) return undefined
  const ca = readCa(scope.cache(Secret).get(name, secretNamespace(issuer, clusterNamespace)), name)
  return 'key' in ca ? ca.chain : undefined
}
