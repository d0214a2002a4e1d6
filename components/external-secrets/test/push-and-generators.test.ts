import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '@idp/api'
import { ClusterExternalSecret, ExternalSecret, PushSecret } from '../kinds/external-secrets.ts'
import { startCluster, type Cluster } from './cluster.ts'

const stores = `
apiVersion: v1
kind: Secret
metadata: { name: token, namespace: external-secrets-system }
stringData: { token: root }
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: { name: vault }
spec: { provider: { vault: { server: 'http://vault:8200', path: secret, auth: { tokenSecretRef: { name: token, key: token, namespace: external-secrets-system } } } } }
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: { name: fake }
spec: { provider: { fake: { data: [{ key: a, value: one, version: v1 }, { key: a, value: '{"k":"two"}', version: v2 }, { key: b, value: x }] } } }
`
async function start(): Promise<Cluster> {
  const cluster = await startCluster()
  await cluster.apply(stores)
  await cluster.settle()
  return cluster
}

test('a PushSecret writes to Vault, follows its Secret, and takes out what it no longer wants', async () => {
  await using cluster = await start()
  const push = (data: string): string => `
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: { name: push, namespace: app }
spec: { deletionPolicy: Delete, refreshInterval: 1h, secretStoreRefs: [{ name: vault, kind: ClusterSecretStore }], selector: { secret: { name: source } }, data: [${data}] }
`
  const one = '{ match: { secretKey: a, remoteRef: { remoteKey: pushed, property: pa } } }'
  const two = '{ match: { secretKey: b, remoteRef: { remoteKey: pushed, property: pb } } }'
  await cluster.apply(push(`${one}, ${two}`))
  await cluster.settle()
  const condition = async () => (await cluster.api.client.get(PushSecret, 'push', { namespace: 'app' })).status?.conditions?.map(({ status, reason, message }) => [status, reason, message])[0]
  assert.deepEqual(await condition(), ['False', 'Errored', 'could not get source secret'])
  await cluster.apply('apiVersion: v1\nkind: Secret\nmetadata: { name: source, namespace: app }\nstringData: { a: "1", b: "2" }\n')
  await cluster.settle()
  assert.deepEqual([cluster.vault.read('pushed'), await condition()], [{ pa: '1', pb: '2' }, ['True', 'Synced', 'PushSecret synced successfully']])
  await cluster.api.client.patch(Secret, 'source', { stringData: { a: 'changed' } }, { type: 'merge', namespace: 'app' })
  await cluster.apply(push(one))
  await cluster.settle()
  assert.deepEqual(cluster.vault.read('pushed'), { pa: 'changed' })
  await cluster.api.client.delete(PushSecret, 'push', { namespace: 'app' })
  await cluster.settle()
  assert.equal(cluster.vault.read('pushed'), undefined)
  cluster.vault.put('foreign', { mine: 'yes' })
  await cluster.apply(push('{ match: { secretKey: a, remoteRef: { remoteKey: foreign, property: pa } } }'))
  await cluster.settle()
  assert.deepEqual([(await condition())?.[2], cluster.vault.read('foreign')], ['set secret failed: could not write remote ref a to target secretstore vault: secret not managed by external-secrets', { mine: 'yes' }])
})

