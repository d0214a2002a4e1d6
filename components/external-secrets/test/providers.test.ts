import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret, ServiceAccount } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { seededRandom } from '@idp/kit'
import { bytes, text } from '../engine/secret-map.ts'
import type { Store } from '../kinds/external-secrets.ts'
import type { Provider, ProviderContext } from '../providers/provider.ts'
import { kubernetesProvider } from '../providers/kubernetes.ts'
import { vaultProvider } from '../providers/vault/vault.ts'
import { webhookProvider } from '../providers/webhook.ts'
import { startCluster, type Cluster } from './cluster.ts'

function connect(cluster: Cluster, provider: Provider, config: object, fetch: ProviderContext['fetch']) {
  const store: Store = { apiVersion: 'external-secrets.io/v1', kind: 'SecretStore', metadata: { name: 's', namespace: 'app', uid: 'u', generation: 1 }, spec: { provider: { [provider.name]: config } } }
  assert.equal(provider.fault(store), undefined)
  return provider.connect({ client: cluster.api.client, clock: cluster.api.fake, fetch, ownToken: async () => 'operator', store, namespace: 'app' })
}

async function start(): Promise<Cluster> {
  const cluster = await startCluster()
  await cluster.api.client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader', namespace: 'app' } })
  await cluster.apply('apiVersion: v1\nkind: Secret\nmetadata: { name: login, namespace: app }\nstringData: { secret: "s3cret\\n", role: r0le, token: j.w.t }\n')
  return cluster
}

for (const [name, auth, path, body] of [
  ['appRole', { appRole: { path: 'approle', roleRef: { name: 'login', key: 'role' }, secretRef: { name: 'login', key: 'secret' } } }, 'auth/approle/login', { role_id: 'r0le', secret_id: 's3cret' }],
  ['userPass', { userPass: { path: 'people', username: 'ann', secretRef: { name: 'login', key: 'secret' } } }, 'auth/people/login/ann', { password: 's3cret' }],
  ['jwt from a Secret', { jwt: { path: 'jwt', role: 'dev', secretRef: { name: 'login', key: 'token' } } }, 'auth/jwt/login', { jwt: 'j.w.t', role: 'dev' }],
  ['kubernetes with a token from a Secret', { kubernetes: { mountPath: 'k8s', role: 'app', secretRef: { name: 'login' } } }, 'auth/k8s/login', { role: 'app', jwt: 'j.w.t' }],
  ['kubernetes as the operator', { kubernetes: { role: 'app' } }, 'auth/kubernetes/login', { role: 'app', jwt: 'operator' }],
  ['cert', { cert: { clientCert: { name: 'login', key: 'role' }, secretRef: { name: 'login', key: 'secret' } } }, 'auth/cert/login', {}],
] as const) {
  test(`Vault login: ${name}`, async () => {
    await using cluster = await start()
    cluster.vault.put('a', { k: 'v' })
    const client = connect(cluster, vaultProvider(), { server: 'http://vault:8200', path: 'secret', auth }, async (url, options) => cluster.vault.fetch(url, options))
    assert.equal(text(await client.getSecret({ key: 'a', property: 'k' })), 'v')
    assert.deepEqual(cluster.vault.logins, [{ path, body }])
  })
}

