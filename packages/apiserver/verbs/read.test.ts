import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, isApiError, Pod } from '@idp/api'
import type { WatchEvent, WatchQuery } from '@idp/client'
import { startTestApi, type TestApi } from '../testing.ts'

const at = { namespace: 'default' }
const configMap = (name: string, labels: Record<string, string> = {}, data: Record<string, string> = {}): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', labels }, data })
const names = (list: { items: { metadata: { name?: string } }[] }) => list.items.map((item) => item.metadata.name)

/** The first `count` events of a watch. */
async function events(api: TestApi, count: number, query: Omit<WatchQuery, 'signal'> & { path?: string } = {}): Promise<string[]> {
  const stop = new AbortController()
  const seen: string[] = []
  for await (const { type, object } of api.client.watch(ConfigMap, { ...at, ...query, signal: stop.signal }) as AsyncIterable<WatchEvent<ConfigMap>>) {
    seen.push(`${type} ${object.metadata.name ?? ''}`)
    if (seen.length === count) break
  }
  stop.abort()
  return seen
}

test('a list in pages is one revision, however the objects change meanwhile', async () => {
  await using api = await startTestApi()
  for (const name of ['a', 'b', 'c', 'd', 'e']) await api.client.create(ConfigMap, configMap(name))
  const first = await api.client.list(ConfigMap, { ...at, limit: 2 })
  assert.deepEqual([names(first), first.metadata.remainingItemCount], [['a', 'b'], 3])
  await api.client.delete(ConfigMap, 'd', at)
  await api.client.create(ConfigMap, configMap('cc'))
  const second = await api.client.list(ConfigMap, { ...at, limit: 2, continue: first.metadata.continue ?? '' })
  assert.deepEqual([names(second), second.metadata.resourceVersion], [['c', 'd'], first.metadata.resourceVersion])
  const third = await api.client.list(ConfigMap, { ...at, limit: 2, continue: second.metadata.continue ?? '' })
  assert.deepEqual([names(third), third.metadata.continue], [['e'], undefined])
  await api.store.compact(api.store.revision)
  await assert.rejects(api.client.list(ConfigMap, { ...at, limit: 2, continue: first.metadata.continue ?? '' }), (error) => isApiError(error, 'Expired') && error.code === 410)
})

test('a continue token leads nowhere else', async () => {
  await using api = await startTestApi()
  for (const from of ['/registry/core/secrets/', '/registry/core/configmaps/kube-system/', '/']) {
    const token = Buffer.from(JSON.stringify({ v: 'idp/v1', rv: api.store.revision, from })).toString('base64url')
    await assert.rejects(api.client.list(ConfigMap, { ...at, continue: token }), (error) => isApiError(error, 'BadRequest'))
  }
  await assert.rejects(api.client.list(ConfigMap, { ...at, continue: 'rubbish' }), (error) => isApiError(error, 'BadRequest'))
})

test('lists at a revision', async () => {
  await using api = await startTestApi()
  const { metadata } = await api.client.create(ConfigMap, configMap('a'))
  await api.client.create(ConfigMap, configMap('b'))
  const list = async (query: string) => {
    const answer = await api.client.request(`/api/v1/namespaces/default/configmaps?${query}`)
    return answer.status === 200 ? names((await answer.json()) as { items: ConfigMap[] }) : answer.status
  }
  assert.deepEqual(await list(`resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=Exact`), ['a'])
  assert.deepEqual(await list(`resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=NotOlderThan`), ['a', 'b'])
  assert.deepEqual(await list('resourceVersion=0'), ['a', 'b'])
  assert.equal(await list('resourceVersionMatch=Exact'), 422)
  assert.equal(await list('resourceVersion=99999'), 504)
  assert.equal(await list('resourceVersion=x'), 400)
})

