import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyObject } from '@idp/formats'
import {
  builtInKinds, CronJob, Deployment, Endpoints, EndpointSlice, Event, HorizontalPodAutoscaler, Ingress, Job, Node, PersistentVolume, PersistentVolumeClaim, Pod, ResourceQuota, RoleBinding, Secret, Service, StorageClass,
} from '../kinds/index.ts'
import { applyBuiltInDefaults } from '../defaults/apply.ts'
import { apiVersionOf } from '../kind.ts'
import { decodeBuiltIn } from '../schema/decode.ts'
import type { Gvk } from '../schema/built-in.ts'
import { columnsFor, rowCells } from './columns-for.ts'
import { customColumns } from './custom-resource.ts'
import { humanDuration } from './human-duration.ts'

const now = Date.parse('2030-01-01T00:00:00Z')
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString()

const durations: [seconds: number, text: string][] = [[-2, '<invalid>'], [0, '0s'], [119, '119s'], [120, '2m'], [310, '5m10s'], [3600, '60m'], [3 * 3600, '3h'], [7 * 3600 + 60, '7h1m'], [47 * 3600, '47h'], [50 * 3600, '2d2h'], [9 * 86400, '9d'], [800 * 86400, '2y70d'], [9 * 365 * 86400, '9y']]
for (const [seconds, text] of durations) test(`duration ${text}`, () => assert.equal(humanDuration(seconds * 1000), text))

