import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExternalSecret, PushSecret, SecretStore } from '../kinds/external-secrets.ts'
import { createCa, issueCertificate } from '@idp/pki'
import { startCluster, type Cluster } from './cluster.ts'

const store = `
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: { name: fake }
spec: { provider: { fake: { data: [{ key: a, value: '{"k":"two"}' }, { key: zero, value: "a\\0b" }] } } }
`
async function start(): Promise<Cluster> {
  const cluster = await startCluster()
  await cluster.apply(store)
  await cluster.settle()
  return cluster
}
const es = (name: string, spec: string): string => `
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: ${name}, namespace: app }
spec: { secretStoreRef: { name: fake, kind: ClusterSecretStore }, ${spec} }
`
const extract = 'dataFrom: [{ extract: { key: a } }]'

for (const [name, spec, field] of [
  ['windows', `${extract}, syncWindows: { kind: allow, windows: [{ schedule: '* * * * *', duration: 1h }] }`, 'spec.syncWindows'],
  ['manifest', `${extract}, target: { manifest: { apiVersion: v1, kind: ConfigMap } }`, 'spec.target.manifest'],
  ['decoding', `${extract}, target: { template: { templateFrom: [{ literal: x, valuesDecodingStrategy: Auto }] } }`, 'spec.target.template.templateFrom[0].valuesDecodingStrategy'],
  ['engine', `${extract}, target: { template: { engineVersion: v1 } }`, 'spec.target.template.engineVersion v1'],
] as const) {
  test(`${field} is refused by name`, async () => {
    await using cluster = await start()
    await cluster.apply(es(name, spec)).catch((error: unknown) => assert.match(String(error), /engineVersion/))
    await cluster.settle()
    if (name === 'engine') return // the definition's enum refuses it first
    assert.deepEqual(await cluster.ready(name), { status: 'False', reason: 'SecretSyncedError', message: `${field} is not supported by this stand-in` })
    assert.equal(await cluster.values(name), undefined)
  })
}

test('bytes of value zero are taken, or refused where the entry says so', async () => {
  await using cluster = await start()
  const entry = (policy: string): string => `data: [{ secretKey: z, remoteRef: { key: zero, nullBytePolicy: ${policy} } }]`
  await cluster.apply(es('taken', entry('Ignore')) + '---' + es('refused', entry('Fail')))
  await cluster.settle()
  assert.deepEqual([await cluster.values('taken'), (await cluster.ready('refused'))?.reason], [{ z: 'a\0b' }, 'SecretSyncedError'])
  assert.ok((await cluster.events('refused')).some((event) => event.includes('contains null bytes')))
})

test('every provider that is not there is refused by name in the store\'s condition', async () => {
  await using cluster = await start()
  for (const provider of ['aws', 'gcpsm', 'azurekv', 'openBao', 'onepasswordSDK']) await cluster.apply(`\napiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: { name: ${provider.toLowerCase()}, namespace: app }\nspec: { provider: { ${provider}: {} } }\n`)
  for (const method of ['ldap', 'iam', 'gcp']) await cluster.apply(`\napiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: { name: vault-${method}, namespace: app }\nspec: { provider: { vault: { server: 'http://vault:8200', auth: { ${method}: ${method === 'ldap' ? '{ path: ldap, username: u }' : '{}'} } } } }\n`)
  await cluster.settle()
  for (const { metadata, status } of (await cluster.api.client.list(SecretStore, { namespace: 'app' })).items) {
    const ready = status?.conditions?.[0]
    assert.deepEqual([ready?.status, ready?.reason], ['False', 'InvalidProviderConfig'], metadata.name)
    assert.match(ready?.message?.toLowerCase() ?? '', new RegExp(`${metadata.name?.replace('vault-', 'auth.') ?? ''} is not supported`))
  }
})

test('a store served as v1beta1 is the same store', async () => {
  await using cluster = await start()
  await cluster.apply('\napiVersion: external-secrets.io/v1beta1\nkind: SecretStore\nmetadata: { name: old, namespace: app }\nspec: { provider: { fake: { data: [{ key: a, value: b }] } } }\n')
  await cluster.settle()
  assert.equal((await cluster.api.client.get(SecretStore, 'old', { namespace: 'app' })).status?.conditions?.[0]?.reason, 'Valid')
})

test('a ClusterPushSecret keeps a PushSecret in every namespace it selects', async () => {
  await using cluster = await start()
  await cluster.apply(`
apiVersion: v1
kind: Namespace
metadata: { name: app, labels: { push: 'yes' } }
---
apiVersion: external-secrets.io/v1alpha1
kind: ClusterPushSecret
metadata: { name: everywhere }
spec:
  pushSecretName: pushed
  namespaceSelectors: [{ matchLabels: { push: 'yes' } }]
  pushSecretSpec:
    secretStoreRefs: [{ name: fake, kind: ClusterSecretStore }]
    selector: { secret: { name: source } }
    data: [{ match: { secretKey: a, remoteRef: { remoteKey: r } } }]
`)
  await cluster.settle()
  const { items } = await cluster.api.client.list(PushSecret)
  assert.deepEqual(items.map(({ metadata }) => [metadata.namespace, metadata.name, metadata.ownerReferences?.[0]?.kind]), [['app', 'pushed', 'ClusterPushSecret']])
  const owner = await cluster.api.client.get(await cluster.api.client.kindOf('external-secrets.io/v1alpha1', 'ClusterPushSecret'), 'everywhere')
  assert.deepEqual((owner['status'] as { provisionedNamespaces?: string[] }).provisionedNamespaces, ['app'])
})

