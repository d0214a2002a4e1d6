import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node, PersistentVolume, PersistentVolumeClaim, Pod, PodDisruptionBudget, StorageClass } from '@idp/api'
import { container, node, register, workbench } from './testing/workbench.ts'

const taints = [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' as const }]
const three = () => [node('server-0', { taints }), node('agent-0', { labels: { 'node-role': 'it-infra', zone: 'a' } }), node('agent-1', { labels: { 'node-role': 'k8s-workloads', zone: 'b' } })]
const requiredNode = (key: string, operator: 'In' | 'NotIn' | 'Exists' | 'Gt', ...values: string[]) => ({ nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }] } } })
const near = (app: string, topologyKey = 'kubernetes.io/hostname') => ({ requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: { matchLabels: { app } } }] })

const placements: { name: string; spec: Partial<Pod['spec']>; node?: string; message?: string }[] = [
  { name: 'a node selector', spec: { nodeSelector: { 'node-role': 'k8s-workloads' } }, node: 'agent-1' },
  { name: 'required affinity', spec: { affinity: requiredNode('zone', 'In', 'a') }, node: 'agent-0' },
  { name: 'preferred affinity', spec: { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference: { matchExpressions: [{ key: 'zone', operator: 'In', values: ['b'] }] } }] } } }, node: 'agent-1' },
  { name: 'a toleration', spec: { tolerations: [{ operator: 'Exists' }], nodeSelector: { 'kubernetes.io/hostname': 'server-0' } }, node: 'server-0' },
  {
    name: 'nothing fits', spec: { nodeSelector: { 'node-role': 'none' } },
    message: "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
  },
  {
    name: 'too big', spec: { containers: [container('5')] },
    message: '0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient cpu. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.',
  },
  {
    name: 'an init container counts alone, a sidecar beside the others', node: 'agent-0',
    spec: { nodeSelector: { zone: 'a' }, initContainers: [{ ...container('1'), name: 's', restartPolicy: 'Always' }, { ...container('3'), name: 'i' }], containers: [container('3')] },
  },
  {
    name: 'a claim that does not exist', spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'nope' } }] },
    message: '0/3 nodes are available: persistentvolumeclaim "nope" not found. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.',
  },
]

for (const { name, spec, node: wanted, message } of placements) {
  test(`places by rules: ${name}`, async () => {
    await using bench = await workbench(three())
    await bench.pod('p', spec)
    assert.equal((await bench.get('p')).spec.nodeName, wanted)
    if (message === undefined) {
      assert.ok((await bench.events()).includes(`Scheduled: Successfully assigned default/p to ${wanted}`))
      return
    }
    assert.equal(await bench.reason('p'), message)
    assert.deepEqual((await bench.get('p')).status?.conditions?.map(({ type, status, reason }) => ({ type, status, reason })), [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }])
    assert.ok((await bench.events()).includes(`FailedScheduling: ${message}`))
  })
}

test('a cluster without nodes says so, and the first node wakes the pod', async () => {
  await using bench = await workbench([])
  await bench.pod('p')
  assert.equal(await bench.reason('p'), 'no nodes available to schedule pods')
  await register(bench.client, node('n'))
  await bench.settle()
  assert.equal((await bench.get('p')).spec.nodeName, 'n')
})

test('resources are counted, pods spread, and a freed place wakes who waits for it', async () => {
  await using bench = await workbench([node('a', { cpu: '1' }), node('b', { cpu: '1' })])
  for (const name of ['p1', 'p2', 'p3']) await bench.pod(name, { containers: [container('600m')] })
  const placed = await bench.placed()
  assert.deepEqual(new Set([placed['p1'], placed['p2']]), new Set(['a', 'b']))
  assert.equal(placed['p3'], undefined)
  assert.equal(await bench.reason('p3'), '0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.')
  await bench.client.delete(Pod, 'p1', { namespace: 'default', gracePeriodSeconds: 0 })
  await bench.settle()
  assert.equal((await bench.placed())['p3'], placed['p1'])
})

test('a taint that goes wakes the pod', async () => {
  await using bench = await workbench([node('a', { taints })])
  await bench.pod('p')
  assert.equal((await bench.get('p')).spec.nodeName, undefined)
  await bench.client.patch(Node, 'a', { spec: { taints: null } }, { type: 'merge' })
  await bench.settle()
  assert.equal((await bench.get('p')).spec.nodeName, 'a')
})

