import type { SecretKeyRef, ServiceAccountRef, Store } from '../../kinds/external-secrets.ts'
import type { CaSource } from '../references.ts'

export interface VaultAuthSpec {
  namespace?: string
  tokenSecretRef?: SecretKeyRef
  appRole?: { path?: string; roleId?: string; roleRef?: SecretKeyRef; secretRef: SecretKeyRef }
  kubernetes?: { mountPath?: string; role: string; serviceAccountRef?: ServiceAccountRef; secretRef?: SecretKeyRef }
  userPass?: { path?: string; username: string; secretRef?: SecretKeyRef }
  jwt?: { path?: string; role?: string; secretRef?: SecretKeyRef; kubernetesServiceAccountToken?: { serviceAccountRef: ServiceAccountRef; audiences?: string[]; expirationSeconds?: number } }
  cert?: { path?: string; vaultRole?: string; clientCert?: SecretKeyRef; secretRef?: SecretKeyRef }
  ldap?: object
  iam?: object
  gcp?: object
}

/** `spec.provider.vault`. `version` is v2 unless it says v1. */
export interface VaultSpec extends CaSource {
  server: string
  path?: string
  version?: 'v1' | 'v2'
  namespace?: string
  headers?: Record<string, string>
  auth?: VaultAuthSpec
  tls?: { certSecretRef?: SecretKeyRef; keySecretRef?: SecretKeyRef }
}

const unsupported = ['ldap', 'iam', 'gcp'] as const

export function vaultSpecOf(store: Store): VaultSpec {
  return store.spec.provider['vault'] as VaultSpec
}

/** What is wrong with the store's Vault configuration, in upstream's words; undefined when nothing is. */
export function vaultFault(store: Store): string | undefined {
  const { server, auth = {}, tls } = vaultSpecOf(store)
  if (!URL.canParse(server) || !/^https?:/.test(server)) return `invalid vault provider: server ${JSON.stringify(server)} is no http(s) address`
  const refused = unsupported.find((name) => auth[name] !== undefined)
  if (refused !== undefined) return `invalid vault provider: auth.${refused} is not supported by this stand-in`
  const refs: [string, { name: string; namespace?: string } | undefined][] = [
    ['Auth.AppRole.RoleRef', auth.appRole?.roleRef], ['Auth.AppRole.SecretRef', auth.appRole?.secretRef], ['Auth.Cert.ClientCert', auth.cert?.clientCert], ['Auth.Cert.SecretRef', auth.cert?.secretRef],
    ['Auth.Jwt.SecretRef', auth.jwt?.secretRef], ['Auth.Jwt.KubernetesServiceAccountToken.ServiceAccountRef', auth.jwt?.kubernetesServiceAccountToken?.serviceAccountRef],
    ['Auth.Kubernetes.ServiceAccountRef', auth.kubernetes?.serviceAccountRef], ['Auth.Kubernetes.SecretRef', auth.kubernetes?.secretRef], ['Auth.TokenSecretRef', auth.tokenSecretRef],
    ['Auth.UserPass.SecretRef', auth.userPass?.secretRef], ['ClientTLS.ClientCert', tls?.certSecretRef], ['ClientTLS.SecretRef', tls?.keySecretRef],
  ]
  for (const [where, ref] of refs) {
    if (ref?.namespace === undefined) continue
    if (store.kind !== 'ClusterSecretStore' && ref.namespace !== store.metadata.namespace) return `invalid ${where}: namespace should either be empty or match the namespace of the SecretStore for a namespaced SecretStore`
  }
  if ((tls?.certSecretRef === undefined) !== (tls?.keySecretRef === undefined)) return 'when provided, both ClientTLS.ClientCert and ClientTLS.SecretRef should be provided'
  return undefined
}
