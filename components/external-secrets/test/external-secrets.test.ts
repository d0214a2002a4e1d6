import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret, ServiceAccount } from '@idp/api'
import { ClusterSecretStore, ExternalSecret, SecretStore } from '../kinds/external-secrets.ts'
import { startCluster, type Cluster } from './cluster.ts'

const store = (extra = '') => `
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: vault, namespace: app }
spec:
  provider:
    vault:
      server: http://vault.vault-system.svc:8200
      path: secret
      version: v2
      auth: { kubernetes: { mountPath: kubernetes, role: app, serviceAccountRef: { name: external-secrets, audiences: [vault] } } }
${extra}`
const es = (name: string, spec: string, target = ''): string => `
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: ${name}, namespace: app, labels: { team: one } }
spec:
  refreshInterval: 3m
  secretStoreRef: { name: vault, kind: SecretStore }
  ${target}
  ${spec}
`
async function start(): Promise<Cluster> {
  const cluster = await startCluster()
  await cluster.api.client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'external-secrets', namespace: 'app' } })
  await cluster.apply(store())
  await cluster.settle()
  return cluster
}
const conditions = async (cluster: Cluster) => (await cluster.api.client.get(SecretStore, 'vault', { namespace: 'app' })).status

test('a store is validated with the token of its ServiceAccount', async () => {
  await using cluster = await start()
  const status = await conditions(cluster)
  assert.equal(status?.capabilities, 'ReadWrite')
  assert.deepEqual(status?.conditions?.map(({ type, status: value, reason, message }) => [type, value, reason, message]), [['Ready', 'True', 'Valid', 'store validated']])
  const login = cluster.vault.logins[0]
  assert.deepEqual([login?.path, login?.body['role']], ['auth/kubernetes/login', 'app'])
  const claims = JSON.parse(Buffer.from(String(login?.body['jwt']).split('.')[1] ?? '', 'base64url').toString()) as { aud: string[]; sub: string }
  assert.deepEqual([claims.aud, claims.sub], [['vault'], 'system:serviceaccount:app:external-secrets'])
  assert.deepEqual(await cluster.events('vault'), ['Normal Valid store validated'])
})

for (const key of ['grafana/admin', 'secret/grafana/admin', 'secret/data/grafana/admin']) {
  test(`reads ${key}`, async () => {
    await using cluster = await start()
    cluster.vault.put('grafana/admin', { 'admin-password': 'pässword', nested: { a: [1, 'two'] } })
    await cluster.apply(es('x', `data: [{ secretKey: p, remoteRef: { key: ${key}, property: admin-password } }, { secretKey: nn, remoteRef: { key: ${key}, property: nested.a.1 } }, { secretKey: all, remoteRef: { key: ${key}, property: nested } }]`))
    await cluster.settle()
    assert.deepEqual(await cluster.values('x'), { all: '{"a":[1,"two"]}', nn: 'two', p: 'pässword' })
    assert.deepEqual(await cluster.ready('x'), { status: 'True', reason: 'SecretSynced', message: 'secret synced' })
  })
}

test('the Secret has upstream\'s marks; the status tells', async () => {
  await using cluster = await start()
  cluster.vault.put('a', { k: 'ab' })
  await cluster.apply(es('x', 'dataFrom: [{ extract: { key: a } }]'))
  await cluster.settle()
  const secret = await cluster.secret('x')
  assert.equal(secret.metadata.labels?.['team'], 'one')
  assert.equal(secret.metadata.labels?.['reconcile.external-secrets.io/managed'], 'true')
  assert.match(secret.metadata.labels?.['reconcile.external-secrets.io/created-by'] ?? '', /^[0-9a-f]{56}$/)
  assert.match(secret.metadata.annotations?.['reconcile.external-secrets.io/data-hash'] ?? '', /^[0-9a-f]{56}$/)
  assert.deepEqual(secret.metadata.ownerReferences?.map(({ kind, name, controller }) => [kind, name, controller]), [['ExternalSecret', 'x', true]])
  const { status, metadata } = await cluster.api.client.get(ExternalSecret, 'x', { namespace: 'app' })
  assert.deepEqual([status?.binding, status?.syncedResourceVersion?.split('-')[0], metadata.finalizers], [{ name: 'x' }, '1', ['externalsecrets.external-secrets.io/externalsecret-cleanup']])
  assert.deepEqual(await cluster.events('x'), ['Normal Created secret created'])
  assert.match(cluster.metrics.render(), /externalsecret_status_condition\{condition="Ready",name="x",namespace="app",status="True"\} 1/)
})