test('provider kubernetes reads, finds, writes and removes Secrets with a ServiceAccount token', async () => {
  await using cluster = await start()
  const tokens: string[] = []
  const client = connect(cluster, kubernetesProvider, { remoteNamespace: 'other', auth: { serviceAccount: { name: 'reader' } } }, async (url, options) => {
    tokens.push(new Headers(options?.headers).get('authorization') ?? '')
    return cluster.api.client.request(new URL(url).pathname, options)
  })
  await cluster.apply('apiVersion: v1\nkind: Secret\nmetadata: { name: remote, namespace: other, labels: { team: a } }\nstringData: { k: v, json: \'{"a":{"b":"deep"}}\' }\n')
  assert.equal(text(await client.getSecret({ key: 'remote', property: 'k' })), 'v')
  assert.equal(text(await client.getSecret({ key: 'remote', property: 'json.a.b' })), 'deep')
  assert.equal(text(await client.getSecret({ key: 'remote', property: 'labels.team', metadataPolicy: 'Fetch' })), 'a')
  assert.deepEqual([...(await client.getSecretMap({ key: 'remote' })).keys()].sort(), ['json', 'k'])
  assert.deepEqual([...(await client.getAllSecrets({ name: { regexp: '^rem' }, tags: { team: 'a' } })).keys()], ['remote'])
  await assert.rejects(client.getSecret({ key: 'missing' }), /Secret does not exist/)
  await client.push?.(bytes('new'), { key: 'made', property: 'p', metadata: undefined })
  assert.equal(await client.exists?.({ key: 'made', property: 'p', metadata: undefined }), true)
  const metadata = { apiVersion: 'kubernetes.external-secrets.io/v1alpha1', kind: 'PushSecretMetadata', spec: { labels: { more: 'entry' } } }
  await client.push?.(bytes('newer'), { key: 'made', property: 'p', metadata, source: { labels: { team: 'b' } } })
  const pushed = await cluster.api.client.get(Secret, 'made', { namespace: 'other' })
  assert.deepEqual([pushed.metadata.labels, text(Buffer.from(pushed.data?.['p'] ?? '', 'base64'))], [{ team: 'b', more: 'entry' }, 'newer'])
  await client.push?.(bytes('newer'), { key: 'made', property: 'p', metadata, source: { labels: { team: 'b' } } })
  assert.equal((await cluster.api.client.get(Secret, 'made', { namespace: 'other' })).metadata.resourceVersion, pushed.metadata.resourceVersion, 'nothing is written twice')
  await client.remove?.({ key: 'made', property: 'p', metadata: undefined })
  assert.equal(await client.exists?.({ key: 'made', property: undefined, metadata: undefined }), false)
  assert.ok(tokens.every((token) => /^Bearer \w+\.\w+\./.test(token)))
})

test('provider webhook fills in its templates, takes the answer apart, and shows no secret in an error', async () => {
  await using cluster = await start()
  const asked: AnyObject[] = []
  const config = { url: 'http://api/{{ .remoteRef.key }}?v={{ .remoteRef.version }}', method: 'POST', headers: { authorization: 'Basic {{ print .login.secret | trim | b64enc }}' }, body: '{"key":"{{ .remoteRef.key }}"}', result: { jsonPath: '$.data' }, secrets: [{ name: 'login', secretRef: { name: 'login', key: 'secret' } }] }
  const client = connect(cluster, webhookProvider(seededRandom()), config, async (url, options) => {
    asked.push({ url, ...options } as unknown as AnyObject)
    if (url.includes('gone')) return new Response('', { status: 404 })
    if (url.includes('boom')) throw new Error('cannot send s3cret')
    return Response.json({ data: { k: 'v', n: 1 } })
  })
  assert.equal(text(await client.getSecret({ key: 'a', version: '2' })), '{"k":"v","n":1}')
  assert.deepEqual([...await client.getSecretMap({ key: 'a' })].map(([key, value]) => [key, text(value)]), [['k', 'v'], ['n', '1']])
  assert.deepEqual([asked[0]?.['url'], asked[0]?.['body'], new Headers(asked[0]?.['headers'] as unknown as Record<string, string>).get('authorization')], ['http://api/a?v=2', '{"key":"a"}', `Basic ${Buffer.from('s3cret').toString('base64')}`])
  await assert.rejects(client.getSecret({ key: 'gone' }), /Secret does not exist/)
  await assert.rejects(client.getSecret({ key: 'boom' }), (error: Error) => !error.message.includes('s3cret'))
})
