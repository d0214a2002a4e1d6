import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterRoleBinding, ConfigMap, EndpointSlice, Namespace, Pod, Service, ServiceAccount, StatefulSet } from '@idp/api'
import { eventually, startTestCluster } from '@idp/testkit'

const namespace = 'vault-system'
const config = 'ui = true\nlistener "tcp" {\n  tls_disable = 1\n  address = "[::]:8200"\n}\nstorage "raft" {\n  path = "/vault/data"\n}\nseal "idp-keyfile" {}\n'

test('a pod serves Vault, checks ServiceAccount tokens, and unseals itself after a restart', async () => {
  await using cluster = await startTestCluster({ components: ['vault'] })
  const { client } = cluster
  const labels = { app: 'vault' }
  await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  await client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'vault', namespace } })
  await client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader', namespace } })
  await client.create(ClusterRoleBinding, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'vault-server-binding' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:auth-delegator' }, subjects: [{ kind: 'ServiceAccount', name: 'vault', namespace }] })
  await client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'vault-config', namespace }, data: { 'vault.hcl': config } })
  await client.create(Service, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'vault', namespace }, spec: { selector: labels, ports: [{ port: 8200 }] } })
  await client.create(StatefulSet, {
    apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'vault', namespace },
    spec: {
      serviceName: 'vault', replicas: 1, selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: 'vault',
          containers: [{ name: 'vault', image: 'docker.io/hashicorp/vault:1.20.4', args: ['server', '-config=/vault/config/vault.hcl'], readinessProbe: { httpGet: { path: '/v1/sys/health?sealedcode=204&uninitcode=204', port: 8200 } }, volumeMounts: [{ name: 'config', mountPath: '/vault/config' }, { name: 'data', mountPath: '/vault/data' }] }],
          volumes: [{ name: 'config', configMap: { name: 'vault-config' } }],
        },
      },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }],
    },
  } as never)
  const isReady = (pod: Pod): boolean => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true && pod.metadata.deletionTimestamp === undefined
  const [first] = await eventually(client, Pod, (pods) => pods.some(isReady), { namespace, timeoutMs: 60_000 })

  const served = (): Promise<unknown> => eventually(client, EndpointSlice, (slices) => slices.some(({ endpoints }) => endpoints?.some(({ conditions }) => conditions?.ready !== false) === true), { namespace })
  await served()

  let token = ''
  const call = async (method: string, path: string, body?: object, as = token): Promise<{ status: number; body: any }> => { // oxlint-disable-line no-explicit-any -- answers of every shape
    const response = await client.request(`/api/v1/namespaces/${namespace}/services/vault:8200/proxy/v1/${path}`, { method, headers: { 'x-vault-token': as, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  token = (await call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 })).body.root_token
  assert.equal((await call('GET', 'sys/seal-status')).body.sealed, false)
  await call('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  await call('POST', 'secret/data/app', { data: { password: 'one' } })
  await call('POST', 'sys/policies/acl/read', { policy: 'path "secret/data/*" { capabilities = ["read"] }' })
  await call('POST', 'sys/auth/kubernetes', { type: 'kubernetes' })
  await call('POST', 'auth/kubernetes/config', { kubernetes_host: 'https://kubernetes.default.svc' })
  await call('POST', 'auth/kubernetes/role/reader', { bound_service_account_names: 'reader', bound_service_account_namespaces: namespace, token_policies: 'read', audience: 'vault', ttl: '24h' })

  const tokenOf = async (account: string, audience: string): Promise<string> => {
    const response = await client.request(`/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience] } }) })
    return ((await response.json()) as { status: { token: string } }).status.token
  }
  const rows: [jwt: string, status: number][] = [[await tokenOf('reader', 'vault'), 200], [await tokenOf('reader', 'other'), 403], [await tokenOf('vault', 'vault'), 403], [`${(await tokenOf('reader', 'vault')).slice(0, -8)}AAAAAAAA`, 403]]
  for (const [jwt, status] of rows) assert.equal((await call('POST', 'auth/kubernetes/login', { role: 'reader', jwt }, '')).status, status)
  const login = await call('POST', 'auth/kubernetes/login', { role: 'reader', jwt: rows[0]?.[0] }, '')
  assert.equal((await call('GET', 'secret/data/app', undefined, login.body.auth.client_token)).body.data.data.password, 'one')
  assert.deepEqual((await call('POST', 'secret/data/app', { data: {} }, login.body.auth.client_token)).status, 403)

  await client.delete(Pod, 'vault-0', { namespace })
  await eventually(client, Pod, (pods) => pods.some((pod) => pod.metadata.uid !== first?.metadata.uid && isReady(pod)), { namespace, timeoutMs: 60_000 })
  await served()
  assert.equal((await call('GET', 'secret/data/app')).body.data.data.password, 'one')
})