test('a change of the source reaches the Secret in less than two seconds, and is one read', async () => {
  await using cluster = await start()
  cluster.vault.put('a', { k: 'one' })
  await cluster.apply(es('x', 'dataFrom: [{ extract: { key: a } }]'))
  await cluster.settle()
  await cluster.advance(10_000)
  const reads = () => cluster.vault.requests.filter((each) => each === 'GET secret/data/a').length
  assert.equal(reads(), 1)
  cluster.vault.put('a', { k: 'two' })
  await cluster.advance(1500)
  assert.deepEqual([await cluster.values('x'), reads()], [{ k: 'two' }, 2])
  cluster.vault.metadataDenied = true
  await cluster.advance(2000)
  cluster.vault.put('a', { k: 'three' })
  await cluster.advance(1500)
  assert.deepEqual(await cluster.values('x'), { k: 'three' })
})

test('a Secret changed or deleted by hand is put back', async () => {
  await using cluster = await start()
  cluster.vault.put('a', { k: 'one' })
  await cluster.apply(es('x', 'dataFrom: [{ extract: { key: a } }]'))
  await cluster.settle()
  await cluster.api.client.patch(Secret, 'x', { data: { k: 'AAAA', more: 'AAAA' } }, { type: 'merge', namespace: 'app' })
  await cluster.settle()
  assert.deepEqual(await cluster.values('x'), { k: 'one' })
  await cluster.api.client.delete(Secret, 'x', { namespace: 'app' })
  await cluster.settle()
  assert.deepEqual(await cluster.values('x'), { k: 'one' })
})

test('rewrites, templates and metadata as the platform repository uses them', async () => {
  await using cluster = await start()
  cluster.vault.put('grafana/admin', { 'admin-password': 'p', 'admin-user': 'u' })
  await cluster.apply(es('x', `dataFrom: [{ extract: { key: secret/grafana/admin }, rewrite: [{ regexp: { source: '^admin-(.*)$', target: 'admin_$1' } }, { transform: { template: '{{ .value | upper }}' } }] }]`, `
  target:
    name: target
    template:
      engineVersion: v2
      mergePolicy: Replace
      type: kubernetes.io/basic-auth
      metadata: { labels: { app: grafana, user: '{{ .ADMIN_USER }}' }, annotations: { note: hi } }
      templateFrom: [{ literal: "{{ range $k, $v := . }}{{ $k | lower }}: {{ $v }}\\n{{ end }}" }]
      data: { username: '{{ .ADMIN_USER }}', password: '{{ printf "%s!" .ADMIN_PASSWORD | b64enc }}' }`))
  await cluster.settle()
  assert.deepEqual(await cluster.ready('x'), { status: 'True', reason: 'SecretSynced', message: 'secret synced' })
  const secret = await cluster.secret('target')
  assert.deepEqual([secret.type, secret.metadata.labels?.['user'], secret.metadata.annotations?.['note'], secret.metadata.labels?.['team']], ['kubernetes.io/basic-auth', 'u', 'hi', undefined])
  assert.deepEqual(await cluster.values('target'), { password: 'cCE=', username: 'u', admin_password: 'p', admin_user: 'u' })
})

