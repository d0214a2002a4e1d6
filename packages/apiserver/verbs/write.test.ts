import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, Deployment, isApiError, Pod, Secret, Service } from '@idp/api'
import type { JsonObject } from '@idp/formats'
import { startTestApi } from '../testing.ts'

const at = { namespace: 'default' }
const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data })
const says = (reason: string, text: RegExp) => (error: unknown) => {
  assert.ok(isApiError(error), String(error))
  assert.equal(error.reason, reason)
  assert.match(error.message, text)
  return true
}

test('dry run answers as if, and stores nothing', async () => {
  await using api = await startTestApi()
  assert.ok((await api.client.create(ConfigMap, configMap('a'), { dryRun: true })).metadata.uid)
  await assert.rejects(api.client.get(ConfigMap, 'a', at), says('NotFound', /not found/))
  await api.client.create(ConfigMap, configMap('a', { x: '1' }))
  await assert.rejects(api.client.create(ConfigMap, configMap('a'), { dryRun: true }), says('AlreadyExists', /configmaps "a" already exists/))
  assert.deepEqual((await api.client.patch(ConfigMap, 'a', { data: { x: '2' } }, { type: 'merge', dryRun: true, ...at })).data, { x: '2' })
  await api.client.delete(ConfigMap, 'a', { ...at, dryRun: true })
  assert.deepEqual((await api.client.get(ConfigMap, 'a', at)).data, { x: '1' })
})

