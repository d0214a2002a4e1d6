import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod, ReplicaSet } from '@idp/api'
import { replicaSetController } from './replica-set.ts'
import { template, workbench, type Workbench } from '../testing/workbench.ts'

const labels = { app: 'web' }
const replicaSet = (replicas: number): ReplicaSet => ({
  apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web', namespace: 'default' }, spec: { replicas, selector: { matchLabels: labels }, template: template(labels) },
})
const start = () => workbench([replicaSetController])
const scale = (bench: Workbench, replicas: number) => bench.client.patch(ReplicaSet, 'web', { spec: { replicas } }, { namespace: 'default', type: 'merge' })

test('pods are made, counted, replaced and removed', async () => {
  await using bench = await start()
  await bench.client.create(ReplicaSet, replicaSet(3))
  await bench.settle()
  await bench.runPods()
  let live = await bench.get(ReplicaSet, 'web')
  assert.deepEqual([live.status?.replicas, live.status?.fullyLabeledReplicas, live.status?.readyReplicas, live.status?.availableReplicas, live.status?.observedGeneration], [3, 3, 3, 3, 1])
  const [first] = await bench.names(Pod)
  await bench.client.delete(Pod, first ?? '', { namespace: 'default' })
  await bench.settle()
  assert.equal((await bench.names(Pod)).length, 3)
  assert.ok(!(await bench.names(Pod)).includes(first ?? ''))
  await scale(bench, 1)
  await bench.settle()
  live = await bench.get(ReplicaSet, 'web')
  assert.deepEqual([live.status?.replicas, (await bench.names(Pod)).length], [1, 1])
  const events = await bench.events()
  assert.equal(events.filter((e) => e.startsWith('SuccessfulCreate: Created pod: web-')).length, 4)
  assert.equal(events.filter((e) => e.startsWith('SuccessfulDelete: Deleted pod: web-')).length, 2)
})

test('what is not ready, cheap or young goes first', async () => {
  await using bench = await start()
  await bench.client.create(ReplicaSet, replicaSet(4))
  await bench.settle()
  const [a = '', b = '', c = '', d = ''] = await bench.names(Pod)
  await bench.runPods((pod) => pod.metadata.name !== c)
  await bench.client.patch(Pod, a, { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-5' } } }, { namespace: 'default', type: 'merge' })
  await bench.client.patch(Pod, d, { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '7' } } }, { namespace: 'default', type: 'merge' })
  const left: string[][] = []
  for (const size of [3, 2, 1]) {
    await scale(bench, size)
    await bench.settle()
    left.push(await bench.names(Pod))
  }
  assert.deepEqual(left, [[a, b, d], [b, d], [d]])
})

test('orphans that match are adopted, pods that no longer match are released', async () => {
  await using bench = await start()
  await bench.client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'stray', namespace: 'default', labels }, spec: { containers: [{ name: 'main', image: 'x' }] } })
  await bench.client.create(ReplicaSet, replicaSet(2))
  await bench.settle()
  assert.equal((await bench.names(Pod)).length, 2)
  assert.equal((await bench.get(Pod, 'stray')).metadata.ownerReferences?.[0]?.name, 'web')
  await bench.client.patch(Pod, 'stray', { metadata: { labels: { app: 'other' } } }, { namespace: 'default', type: 'merge' })
  await bench.settle()
  assert.equal((await bench.get(Pod, 'stray')).metadata.ownerReferences, undefined)
  assert.equal((await bench.names(Pod)).length, 3)
})

