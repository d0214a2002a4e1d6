import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, ConfigMap, Event, Lease, Pod } from '@idp/api'
import { fakeClock, silentLog, type FakeClock } from '@idp/kit'
import { controllerReference, createEventRecorder, createManager, createWorkQueue, informer, Stalled, waitFor, Waiting, watch, type Controller, type ManagerOptions } from './index.ts'
import { memoryApi } from './testing/memory-api.ts'

const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data })
const pod = (name: string, extra: Partial<Pod['metadata']> = {}): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', ...extra }, spec: { containers: [] } })

async function run(clock: FakeClock, controllers: ManagerOptions['controllers'], api = memoryApi(clock), extra: Partial<ManagerOptions> = {}) {
  const stop = new AbortController()
  const manager = createManager({ client: api.client, clock, log: silentLog, controllers, signal: stop.signal, ...extra })
  await clock.advance(0)
  await manager.started
  await clock.advance(0)
  return { api, manager, stop: async () => { stop.abort(new Error('test over')); await manager.done } }
}

test('a work queue runs a key once for many additions, never twice at the same time, and again when added meanwhile', async () => {
  const clock = fakeClock()
  const seen: string[] = []
  const queue = createWorkQueue({
    clock, concurrency: 2,
    async work(key) {
      seen.push(key)
      if (seen.length === 1) queue.add(key)
      await Promise.resolve()
    },
  })
  for (const key of ['a', 'a', 'b', 'a']) queue.add(key)
  await clock.advance(0)
  assert.deepEqual(seen, ['a', 'b', 'a'])
  queue.addAfter('c', 5_000)
  queue.addAfter('c', 1_000)
  for (let failure = 0; failure < 3; failure++) queue.addRateLimited('d')
  assert.equal(queue.failures('d'), 3)
  await clock.advance(10)
  assert.equal(seen.at(-1), 'd')
  await clock.advance(990)
  assert.equal(seen.at(-1), 'c')
  await clock.advance(5_000)
  assert.equal(seen.length, 5)
  assert.equal(clock.pending, 0)
})

test('a controller is woken by its kind, by what it owns and by what it maps, and reads its own writes', async () => {
  const clock = fakeClock()
  const passes: string[] = []
  const controller: Controller<ConfigMap> = {
    name: 'test', for: ConfigMap, owns: [Pod], watches: [watch(Lease, (lease) => [{ namespace: 'default', name: lease.metadata.name ?? '' }])],
    async reconcile(object, { client, cache }) {
      const name = object.metadata.name ?? ''
      passes.push(name)
      if (cache(Pod).ownedBy(object.metadata.uid ?? '').length > 0) return
      await client.create(Pod, pod(`${name}-pod`, { ownerReferences: [controllerReference(ConfigMap, object)] }))
      assert.equal(cache(Pod).ownedBy(object.metadata.uid ?? '').length, 1)
      assert.throws(() => { (object.data as Record<string, string>)['x'] = 'y' }, TypeError)
    },
  }
  const { api, stop } = await run(clock, [controller])
  await api.client.create(ConfigMap, configMap('a', { k: 'v' }))
  await clock.advance(1)
  assert.deepEqual(passes, ['a', 'a'])
  await api.client.delete(Pod, 'a-pod', { namespace: 'default' })
  await clock.advance(1)
  assert.equal((await api.client.list(Pod)).items.length, 1)
  await api.client.create(Lease, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'a', namespace: 'kube-system' }, spec: {} })
  const before = passes.length
  await clock.advance(1)
  assert.equal(passes.length, before + 1)
  await stop()
  assert.equal(clock.pending, 0)
})

test('waiting, stalled, failing and conflicting passes are retried as they should', async () => {
  const clock = fakeClock()
  const at: Record<string, number[]> = {}
  const start = clock.now()
  const controller: Controller<ConfigMap> = {
    name: 'test', for: ConfigMap,
    async reconcile(object) {
      const name = object.metadata.name ?? ''
      const times = (at[name] ??= [])
      times.push(clock.now() - start)
      if (times.length > 2) return
      if (name === 'waiting') throw new Waiting('for the sun', 7_000)
      if (name === 'stalled') throw new Stalled('for good')
      if (name === 'failing') throw new Error('oh')
      if (name === 'again') return { requeueAfter: 1_000 }
    },
  }
  const { api, stop } = await run(clock, [controller])
  for (const name of ['waiting', 'stalled', 'failing', 'again']) await api.client.create(ConfigMap, configMap(name))
  await clock.advance(60_000)
  assert.deepEqual(at, { waiting: [0, 7_000, 14_000], stalled: [0], failing: [0, 5, 15], again: [0, 1_000, 2_000] })
  await stop()
})

