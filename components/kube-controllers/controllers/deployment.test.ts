import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment, Pod, ReplicaSet } from '@idp/api'
import { deploymentController } from './deployment.ts'
import { replicaSetController } from './replica-set.ts'
import { template, workbench, type Workbench } from '../testing/workbench.ts'

const labels = { app: 'web' }
const deployment = (spec: Partial<Deployment['spec']> = {}): Deployment => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' },
  spec: { replicas: 3, selector: { matchLabels: labels }, template: template(labels), ...spec },
})
const start = () => workbench([deploymentController, replicaSetController])
const setImage = (bench: Workbench, image: string) => bench.client.patch(Deployment, 'web', { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } }, { namespace: 'default', type: 'merge' })
const condition = (d: Deployment, type: string) => {
  const found = d.status?.conditions?.find((c) => c.type === type)
  return found && `${found.status} ${found.reason}: ${found.message}`
}
const sizes = async (bench: Workbench) => (await bench.list(ReplicaSet)).sort((a, b) => Number(a.metadata.annotations?.['deployment.kubernetes.io/revision']) - Number(b.metadata.annotations?.['deployment.kubernetes.io/revision'])).map((set) => set.spec.replicas)

test('a deployment makes a replica set and pods, and becomes available', async () => {
  await using bench = await start()
  await bench.client.create(Deployment, deployment())
  await bench.settle()
  const [set] = await bench.list(ReplicaSet)
  const hash = set?.metadata.labels?.['pod-template-hash'] ?? ''
  assert.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]{6,10}$/)
  assert.equal(set?.metadata.name, `web-${hash}`)
  assert.equal(set?.metadata.annotations?.['deployment.kubernetes.io/desired-replicas'], '3')
  assert.equal(set?.metadata.annotations?.['deployment.kubernetes.io/max-replicas'], '4')
  const pods = await bench.list(Pod)
  assert.equal(pods.length, 3)
  assert.match(pods[0]?.metadata.name ?? '', new RegExp(`^web-${hash}-[a-z0-9]{5}$`))
  let live = await bench.get(Deployment, 'web')
  assert.equal(live.metadata.annotations?.['deployment.kubernetes.io/revision'], '1')
  assert.equal(condition(live, 'Available'), 'False MinimumReplicasUnavailable: Deployment does not have minimum availability.')
  assert.equal(condition(live, 'Progressing'), `True ReplicaSetUpdated: ReplicaSet "web-${hash}" is progressing.`)
  await bench.runPods()
  live = await bench.get(Deployment, 'web')
  const { replicas, readyReplicas, availableReplicas, updatedReplicas, observedGeneration } = live.status ?? {}
  assert.deepEqual({ replicas, readyReplicas, availableReplicas, updatedReplicas, observedGeneration }, { replicas: 3, readyReplicas: 3, availableReplicas: 3, updatedReplicas: 3, observedGeneration: 1 })
  assert.equal(condition(live, 'Available'), 'True MinimumReplicasAvailable: Deployment has minimum availability.')
  assert.equal(condition(live, 'Progressing'), `True NewReplicaSetAvailable: ReplicaSet "web-${hash}" has successfully progressed.`)
  assert.deepEqual((await bench.events()).filter((e) => e.startsWith('Scaling')), [`ScalingReplicaSet: Scaled up replica set web-${hash} from 0 to 3`])
})

