import type { Scope } from '@idp/controller'
import { CodedError, isCoded, messageOf } from '@idp/kit'
import type { Csr } from '@idp/pki'
import { splitChain } from '../engine/reissue.ts'
import { formatGoDuration } from '../engine/go-duration.ts'
import { callVault, checkVault, loginToVault, VaultRefusal, type VaultOptions } from '../engine/vault-client.ts'
import type { Signed } from '../engine/sign.ts'
import type { AnyIssuer } from '../kinds/cert-manager.ts'
import type { Verdict } from './acme-account.ts'
import { secretNamespace, secretValue, serviceAccountToken, type World } from './world.ts'

type VaultSpec = NonNullable<AnyIssuer['spec']['vault']>

/** Whether a Vault issuer can log in, and Vault answers. */
export async function judgeVault(issuer: AnyIssuer, scope: Scope, world: World): Promise<Verdict> {
  const spec = issuer.spec.vault as VaultSpec // called for Vault issuers only
  const wrong = misconfigured(spec)
  if (wrong !== undefined) return { status: 'False', reason: 'VaultError', message: wrong }
  try {
    const { options } = await login(issuer, scope, world)
    await checkVault(options)
    return { status: 'True', reason: 'VaultVerified', message: 'Vault verified' }
  } catch (error) {
    const where = isCoded(error, 'VaultNotReady') ? 'Failed to verify Vault is initialized and unsealed' : 'Failed to initialize Vault client'
    return { status: 'False', reason: 'VaultError', message: `${where}: ${messageOf(error)}`, failed: error }
  }
}

/** What a request asks for, signed by Vault. @throws VaultRefusal, CodedError */
export async function signWithVault(issuer: AnyIssuer, asked: { readonly csr: Csr; readonly pem: string; readonly duration: number }, scope: Scope, world: World): Promise<Signed> {
  const { path } = issuer.spec.vault as VaultSpec // called for Vault issuers only
  const { options, token } = await login(issuer, scope, world)
  const { csr, pem, duration } = asked
  const { data } = await callVault<{ data?: { certificate?: string; ca_chain?: string[]; issuing_ca?: string } }>(options, path, {
    common_name: csr.subject.commonName ?? '', alt_names: csr.dnsNames.join(','), ip_sans: csr.ipAddresses.join(','), uri_sans: csr.uris.join(','), ttl: formatGoDuration(duration), csr: pem, exclude_cn_from_sans: 'true',
  }, token)
  if (data?.certificate === undefined) throw new CodedError({ code: 'NoCertificate', message: 'Vault answered without a certificate' })
  const above = data.ca_chain ?? (data.issuing_ca === undefined ? [] : [data.issuing_ca])
  const { chain, root } = splitChain([data.certificate, ...above].join('\n'))
  const ca = root ?? above.at(-1)
  return { certificate: chain, ...(ca === undefined ? {} : { ca: `${ca.trim()}\n` }) }
}

export const isVaultRefusal = (error: unknown): error is VaultRefusal => error instanceof VaultRefusal

/** What is wrong with the settings, in upstream's words. */
function misconfigured({ server, path, auth, serverName }: VaultSpec & { serverName?: string }): string | undefined {
  if (server === '' || path === '') return 'Vault server and path are required fields'
  const given = (['tokenSecretRef', 'appRole', 'clientCertificate', 'kubernetes', 'aws'] as const).filter((name) => (auth as Record<string, unknown>)[name] !== undefined)
  if (given.length === 0) return 'Vault tokenSecretRef, appRole, clientCertificate, or kubernetes is required'
  if (given.length > 1) return 'Multiple auth methods cannot be set on the same Vault issuer'
  if (given[0] === 'aws') return 'spec.vault.auth.aws is not supported by this stand-in'
  if (serverName !== undefined && serverName !== '') return 'spec.vault.serverName is not supported by this stand-in; name Vault in spec.vault.server as its certificate does'
  if (auth.tokenSecretRef !== undefined && auth.tokenSecretRef.name === '') return 'Vault Token auth requires tokenSecretRef.name'
  if (auth.appRole !== undefined && (auth.appRole.roleId === '' || auth.appRole.secretRef.name === '')) return 'Vault AppRole auth requires both roleId and tokenSecretRef.name'
  if (auth.appRole !== undefined && (auth.appRole.secretRef.key ?? '') === '') return 'Vault AppRole auth requires secretRef.key'
  const { kubernetes } = auth
  if (kubernetes !== undefined && kubernetes.role === '') return 'Vault Kubernetes auth requires a role to be set'
  const byToken = (kubernetes?.secretRef?.name ?? '') !== ''
  if (kubernetes !== undefined && !byToken && kubernetes.serviceAccountRef === undefined) return 'Vault Kubernetes auth requires either secretRef.name or serviceAccountRef.name to be set'
  if (byToken && kubernetes?.serviceAccountRef !== undefined) return 'Vault Kubernetes auth cannot be used with both secretRef.name and serviceAccountRef.name'
  return undefined
}