test('host ports clash on a node', async () => {
  await using bench = await workbench([node('a'), node('b')])
  const spec = { containers: [container(undefined, { ports: [{ containerPort: 80, hostPort: 80 }] })] }
  for (const name of ['p1', 'p2', 'p3']) await bench.pod(name, spec)
  const placed = await bench.placed()
  assert.notEqual(placed['p1'], placed['p2'])
  assert.match(await bench.reason('p3'), /^0\/2 nodes are available: 2 node\(s\) didn't have free ports for the requested pod ports\./)
})

test('pod affinity brings together, anti-affinity keeps apart, also for pods that do not ask', async () => {
  await using bench = await workbench([node('a'), node('b')])
  await bench.pod('db', { affinity: { podAntiAffinity: near('noisy') } }, { labels: { app: 'db' } })
  await bench.pod('web', { affinity: { podAffinity: near('db') } }, { labels: { app: 'web' } })
  await bench.pod('noisy', {}, { labels: { app: 'noisy' } })
  const placed = await bench.placed()
  assert.equal(placed['web'], placed['db'])
  assert.notEqual(placed['noisy'], placed['db'])
  await bench.pod('lonely', { affinity: { podAffinity: near('nobody') } })
  assert.match(await bench.reason('lonely'), /2 node\(s\) didn't match pod affinity rules/)
  for (const name of ['r1', 'r2', 'r3']) await bench.pod(name, { affinity: { podAntiAffinity: near('r') } }, { labels: { app: 'r' } })
  assert.match(await bench.reason('r3'), /2 node\(s\) didn't match pod anti-affinity rules/)
  await bench.pod('self', { affinity: { podAffinity: near('self') } }, { labels: { app: 'self' } })
  assert.ok((await bench.get('self')).spec.nodeName)
})

test('topology spread holds the skew', async () => {
  await using bench = await workbench([node('a', { labels: { zone: 'x' } }), node('b', { labels: { zone: 'x' } }), node('c', { labels: { zone: 'y' } })])
  const constraint = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' as const, labelSelector: { matchLabels: { app: 's' } } }
  for (let i = 0; i < 6; i++) await bench.pod(`s${i}`, { topologySpreadConstraints: [constraint] }, { labels: { app: 's' } })
  const zones = Object.values(await bench.placed()).map((name) => (name === 'c' ? 'y' : 'x'))
  assert.equal(zones.filter((zone) => zone === 'y').length, 3)
  await bench.client.patch(Node, 'c', { spec: { unschedulable: true } }, { type: 'merge' })
  await bench.pod('s6', { topologySpreadConstraints: [constraint] }, { labels: { app: 's' } })
  await bench.pod('s7', { topologySpreadConstraints: [constraint] }, { labels: { app: 's' } })
  assert.match(await bench.reason('s7'), /1 node\(s\) were unschedulable, 2 node\(s\) didn't match pod topology spread constraints/)
})

test('an important pod takes the place of less important ones, and is placed when they are gone', async () => {
  await using bench = await workbench([node('a', { cpu: '2' }), node('b', { cpu: '2' })])
  await bench.pod('low-a', { containers: [container('1500m')], nodeSelector: { 'kubernetes.io/hostname': 'a' }, priority: 10 })
  await bench.pod('low-b', { containers: [container('1500m')], nodeSelector: { 'kubernetes.io/hostname': 'b' }, priority: 5 })
  await bench.pod('high', { containers: [container('1500m')], priority: 1000 })
  assert.equal((await bench.get('high')).status?.nominatedNodeName, 'b')
  const victim = await bench.get('low-b')
  assert.ok(victim.metadata.deletionTimestamp)
  assert.equal(victim.status?.conditions?.find((c) => c.type === 'DisruptionTarget')?.reason, 'PreemptionByScheduler')
  assert.ok((await bench.events()).some((e) => e.startsWith('Preempted: Preempted by pod ') && e.endsWith(' on node b')))
  await bench.pod('middle', { containers: [container('1500m')], priority: 20 })
  await bench.client.delete(Pod, 'low-b', { namespace: 'default', gracePeriodSeconds: 0 })
  await bench.advance(1_000)
  assert.equal((await bench.placed())['high'], 'b')
  assert.notEqual((await bench.get('middle')).spec.nodeName, 'b')
})

test('a place that was made for a pod is given back when the pod cannot have it any more', async () => {
  await using bench = await workbench([node('a', { cpu: '2' })])
  await bench.pod('low', { containers: [container('1500m')], priority: 1, terminationGracePeriodSeconds: 30 })
  await bench.pod('high', { containers: [container('1500m')], priority: 100 })
  assert.equal((await bench.get('high')).status?.nominatedNodeName, 'a')
  await bench.client.patch(Node, 'a', { spec: { taints: [{ key: 'x', effect: 'NoSchedule' }] } }, { type: 'merge' })
  await bench.settle()
  assert.equal((await bench.get('high')).status?.nominatedNodeName, undefined)
  assert.match(await bench.reason('high'), /untolerated taint \{x: \}/)
})

test('preemption prefers not to break a disruption budget', async () => {
  await using bench = await workbench([node('a', { cpu: '2' }), node('b', { cpu: '2' })])
  await bench.client.create(PodDisruptionBudget, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'x', namespace: 'default' }, spec: { minAvailable: 1, selector: { matchLabels: { app: 'x' } } } })
  await bench.pod('guarded', { containers: [container('1500m')], nodeSelector: { 'kubernetes.io/hostname': 'a' }, priority: 1 }, { labels: { app: 'x' } })
  await bench.pod('other', { containers: [container('1500m')], nodeSelector: { 'kubernetes.io/hostname': 'b' }, priority: 9 })
  await bench.pod('high', { containers: [container('1500m')], priority: 100 })
  assert.equal((await bench.get('high')).status?.nominatedNodeName, 'b')
})

test('gates hold a pod back until they are gone', async () => {
  await using bench = await workbench([node('a')])
  await bench.pod('p', { schedulingGates: [{ name: 'example.com/wait' }] })
  assert.equal(await bench.reason('p'), 'Scheduling is blocked due to non-empty scheduling gates')
  await bench.client.patch(Pod, 'p', { spec: { schedulingGates: null } }, { namespace: 'default', type: 'merge' })
  await bench.settle()
  assert.equal((await bench.get('p')).spec.nodeName, 'a')
})

test('a ReadWriteOncePod claim is for one pod at a time', async () => {
  await using bench = await workbench([node('a'), node('b')])
  await bench.client.create(PersistentVolume, { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'pv' }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOncePod'], hostPath: { path: '/x' } } })
  await bench.client.create(PersistentVolumeClaim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'one', namespace: 'default', annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }, spec: { volumeName: 'pv', accessModes: ['ReadWriteOncePod'], resources: { requests: { storage: '1Gi' } } } })
  const spec = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'one' } }] }
  await bench.pod('first', spec)
  await bench.pod('second', spec)
  assert.ok((await bench.get('first')).spec.nodeName)
  assert.match(await bench.reason('second'), /^0\/2 nodes are available: 2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode\./)
  await bench.client.delete(Pod, 'first', { namespace: 'default', gracePeriodSeconds: 0 })
  await bench.settle()
  assert.ok((await bench.get('second')).spec.nodeName)
})

