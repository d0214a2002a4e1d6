import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DaemonSet, Node, Pod } from '@idp/api'
import { nodeOfDaemonPod } from '../engine/daemon-placement.ts'
import { daemonSetController } from './daemon-set.ts'
import { node, template, workbench, type Workbench } from '../testing/workbench.ts'

const labels = { app: 'agent' }
const nodes = [node('a', { metadata: { labels: { disk: 'ssd' } } }), node('b'), node('c', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } })]
const daemonSet = (spec: Partial<DaemonSet['spec']> = {}): DaemonSet => ({
  apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'agent', namespace: 'default' }, spec: { selector: { matchLabels: labels }, template: template(labels), ...spec },
})
const where = async (bench: Workbench) => (await bench.list(Pod)).filter((p) => p.metadata.deletionTimestamp === undefined).map((pod) => nodeOfDaemonPod(pod)).sort()
const start = () => workbench([daemonSetController], { nodes })

test('each node that fits gets a pod; new nodes, labels and taints count', async () => {
  await using bench = await start()
  await bench.client.create(DaemonSet, daemonSet())
  await bench.settle()
  assert.deepEqual(await where(bench), ['a', 'b'])
  const [pod] = await bench.list(Pod)
  assert.ok(pod?.spec.tolerations?.some((t) => t.key === 'node.kubernetes.io/unschedulable'))
  await bench.client.create(Node, node('d'))
  await bench.client.patch(Node, 'c', { spec: { taints: null } }, { type: 'merge' })
  await bench.settle()
  assert.deepEqual(await where(bench), ['a', 'b', 'c', 'd'])
  await bench.client.patch(Node, 'b', { spec: { taints: [{ key: 'x', effect: 'NoExecute' }] } }, { type: 'merge' })
  await bench.client.delete(Node, 'd')
  await bench.settle()
  assert.deepEqual(await where(bench), ['a', 'c'])
  await bench.runPods()
  const { status } = await bench.get(DaemonSet, 'agent')
  assert.deepEqual([status?.desiredNumberScheduled, status?.currentNumberScheduled, status?.numberReady, status?.numberAvailable, status?.numberMisscheduled, status?.updatedNumberScheduled], [2, 2, 2, 2, 0, 2])
})

test('a node selector that changes moves the pods', async () => {
  await using bench = await start()
  await bench.client.create(DaemonSet, daemonSet({ template: template(labels, { nodeSelector: { disk: 'ssd' } }) }))
  await bench.settle()
  assert.deepEqual(await where(bench), ['a'])
})

test('a rolling update takes one node at a time; a failed pod is replaced', async () => {
  await using bench = await start()
  await bench.client.create(DaemonSet, daemonSet({ template: template(labels, { tolerations: [{ operator: 'Exists' }] }) }))
  await bench.settle()
  await bench.runPods()
  await bench.client.patch(DaemonSet, 'agent', { spec: { template: { spec: { containers: [{ name: 'main', image: 'new' }] } } } }, { namespace: 'default', type: 'merge' })
  const history: number[] = []
  for (let i = 0; i < 5; i++) {
    await bench.settle()
    const pods = await bench.list(Pod)
    history.push(pods.filter((pod) => pod.spec.containers[0]?.image === 'new').length)
    assert.ok(pods.filter((pod) => pod.status?.phase === 'Running').length >= 2)
    await bench.runPods()
  }
  assert.deepEqual(history.slice(0, 3), [1, 2, 3])
  await bench.runPods((pod) => nodeOfDaemonPod(pod) === 'a', { phase: 'Failed' })
  assert.deepEqual(await where(bench), ['a', 'b', 'c'])
  assert.ok((await bench.events()).some((e) => e.startsWith('FailedDaemonPod: Found failed daemon pod default/agent-')))
})

test('a surge update runs the new pod beside the old one first', async () => {
  await using bench = await start()
  await bench.client.create(DaemonSet, daemonSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }))
  await bench.settle()
  await bench.runPods()
  await bench.client.patch(DaemonSet, 'agent', { spec: { template: { spec: { containers: [{ name: 'main', image: 'new' }] } } } }, { namespace: 'default', type: 'merge' })
  await bench.settle()
  assert.equal((await bench.names(Pod)).length, 3)
  for (let i = 0; i < 5; i++) await bench.runPods()
  assert.deepEqual((await bench.list(Pod)).map((pod) => pod.spec.containers[0]?.image), ['new', 'new'])
})
