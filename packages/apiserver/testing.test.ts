import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, CustomResourceDefinition, Deployment, isApiError, Namespace, Pod } from '@idp/api'
import { startTestApi } from './testing.ts'

const at = { namespace: 'default' }
const configMap = (name: string, data: Record<string, string>): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data })

test('an object is created, read, changed, listed and deleted', async () => {
  await using api = await startTestApi()
  const { client } = api
  const created = await client.create(ConfigMap, configMap('a', { x: '1' }))
  assert.match(created.metadata.uid ?? '', /^[0-9a-f-]{36}$/)
  assert.equal(created.metadata.creationTimestamp, '2026-01-01T00:00:00Z')
  assert.deepEqual(await client.get(ConfigMap, 'a', at), created)
  const patched = await client.patch(ConfigMap, 'a', { data: { y: '2' } }, { type: 'merge', ...at })
  assert.deepEqual(patched.data, { x: '1', y: '2' })
  assert.notEqual(patched.metadata.resourceVersion, created.metadata.resourceVersion)
  await assert.rejects(client.update(ConfigMap, created), (error) => isApiError(error, 'Conflict') && error.message.startsWith('Operation cannot be fulfilled on configmaps "a"'))
  assert.equal((await client.list(ConfigMap, at)).items.length, 1)
  await client.delete(ConfigMap, 'a', at)
  await assert.rejects(client.get(ConfigMap, 'a', at), (error) => isApiError(error, 'NotFound') && error.message === 'configmaps "a" not found')
})

test('a watch resumes without gap and follows selectors', async () => {
  await using api = await startTestApi()
  const { client } = api
  const first = await client.create(ConfigMap, configMap('a', {}))
  await client.create(ConfigMap, configMap('b', {}))
  await client.patch(ConfigMap, 'a', { metadata: { labels: { app: 'x' } } }, { type: 'merge', ...at })
  await client.delete(ConfigMap, 'b', at)
  const stop = new AbortController()
  const seen: string[] = []
  for await (const event of client.watch(ConfigMap, { ...at, signal: stop.signal, resourceVersion: first.metadata.resourceVersion ?? '' })) {
    seen.push(`${event.type} ${event.object.metadata.name}`)
    if (seen.length === 3) stop.abort()
  }
  assert.deepEqual(seen, ['ADDED b', 'MODIFIED a', 'DELETED b'])
})

test('server-side apply owns fields, refuses conflicts, removes what is no longer applied', async () => {
  await using api = await startTestApi()
  const { client } = api
  const one = await client.apply(ConfigMap, configMap('a', { x: '1', y: '1' }), { fieldManager: 'one' })
  assert.deepEqual(one.metadata.managedFields?.map(({ manager, operation, fieldsV1 }) => ({ manager, operation, fieldsV1 })), [
    { manager: 'one', operation: 'Apply', fieldsV1: { 'f:data': { 'f:x': {}, 'f:y': {} } } },
  ])
  await assert.rejects(client.apply(ConfigMap, configMap('a', { x: '2' }), { fieldManager: 'two' }), (error) =>
    isApiError(error, 'Conflict') && error.message === 'Apply failed with 1 conflict: conflict with "one": .data.x')
  assert.deepEqual((await client.apply(ConfigMap, configMap('a', { x: '2' }), { fieldManager: 'two', force: true })).data, { x: '2', y: '1' })
  assert.deepEqual((await client.apply(ConfigMap, configMap('a', {}), { fieldManager: 'one' })).data, { x: '2' })
})

test('a deployment gets its defaults, a generation and a scale', async () => {
  await using api = await startTestApi()
  const { client } = api
  const deployment: Deployment = {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx' }] } } },
  }
  const created = await client.create(Deployment, deployment)
  assert.deepEqual([created.spec.replicas, created.metadata.generation, created.spec.template.spec?.containers[0]?.imagePullPolicy], [1, 1, 'Always'])
  const scaled = await client.patch(Deployment, 'web', { spec: { replicas: 3 } }, { type: 'merge', subresource: 'scale', ...at })
  assert.deepEqual([scaled.kind, (await client.get(Deployment, 'web', at)).metadata.generation], ['Scale', 2])
  const status = await client.patch(Deployment, 'web', { status: { replicas: 3 }, spec: { replicas: 9 } }, { type: 'merge', subresource: 'status', ...at })
  assert.deepEqual([status.status?.replicas, status.spec.replicas, status.metadata.generation], [3, 3, 2])
  const strategic = await client.patch(Deployment, 'web', { spec: { template: { spec: { containers: [{ name: 'web', image: 'nginx:2' }] } } } }, { type: 'strategic', ...at })
  assert.equal(strategic.spec.template.spec?.containers[0]?.imagePullPolicy, 'Always')
})

test('a custom resource is served at once, validated, defaulted and pruned', async () => {
  await using api = await startTestApi()
  const { client } = api
  await client.create(CustomResourceDefinition, {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing', singular: 'thing' },
      versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer', minimum: 1, default: 3 } } }, status: { type: 'object', properties: { ready: { type: 'boolean' } } } } } } }],
    },
  })
  const Thing = await client.kindOf('example.com/v1', 'Thing')
  const thing = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a', namespace: 'default' }, spec: { colour: 'red' } }
  assert.deepEqual((await client.create(Thing, thing))['spec'], { size: 3 })
  await assert.rejects(client.create(Thing, { ...thing, metadata: { name: 'b', namespace: 'default' }, spec: { size: 0 } }), (error) => isApiError(error, 'Invalid') && error.message.includes('spec.size'))
  await client.delete(CustomResourceDefinition, 'things.example.com')
  await assert.rejects(client.list(Thing), (error) => isApiError(error, 'NotFound'))
})

test('finalizers and grace periods hold a deletion', async () => {
  await using api = await startTestApi()
  const { client } = api
  await client.create(ConfigMap, { ...configMap('a', {}), metadata: { name: 'a', namespace: 'default', finalizers: ['example.com/hold'] } })
  await client.delete(ConfigMap, 'a', at)
  assert.ok((await client.get(ConfigMap, 'a', at)).metadata.deletionTimestamp)
  await client.patch(ConfigMap, 'a', { metadata: { finalizers: null } }, { type: 'merge', ...at })
  await assert.rejects(client.get(ConfigMap, 'a', at), (error) => isApiError(error, 'NotFound'))
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] } }
  await client.create(Pod, pod)
  await client.delete(Pod, 'p', at)
  assert.equal((await client.get(Pod, 'p', at)).metadata.deletionGracePeriodSeconds, 30)
  await client.delete(Pod, 'p', { ...at, gracePeriodSeconds: 0 })
  await assert.rejects(client.get(Pod, 'p', at), (error) => isApiError(error, 'NotFound'))
  await client.delete(Namespace, 'default')
  assert.equal((await client.get(Namespace, 'default')).status?.phase, 'Terminating')
})

test('a pod is bound to a node once', async () => {
  await using api = await startTestApi()
  const { client } = api
  await client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i' }] } })
  const bind = (node: string) => client.request('/api/v1/namespaces/default/pods/p/binding', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: node } }) })
  assert.equal((await bind('n1')).status, 201)
  assert.equal((await client.get(Pod, 'p', at)).spec.nodeName, 'n1')
  const again = await bind('n2')
  assert.deepEqual([again.status, ((await again.json()) as { message: string }).message], [409, 'Operation cannot be fulfilled on pods "p": pod p is already assigned to node "n1"'])
})
