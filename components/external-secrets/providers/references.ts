import { ConfigMap, isApiError, Secret, type Status, ApiError } from '@idp/api'
import type { SecretKeyRef, ServiceAccountRef } from '../kinds/external-secrets.ts'
import type { ProviderContext } from './provider.ts'

const isCluster = ({ store }: ProviderContext): boolean => store.kind === 'ClusterSecretStore'

/** A SecretStore reads its own namespace alone; a ClusterSecretStore the one that is named. */
export function namespaceOf(context: ProviderContext, named: string | undefined): string {
  return isCluster(context) ? named ?? context.namespace : context.store.metadata.namespace ?? ''
}

/** A value that a store refers to, e.g. its token; surrounding white space is no part of it. Throws when there is none. */
export async function readSecretKey(context: ProviderContext, ref: SecretKeyRef, defaultKey = ''): Promise<string> {
  const namespace = namespaceOf(context, ref.namespace)
  const key = ref.key === undefined || ref.key === '' ? defaultKey : ref.key
  let secret: Secret
  try {
    secret = await context.client.get(Secret, ref.name, { namespace })
  } catch (error) {
    throw isApiError(error, 'NotFound') ? new Error(`cannot get Kubernetes secret "${ref.name}" from namespace "${namespace}": secrets "${ref.name}" not found`, { cause: error }) : error
  }
  const value = secret.data?.[key]
  if (value === undefined) throw new Error(`cannot find secret data for key: "${key}"`)
  return Buffer.from(value, 'base64').toString()
}

/** A token of a ServiceAccount by TokenRequest. */
export async function requestToken(context: ProviderContext, ref: ServiceAccountRef, expirationSeconds = 600, moreAudiences: readonly string[] = []): Promise<string> {
  const namespace = namespaceOf(context, ref.namespace)
  const audiences = [...ref.audiences ?? [], ...moreAudiences]
  const response = await context.client.request(`/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(ref.name)}/token`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds, ...(audiences.length === 0 ? {} : { audiences }) } }),
  })
  const body = await response.json() as { status?: { token?: string } }
  if (response.status < 400 && body.status?.token !== undefined) return body.status.token
  throw new Error(`cannot request Kubernetes service account token for service account "${ref.name}": ${ApiError.fromStatus(body as unknown as Partial<Status>, response.status).message}`)
}

export interface CaSource { caBundle?: string; caProvider?: { type: 'Secret' | 'ConfigMap'; name: string; key?: string; namespace?: string } }

/** Certificates to trust, in PEM; undefined when the store names none. */
export async function readCa(context: ProviderContext, { caBundle, caProvider }: CaSource): Promise<string | undefined> {
  if (caBundle !== undefined && caBundle !== '') return Buffer.from(caBundle, 'base64').toString()
  if (caProvider === undefined) return undefined
  const { type, name, key = 'ca.crt' } = caProvider
  if (type === 'Secret') return readSecretKey(context, { name, key, ...(caProvider.namespace === undefined ? {} : { namespace: caProvider.namespace }) })
  const map = await context.client.get(ConfigMap, name, { namespace: namespaceOf(context, caProvider.namespace) })
  const value = map.data?.[key]
  if (value === undefined) throw new Error(`failed to get caProvider configMap ${name} -> ${key}`)
  return value
}
