import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Deployment, EndpointSlice, isApiError, Namespace, Pod, Secret, ServiceAccount } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject } from '@idp/formats'
import { memoryFiles } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import { eventually, startTestCluster } from '@idp/testkit'
import { ExternalSecret, SecretStore } from '../kinds/external-secrets.ts'

const components = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

async function install(client: Client, component: string, namespace: string): Promise<void> {
  const root = join(components, component, 'chart')
  const files: Record<string, Uint8Array> = {}
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) files[join(entry.parentPath, entry.name).slice(root.length + 1)] = await readFile(join(entry.parentPath, entry.name))
  }
  await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const { documents } = await renderHelm(memoryFiles(files), { releaseName: component, namespace, values: [] })
  // Definitions first: what is of their kinds could not be applied before.
  for (const { object } of [...documents].sort((a, b) => Number(b.object.kind === 'CustomResourceDefinition') - Number(a.object.kind === 'CustomResourceDefinition'))) {
    await client.apply(await client.kindOf(object.apiVersion, object.kind), object as AnyObject, { fieldManager: 'test', force: true })
  }
}

const isReady = (pod: Pod): boolean => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
const valueOf = (secret: Secret | undefined, key: string): string => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString()

test('in a cluster with Vault, under their own accounts: a value changed in Vault reaches the Secret', async (t) => {
  await using cluster = await startTestCluster({ components: ['vault', 'external-secrets'] })
  const { client } = cluster
  await install(client, 'vault', 'vault-system')
  await install(client, 'external-secrets', 'external-secrets-system')
  await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'observability' } })
  await client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'external-secrets', namespace: 'observability' } })
  await eventually(client, Pod, (pods) => pods.some(({ status }) => status?.phase === 'Running'), { namespace: 'vault-system', timeoutMs: 60_000 })

  let token = ''
  const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const response = await cluster.net.fetch(`http://vault.vault-system.svc.cluster.local:8200/v1/${path}`, { method, headers: { 'x-vault-token': token }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const text = await response.text()
    assert.ok(response.status < 400, `${method} ${path}: ${response.status} ${text}`)
    return text === '' ? {} : JSON.parse(text) as Record<string, unknown>
  }
  await eventually(client, Deployment, (all) => all.length === 3 && all.every(({ status }) => (status?.availableReplicas ?? 0) > 0), { namespace: 'external-secrets-system', timeoutMs: 60_000 })
  // A pod that is ready becomes reachable a moment later, when its Service has heard of it.
  await eventually(client, EndpointSlice, (slices) => slices.some(({ metadata, endpoints }) => metadata.labels?.['kubernetes.io/service-name'] === 'vault' && (endpoints ?? []).some(({ conditions }) => conditions?.ready === true)), { namespace: 'vault-system', timeoutMs: 60_000 })
  token = String((await call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 }))['root_token'])
  await eventually(client, Pod, (pods) => pods.some(isReady), { namespace: 'vault-system', timeoutMs: 60_000 })
  await call('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  await call('POST', 'secret/data/grafana/admin', { data: { 'admin-user': 'admin', 'admin-password': 'one' } })
  await call('POST', 'sys/policies/acl/eso-policy', { policy: 'path "secret/data/*" { capabilities = ["read"] }\npath "secret/metadata/*" { capabilities = ["list", "read"] }' })
  await call('POST', 'sys/auth/kubernetes', { type: 'kubernetes' })
  await call('POST', 'auth/kubernetes/config', { kubernetes_host: 'https://kubernetes.default.svc' })
  await call('POST', 'auth/kubernetes/role/eso-observability-role', { bound_service_account_names: 'external-secrets', bound_service_account_namespaces: 'observability', token_policies: 'eso-policy', audience: 'vault', ttl: '24h' })

  await client.create(SecretStore, {
    apiVersion: 'external-secrets.io/v1', kind: 'SecretStore', metadata: { name: 'observability', namespace: 'observability' },
    spec: { provider: { vault: { server: 'http://vault.vault-system.svc:8200', path: 'secret', version: 'v2', auth: { kubernetes: { mountPath: 'kubernetes', role: 'eso-observability-role', serviceAccountRef: { name: 'external-secrets', audiences: ['vault'] } } } } } },
  })
  const wanted: ExternalSecret = {
    apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', metadata: { name: 'grafana-admin-credentials', namespace: 'observability' },
    spec: { refreshInterval: '3m', secretStoreRef: { name: 'observability' }, dataFrom: [{ extract: { key: 'secret/grafana/admin' }, rewrite: [{ regexp: { source: 'admin-password', target: 'adminPassword' } }] }], target: { template: { engineVersion: 'v2', data: { 'admin-user': 'admin', 'admin-password': '{{ .adminPassword }}' } } } },
  }
  await client.create(ExternalSecret, wanted)
  const at = { namespace: 'observability', timeoutMs: 60_000 }
  await eventually(client, Secret, (secrets) => secrets.some((secret) => valueOf(secret, 'admin-password') === 'one'), at)
  await eventually(client, ExternalSecret, (all) => all.some(({ status }) => status?.conditions?.some(({ reason }) => reason === 'SecretSynced') === true), at)

  const since = performance.now()
  await call('POST', 'secret/data/grafana/admin', { data: { 'admin-user': 'admin', 'admin-password': 'two' } })
  await eventually(client, Secret, (secrets) => secrets.some((secret) => valueOf(secret, 'admin-password') === 'two'), at)
  // How long it may take is a matter of the fake clock's tests; here the machine's load would be measured.
  t.diagnostic(`reached the Secret after ${Math.round(performance.now() - since)} ms`)

  const refused = await client.create(ExternalSecret, { ...wanted, metadata: { name: 'bad', namespace: 'observability' }, spec: { secretStoreRef: { name: 'observability' } } }).catch((error: unknown) => error)
  assert.ok(isApiError(refused), 'the webhook refuses an ExternalSecret that asks for nothing')
  assert.match(refused.message, /admission webhook "validate.externalsecret.external-secrets.io" denied the request: either data or dataFrom should be specified/)
})