test('a rolling update never has too few available nor too many pods, and a rollback takes the old set again', async () => {
  await using bench = await start()
  await bench.client.create(Deployment, deployment({ replicas: 4, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }))
  await bench.settle()
  await bench.runPods()
  await setImage(bench, 'busybox:2')
  for (let i = 0; i < 20; i++) {
    await bench.settle()
    const pods = (await bench.list(Pod)).filter((pod) => pod.metadata.deletionTimestamp === undefined)
    assert.ok(pods.length <= 5, `${pods.length} pods`)
    assert.ok(pods.filter((pod) => pod.status?.phase === 'Running').length >= 3)
    await bench.runPods()
  }
  assert.deepEqual(await sizes(bench), [0, 4])
  await setImage(bench, 'busybox')
  for (let i = 0; i < 10; i++) await bench.runPods()
  const sets = await bench.list(ReplicaSet)
  assert.equal(sets.length, 2)
  const active = sets.find((set) => set.spec.replicas === 4)
  assert.equal(active?.metadata.annotations?.['deployment.kubernetes.io/revision'], '3')
  assert.equal(active?.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1')
  assert.equal((await bench.get(Deployment, 'web')).metadata.annotations?.['deployment.kubernetes.io/revision'], '3')
})

test('Recreate waits until every old pod is gone', async () => {
  await using bench = await start()
  await bench.client.create(Deployment, deployment({ replicas: 2, strategy: { type: 'Recreate' } }))
  await bench.settle()
  for (const pod of await bench.list(Pod)) await bench.client.create(Pod, { apiVersion: 'v1', kind: 'Binding', metadata: { name: pod.metadata.name ?? '', namespace: 'default' }, target: { name: 'n' } } as unknown as Pod, { subresource: 'binding' })
  await bench.runPods()
  await setImage(bench, 'busybox:2')
  await bench.settle()
  assert.deepEqual((await bench.list(ReplicaSet)).map((set) => set.spec.replicas), [0])
  assert.ok((await bench.list(Pod)).every((pod) => pod.metadata.deletionTimestamp !== undefined))
  await bench.runPods()
  assert.deepEqual(await sizes(bench), [0, 2])
})

test('scaling in the middle of a rollout is spread in proportion', async () => {
  await using bench = await start()
  await bench.client.create(Deployment, deployment({ replicas: 10, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }))
  await bench.settle()
  await bench.runPods()
  await setImage(bench, 'broken')
  await bench.settle()
  assert.deepEqual(await sizes(bench), [8, 5])
  await bench.client.patch(Deployment, 'web', { spec: { replicas: 15 } }, { namespace: 'default', type: 'merge' })
  await bench.settle()
  assert.deepEqual(await sizes(bench), [11, 7])
})

test('a paused deployment scales but does not roll; it rolls when resumed', async () => {
  await using bench = await start()
  await bench.client.create(Deployment, deployment({ replicas: 1 }))
  await bench.settle()
  await bench.runPods()
  await bench.client.patch(Deployment, 'web', { spec: { paused: true, replicas: 2, template: { spec: { containers: [{ name: 'main', image: 'other' }] } } } }, { namespace: 'default', type: 'merge' })
  await bench.settle()
  assert.deepEqual(await sizes(bench), [2])
  assert.equal(condition(await bench.get(Deployment, 'web'), 'Progressing'), 'Unknown DeploymentPaused: Deployment is paused')
  await bench.client.patch(Deployment, 'web', { spec: { paused: false } }, { namespace: 'default', type: 'merge' })
  for (let i = 0; i < 5; i++) await bench.runPods()
  assert.deepEqual(await sizes(bench), [0, 2])
})

test('a rollout that makes no progress says so when its deadline is over', async () => {
  await using bench = await start()
  await bench.client.create(Deployment, deployment({ progressDeadlineSeconds: 30 }))
  await bench.settle()
  await bench.advance(40_000)
  const live = await bench.get(Deployment, 'web')
  assert.match(condition(live, 'Progressing') ?? '', /^False ProgressDeadlineExceeded: ReplicaSet "web-\w+" has timed out progressing\.$/)
  await bench.runPods()
  assert.match(condition(await bench.get(Deployment, 'web'), 'Progressing') ?? '', /^True NewReplicaSetAvailable/)
})

test('old sets beyond the history limit go', async () => {
  await using bench = await start()
  await bench.client.create(Deployment, deployment({ replicas: 1, revisionHistoryLimit: 2 }))
  for (const image of ['a', 'b', 'c', 'd']) {
    await setImage(bench, image)
    for (let i = 0; i < 4; i++) await bench.runPods()
  }
  assert.deepEqual((await bench.list(ReplicaSet)).map((set) => Number(set.metadata.annotations?.['deployment.kubernetes.io/revision'])).sort(), [3, 4, 5])
})

test('minReadySeconds holds availability back', async () => {
  await using bench = await start()
  await bench.client.create(Deployment, deployment({ replicas: 1, minReadySeconds: 20 }))
  await bench.settle()
  await bench.runPods()
  assert.equal((await bench.get(Deployment, 'web')).status?.availableReplicas ?? 0, 0)
  await bench.advance(20_000)
  assert.equal((await bench.get(Deployment, 'web')).status?.availableReplicas, 1)
})