test('creation policies', async () => {
  await using cluster = await start()
  cluster.vault.put('a', { k: 'one' })
  for (const policy of ['Orphan', 'Merge', 'None']) await cluster.apply(es(policy.toLowerCase(), 'dataFrom: [{ extract: { key: a } }]', `target: { creationPolicy: ${policy} }`))
  await cluster.settle()
  assert.deepEqual(await cluster.values('orphan'), { k: 'one' })
  assert.equal((await cluster.secret('orphan')).metadata.ownerReferences, undefined)
  assert.deepEqual([await cluster.values('merge'), await cluster.values('none')], [undefined, undefined])
  assert.deepEqual(await cluster.ready('merge'), { status: 'True', reason: 'SecretMissing', message: 'secret will not be created due to CreationPolicy=Merge' })
  await cluster.api.client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'merge', namespace: 'app' }, data: { own: 'eA==' } })
  await cluster.settle()
  assert.deepEqual(await cluster.values('merge'), { k: 'one', own: 'x' })
  cluster.vault.put('a', { j: 'two' })
  await cluster.advance(1500)
  assert.deepEqual(await cluster.values('merge'), { j: 'two', own: 'x' })
})

test('what Vault no longer has: retained, deleted, or an error that says so', async () => {
  await using cluster = await start()
  cluster.vault.put('a', { k: 'one' })
  await cluster.apply(es('keep', 'dataFrom: [{ extract: { key: a } }]'))
  await cluster.apply(es('drop', 'dataFrom: [{ extract: { key: a } }]', 'target: { deletionPolicy: Delete }'))
  await cluster.settle()
  cluster.vault.remove('a')
  await cluster.advance(1500)
  assert.deepEqual([await cluster.values('keep'), await cluster.values('drop')], [{ k: 'one' }, undefined])
  assert.deepEqual(await cluster.ready('keep'), { status: 'False', reason: 'SecretSyncedError', message: 'could not get secret data from provider' })
  assert.deepEqual(await cluster.ready('drop'), { status: 'True', reason: 'SecretDeleted', message: 'secret deleted due to DeletionPolicy=Delete' })
  assert.ok((await cluster.events('keep')).includes('Warning UpdateFailed error processing spec.dataFrom[0].extract, err: Secret does not exist'))
  cluster.vault.put('a', { k: 'back' })
  await cluster.advance(6000)
  assert.deepEqual([await cluster.values('keep'), await cluster.values('drop')], [{ k: 'back' }, { k: 'back' }])
})

test('a role that is taken away stops the flow with a condition, and the store tells the cause', async () => {
  await using cluster = await start()
  cluster.vault.put('a', { k: 'one' })
  await cluster.apply(es('x', 'dataFrom: [{ extract: { key: a } }]'))
  await cluster.settle()
  cluster.vault.roles.delete('app')
  await cluster.advance(90_000)
  assert.deepEqual(await cluster.ready('x'), { status: 'False', reason: 'SecretSyncedError', message: 'could not get secret data from provider' })
  const [told] = (await conditions(cluster))?.conditions ?? []
  assert.deepEqual([told?.status, told?.reason], ['False', 'InvalidProviderConfig'])
  assert.match(told?.message ?? '', /^unable to validate store: .*invalid role name "app"/)
  assert.ok((await cluster.events('vault')).some((event) => event.includes('invalid role name "app"')))
  cluster.vault.roles.add('app')
  await cluster.advance(8000)
  assert.deepEqual(await cluster.ready('x'), { status: 'True', reason: 'SecretSynced', message: 'secret synced' })
})