const meta = { name: 'n', namespace: 'ns', creationTimestamp: ago(300) }
const running = { name: 'c', ready: true, restartCount: 0, image: '', imageID: '', state: { running: {} } }
const spec = { containers: [{ name: 'c' }], nodeName: 'node-1' }
const rows: [name: string, kind: Gvk, object: object, cells: unknown[]][] = [
  ['running pod', Pod, { spec, status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }], containerStatuses: [running] } }, ['n', '1/1', 'Running', '0', '5m', '10.0.0.1', 'node-1', '<none>', '<none>']],
  ['crashing pod', Pod, { spec, status: { phase: 'Running', containerStatuses: [{ ...running, ready: false, restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode: 1, finishedAt: ago(60) } } }] } }, ['n', '0/1', 'CrashLoopBackOff', '3 (60s ago)', '5m', '<none>', 'node-1', '<none>', '<none>']],
  ['initializing pod', Pod, { spec: { containers: [{ name: 'c' }], initContainers: [{ name: 'i' }, { name: 'j' }] }, status: { phase: 'Pending', initContainerStatuses: [{ ...running, name: 'i', state: { terminated: { exitCode: 0 } } }, { ...running, name: 'j' }] } }, ['n', '0/1', 'Init:1/2', '0', '5m', '<none>', '<none>', '<none>', '<none>']],
  ['completed pod', Pod, { spec, status: { phase: 'Succeeded', containerStatuses: [{ ...running, ready: false, state: { terminated: { exitCode: 0, reason: 'Completed' } } }] } }, ['n', '0/1', 'Completed', '0', '5m', '<none>', 'node-1', '<none>', '<none>']],
  ['terminating pod', Pod, { metadata: { ...meta, deletionTimestamp: ago(1) }, spec, status: { phase: 'Running', containerStatuses: [running] } }, ['n', '1/1', 'Terminating', '0', '5m', '<none>', 'node-1', '<none>', '<none>']],
  ['Deployment', Deployment, { spec: { replicas: 2, selector: { matchLabels: { a: 'b' } }, template: { spec: { containers: [{ name: 'c', image: 'i:1' }, { name: 'd', image: 'j:1' }] } } }, status: { readyReplicas: 1, updatedReplicas: 2, availableReplicas: 1 } }, ['n', '1/2', 2, 1, '5m', 'c,d', 'i:1,j:1', 'a=b']],
  ['Job', Job, { spec: { completions: 3, template: { spec: { containers: [{ name: 'c', image: 'i' }] } } }, status: { succeeded: 1, startTime: ago(90) } }, ['n', 'Running', '1/3', '90s', '5m', 'c', 'i', '<none>']],
  ['CronJob', CronJob, { spec: { schedule: '* * * * *', jobTemplate: { spec: { template: { spec: { containers: [] } } } } }, status: { lastScheduleTime: ago(30) } }, ['n', '* * * * *', '<none>', 'False', 0, '30s', '5m', '', '', '<none>']],
  ['Service', Service, { spec: { type: 'NodePort', clusterIP: '10.1.1.1', clusterIPs: ['10.1.1.1'], ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }, { port: 53, protocol: 'UDP' }] } }, ['n', 'NodePort', '10.1.1.1', '<none>', '80:30080/TCP,53/UDP', '5m', '<none>']],
  ['waiting load balancer', Service, { spec: { type: 'LoadBalancer', clusterIP: '10.1.1.1' } }, ['n', 'LoadBalancer', '10.1.1.1', '<pending>', '<none>', '5m', '<none>']],
  ['Endpoints', Endpoints, { subsets: [{ addresses: [{ ip: '1.1.1.1' }, { ip: '1.1.1.2' }], ports: [{ port: 80 }, { port: 81 }] }] }, ['n', '1.1.1.1:80,1.1.1.2:80,1.1.1.1:81 + 1 more...', '5m']],
  ['EndpointSlice', EndpointSlice, { addressType: 'IPv4', ports: [{ port: 80 }], endpoints: [{ addresses: ['1.1.1.1'] }] }, ['n', 'IPv4', '80', '1.1.1.1', '5m']],
  ['Node', Node, { metadata: { ...meta, labels: { 'node-role.kubernetes.io/control-plane': '', 'node-role.kubernetes.io/etcd': '' } }, spec: { unschedulable: true }, status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: { kubeletVersion: 'v1' }, addresses: [{ type: 'InternalIP', address: '1.2.3.4' }] } },
    ['n', 'Ready,SchedulingDisabled', 'control-plane,etcd', '5m', 'v1', '1.2.3.4', '<none>', '<unknown>', '<unknown>', '<unknown>']],
  ['Secret', Secret, { type: 'Opaque', data: { a: '', b: '' } }, ['n', 'Opaque', 2, '5m']],
  ['Event', Event, { involvedObject: { kind: 'Pod', name: 'p' }, reason: 'Started', message: ' hello ', type: 'Normal', lastTimestamp: ago(10), firstTimestamp: ago(20), count: 2, source: { component: 'kubelet', host: 'h' } }, ['10s', 'Normal', 'Started', 'pod/p', '', 'kubelet, h', 'hello', '20s', 2, 'n']],
  ['Ingress', Ingress, { spec: { ingressClassName: 'x', rules: [{ host: 'a' }, { host: 'b' }], tls: [{}] }, status: { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } } }, ['n', 'x', 'a,b', '1.1.1.1', '80, 443', '5m']],
  ['PersistentVolume', PersistentVolume, { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce', 'ReadOnlyMany'], persistentVolumeReclaimPolicy: 'Delete', claimRef: { namespace: 'a', name: 'b' }, storageClassName: 's', volumeMode: 'Filesystem' }, status: { phase: 'Bound' } }, ['n', '1Gi', 'RWO,ROX', 'Delete', 'Bound', 'a/b', 's', '<unset>', '', '5m', 'Filesystem']],
  ['PersistentVolumeClaim', PersistentVolumeClaim, { spec: { volumeName: 'v', storageClassName: 's' }, status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] } }, ['n', 'Bound', 'v', '1Gi', 'RWO', 's', '<unset>', '5m', '<unset>']],
  ['default StorageClass', StorageClass, { metadata: { ...meta, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }, provisioner: 'p' }, ['n (default)', 'p', 'Delete', 'Immediate', 'false', '5m']],
  ['HorizontalPodAutoscaler', HorizontalPodAutoscaler, { spec: { scaleTargetRef: { kind: 'Deployment', name: 'd' }, maxReplicas: 3, minReplicas: 1, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }] } }, ['n', 'Deployment/d', 'cpu: <unknown>/80%', '1', 3, 0, '5m']],
  ['RoleBinding', RoleBinding, { roleRef: { kind: 'Role', name: 'r' }, subjects: [{ kind: 'User', name: 'u' }, { kind: 'ServiceAccount', namespace: 'a', name: 's' }] }, ['n', 'Role/r', '5m', 'u', '', 'a/s']],
  ['ResourceQuota', ResourceQuota, { status: { hard: { pods: '10', 'limits.cpu': '2' }, used: { pods: '1' } } }, ['n', 'pods: 1/10', 'limits.cpu: 0/2', '5m']],
]
for (const [name, kind, object, cells] of rows) {
  test(`row of a ${name}`, () => assert.deepEqual(rowCells(columnsFor(kind), { apiVersion: '', kind: '', metadata: meta, ...object } as AnyObject, now), cells))
}

test('every kind prints an object that has been decoded and defaulted but is otherwise empty', () => {
  for (const kind of builtInKinds) {
    const object: AnyObject = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: 'x' }, spec: {} }
    decodeBuiltIn(kind, object)
    applyBuiltInDefaults(kind, object)
    for (const cell of rowCells(columnsFor(kind), object, now)) assert.ok(cell === null || ['string', 'number', 'boolean'].includes(typeof cell), `${kind.kind}: ${typeof cell}`)
  }
})

test('columns of a custom resource', () => {
  const columns = customColumns([{ name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' }, { name: 'Count', type: 'integer', jsonPath: '.spec.n' }, { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }, { name: 'Map', type: 'string', jsonPath: '.spec', priority: 1 }])
  const object: AnyObject = { apiVersion: 'a/v1', kind: 'K', metadata: meta, spec: { n: 2 }, status: { conditions: [{ type: 'Ready', status: 'True' }] } }
  assert.deepEqual(rowCells(columns, object, now), ['n', 'True', 2, '5m', '{"n":2}'])
  assert.deepEqual(customColumns([]).map(({ name }) => name), ['Name', 'Age'])
})
