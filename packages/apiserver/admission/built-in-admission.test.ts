import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isApiError, LimitRange, Namespace, PersistentVolumeClaim, Pod, PriorityClass, ResourceQuota, ServiceAccount, StorageClass } from '@idp/api'
import type { Client } from '@idp/client'
import { startTestApi } from '../testing.ts'

const pod = (name: string, more: object = {}, resources: object = {}): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'main', image: 'i', resources }], ...more } })
const refused = (text: string) => (error: unknown) => {
  assert.ok(isApiError(error), String(error))
  assert.equal(error.message, text)
  return true
}
const account = (name: string): ServiceAccount => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } })

async function start() {
  const api = await startTestApi({ builtInAdmission: true })
  await api.client.create(ServiceAccount, account('default'))
  return api
}

const refusals: readonly [name: string, prepare: (client: Client) => Promise<unknown>, pod: Pod, text: string][] = [
  ['namespace is not there', async () => undefined, { ...pod('a'), metadata: { name: 'a', namespace: 'nowhere' } }, 'namespaces "nowhere" not found'],
  ['namespace is ending', async (client) => {
    await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'old' } })
    await client.delete(Namespace, 'old')
  }, { ...pod('a'), metadata: { name: 'a', namespace: 'old' } }, 'pods "a" is forbidden: unable to create new content in namespace old because it is being terminated'],
  ['account is not there', async () => undefined, pod('a', { serviceAccountName: 'who' }), 'pods "a" is forbidden: error looking up service account default/who: serviceaccount "who" not found'],
  ['priority class is not there', async () => undefined, pod('a', { priorityClassName: 'high' }), 'pods "a" is forbidden: no PriorityClass with name high was found'],
  ['limit is exceeded', (client) => client.create(LimitRange, { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'l', namespace: 'default' }, spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] } }), pod('a', {}, { limits: { cpu: '2' } }), 'pods "a" is forbidden: maximum cpu usage per Container is 1, but limit is 2'],
  ['quota is exceeded', (client) => client.create(ResourceQuota, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', namespace: 'default' }, spec: { hard: { 'requests.cpu': '1' } } }), pod('a', {}, { requests: { cpu: '1500m' } }), 'pods "a" is forbidden: exceeded quota: q, requested: requests.cpu=1500m, used: requests.cpu=0, limited: requests.cpu=1'],
  ['quota wants requests', (client) => client.create(ResourceQuota, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', namespace: 'default' }, spec: { hard: { 'requests.cpu': '1' } } }), pod('a'), 'pods "a" is forbidden: failed quota: q: must specify requests.cpu for: main'],
]
for (const [name, prepare, object, text] of refusals) {
  test(`a pod is refused: ${name}`, async () => {
    await using api = await start()
    await prepare(api.client)
    await assert.rejects(api.client.create(Pod, object), refused(text))
  })
}

test('a pod gets its account, token volume, tolerations and priority', async () => {
  await using api = await start()
  await api.client.create(PriorityClass, { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'usual' }, value: 7, globalDefault: true })
  const { spec } = await api.client.create(Pod, pod('a'))
  assert.deepEqual([spec.serviceAccountName, spec.priority, spec.priorityClassName, spec.preemptionPolicy], ['default', 7, 'usual', 'PreemptLowerPriority'])
  assert.match(spec.volumes?.[0]?.name ?? '', /^kube-api-access-[a-z0-9]{5}$/)
  assert.equal(spec.containers[0]?.volumeMounts?.[0]?.mountPath, '/var/run/secrets/kubernetes.io/serviceaccount')
  assert.deepEqual(spec.tolerations?.map(({ key, tolerationSeconds }) => [key, tolerationSeconds]), [['node.kubernetes.io/not-ready', 300], ['node.kubernetes.io/unreachable', 300]])
  assert.equal((await api.client.create(Pod, pod('b', { automountServiceAccountToken: false }))).spec.volumes, undefined)
})

test('limits fill in defaults; the quota counts them', async () => {
  await using api = await start()
  await api.client.create(LimitRange, { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'l', namespace: 'default' }, spec: { limits: [{ type: 'Container', default: { cpu: '500m' }, defaultRequest: { cpu: '400m' } }] } })
  await api.client.create(ResourceQuota, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', namespace: 'default' }, spec: { hard: { 'limits.cpu': '1', pods: '10' } } })
  assert.deepEqual((await api.client.create(Pod, pod('a'))).spec.containers[0]?.resources, { limits: { cpu: '500m' }, requests: { cpu: '400m' } })
  await api.client.create(Pod, pod('b'))
  await assert.rejects(api.client.create(Pod, pod('c')), refused('pods "c" is forbidden: exceeded quota: q, requested: limits.cpu=500m, used: limits.cpu=1, limited: limits.cpu=1'))
})

test('a claim gets the default storage class', async () => {
  await using api = await start()
  await api.client.create(StorageClass, { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }, provisioner: 'x' })
  const claim = await api.client.create(PersistentVolumeClaim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'c', namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } })
  assert.equal(claim.spec.storageClassName, 'local')
})

test('the system keeps its namespaces', async () => {
  await using api = await start()
  await assert.rejects(api.client.delete(Namespace, 'default'), refused('namespaces "default" is forbidden: this namespace may not be deleted'))
})
