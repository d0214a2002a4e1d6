import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod, Secret, ServiceAccount } from '@idp/api'
import { eventually, eventuallyOne } from '@idp/testkit'
import { createFinder, leaksInObjects } from './find-leaks.ts'
import { externalSecret, isReady, secretOf, startSecretsCluster, until, valueOf, vaultAddress } from './secrets-cluster.ts'

interface Condition { readonly status: string; readonly reason: string; readonly message: string }

test("the application holds no Vault credentials; removing its role stops the flow with a condition that says so", async () => {
  await using running = await startSecretsCluster()
  const { client, credentials, vault, apply } = running
  await vault('POST', 'secret/data/app', { data: { password: 'the first value' } })
  await client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'application', namespace: 'app' } })
  await apply(`${externalSecret('app', 'app')}---
apiVersion: v1
kind: Pod
metadata: { name: application, namespace: app }
spec:
  serviceAccountName: application
  containers: [{ name: main, image: 'example.org/application:1', volumeMounts: [{ name: credentials, mountPath: /etc/app, readOnly: true }] }]
  volumes: [{ name: credentials, secret: { secretName: app } }]
`)
  await eventuallyOne(client, Pod, 'application', (pod) => pod !== undefined && isReady(pod), { namespace: 'app', timeoutMs: 60_000 })

  // What the application has: the value and nothing by which to ask for another.
  const mounted = await secretOf(client, 'app')
  assert.deepEqual(Object.keys(mounted?.data ?? {}), ['password'])
  const find = createFinder([{ name: 'the root token', value: credentials.token }, { name: 'the unseal key', value: credentials.unsealKey }])
  assert.deepEqual((await leaksInObjects(client, find)).leaks, [])
  const inNamespace = (await client.list(Secret, { namespace: 'app' })).items.map((secret) => JSON.stringify(secret)).join('')
  assert.doesNotMatch(inNamespace, /aHZzL|hvs\./, 'no token of Vault lies in a Secret of the namespace')
  for (const audience of ['vault', 'https://kubernetes.default.svc.cluster.local']) {
    const response = await client.request('/api/v1/namespaces/app/serviceaccounts/application/token', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience] } }) })
    const { status } = await response.json() as { status: { token: string } }
    assert.equal((await vault('POST', 'auth/kubernetes/login', { role: 'app', jwt: status.token }, '')).status, 403, `the application's own token for ${audience} opens nothing`)
  }

  const conditionOf = async (kind: string, name: string): Promise<Condition | undefined> => {
    const object = await client.get(await client.kindOf('external-secrets.io/v1', kind), name, { namespace: 'app' })
    return (object['status'] as { conditions?: Condition[] } | undefined)?.conditions?.[0]
  }
  const role = (await vault('GET', 'auth/kubernetes/role/app')).body.data
  assert.equal((await vault('DELETE', 'auth/kubernetes/role/app')).status, 204)
  await until(async () => (await conditionOf('ExternalSecret', 'app'))?.status === 'False' && (await conditionOf('SecretStore', 'vault'))?.status === 'False', 'the flow stops')
  await vault('POST', 'secret/data/app', { data: { password: 'a value that must not arrive' } })
  const [stopped, store] = [await conditionOf('ExternalSecret', 'app'), await conditionOf('SecretStore', 'vault')]
  assert.deepEqual([stopped?.reason, stopped?.message, store?.reason], ['SecretSyncedError', 'could not get secret data from provider', 'InvalidProviderConfig'])
  assert.match(store?.message ?? '', /unable to validate store: .*auth\/kubernetes\/login.*invalid role name "app"/)
  assert.ok(store?.message.includes(vaultAddress))
  assert.equal(valueOf(await secretOf(client, 'app'), 'password'), 'the first value', 'what the application has stays')

  await vault('POST', 'auth/kubernetes/role/app', role)
  await eventually(client, Secret, (secrets) => secrets.some((secret) => valueOf(secret, 'password') === 'a value that must not arrive'), { namespace: 'app', timeoutMs: 60_000 })
})