test('unknown fields are refused, warned of or ignored, as asked', async () => {
  await using api = await startTestApi()
  const send = (name: string, query: string) => api.client.request(`/api/v1/namespaces/default/configmaps${query}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...configMap(name), dta: { x: 1 } }) })
  const strict = await send('a', '?fieldValidation=Strict')
  assert.deepEqual([strict.status, ((await strict.json()) as { message: string }).message], [400, 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dta"'])
  assert.equal((await send('a', '')).headers.get('warning'), '299 - "unknown field \\"dta\\""')
  const ignored = await send('b', '?fieldValidation=Ignore')
  assert.deepEqual([ignored.headers.get('warning'), 'dta' in ((await ignored.json()) as JsonObject)], [null, false])
  assert.equal((await send('c', '?fieldValidation=Maybe')).status, 400)
})

test('names are generated, taken names are told', async () => {
  await using api = await startTestApi()
  const made = await api.client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'made-', namespace: 'default' } })
  assert.match(made.metadata.name ?? '', /^made-[a-z0-9]{5}$/)
  await api.client.create(ConfigMap, configMap('a'))
  await assert.rejects(api.client.create(ConfigMap, configMap('a')), says('AlreadyExists', /^configmaps "a" already exists$/))
})

test('a write that changes nothing leaves the revision alone', async () => {
  await using api = await startTestApi()
  const first = await api.client.apply(ConfigMap, configMap('a', { x: '1' }), { fieldManager: 'me' })
  await api.fake.advance(60_000)
  assert.equal((await api.client.apply(ConfigMap, configMap('a', { x: '1' }), { fieldManager: 'me' })).metadata.resourceVersion, first.metadata.resourceVersion)
  assert.equal((await api.client.patch(ConfigMap, 'a', { data: { x: '1' } }, { type: 'merge', ...at })).metadata.resourceVersion, first.metadata.resourceVersion)
})

test('preconditions', async () => {
  await using api = await startTestApi()
  const { metadata } = await api.client.create(ConfigMap, configMap('a'))
  await assert.rejects(api.client.delete(ConfigMap, 'a', { ...at, preconditions: { uid: 'other' } }), says('Conflict', /Precondition failed: UID in precondition: other, UID in object meta: /))
  await assert.rejects(api.client.patch(ConfigMap, 'a', { metadata: { uid: 'other' } }, { type: 'merge', ...at }), says('Conflict', /UID in precondition/))
  await assert.rejects(api.client.patch(ConfigMap, 'a', { metadata: { resourceVersion: '1' } }, { type: 'merge', ...at }), says('Conflict', /the object has been modified/))
  await api.client.delete(ConfigMap, 'a', { ...at, preconditions: { uid: metadata.uid ?? '', resourceVersion: metadata.resourceVersion ?? '' } })
})

test('writes that race all land', async () => {
  await using api = await startTestApi()
  await api.client.create(ConfigMap, configMap('a'))
  await Promise.all(Array.from({ length: 20 }, (_, i) => api.client.patch(ConfigMap, 'a', { data: { [`k${i}`]: 'v' } }, { type: 'merge', ...at })))
  assert.equal(Object.keys((await api.client.get(ConfigMap, 'a', at)).data ?? {}).length, 20)
})

test('patches: JSON patch with its test, strategic merge by key, and what does not apply', async () => {
  await using api = await startTestApi()
  await api.client.create(ConfigMap, configMap('a', { x: '1' }))
  assert.deepEqual((await api.client.patch(ConfigMap, 'a', [{ op: 'test', path: '/data/x', value: '1' }, { op: 'add', path: '/data/y', value: '2' }], { type: 'json', ...at })).data, { x: '1', y: '2' })
  await assert.rejects(api.client.patch(ConfigMap, 'a', [{ op: 'test', path: '/data/x', value: '9' }], { type: 'json', ...at }), says('Invalid', /test/))
  await assert.rejects(api.client.patch(ConfigMap, 'a', [{ op: 'remove', path: '/data/nothing' }], { type: 'json', ...at }), says('Invalid', /nonexistent key/))
  await assert.rejects(api.client.patch(ConfigMap, 'missing', {}, { type: 'merge', ...at }), says('NotFound', /configmaps "missing" not found/))
})

test('a collection is deleted by selector', async () => {
  await using api = await startTestApi()
  for (const name of ['a', 'b', 'c']) await api.client.create(ConfigMap, { ...configMap(name), metadata: { name, namespace: 'default', labels: { keep: name === 'c' ? 'yes' : 'no' } } })
  await api.client.deleteCollection(ConfigMap, { ...at, labelSelector: 'keep=no' })
  assert.deepEqual((await api.client.list(ConfigMap, at)).items.map(({ metadata }) => metadata.name), ['c'])
})

test('stringData becomes data', async () => {
  await using api = await startTestApi()
  const secret = await api.client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'default' }, stringData: { password: 'x' }, data: { user: 'YQ==' } })
  assert.deepEqual([secret.data, secret.stringData, secret.type], [{ user: 'YQ==', password: 'eA==' }, undefined, 'Opaque'])
})

test('orphan and foreground deletion leave their finalizers', async () => {
  await using api = await startTestApi()
  for (const [propagationPolicy, finalizer] of [['Orphan', 'orphan'], ['Foreground', 'foregroundDeletion']] as const) {
    await api.client.create(ConfigMap, configMap(finalizer.toLowerCase()))
    await api.client.delete(ConfigMap, finalizer.toLowerCase(), { ...at, propagationPolicy })
    assert.deepEqual((await api.client.get(ConfigMap, finalizer.toLowerCase(), at)).metadata.finalizers, [finalizer])
  }
})

test('Services get addresses and node ports, keep them, and give them back', async () => {
  await using api = await startTestApi()
  const service = (name: string, spec: object = {}): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: { selector: { a: 'b' }, ports: [{ port: 80 }], ...spec } })
  assert.equal((await api.client.get(Service, 'kubernetes', at)).spec.clusterIP, '10.43.0.1')
  const first = await api.client.create(Service, service('a'))
  assert.match(first.spec.clusterIP ?? '', /^10\.43\.\d+\.\d+$/)
  const updated = await api.client.update(Service, service('a', { type: 'NodePort' }))
  assert.equal(updated.spec.clusterIP, first.spec.clusterIP)
  assert.ok((updated.spec.ports?.[0]?.nodePort ?? 0) >= 30000)
  await assert.rejects(api.client.create(Service, service('b', { clusterIP: first.spec.clusterIP })), says('Invalid', /provided IP is already allocated/))
  await assert.rejects(api.client.create(Service, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: updated.spec.ports?.[0]?.nodePort }] })), says('Invalid', /provided port is already allocated/))
  assert.equal((await api.client.create(Service, service('headless', { clusterIP: 'None' }))).spec.clusterIP, 'None')
  await api.client.delete(Service, 'a', at)
  assert.equal((await api.client.create(Service, service('b', { clusterIP: first.spec.clusterIP }))).spec.clusterIP, first.spec.clusterIP)
})

test('bad requests are told, not crashed on', async () => {
  await using api = await startTestApi()
  const post = async (body: string, type = 'application/json') => (await api.client.request('/api/v1/namespaces/default/configmaps', { method: 'POST', headers: { 'content-type': type }, body })).status
  assert.equal(await post('{'), 400)
  assert.equal(await post('[]'), 400)
  assert.equal(await post('null'), 400)
  assert.equal(await post('{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}'), 400)
  assert.equal(await post('{"metadata":{"name":7}}'), 400)
  assert.equal(await post('{"metadata":{"name":"a","namespace":"other"}}'), 400)
  assert.equal(await post('a', 'text/plain'), 415)
  assert.equal(await post('\0\0', 'application/vnd.kubernetes.protobuf'), 400)
  assert.equal(await post(`{"data":{"x":"${'y'.repeat(3_200_000)}"}}`), 413)
  assert.equal(await post('metadata:\n  name: fromyaml\n', 'application/yaml'), 201)
  await assert.rejects(api.client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { containers: [] } }), says('Invalid', /spec\.containers: Required value/))
  await assert.rejects(api.client.get(Deployment, 'x', { ...at, subresource: 'nothing' }), says('NotFound', /could not find the requested resource/))
})

test('a patch with an unknown field is refused as a patch', async () => {
  await using api = await startTestApi()
  await api.client.create(ConfigMap, configMap('a'))
  await assert.rejects(api.client.patch(ConfigMap, 'a', { dta: {} }, { type: 'merge', fieldValidation: 'Strict', ...at }), says('Invalid', /^ "" is invalid: patch: Invalid value: "\{\\"dta\\":\{\}\}": strict decoding error: unknown field "dta"$/))
})