test('a namespaced store cannot read other namespaces; a cluster store asks its conditions', async () => {
  await using cluster = await start()
  cluster.vault.put('a', { k: 'one' })
  await cluster.api.client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'token', namespace: 'other' }, data: { token: Buffer.from('root\n').toString('base64') } })
  await cluster.apply(`
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: { name: everywhere }
spec: { conditions: [{ namespaces: [app] }], provider: { vault: { server: 'http://vault:8200', path: secret, auth: { tokenSecretRef: { name: token, key: token, namespace: other } } } } }
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: sneaky, namespace: app }
spec: { provider: { vault: { server: 'http://vault:8200', path: secret, auth: { tokenSecretRef: { name: token, key: token, namespace: other } } } } }
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: aws, namespace: app }
spec: { provider: { aws: { service: SecretsManager, region: eu-central-1 } } }
`)
  await cluster.apply(es('x', 'dataFrom: [{ extract: { key: a } }]').replace('name: vault, kind: SecretStore', 'name: everywhere, kind: ClusterSecretStore'))
  await cluster.apply(es('yy', 'dataFrom: [{ extract: { key: a } }]').replace('name: vault, kind: SecretStore', 'name: everywhere, kind: ClusterSecretStore').replace('namespace: app', 'namespace: other'))
  await cluster.settle()
  assert.equal((await cluster.api.client.get(ClusterSecretStore, 'everywhere')).status?.conditions?.[0]?.reason, 'Valid')
  assert.deepEqual(await cluster.values('x'), { k: 'one' })
  assert.ok((await cluster.events('yy')).some((event) => event.includes('using cluster store "everywhere" is not allowed from namespace "other"')))
  const reason = async (name: string) => (await cluster.api.client.get(SecretStore, name, { namespace: 'app' })).status?.conditions?.map(({ status, reason: why, message }) => [status, why, message])[0]
  assert.deepEqual((await reason('sneaky'))?.slice(0, 2), ['False', 'InvalidProviderConfig'])
  assert.match(String((await reason('aws'))?.[2]), /provider aws is not supported by this stand-in/)
})

test('find, versions, metadata, KV v1, decoding', async () => {
  await using cluster = await start()
  cluster.vault.put('db/one', { k: '1' }, { team: 'a' })
  cluster.vault.put('db/deep/two', { k: 'old' })
  cluster.vault.put('db/deep/two', { k: Buffer.from('zwei').toString('base64') })
  cluster.vault.v1.set('legacy', { k: 'v1' })
  await cluster.apply(store().replace('name: vault', 'name: v1').replace('path: secret', 'path: kv1').replace('version: v2', 'version: v1'))
  await cluster.apply(es('found', 'dataFrom: [{ find: { path: db, name: { regexp: "o" } } }]'))
  await cluster.apply(es('tagged', 'dataFrom: [{ find: { tags: { team: a } } }]'))
  await cluster.apply(es('single', 'data: [{ secretKey: old, remoteRef: { key: db/deep/two, property: k, version: "1" } }, { secretKey: dec, remoteRef: { key: db/deep/two, property: k, decodingStrategy: Base64 } }, { secretKey: team, remoteRef: { key: db/one, property: team, metadataPolicy: Fetch } }, { secretKey: v1, sourceRef: { storeRef: { name: v1 } }, remoteRef: { key: kv1/legacy, property: k } }]'))
  await cluster.settle()
  assert.deepEqual(await cluster.values('found'), { 'db_deep_two': '{"k":"endlaQ=="}', 'db_one': '{"k":"1"}' })
  assert.deepEqual(await cluster.values('tagged'), { 'db_one': '{"k":"1"}' })
  assert.deepEqual(await cluster.values('single'), { dec: 'zwei', old: 'old', team: 'a', v1: 'v1' })
})

test('no value ever reaches a log, an event, a status or a metric', async () => {
  await using cluster = await start()
  cluster.vault.put('a', { k: 'hunter2-very-secret', j: 'not json hunter2-very-secret' })
  for (const [name, template] of Object.entries({ a: '{{ fail .k }}', b: '{{ .j | mustFromJson }}', c: '{{ index .k "x" }}', d: '{{ mustToDate "x" .k }}' })) {
    await cluster.apply(es(name, 'dataFrom: [{ extract: { key: a } }]', `target: { template: { data: { x: '${template}' } } }`))
  }
  await cluster.apply(es('e', 'dataFrom: [{ extract: { key: a, property: j } }]'))
  await cluster.apply(es('f', 'dataFrom: [{ extract: { key: a, decodingStrategy: Base64 } }]'))
  await cluster.settle()
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) assert.equal((await cluster.ready(name))?.reason, 'SecretSyncedError', name)
  assert.doesNotMatch(await cluster.everything(), /hunter2/)
})
