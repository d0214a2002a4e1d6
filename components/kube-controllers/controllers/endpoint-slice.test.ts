import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Endpoints, EndpointSlice, Pod, Service } from '@idp/api'
import { endpointSliceController } from './endpoint-slice.ts'
import { endpointSliceMirroringController } from './endpoint-slice-mirroring.ts'
import { endpointsController } from './endpoints.ts'
import { node, workbench, type Workbench } from '../testing/workbench.ts'

const service = (spec: object): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default', labels: { team: 'x' } }, spec: { ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec } as NonNullable<Service['spec']> })
const pod = (name: string, port = 8080): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app: 'web' } },
  spec: { nodeName: 'n', containers: [{ name: 'main', image: 'x', ports: [{ name: 'http', containerPort: port }] }] },
})
const start = () => workbench([endpointSliceController(), endpointsController(), endpointSliceMirroringController], { nodes: [node('n', { metadata: { labels: { 'topology.kubernetes.io/zone': 'z1' } } })] })
const summary = async (bench: Workbench) => (await bench.list(EndpointSlice)).map((slice) => ({
  ports: slice.ports?.map(({ port }) => port), endpoints: slice.endpoints?.map((e) => `${e.targetRef?.name} ${e.conditions?.ready ? 'ready' : 'not ready'}`).sort(),
}))

test('slices follow the pods of a service', async () => {
  await using bench = await start()
  await bench.client.create(Service, service({ selector: { app: 'web' } }))
  await bench.settle()
  assert.deepEqual([await bench.names(EndpointSlice), await bench.names(Endpoints)], [[], []])
  await bench.advance(1000)
  assert.deepEqual(await summary(bench), [{ ports: undefined, endpoints: undefined }].map(() => ({ ports: [], endpoints: [] })))
  for (const name of ['a', 'b']) await bench.client.create(Pod, pod(name))
  await bench.runPods()
  const [slice] = await bench.list(EndpointSlice)
  assert.match(slice?.metadata.name ?? '', /^web-[a-z0-9]{5}$/)
  assert.deepEqual(slice?.metadata.labels, { team: 'x', 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' })
  assert.deepEqual(await summary(bench), [{ ports: [8080], endpoints: ['a ready', 'b ready'] }])
  assert.deepEqual([slice?.endpoints?.[0]?.nodeName, slice?.endpoints?.[0]?.zone, slice?.endpoints?.[0]?.conditions], ['n', 'z1', { ready: true, serving: true, terminating: false }])
  await bench.runPods((p) => p.metadata.name === 'a', { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] })
  await bench.client.delete(Pod, 'b', { namespace: 'default' })
  await bench.settle()
  assert.deepEqual(await summary(bench), [{ ports: [8080], endpoints: ['a not ready', 'b not ready'] }])
  const endpoints = await bench.get(Endpoints, 'web')
  assert.deepEqual([endpoints.subsets?.[0]?.addresses, endpoints.subsets?.[0]?.notReadyAddresses?.map(({ targetRef }) => targetRef?.name)], [undefined, ['a']])
  await bench.client.delete(Service, 'web', { namespace: 'default' })
  await bench.settle()
  assert.deepEqual(await bench.names(Endpoints), [])
})

test('what opens no way for traffic waits for more, a second at most; what does is written at once', async () => {
  await using bench = await start()
  await bench.client.create(Service, service({ selector: { app: 'web' } }))
  await bench.client.create(Pod, pod('a'))
  await bench.runPods(undefined, { conditions: [{ type: 'Ready', status: 'False' }] })
  await bench.advance(500)
  assert.deepEqual(await summary(bench), [])
  await bench.advance(500)
  assert.deepEqual(await summary(bench), [{ ports: [8080], endpoints: ['a not ready'] }])
  await bench.client.create(Pod, pod('b'))
  await bench.runPods((p) => p.metadata.name === 'b', { conditions: [{ type: 'Ready', status: 'False' }] })
  assert.deepEqual(await summary(bench), [{ ports: [8080], endpoints: ['a not ready'] }])
  await bench.client.patch(Pod, 'a', { status: { conditions: [{ type: 'Ready', status: 'True' }] } as never }, { namespace: 'default', subresource: 'status', type: 'merge' })
  await bench.settle()
  assert.deepEqual(await summary(bench), [{ ports: [8080], endpoints: ['a ready', 'b not ready'] }])
  const [subset] = (await bench.get(Endpoints, 'web')).subsets ?? []
  assert.deepEqual([subset?.addresses?.length, subset?.notReadyAddresses?.length], [1, 1])
})

test('pods whose named port differs are in different slices; a slice holds a hundred', async () => {
  await using bench = await start()
  await bench.client.create(Service, service({ selector: { app: 'web' }, clusterIP: 'None' }))
  await bench.client.create(Pod, pod('odd', 9090))
  for (let i = 0; i < 101; i++) await bench.client.create(Pod, pod(`p${i}`))
  await bench.runPods()
  const slices = await bench.list(EndpointSlice)
  assert.deepEqual(slices.map((slice) => `${slice.ports?.[0]?.port}: ${slice.endpoints?.length}`).sort(), ['8080: 1', '8080: 100', '9090: 1'])
  assert.ok(slices.every((slice) => slice.metadata.labels?.['service.kubernetes.io/headless'] === ''))
})

test('endpoints written by hand are mirrored', async () => {
  await using bench = await start()
  await bench.client.create(Service, service({}))
  await bench.client.create(Endpoints, { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web', namespace: 'default' }, subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ name: 'http', port: 80 }] }] })
  await bench.settle()
  const [slice] = await bench.list(EndpointSlice)
  assert.deepEqual([slice?.endpoints?.[0]?.addresses, slice?.metadata.labels?.['endpointslice.kubernetes.io/managed-by']], [['192.0.2.1'], 'endpointslicemirroring-controller.k8s.io'])
})