test('status is written once, only when it differs, and again after a conflict', async () => {
  const clock = fakeClock()
  const controller: Controller<Pod> = {
    name: 'test', for: Pod,
    async reconcile() { return { status: { phase: 'Running' } } },
    explain: () => ({ phase: 'Failed' }),
  }
  const { api, stop } = await run(clock, [controller])
  await api.client.create(Pod, pod('a'))
  await clock.advance(1)
  assert.equal(api.requests.filter((r) => r === 'update status pods').length, 1)
  assert.equal((await api.client.get(Pod, 'a', { namespace: 'default' })).status?.phase, 'Running')
  api.failNext('update status pods', new ApiError('Conflict', 'somebody was first'))
  await api.client.create(Pod, pod('b'))
  await clock.advance(10)
  assert.equal((await api.client.get(Pod, 'b', { namespace: 'default' })).status?.phase, 'Running')
  await stop()
})

test('a finalizer is added before the first pass and removed when finalize is done', async () => {
  const clock = fakeClock()
  const seen: string[] = []
  let ready = false
  const controller: Controller<ConfigMap> = {
    name: 'test', for: ConfigMap, finalizer: 'idp.test/hold',
    async reconcile(object) { seen.push(`reconcile ${object.metadata.finalizers}`) },
    async finalize() {
      seen.push('finalize')
      return ready ? { done: true } : { done: false, requeueAfter: 1_000 }
    },
    async gone({ name }) { seen.push(`gone ${name}`) },
  }
  const { api, stop } = await run(clock, [controller])
  await api.client.create(ConfigMap, configMap('a'))
  await clock.advance(1)
  await api.client.delete(ConfigMap, 'a', { namespace: 'default' })
  await clock.advance(1)
  ready = true
  await clock.advance(1_000)
  assert.deepEqual(seen, ['reconcile idp.test/hold', 'reconcile idp.test/hold', 'finalize', 'finalize', 'gone a'])
  assert.equal((await api.client.list(ConfigMap)).items.length, 0)
  await stop()
})

test('an informer lists again when its revision expired, and backs off while a kind is not served', async () => {
  const clock = fakeClock()
  const api = memoryApi(clock)
  const stop = new AbortController()
  api.failNext('list configmaps', new ApiError('NotFound', 'the server could not find the requested resource'))
  const view = informer(api.client, ConfigMap, { clock, signal: stop.signal })
  await api.client.create(ConfigMap, { ...configMap('a'), metadata: { name: 'a', namespace: 'default', managedFields: [{ manager: 'x' }] } })
  await clock.advance(50)
  assert.equal(view.hasSynced, false)
  await clock.advance(100)
  await view.synced
  assert.equal(view.cache.get('a', 'default')?.metadata.managedFields, undefined)
  api.expire()
  await api.client.create(ConfigMap, configMap('b'))
  await clock.advance(1)
  assert.equal(view.cache.list().length, 2)
  stop.abort(new Error('over'))
  await clock.advance(1)
  assert.equal(clock.pending, 0)
})

test('an index finds objects by value and follows their changes', async () => {
  const clock = fakeClock()
  const api = memoryApi(clock)
  const stop = new AbortController()
  const view = informer(api.client, Pod, { clock, signal: stop.signal })
  const byNode = { name: 'node', of: (p: Pod) => [p.spec.nodeName ?? ''] }
  await api.client.create(Pod, pod('a'))
  await clock.advance(1)
  assert.equal(view.cache.by(byNode, '').length, 1)
  await api.client.patch(Pod, 'a', { spec: { nodeName: 'n1' } }, { namespace: 'default', type: 'merge' })
  await clock.advance(1)
  assert.equal(view.cache.by(byNode, '').length, 0)
  assert.equal(view.cache.by(byNode, 'n1').length, 1)
  const listed = (labels: Record<string, string>) => view.cache.list({ namespace: 'default', labels }).map((p) => p.metadata.name)
  assert.deepEqual(listed({ app: 'x' }), [])
  await api.client.create(Pod, pod('b', { labels: { app: 'x', tier: 'y' } }))
  await clock.advance(1)
  assert.deepEqual([listed({ app: 'x' }), listed({ app: 'x', tier: 'y' }), listed({ app: 'x', tier: 'z' }), view.cache.list({ namespace: 'other', labels: { app: 'x' } })], [['b'], ['b'], [], []])
  await api.client.patch(Pod, 'b', { metadata: { labels: { app: 'z' } } }, { namespace: 'default', type: 'merge' })
  await clock.advance(1)
  assert.deepEqual([listed({ app: 'x' }), listed({ app: 'z', tier: 'y' })], [[], ['b']])
  stop.abort(new Error('over'))
})

