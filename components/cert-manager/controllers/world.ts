import type { Client } from '@idp/client'
import { Secret } from '@idp/api'
import type { Scope } from '@idp/controller'
import type { Random } from '@idp/kit'
import type { Net } from '@idp/sandbox'
import type { DefaultIssuer } from '../engine/shim-annotations.ts'
import { ClusterIssuer, Issuer, type AnyIssuer } from '../kinds/cert-manager.ts'

/** What the control loops are given beside the API. */
export interface World {
  /** Where Secrets of ClusterIssuers are. */
  readonly clusterNamespace: string
  readonly random: Random
  /** Whether the Gateway API is served. */
  readonly gateways: boolean
  /** The network of the pod. */
  readonly fetch: Net['fetch']
  /** Image of the pods that answer HTTP-01 challenges. */
  readonly solverImage: string
  readonly defaultIssuer: DefaultIssuer
  /** Sign CertificateSigningRequests of Kubernetes too; upstream's experimental feature. */
  readonly signingRequests: boolean
}

export interface IssuerRef { readonly name: string; readonly kind?: string | undefined; readonly group?: string | undefined }

/** Where the Secrets of an issuer are: its namespace, or that of cert-manager for cluster issuers. */
export function secretNamespace(issuer: AnyIssuer, clusterNamespace: string): string {
  return issuer.kind === 'ClusterIssuer' ? clusterNamespace : issuer.metadata.namespace ?? ''
}

export function findIssuer(ref: IssuerRef, namespace: string, scope: Scope): AnyIssuer | undefined {
  return (ref.kind ?? 'Issuer') === 'ClusterIssuer' ? scope.cache(ClusterIssuer).get(ref.name) : scope.cache(Issuer).get(ref.name, namespace)
}

/** A value of a Secret in the cache, or what is wrong. */
export function secretValue(scope: Scope, namespace: string, { name, key }: { readonly name: string; readonly key: string }): { readonly value: Buffer } | { readonly missing: string } {
  const secret = scope.cache(Secret).get(name, namespace)
  if (secret === undefined) return { missing: `secrets "${name}" not found` }
  const value = secret.data?.[key]
  return value === undefined ? { missing: `no data for "${key}" in secret '${namespace}/${name}'` } : { value: Buffer.from(value, 'base64') }
}

/** A token of a ServiceAccount for given audiences, valid for ten minutes. */
export async function serviceAccountToken(client: Client, namespace: string, name: string, audiences: readonly string[]): Promise<string> {
  const response = await client.request(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences, expirationSeconds: 600 } }),
  })
  return ((await response.json()) as { status: { token: string } }).status.token
}