test('a template of a PushSecret comes from a ConfigMap; dataTo is refused by name', async () => {
  await using cluster = await start()
  await cluster.apply(`
apiVersion: v1
kind: ConfigMap
metadata: { name: words, namespace: app }
data: { greeting: 'hello {{ .a }}' }
---
apiVersion: v1
kind: Secret
metadata: { name: source, namespace: app }
stringData: { a: there, token: root }
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: vault, namespace: app }
spec: { provider: { vault: { server: 'http://vault:8200', path: secret, auth: { tokenSecretRef: { name: source, key: token } } } } }
---
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: { name: push, namespace: app }
spec:
  secretStoreRefs: [{ name: vault }]
  selector: { secret: { name: source } }
  template: { templateFrom: [{ configMap: { name: words, items: [{ key: greeting }] } }] }
  data: [{ match: { secretKey: greeting, remoteRef: { remoteKey: pushed, property: text } } }]
---
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: { name: bulk, namespace: app }
spec: { secretStoreRefs: [{ name: vault }], selector: { secret: { name: source } }, dataTo: [{ remoteKey: all }] }
`)
  await cluster.settle()
  assert.deepEqual(cluster.vault.read('pushed'), { text: 'hello there' })
  assert.equal((await cluster.api.client.get(PushSecret, 'bulk', { namespace: 'app' })).status?.conditions?.[0]?.message, 'spec.dataTo is not supported by this stand-in')
})

test('a Vault that echoes what it was sent is not quoted', async () => {
  await using cluster = await start()
  await cluster.apply(`
apiVersion: v1
kind: Secret
metadata: { name: login, namespace: app }
stringData: { token: s.known-token-value, password: known-password-value }
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: by-token, namespace: app }
spec: { provider: { vault: { server: 'http://echo:8200', path: secret, auth: { tokenSecretRef: { name: login, key: token } } } } }
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: by-password, namespace: app }
spec: { provider: { vault: { server: 'http://echo:8200', path: secret, auth: { userPass: { path: userpass, username: me, secretRef: { name: login, key: password } } } } } }
`)
  await cluster.settle()
  const all = await cluster.everything()
  assert.match(all, /you sent/)
  assert.doesNotMatch(all, /known-(token|password)-value/)
})

test('key stores from PEM', async () => {
  await using cluster = await start()
  const ca = await createCa({ subject: { commonName: 'test' }, now: cluster.api.fake.now(), days: 1 })
  const leaf = await issueCertificate({ ca, for: 'server', now: cluster.api.fake.now(), days: 1, dnsNames: ['x'] })
  cluster.vault.put('tls', { cert: leaf.cert + ca.cert, key: leaf.key, bad: 'known-bad-value' })
  await cluster.apply(`
apiVersion: v1
kind: Secret
metadata: { name: source, namespace: app }
stringData: { token: root }
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: vault, namespace: app }
spec: { provider: { vault: { server: 'http://vault:8200', path: secret, auth: { tokenSecretRef: { name: source, key: token } } } } }
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: stores, namespace: app }
spec:
  secretStoreRef: { name: vault }
  dataFrom: [{ extract: { key: tls } }]
  target: { template: { data: { store: '{{ fullPemToPkcs12Pass .cert .key "pw" }}', trust: '{{ pemTruststoreToPKCS12 .cert }}', back: '{{ fullPemToPkcs12Pass .cert .key "pw" | b64dec | pkcs12certPass "pw" }}', key: '{{ pemToPkcs12 .cert .key | b64dec | pkcs12key }}' } } }
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: broken, namespace: app }
spec:
  secretStoreRef: { name: vault }
  dataFrom: [{ extract: { key: tls } }]
  target: { template: { data: { store: '{{ pemToPkcs12 .cert .bad }}' } } }
`)
  await cluster.settle()
  const made = await cluster.values('stores') ?? {}
  assert.deepEqual([made['back'], /BEGIN PRIVATE KEY/.test(made['key'] ?? '')], [leaf.cert + ca.cert, true])
  for (const name of ['store', 'trust']) assert.equal(Buffer.from(made[name] ?? '', 'base64')[0], 0x30, name)
  assert.equal((await cluster.api.client.get(ExternalSecret, 'broken', { namespace: 'app' })).status?.conditions?.[0]?.reason, 'SecretSyncedError')
  assert.doesNotMatch(await cluster.everything(), /known-bad-value/)
})

test('a PushSecret with updatePolicy IfNotExists writes once, and says so', async () => {
  await using cluster = await start()
  cluster.vault.put('kept', { p: 'theirs' }, { 'managed-by': 'external-secrets' })
  await cluster.apply(`
apiVersion: v1
kind: Secret
metadata: { name: source, namespace: app }
stringData: { a: ours, token: root }
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: vault, namespace: app }
spec: { provider: { vault: { server: 'http://vault:8200', path: secret, auth: { tokenSecretRef: { name: source, key: token } } } } }
---
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: { name: push, namespace: app }
spec:
  updatePolicy: IfNotExists
  secretStoreRefs: [{ name: vault }]
  selector: { secret: { name: source } }
  data: [{ match: { secretKey: a, remoteRef: { remoteKey: kept, property: p } } }, { match: { secretKey: a, remoteRef: { remoteKey: fresh, property: p } } }]
`)
  await cluster.settle()
  assert.deepEqual([cluster.vault.read('kept'), cluster.vault.read('fresh')], [{ p: 'theirs' }, { p: 'ours' }])
  assert.match((await cluster.api.client.get(PushSecret, 'push', { namespace: 'app' })).status?.conditions?.[0]?.message ?? '', /Existing secrets in providers unchanged/)
})