test('a ClusterExternalSecret provides the namespaces it selects, and no other', async () => {
  await using cluster = await start()
  await cluster.apply(`
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: shared, namespace: other }
spec: { secretStoreRef: { name: fake, kind: ClusterSecretStore }, dataFrom: [{ extract: { key: a } }] }
---
apiVersion: external-secrets.io/v1
kind: ClusterExternalSecret
metadata: { name: shared }
spec:
  namespaces: [app, other]
  externalSecretMetadata: { labels: { from: cluster } }
  externalSecretSpec: { secretStoreRef: { name: fake, kind: ClusterSecretStore }, dataFrom: [{ extract: { key: a } }] }
`)
  await cluster.settle()
  const { status } = await cluster.api.client.get(ClusterExternalSecret, 'shared')
  assert.deepEqual([status?.provisionedNamespaces, status?.failedNamespaces, status?.conditions], [['app'], [{ namespace: 'other', reason: 'external secret already exists in namespace' }], [{ type: 'Ready', status: 'False', message: 'one or more namespaces failed' }]])
  assert.deepEqual(await cluster.values('shared'), { k: 'two' })
  await cluster.api.client.patch(ClusterExternalSecret, 'shared', { spec: { namespaces: ['other'] } }, { type: 'merge' })
  await cluster.settle()
  assert.deepEqual((await cluster.api.client.list(ExternalSecret, { namespace: 'app' })).items, [])
})

test('generators make values once per refresh; those that are not supported are refused by name', async () => {
  await using cluster = await start()
  await cluster.apply(`
apiVersion: generators.external-secrets.io/v1alpha1
kind: Password
metadata: { name: pw, namespace: app }
spec: { length: 42, digits: 5, symbols: 5, symbolCharacters: '-_$@', noUpper: true, allowRepeat: true }
---
apiVersion: generators.external-secrets.io/v1alpha1
kind: UUID
metadata: { name: id, namespace: app }
spec: {}
---
apiVersion: generators.external-secrets.io/v1alpha1
kind: Fake
metadata: { name: fake, namespace: app }
spec: { data: { foo: bar } }
---
apiVersion: generators.external-secrets.io/v1alpha1
kind: VaultDynamicSecret
metadata: { name: dynamic, namespace: app }
spec: { path: kv1/creds, provider: { server: 'http://vault:8200', auth: { tokenSecretRef: { name: token, key: token } } } }
---
apiVersion: v1
kind: Secret
metadata: { name: token, namespace: app }
stringData: { token: root }
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: made, namespace: app }
spec:
  refreshInterval: 0s
  dataFrom: [${['Password/pw', 'UUID/id', 'Fake/fake', 'VaultDynamicSecret/dynamic'].map((each) => `{ sourceRef: { generatorRef: { apiVersion: generators.external-secrets.io/v1alpha1, kind: ${each.split('/')[0]}, name: ${each.split('/')[1]} } } }`).join(', ')}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: refused, namespace: app }
spec: { dataFrom: [{ sourceRef: { generatorRef: { kind: ECRAuthorizationToken, name: x } } }] }
`)
  cluster.vault.v1.set('creds', { username: 'u', password2: 'p' })
  await cluster.advance(6000)
  assert.deepEqual(await cluster.ready('made'), { status: 'True', reason: 'SecretSynced', message: 'secret synced' })
  const values = await cluster.values('made') ?? {}
  assert.match(values['password'] ?? '', /^[a-z0-9\-_$@]{42}$/)
  assert.deepEqual([(values['password'] ?? '').replaceAll(/\D/g, '').length, values['foo'], values['username']], [5, 'bar', 'u'])
  assert.match(values['uuid'] ?? '', /^[0-9a-f-]{36}$/)
  await cluster.advance(7_200_000)
  assert.deepEqual(await cluster.values('made'), values)
  assert.ok((await cluster.events('refused')).some((event) => event.includes('ECRAuthorizationToken')))
})

test('provider fake: versions, properties, find', async () => {
  await using cluster = await start()
  await cluster.apply(`
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: x, namespace: app }
spec:
  secretStoreRef: { name: fake, kind: ClusterSecretStore }
  data: [{ secretKey: old, remoteRef: { key: a, version: v1 } }, { secretKey: k, remoteRef: { key: a, version: v2, property: k } }]
  dataFrom: [{ find: { name: { regexp: '^b$' } } }]
`)
  await cluster.settle()
  assert.deepEqual(await cluster.values('x'), { b: 'x', k: 'two', old: 'one' })
})