test('a claim that waits for its pod gets the node, and the pod follows when it is bound', async () => {
  await using bench = await workbench([node('a'), node('b')])
  await bench.client.create(StorageClass, { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'local' }, provisioner: 'rancher.io/local-path', volumeBindingMode: 'WaitForFirstConsumer' })
  const claim = (name: string): PersistentVolumeClaim => ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace: 'default' }, spec: { storageClassName: 'local', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } })
  await bench.client.create(PersistentVolumeClaim, claim('data'))
  await bench.pod('p', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] }).catch(() => {})
  const waiting = await bench.client.get(PersistentVolumeClaim, 'data', { namespace: 'default' })
  const chosen = waiting.metadata.annotations?.['volume.kubernetes.io/selected-node'] ?? ''
  assert.ok(['a', 'b'].includes(chosen))
  assert.equal((await bench.get('p')).spec.nodeName, undefined)
  await bench.client.create(PersistentVolume, {
    apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'pv' },
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'local', hostPath: { path: '/x' }, nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [chosen] }] }] } } },
  })
  await bench.client.patch(PersistentVolumeClaim, 'data', { metadata: { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }, spec: { volumeName: 'pv' } }, { namespace: 'default', type: 'merge' })
  await bench.settle()
  assert.equal((await bench.get('p')).spec.nodeName, chosen)
  // A second pod with the same claim has to follow the volume.
  await bench.pod('q', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }], nodeSelector: { 'kubernetes.io/hostname': chosen === 'a' ? 'b' : 'a' } })
  assert.match(await bench.reason('q'), /1 node\(s\) didn't match Pod's node affinity\/selector, 1 node\(s\) had volume node affinity conflict|1 node\(s\) had volume node affinity conflict/)
})
