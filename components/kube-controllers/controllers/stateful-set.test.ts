import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControllerRevision, PersistentVolumeClaim, Pod, StatefulSet } from '@idp/api'
import { garbageCollector } from './garbage-collector.ts'
import { statefulSetController } from './stateful-set.ts'
import { template, workbench, type Workbench } from '../testing/workbench.ts'

const labels = { app: 'db' }
const statefulSet = (spec: Partial<StatefulSet['spec']> = {}): StatefulSet => ({
  apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: 'default' },
  spec: { replicas: 3, serviceName: 'db', selector: { matchLabels: labels }, template: template(labels), ...spec },
})
const claims = { volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce' as const], resources: { requests: { storage: '1Gi' } } } }] } as Partial<StatefulSet['spec']>
const start = () => workbench([statefulSetController])
const patch = (bench: Workbench, spec: object) => bench.client.patch(StatefulSet, 'db', { spec } as never, { namespace: 'default', type: 'merge' })
const image = (name: string) => ({ template: { spec: { containers: [{ name: 'main', image: name }] } } })

test('pods come one after the other with stable names, host names and claims', async () => {
  await using bench = await start()
  await bench.client.create(StatefulSet, statefulSet(claims))
  await bench.settle()
  assert.deepEqual(await bench.names(Pod), ['db-0'])
  await bench.runPods()
  assert.deepEqual(await bench.names(Pod), ['db-0', 'db-1'])
  await bench.runPods()
  await bench.runPods()
  assert.deepEqual(await bench.names(Pod), ['db-0', 'db-1', 'db-2'])
  assert.deepEqual(await bench.names(PersistentVolumeClaim), ['data-db-0', 'data-db-1', 'data-db-2'])
  const pod = await bench.get(Pod, 'db-1')
  assert.deepEqual([pod.spec.hostname, pod.spec.subdomain, pod.spec.volumes?.[0]?.persistentVolumeClaim?.claimName, pod.metadata.labels?.['statefulset.kubernetes.io/pod-name'], pod.metadata.labels?.['apps.kubernetes.io/pod-index']], ['db-1', 'db', 'data-db-1', 'db-1', '1'])
  const { status } = await bench.get(StatefulSet, 'db')
  const revision = (await bench.names(ControllerRevision))[0]
  assert.deepEqual([status?.replicas, status?.readyReplicas, status?.availableReplicas, status?.currentReplicas, status?.updatedReplicas, status?.currentRevision, status?.updateRevision], [3, 3, 3, 3, 3, revision, revision])
  const events = await bench.events()
  assert.ok(events.includes('SuccessfulCreate: create Pod db-0 in StatefulSet db successful'))
  assert.ok(events.includes('SuccessfulCreate: create Claim data-db-0 Pod db-0 in StatefulSet db success'))
})

test('scaling down removes the highest first, and keeps claims', async () => {
  await using bench = await start()
  await bench.client.create(StatefulSet, statefulSet({ ...claims, podManagementPolicy: 'Parallel' }))
  await bench.settle()
  assert.equal((await bench.names(Pod)).length, 3)
  await bench.runPods()
  await patch(bench, { replicas: 1 })
  await bench.settle()
  assert.deepEqual(await bench.names(Pod), ['db-0'])
  assert.equal((await bench.names(PersistentVolumeClaim)).length, 3)
})

test('an update replaces pods from the highest ordinal down to the partition', async () => {
  await using bench = await start()
  await bench.client.create(StatefulSet, statefulSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }))
  for (let i = 0; i < 4; i++) await bench.runPods()
  const images = async () => (await bench.list(Pod)).map((pod) => pod.spec.containers[0]?.image)
  await patch(bench, image('new'))
  await bench.settle()
  assert.deepEqual(await images(), ['busybox', 'busybox', 'new'])
  for (let i = 0; i < 3; i++) await bench.runPods()
  assert.deepEqual(await images(), ['busybox', 'new', 'new'])
  let { status } = await bench.get(StatefulSet, 'db')
  assert.deepEqual([status?.currentReplicas, status?.updatedReplicas], [1, 2])
  assert.notEqual(status?.currentRevision, status?.updateRevision)
  await patch(bench, { updateStrategy: { rollingUpdate: { partition: 0 } } })
  for (let i = 0; i < 3; i++) await bench.runPods()
  assert.deepEqual(await images(), ['new', 'new', 'new'])
  ;({ status } = await bench.get(StatefulSet, 'db'))
  assert.equal(status?.currentRevision, status?.updateRevision)
  // Back to the first template: its revision becomes the newest again, none is made.
  await patch(bench, image('busybox'))
  await bench.settle()
  assert.deepEqual((await bench.list(ControllerRevision)).map(({ revision }) => revision).sort(), [2, 3])
})

test('a failed pod is made again; OnDelete waits for the user', async () => {
  await using bench = await start()
  await bench.client.create(StatefulSet, statefulSet({ replicas: 1, updateStrategy: { type: 'OnDelete' } }))
  await bench.settle()
  const before = (await bench.get(Pod, 'db-0')).metadata.uid
  await bench.runPods(() => true, { phase: 'Failed' })
  assert.notEqual((await bench.get(Pod, 'db-0')).metadata.uid, before)
  await bench.runPods()
  await patch(bench, image('new'))
  await bench.settle()
  assert.equal((await bench.get(Pod, 'db-0')).spec.containers[0]?.image, 'busybox')
  await bench.client.delete(Pod, 'db-0', { namespace: 'default' })
  await bench.settle()
  assert.equal((await bench.get(Pod, 'db-0')).spec.containers[0]?.image, 'new')
})

test('a retention policy makes the set the owner of its claims', async () => {
  await using bench = await start()
  await bench.client.create(StatefulSet, statefulSet({ ...claims, replicas: 1, persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' } }))
  await bench.settle()
  assert.equal((await bench.get(PersistentVolumeClaim, 'data-db-0')).metadata.ownerReferences?.[0]?.kind, 'StatefulSet')
})

test('claims of pods beyond the wanted number follow their pods where the policy says so', async () => {
  await using bench = await workbench([statefulSetController, garbageCollector()])
  await bench.client.create(StatefulSet, statefulSet({ ...claims, podManagementPolicy: 'Parallel', persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Delete' } }))
  await bench.settle()
  await bench.runPods()
  await patch(bench, { replicas: 1 })
  await bench.settle()
  assert.deepEqual(await bench.names(PersistentVolumeClaim), ['data-db-0'])
  await bench.client.delete(StatefulSet, 'db', { namespace: 'default', propagationPolicy: 'Background' })
  await bench.settle()
  assert.deepEqual([await bench.names(Pod), await bench.names(PersistentVolumeClaim)], [[], ['data-db-0']])
})
