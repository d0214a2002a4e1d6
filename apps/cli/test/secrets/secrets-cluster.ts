import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isApiError, Namespace, Pod, Secret, ServiceAccount } from '@idp/api'
import type { Client } from '@idp/client'
import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import type { Cluster } from '@idp/host'
import { memoryFiles, sleep, systemClock, type Log } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import { eventually, startTestCluster } from '@idp/testkit'

const components = fileURLToPath(new URL('../../../../components', import.meta.url))
export const vaultAddress = 'http://vault.vault-system.svc.cluster.local:8200'

export interface VaultReply { readonly status: number; readonly body: any } // oxlint-disable-line no-explicit-any -- answers of every shape
export interface Credentials { readonly token: string; readonly unsealKey: string }

/** A cluster with Vault (sealed by a key file) and External Secrets as the platform installs them. */
export interface SecretsCluster extends AsyncDisposable {
  readonly cluster: Cluster
  readonly client: Client
  readonly credentials: Credentials
  apply(yaml: string): Promise<void>
  /** Vault's API with the root token, or another. While no pod is ready it waits, as a client would try again. */
  vault(method: string, path: string, body?: object | Uint8Array, token?: string): Promise<VaultReply>
  snapshot(): Promise<Uint8Array>
  /** Waits until Vault serves. */
  unsealed(): Promise<void>
}

/**
 * @param options.credentials those of a Vault that the data directory holds already; without them Vault is initialised, with KV 2 at `secret/`, the
 *   Kubernetes method, and a role `app` for ServiceAccount `app/external-secrets`
 */
export async function startSecretsCluster(options: { readonly dataDir?: string; readonly credentials?: Credentials; readonly log?: Log } = {}): Promise<SecretsCluster> {
  const { dataDir, log } = options
  await using stack = new AsyncDisposableStack()
  const cluster = stack.use(await startTestCluster({ components: ['vault', 'external-secrets'], ...(dataDir === undefined ? {} : { dataDir, storage: 'disk' }), ...(log === undefined ? {} : { log }) }))
  const { client } = cluster
  let credentials = options.credentials
  const call = async (method: string, path: string, body?: object | Uint8Array, token = credentials?.token ?? ''): Promise<VaultReply> => {
    const raw = body instanceof Uint8Array
    const response = await answered(() => cluster.net.fetch(`${vaultAddress}/v1/${path}`, { method, headers: token === '' ? {} : { 'x-vault-token': token }, ...(body === undefined ? {} : { body: raw ? body as Uint8Array<ArrayBuffer> : JSON.stringify(body) }) }))
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  const apply = async (yaml: string): Promise<void> => {
    for (const { value } of parseYamlDocuments(yaml)) {
      if (value === null) continue
      const object = value as unknown as AnyObject
      await client.apply(await client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'test', force: true })
    }
  }
  if (credentials === undefined) {
    await install(client, 'vault', 'vault-system')
    await install(client, 'external-secrets', 'external-secrets-system')
    await eventually(client, Pod, (pods) => pods.filter(isReady).length === 4, { labelSelector: 'app.kubernetes.io/name in (vault, external-secrets, external-secrets-webhook, external-secrets-cert-controller)', timeoutMs: 60_000 })
    credentials = await prepare(call)
    await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'app' } })
    await client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'external-secrets', namespace: 'app' } })
    await apply(store)
  }
  const done = stack.move()
  return {
    cluster, client, credentials, apply, vault: call,
    async snapshot() {
      const response = await cluster.net.fetch(`${vaultAddress}/v1/sys/storage/raft/snapshot`, { headers: { 'x-vault-token': credentials?.token ?? '' } })
      return new Uint8Array(await response.arrayBuffer())
    },
    async unsealed() {
      await until(async () => (await call('GET', 'sys/health')).status === 200, 'Vault serves')
    },
    [Symbol.asyncDispose]: () => done.disposeAsync(),
  }
}

const store = `
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: vault, namespace: app }
spec: { refreshInterval: 5, provider: { vault: { server: '${vaultAddress}', path: secret, version: v2, auth: { kubernetes: { mountPath: kubernetes, role: app, serviceAccountRef: { name: external-secrets, audiences: [vault] } } } } } }
`

async function prepare(call: SecretsCluster['vault']): Promise<Credentials> {
  const { body } = await call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 })
  const credentials = { token: String(body.root_token), unsealKey: String(body.keys[0]) }
  const set = async (path: string, given: object): Promise<void> => {
    const { status, body: answer } = await call('POST', path, given, credentials.token)
    if (status >= 400) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`)
  }
  await set('sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  await set('sys/policies/acl/app', { policy: 'path "secret/data/*" { capabilities = ["read"] }\npath "secret/metadata/*" { capabilities = ["list", "read"] }' })
  await set('sys/auth/kubernetes', { type: 'kubernetes' })
  await set('auth/kubernetes/config', { kubernetes_host: 'https://kubernetes.default.svc' })
  await set('auth/kubernetes/role/app', { bound_service_account_names: 'external-secrets', bound_service_account_namespaces: 'app', token_policies: 'app', audience: 'vault', ttl: '24h' })
  return credentials
}

async function install(client: Client, component: string, namespace: string): Promise<void> {
  const root = join(components, component, 'chart')
  const files: Record<string, Uint8Array> = {}
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) if (entry.isFile()) files[join(entry.parentPath, entry.name).slice(root.length + 1)] = await readFile(join(entry.parentPath, entry.name))
  await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const { documents } = await renderHelm(memoryFiles(files), { releaseName: component, namespace, values: [] })
  // Definitions first: what is of their kinds could not be applied before.
  for (const { object } of [...documents].sort((a, b) => Number(b.object.kind === 'CustomResourceDefinition') - Number(a.object.kind === 'CustomResourceDefinition'))) await client.apply(await client.kindOf(object.apiVersion, object.kind), object as AnyObject, { fieldManager: 'test', force: true })
}

export const isReady = ({ metadata, status }: Pod): boolean => metadata.deletionTimestamp === undefined && status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true
export const valueOf = (secret: Secret | undefined, key: string): string => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString()

/** An ExternalSecret in namespace `app` of everything below one key of the store `vault`. */
export const externalSecret = (name: string, key: string): string => `
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: ${name}, namespace: app }
spec: { refreshInterval: 1h, secretStoreRef: { name: vault }, dataFrom: [{ extract: { key: ${key} } }] }
`

/** A machine under load lets a probe fail now and then: what could not even be sent is sent again. */
async function answered(send: () => Promise<Response>): Promise<Response> {
  let response: Response | undefined
  await until(async () => {
    response = await send()
    return true
  }, 'Vault answers')
  return response ?? Response.error()
}

/** Waits for what no watch tells, asking again and again; what throws is not there yet. */
export async function until(test: () => Promise<boolean>, what: string, timeoutMs = 60_000): Promise<void> {
  const end = performance.now() + timeoutMs
  let last: unknown
  while (performance.now() < end) {
    try {
      if (await test()) return
    } catch (error) {
      last = error
    }
    await sleep(systemClock, 25)
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: last })
}

export async function secretOf(client: Client, name: string): Promise<Secret | undefined> {
  try {
    return await client.get(Secret, name, { namespace: 'app' })
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined
    throw error
  }
}