interface LoggedIn { readonly options: VaultOptions; readonly token: string }

async function login(issuer: AnyIssuer, scope: Scope, world: World): Promise<LoggedIn> {
  const spec = issuer.spec.vault as VaultSpec // called for Vault issuers only
  const { server, auth } = spec
  const namespace = secretNamespace(issuer, world.clusterNamespace)
  const read = (name: string, key: string): string => {
    const found = secretValue(scope, namespace, { name, key })
    if ('missing' in found) throw new CodedError({ code: 'SecretMissing', message: found.missing })
    return found.value.toString().trim()
  }
  const options = optionsOf(spec, read, world)
  if (auth.tokenSecretRef !== undefined) return { options, token: read(auth.tokenSecretRef.name, auth.tokenSecretRef.key ?? 'token') }
  if (auth.appRole !== undefined) {
    const { path, roleId, secretRef } = auth.appRole
    return { options, token: await loginToVault(options, `auth/${path === '' ? 'approle' : path}`, { role_id: roleId.trim(), secret_id: read(secretRef.name, secretRef.key ?? '') }) }
  }
  if (auth.clientCertificate !== undefined) {
    const { mountPath = '/v1/auth/cert', name = '', secretName } = auth.clientCertificate
    const identity = secretName === undefined || secretName === '' ? {} : { clientIdentity: { cert: read(secretName, 'tls.crt'), key: read(secretName, 'tls.key') } }
    return { options, token: await loginToVault({ ...options, ...identity }, mountPath, { name }) }
  }
  const { mountPath = '/v1/auth/kubernetes', role, secretRef, serviceAccountRef } = auth.kubernetes ?? { role: '' }
  const jwt = serviceAccountRef === undefined
    ? read(secretRef?.name ?? '', secretRef?.key ?? 'token')
    : await serviceAccountToken(scope.client, namespace, serviceAccountRef.name, [...serviceAccountRef.audiences ?? [], `vault://${issuer.kind === 'Issuer' ? `${issuer.metadata.namespace}/` : ''}${issuer.metadata.name}`, server])
  return { options, token: await loginToVault(options, mountPath, { role, jwt }) }
}

function optionsOf(spec: VaultSpec, read: (name: string, key: string) => string, { fetch }: World): VaultOptions {
  const { server, namespace, caBundle, caBundleSecretRef, clientCertSecretRef, clientKeySecretRef } = spec
  const ca = caBundle !== undefined && String(caBundle) !== '' ? Buffer.from(String(caBundle), 'base64').toString() : caBundleSecretRef === undefined ? undefined : read(caBundleSecretRef.name, caBundleSecretRef.key || 'ca.crt')
  const identity = clientCertSecretRef === undefined || clientKeySecretRef === undefined ? {} : { clientIdentity: { cert: read(clientCertSecretRef.name, clientCertSecretRef.key || 'tls.crt'), key: read(clientKeySecretRef.name, clientKeySecretRef.key || 'tls.key') } }
  return { server, fetch, ...(ca === undefined ? {} : { ca }), ...(namespace === undefined || namespace === '' ? {} : { namespace }), ...identity }
}
