import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, CustomResourceDefinition, Deployment, isApiError, Namespace, Pod, ReplicaSet, Secret, ServiceAccount } from '@idp/api'
import { controllerReference } from '@idp/controller'
import type { OwnerReference } from '@idp/formats'
import { deploymentController } from './deployment.ts'
import { garbageCollector } from './garbage-collector.ts'
import { namespaceController } from './namespace.ts'
import { replicaSetController } from './replica-set.ts'
import { rootCaPublisher } from './root-ca.ts'
import { serviceAccountController } from './service-account.ts'
import { tokenSecretController } from './token-secret.ts'
import { template, workbench, type Workbench } from '../testing/workbench.ts'

const at = { namespace: 'default' }
const configMap = (name: string, ownerReferences?: OwnerReference[], namespace = 'default'): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...(ownerReferences === undefined ? {} : { ownerReferences }) } })
const start = () => workbench([deploymentController, replicaSetController, garbageCollector()])
const deploy = async (bench: Workbench) => {
  const labels = { app: 'web' }
  await bench.client.create(Deployment, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', ...at }, spec: { replicas: 2, selector: { matchLabels: labels }, template: template(labels) } })
  await bench.settle()
}
const counts = async (bench: Workbench) => [(await bench.names(Deployment)).length, (await bench.names(ReplicaSet)).length, (await bench.names(Pod)).length]

for (const [policy, want] of [['Background', [0, 0, 0]], ['Foreground', [0, 0, 0]], ['Orphan', [0, 1, 2]]] as const) {
  test(`deleting a deployment: ${policy}`, async () => {
    await using bench = await start()
    await deploy(bench)
    assert.deepEqual(await counts(bench), [1, 1, 2])
    await bench.client.delete(Deployment, 'web', { ...at, propagationPolicy: policy })
    await bench.settle()
    assert.deepEqual(await counts(bench), want)
    if (policy === 'Orphan') assert.equal((await bench.list(ReplicaSet))[0]?.metadata.ownerReferences, undefined)
  })
}

test('foreground deletion waits for dependents that block it', async () => {
  await using bench = await start()
  const owner = await bench.client.create(ConfigMap, configMap('owner'))
  const child = configMap('child', [controllerReference(ConfigMap, owner)])
  await bench.client.create(ConfigMap, { ...child, metadata: { ...child.metadata, finalizers: ['example.com/hold'] } })
  await bench.settle()
  await bench.client.delete(ConfigMap, 'owner', { ...at, propagationPolicy: 'Foreground' })
  await bench.settle()
  assert.deepEqual((await bench.list(ConfigMap)).map(({ metadata: { name, finalizers } }) => [name, finalizers]), [['child', ['example.com/hold']], ['owner', ['foregroundDeletion']]])
  await bench.client.patch(ConfigMap, 'child', { metadata: { finalizers: null } }, { ...at, type: 'merge' })
  await bench.settle()
  assert.deepEqual(await bench.names(ConfigMap), [])
})

test('an object goes with its last owner; owners that do not exist count for nothing', async () => {
  await using bench = await start()
  const [one, two] = await Promise.all(['one', 'two'].map((name) => bench.client.create(ConfigMap, configMap(name))))
  const reference = (object: ConfigMap | undefined): OwnerReference => ({ apiVersion: 'v1', kind: 'ConfigMap', name: object?.metadata.name ?? '', uid: object?.metadata.uid ?? '' })
  await bench.client.create(ConfigMap, configMap('child', [reference(one), reference(two)]))
  await bench.client.create(ConfigMap, configMap('lost', [{ apiVersion: 'v1', kind: 'Secret', name: 'never', uid: '00000000-0000-0000-0000-000000000000' }]))
  await bench.client.create(ConfigMap, configMap('elsewhere', [reference(one)], 'kube-system'))
  await bench.settle()
  assert.deepEqual(await bench.names(ConfigMap), ['child', 'one', 'two'])
  assert.deepEqual((await bench.list(ConfigMap, 'kube-system')).length, 0)
  await bench.client.delete(ConfigMap, 'one', at)
  await bench.settle()
  assert.deepEqual((await bench.get(ConfigMap, 'child')).metadata.ownerReferences?.map(({ name }) => name), ['two'])
  await bench.client.delete(ConfigMap, 'two', at)
  await bench.settle()
  assert.deepEqual(await bench.names(ConfigMap), [])
})

test('a circle of owners goes when one of it is deleted', async () => {
  await using bench = await start()
  const made = await Promise.all(['a', 'b', 'c'].map((name) => bench.client.create(ConfigMap, configMap(name))))
  for (const [i, object] of made.entries()) {
    const owner = made[(i + 2) % 3]
    await bench.client.patch(ConfigMap, object.metadata.name ?? '', { metadata: { ownerReferences: [{ ...controllerReference(ConfigMap, owner ?? object) }] as never[] } }, { ...at, type: 'merge' })
  }
  await bench.settle()
  await bench.client.delete(ConfigMap, 'a', { ...at, propagationPolicy: 'Foreground' })
  await bench.settle()
  assert.deepEqual(await bench.names(ConfigMap), [])
})

test('a dependent with another owner that stands survives one that waits for its dependents', async () => {
  await using bench = await start()
  const [one, two] = await Promise.all(['one', 'two'].map((name) => bench.client.create(ConfigMap, configMap(name))))
  const reference = (object: ConfigMap | undefined): OwnerReference => ({ ...controllerReference(ConfigMap, object ?? configMap('')), controller: false })
  await bench.client.create(ConfigMap, configMap('shared', [reference(one), reference(two)]))
  await bench.client.create(ConfigMap, configMap('own', [reference(one)]))
  await bench.settle()
  await bench.client.delete(ConfigMap, 'one', { ...at, propagationPolicy: 'Foreground' })
  await bench.settle()
  assert.deepEqual(await bench.names(ConfigMap), ['shared', 'two'])
  assert.equal((await bench.get(ConfigMap, 'shared')).metadata.deletionTimestamp, undefined)
})

test('custom resources own and are owned as soon as they are served', async () => {
  await using bench = await start()
  await bench.client.create(CustomResourceDefinition, {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.example.com' },
    spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }] },
  })
  await bench.advance(500)
  const Thing = await bench.client.kindOf('example.com/v1', 'Thing')
  const thing = await bench.client.create(Thing, { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a', ...at } })
  await bench.client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', ...at, ownerReferences: [controllerReference(Thing, thing)] } })
  await bench.settle()
  assert.deepEqual(await bench.names(Secret), ['s'])
  await bench.client.delete(Thing, 'a', at)
  await bench.settle()
  assert.deepEqual(await bench.names(Secret), [])
})