test('selectors', async () => {
  await using api = await startTestApi()
  await api.client.create(ConfigMap, configMap('a', { app: 'x', tier: 'front' }))
  await api.client.create(ConfigMap, configMap('b', { app: 'y' }))
  await api.client.create(ConfigMap, configMap('c'))
  const select = async (labelSelector: string) => names(await api.client.list(ConfigMap, { ...at, labelSelector }))
  const cases: readonly [string, string[]][] = [
    ['app=x', ['a']], ['app==y', ['b']], ['app!=x', ['b', 'c']], ['app', ['a', 'b']], ['!app', ['c']], ['app in (x,y)', ['a', 'b']], ['app notin (x)', ['b', 'c']], ['app=x,tier=front', ['a']], ['app=x,tier=back', []],
  ]
  for (const [selector, want] of cases) assert.deepEqual(await select(selector), want, selector)
  assert.deepEqual(names(await api.client.list(ConfigMap, { ...at, fieldSelector: 'metadata.name=b' })), ['b'])
  await assert.rejects(api.client.list(ConfigMap, { ...at, labelSelector: 'a in b' }), (error) => isApiError(error, 'BadRequest'))
  await assert.rejects(api.client.list(ConfigMap, { ...at, fieldSelector: 'data.x=1' }), (error) => isApiError(error, 'BadRequest') && /field label not supported: data\.x/.test(error.message))
  await api.client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] } })
  assert.deepEqual(names(await api.client.list(Pod, { fieldSelector: 'spec.nodeName=n1,status.phase!=Running' })), ['p'])
  assert.deepEqual(names(await api.client.list(Pod, { fieldSelector: 'spec.nodeName=' })), [])
})

test('an object that comes to match is ADDED, one that no longer does is DELETED', async () => {
  await using api = await startTestApi()
  const { metadata } = await api.client.create(ConfigMap, configMap('a', { app: 'x' }))
  await api.client.patch(ConfigMap, 'a', { data: { k: 'v' } }, { type: 'merge', ...at })
  await api.client.patch(ConfigMap, 'a', { metadata: { labels: { app: 'y' } } }, { type: 'merge', ...at })
  await api.client.patch(ConfigMap, 'a', { metadata: { labels: { app: 'x' } } }, { type: 'merge', ...at })
  await api.client.delete(ConfigMap, 'a', at)
  assert.deepEqual(await events(api, 4, { labelSelector: 'app=x', resourceVersion: metadata.resourceVersion ?? '' }), ['MODIFIED a', 'DELETED a', 'ADDED a', 'DELETED a'])
})

test('a watch without revision begins with what is there; an old one is told so', async () => {
  await using api = await startTestApi()
  const { metadata } = await api.client.create(ConfigMap, configMap('a'))
  await api.client.create(ConfigMap, configMap('b'))
  assert.deepEqual(await events(api, 2), ['ADDED a', 'ADDED b'])
  await api.store.compact(api.store.revision)
  await assert.rejects(events(api, 1, { resourceVersion: metadata.resourceVersion ?? '' }), (error) => isApiError(error, 'Expired') && error.code === 410)
})

test('initial events end with a bookmark; bookmarks come every minute; a watch ends at its timeout', async () => {
  await using api = await startTestApi()
  await api.client.create(ConfigMap, configMap('a'))
  const answer = await api.client.request('/api/v1/namespaces/default/configmaps?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=90')
  const body = answer.text()
  await api.fake.advance(61_000)
  await api.fake.advance(30_000)
  const lines = (await body).trim().split('\n').map((line) => JSON.parse(line) as { type: string; object: ConfigMap })
  assert.deepEqual(lines.map(({ type, object }) => [type, object.metadata.name, object.metadata.annotations]), [['ADDED', 'a', undefined], ['BOOKMARK', undefined, { 'k8s.io/initial-events-end': 'true' }], ['BOOKMARK', undefined, undefined]])
})

test('tables and metadata alone, in lists and watches', async () => {
  await using api = await startTestApi()
  await api.client.create(ConfigMap, configMap('a', {}, { x: '1' }))
  const get = async (path: string, accept: string) => (await api.client.request(path, { headers: { accept } })).json() as Promise<Record<string, unknown>>
  const table = await get('/api/v1/namespaces/default/configmaps', 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json')
  assert.deepEqual([table['kind'], (table['columnDefinitions'] as { name: string }[]).map(({ name }) => name), (table['rows'] as { cells: unknown[] }[])[0]?.cells], ['Table', ['Name', 'Data', 'Age'], ['a', 1, '0s']])
  const list = await get('/api/v1/configmaps', 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io')
  assert.deepEqual([list['kind'], (list['items'] as { kind: string; data?: unknown }[]).map(({ kind, data }) => [kind, data])], ['PartialObjectMetadataList', [['PartialObjectMetadata', undefined]]])
  const yaml = await api.client.request('/api/v1/namespaces/default/configmaps/a', { headers: { accept: 'application/yaml' } })
  assert.match(await yaml.text(), /^kind: ConfigMap$/m)
})