test('events count up, combine when similar, and are limited per object', async () => {
  const clock = fakeClock()
  const api = memoryApi(clock)
  const recorder = createEventRecorder({ client: api.client, clock, log: silentLog, component: 'test', signal: new AbortController().signal })
  const about = (name: string) => ({ object: pod(name, { uid: name }) })
  for (let i = 0; i < 3; i++) recorder.event(about('a'), 'Normal', 'Same', 'again')
  for (let i = 0; i < 12; i++) recorder.event(about('b'), 'Warning', 'Alike', `number ${i}`)
  for (let i = 0; i < 40; i++) recorder.event(about('c'), 'Normal', 'Many', 'same')
  await recorder.flush()
  const events = (await api.client.list(Event)).items
  const find = (name: string, text: RegExp) => events.filter((e) => e.involvedObject.name === name && text.test(e.message ?? ''))
  assert.equal(find('a', /again/)[0]?.count, 3)
  assert.equal(find('b', /^number/).length, 10)
  assert.equal(find('b', /^\(combined from similar events\): number/).length, 2)
  assert.equal(find('c', /same/)[0]?.count, 25)
  assert.equal(events[0]?.source?.component, 'test')
})

test('only the holder of the lease works, and a restart with the same identity does not wait', async () => {
  const clock = fakeClock()
  const passes: string[] = []
  const controller = (who: string): Controller<ConfigMap> => ({ name: 'test', for: ConfigMap, async reconcile(o) { passes.push(`${who} ${o.metadata.name}`) } })
  const lease = (identity: string) => ({ leader: { name: 'test', namespace: 'kube-system', identity } })
  const first = await run(clock, [controller('one')], undefined, lease('one'))
  const stop = new AbortController()
  const second = createManager({ client: first.api.client, clock, log: silentLog, controllers: [controller('two')], signal: stop.signal, ...lease('two') })
  await first.api.client.create(ConfigMap, configMap('a'))
  await clock.advance(60_000)
  assert.deepEqual(passes, ['one a'])
  await first.stop()
  const again = await run(clock, [controller('one again')], first.api, lease('one'))
  assert.deepEqual(passes, ['one a', 'one again a'])
  await again.stop()
  await clock.advance(60_000)
  assert.deepEqual(passes, ['one a', 'one again a', 'two a'])
  assert.equal((await first.api.client.get(Lease, 'test', { namespace: 'kube-system' })).spec?.leaseTransitions, 1)
  stop.abort(new Error('over'))
  await second.done
})

test('waitFor resolves on the condition, and says what it saw last when the time is over', async () => {
  const clock = fakeClock()
  const api = memoryApi(clock)
  await api.client.create(Pod, pod('a'))
  const running = waitFor(api.client, Pod, { clock, name: 'a', namespace: 'default', until: (p) => p?.status?.phase === 'Running' })
  await clock.advance(1)
  await api.client.patch(Pod, 'a', { status: { phase: 'Running' } }, { namespace: 'default', type: 'merge', subresource: 'status' })
  await clock.advance(1)
  assert.equal((await running)?.metadata.name, 'a')
  const never = assert.rejects(waitFor(api.client, Pod, { clock, name: 'b', namespace: 'default', until: (p) => p !== undefined, what: 'to exist', timeoutMs: 3_000 }), /waited 3 s for Pod default\/b to exist; last seen: it does not exist/)
  await clock.advance(3_000)
  await never
  assert.equal(clock.pending, 0)
})