test('a namespace has its account and CA, is emptied when deleted, says what it waits for, and goes', async () => {
  await using bench = await workbench([namespaceController, serviceAccountController, rootCaPublisher('-----CA-----')])
  await bench.client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } })
  await bench.settle()
  assert.deepEqual((await bench.list(ServiceAccount, 'team')).map(({ metadata }) => metadata.name), ['default'])
  assert.equal((await bench.list(ConfigMap, 'team'))[0]?.data?.['ca.crt'], '-----CA-----')
  await bench.client.delete(ServiceAccount, 'default', { namespace: 'team' })
  await bench.settle()
  assert.equal((await bench.list(ServiceAccount, 'team')).length, 1)
  await bench.client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'held', namespace: 'team', finalizers: ['example.com/hold'] } })
  await bench.client.delete(Namespace, 'team')
  await bench.settle()
  const live = await bench.client.get(Namespace, 'team')
  assert.equal(live.status?.phase, 'Terminating')
  assert.deepEqual((live.status?.conditions ?? []).filter((c) => c.status === 'True').map((c) => `${c.reason}: ${c.message}`), [
    'SomeResourcesRemain: Some resources are remaining: secrets. has 1 resource instances',
    'SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
  ])
  await bench.client.patch(Secret, 'held', { metadata: { finalizers: null } }, { namespace: 'team', type: 'merge' })
  await bench.advance(1_000)
  await assert.rejects(bench.client.get(Namespace, 'team'), (error) => isApiError(error, 'NotFound'))
})

test('a token Secret is filled for its account, and goes with it', async () => {
  await using bench = await workbench([tokenSecretController('CA')])
  const secret = (name: string, account: string): Secret => ({ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/service-account-token', metadata: { name, ...at, annotations: { 'kubernetes.io/service-account.name': account } } })
  await bench.client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', ...at } })
  await bench.client.create(Secret, secret('robot-token', 'robot'))
  await bench.settle()
  const live = await bench.get(Secret, 'robot-token')
  assert.equal(Buffer.from(String(live.data?.['ca.crt']), 'base64').toString(), 'CA')
  assert.ok(live.metadata.annotations?.['kubernetes.io/service-account.uid'])
  assert.match(Buffer.from(String(live.data?.['token']), 'base64').toString(), /^[\w-]+\.[\w-]+\.[\w-]+$/)
  await bench.client.delete(ServiceAccount, 'robot', at)
  await bench.settle()
  assert.deepEqual(await bench.names(Secret), [])
})
