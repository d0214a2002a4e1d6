import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isApiError, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '@idp/api'
import { ephemeralVolumeController } from './ephemeral-volume.ts'
import { localPathClass, localPathProvisioner, localPathReclaimer } from './local-path-provisioner.ts'
import { volumeController } from './persistent-volume.ts'
import { volumeClaimController } from './persistent-volume-claim.ts'
import { claimProtectionController, volumeProtectionController } from './volume-protection.ts'
import { node, workbench, type Workbench } from '../testing/workbench.ts'

const start = () => workbench(
  [volumeClaimController, volumeController, claimProtectionController, volumeProtectionController, ephemeralVolumeController, localPathClass(), localPathProvisioner, localPathReclaimer],
  { nodes: [node('n', { metadata: { labels: { 'kubernetes.io/hostname': 'n' } } })] },
)
const at = { namespace: 'default' }
const claim = (spec: Partial<PersistentVolumeClaim['spec']> = {}): PersistentVolumeClaim => ({
  apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data', ...at }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
})
const volume = (name: string, storage: string, spec: Partial<PersistentVolume['spec']> = {}): PersistentVolume => ({
  apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec: { capacity: { storage }, accessModes: ['ReadWriteOnce'], storageClassName: 'manual', hostPath: { path: '/x' }, persistentVolumeReclaimPolicy: 'Retain', ...spec },
})
const phases = async (bench: Workbench) => [(await bench.list(PersistentVolumeClaim)).map((c) => c.status?.phase), (await bench.list(PersistentVolume)).map((v) => v.status?.phase)]
const selectNode = (bench: Workbench) => bench.client.patch(PersistentVolumeClaim, 'data', { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'n' } } }, { ...at, type: 'merge' })

test('the default class makes a volume when the scheduler has chosen a node, and removes it with its claim', async () => {
  await using bench = await start()
  assert.equal((await bench.get(StorageClass, 'local-path')).metadata.annotations?.['storageclass.kubernetes.io/is-default-class'], 'true')
  await bench.client.create(PersistentVolumeClaim, claim({ storageClassName: 'local-path' }))
  await bench.settle()
  assert.deepEqual(await phases(bench), [['Pending'], []])
  await selectNode(bench)
  await bench.settle()
  assert.deepEqual(await phases(bench), [['Bound'], ['Bound']])
  const live = await bench.get(PersistentVolumeClaim, 'data')
  const made = await bench.client.get(PersistentVolume, live.spec.volumeName ?? '')
  assert.equal(live.spec.volumeName, `pvc-${live.metadata.uid}`)
  assert.deepEqual([live.status?.capacity, live.metadata.annotations?.['pv.kubernetes.io/bind-completed']], [{ storage: '1Gi' }, 'yes'])
  assert.deepEqual(made.spec.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.[0]?.values, ['n'])
  const events = await bench.events()
  for (const text of ['WaitForFirstConsumer: waiting for first consumer to be created before binding', 'Provisioning: External provisioner is provisioning volume for claim "default/data"', `ProvisioningSucceeded: Successfully provisioned volume pvc-${live.metadata.uid}`]) assert.ok(events.includes(text), text)
  await bench.client.delete(PersistentVolumeClaim, 'data', at)
  await bench.settle()
  assert.deepEqual(await phases(bench), [[], []])
})

test('a claim takes the smallest free volume that suits, and a retained volume stays', async () => {
  await using bench = await start()
  for (const [name, size] of [['small', '500Mi'], ['big', '10Gi'], ['right', '2Gi']] as const) await bench.client.create(PersistentVolume, volume(name, size))
  await bench.settle()
  await bench.client.create(PersistentVolumeClaim, claim({ storageClassName: 'manual' }))
  await bench.settle()
  assert.equal((await bench.get(PersistentVolumeClaim, 'data')).spec.volumeName, 'right')
  assert.deepEqual(await phases(bench), [['Bound'], ['Available', 'Bound', 'Available']])
  await bench.client.delete(PersistentVolumeClaim, 'data', at)
  await bench.settle()
  assert.deepEqual(await phases(bench), [[], ['Available', 'Released', 'Available']])
})

test('a volume reserved by name waits for its claim; a claim without a volume waits, too', async () => {
  await using bench = await start()
  await bench.client.create(PersistentVolumeClaim, claim({ storageClassName: 'manual' }))
  await bench.settle()
  assert.deepEqual(await phases(bench), [['Pending'], []])
  await bench.client.create(PersistentVolume, volume('other', '5Gi', { claimRef: { namespace: 'default', name: 'another' } }))
  await bench.client.create(PersistentVolume, volume('mine', '5Gi', { claimRef: { namespace: 'default', name: 'data' } }))
  await bench.settle()
  assert.equal((await bench.get(PersistentVolumeClaim, 'data')).spec.volumeName, 'mine')
})

test('a claim whose volume vanishes is lost', async () => {
  await using bench = await start()
  await bench.client.create(PersistentVolume, volume('pv', '1Gi'))
  await bench.client.create(PersistentVolumeClaim, claim({ storageClassName: 'manual' }))
  await bench.settle()
  await bench.client.delete(PersistentVolume, 'pv')
  await bench.settle()
  // Protected as long as the claim is there.
  assert.deepEqual(await phases(bench), [['Bound'], ['Bound']])
  await bench.client.patch(PersistentVolume, 'pv', { metadata: { finalizers: null } }, { type: 'merge' })
  await bench.settle()
  assert.deepEqual(await phases(bench), [['Lost'], []])
})

test('a claim stays while a pod on a node uses it; ephemeral volumes get their claim', async () => {
  await using bench = await start()
  await bench.client.create(PersistentVolumeClaim, claim())
  await bench.client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', ...at }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'x' }], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }, { name: 'tmp', ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } } } }] } })
  await bench.settle()
  assert.equal((await bench.get(PersistentVolumeClaim, 'p-tmp')).metadata.ownerReferences?.[0]?.name, 'p')
  await bench.client.delete(PersistentVolumeClaim, 'data', at)
  await bench.settle()
  assert.ok((await bench.get(PersistentVolumeClaim, 'data')).metadata.deletionTimestamp)
  await bench.client.delete(Pod, 'p', { ...at, gracePeriodSeconds: 0 })
  await bench.settle()
  await assert.rejects(bench.get(PersistentVolumeClaim, 'data'), (error) => isApiError(error, 'NotFound'))
})
