import { PersistentVolumeClaim, Pod, Secret } from '@idp/api'
import type { Client } from '@idp/client'
import { getIfExists, waitFor } from '@idp/controller'
import type { JsonObject } from '@idp/formats'
import { CodedError, type Clock, type Random } from '@idp/kit'
import { secretData } from '../access/credentials.ts'
import type { PlatformConfig } from '../config/config.ts'
import { fieldManager } from '../bootstrap/apply-objects.ts'
import { generateSecret } from './generate-secret.ts'
import { vaultClient, type VaultClient } from './vault-client.ts'

export interface PrepareVaultOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly secrets: PlatformConfig['secrets']
}

const namespace = 'vault-system'
const keysSecret = 'vault-init-keys'

/** Namespaces whose External Secrets may read from Vault: each only what lies below its own prefixes. */
const readers: Readonly<Record<string, readonly string[]>> = { argocd: ['argocd'], cicd: ['sonarqube', 'docker'], observability: ['grafana'], backstage: ['backstage'] }

/** Initialises, unseals and seeds Vault as far as that has not been done. Safe to run again; a secret that exists is never changed. */
export async function prepareVault(options: PrepareVaultOptions): Promise<void> {
  const anonymous = vaultClient(options.client)
  const keys = await initialise(anonymous, options)
  await unseal(anonymous, keys.unsealKey)
  const vault = anonymous.as(keys.rootToken)
  await enable(vault)
  await Promise.all(Object.entries(readers).map(([reader, prefixes]) => allow(vault, reader, prefixes)))
  for (const [path, wanted] of Object.entries(options.secrets)) await seed(vault, path, wanted, options.random)
}

interface Keys { readonly unsealKey: string; readonly rootToken: string }

async function initialise(vault: VaultClient, options: PrepareVaultOptions): Promise<Keys> {
  const known = await secretData(options.client, namespace, keysSecret)
  const status = await vault.call('GET', 'sys/seal-status')
  if (known !== undefined && status?.['initialized'] === true) return { unsealKey: known['unseal-key'] ?? '', rootToken: known['root-token'] ?? '' }
  // Initialised, but nobody kept the keys: a start was cut off between the two. Nothing can have been stored since, so it begins anew.
  if (status?.['initialized'] === true) await startOver(options)
  const made = await vault.call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 })
  const unsealKey = String((made?.['keys_base64'] as string[] | undefined)?.[0] ?? (made?.['recovery_keys_base64'] as string[] | undefined)?.[0] ?? '')
  const rootToken = String(made?.['root_token'] ?? '')
  if (rootToken === '') throw new CodedError({ code: 'VaultInitFailed', message: 'Vault gave no root token', where: 'sys/init' })
  await options.client.apply(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: keysSecret, namespace }, stringData: { 'unseal-key': unsealKey, 'root-token': rootToken } }, { fieldManager, force: true })
  return { unsealKey, rootToken }
}

async function startOver({ client, clock, signal, timeoutMs }: PrepareVaultOptions): Promise<void> {
  const pod = await getIfExists(client, Pod, 'vault-0', namespace)
  const claim = await getIfExists(client, PersistentVolumeClaim, 'data-vault-0', namespace)
  if (claim !== undefined) await client.delete(PersistentVolumeClaim, 'data-vault-0', { namespace })
  if (pod !== undefined) await client.delete(Pod, 'vault-0', { namespace })
  await waitFor(client, Pod, {
    name: 'vault-0', namespace, clock, signal, timeoutMs, what: 'to be replaced',
    until: (found) => found !== undefined && found.metadata.uid !== pod?.metadata.uid && (found.status?.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True'),
  })
}

async function unseal(vault: VaultClient, key: string): Promise<void> {
  const status = await vault.call('GET', 'sys/seal-status')
  if (status?.['sealed'] !== true) return
  const after = await vault.call('PUT', 'sys/unseal', { key })
  if (after?.['sealed'] === true) throw new CodedError({ code: 'VaultSealed', message: 'Vault stays sealed after its key was given', where: `Secret ${namespace}/${keysSecret}`, remedy: 'Put the key that was made at initialisation back into this Secret' })
}

async function enable(vault: VaultClient): Promise<void> {
  const mounts = (await vault.call('GET', 'sys/mounts'))?.['data'] as JsonObject | undefined
  if (mounts?.['secret/'] === undefined) await vault.call('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  const methods = (await vault.call('GET', 'sys/auth'))?.['data'] as JsonObject | undefined
  if (methods?.['kubernetes/'] === undefined) await vault.call('POST', 'sys/auth/kubernetes', { type: 'kubernetes' })
  await vault.call('POST', 'auth/kubernetes/config', { kubernetes_host: 'https://kubernetes.default.svc' })
}

async function allow(vault: VaultClient, reader: string, prefixes: readonly string[]): Promise<void> {
  const rules = prefixes.flatMap((prefix) => [`path "secret/data/${prefix}/*" { capabilities = ["read", "subscribe"] }`, `path "secret/metadata/${prefix}/*" { capabilities = ["read", "list"] }`])
  // Told of a change, an operator reads again at once instead of waiting for its interval.
  const events = 'path "sys/events/subscribe/kv*" { capabilities = ["read"] }'
  await vault.call('POST', `sys/policies/acl/eso-${reader}`, { policy: [...rules, events].join('\n') })
  await vault.call('POST', `auth/kubernetes/role/eso-${reader}-role`, { bound_service_account_names: ['external-secrets'], bound_service_account_namespaces: [reader], token_policies: [`eso-${reader}`], audience: 'vault', token_ttl: '24h' })
}

async function seed(vault: VaultClient, path: string, wanted: Readonly<Record<string, string>>, random: Random): Promise<void> {
  const found = ((await vault.call('GET', `secret/data/${path}`))?.['data'] as JsonObject | undefined)?.['data'] as Record<string, string> | undefined
  const values: Record<string, string> = { ...found }
  for (const [key, source] of Object.entries(wanted)) values[key] ??= await generateSecret(source, values, random)
  if (found !== undefined && Object.keys(wanted).every((key) => found[key] !== undefined)) return
  await vault.call('POST', `secret/data/${path}`, { data: values })
}
