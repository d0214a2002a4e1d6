import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded } from '@idp/kit'
import { prefixRange, type Change, type Range, type Revision, type Store } from './store.ts'

/** How a suite gets at a store. `reopen` is given by stores that outlive their process. */
export interface StoreUnderTest { readonly store: Store; reopen?(): Promise<Store>; remove(): Promise<void> }

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (value: Uint8Array | undefined): string | undefined => (value === undefined ? undefined : new TextDecoder().decode(value))
const all: Range = { from: '', to: '\uffff' }
const coded = (code: string) => (error: unknown): boolean => isCoded(error, code)

/** The tests that every store passes. */
export function storeContract(name: string, create: () => Promise<StoreUnderTest>): void {
  const check = (title: string, body: (store: Store, under: StoreUnderTest) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      const under = await create()
      try {
        await body(under.store, under)
      } finally {
        await under.store[Symbol.asyncDispose]()
        await under.remove()
      }
    })
  }

  check('writes, reads, deletes; revisions and creation', async (store) => {
    assert.equal(store.revision, 0)
    assert.equal(await store.commit([{ put: '/a', value: bytes('1') }]), 1)
    assert.equal(await store.commit([{ put: '/a', value: bytes('2') }, { put: '/b', value: bytes('x') }]), 2)
    assert.deepEqual({ ...store.get('/a'), value: text(store.get('/a')?.value) }, { key: '/a', value: '2', revision: 2, created: 1 })
    assert.equal(await store.commit([{ delete: '/a' }]), 3)
    assert.equal(store.get('/a'), undefined)
    assert.equal(text(store.get('/a', 1)?.value), '1')
    assert.equal(text(store.get('/a', 2)?.value), '2')
    await store.commit([{ put: '/a', value: bytes('3') }])
    assert.equal(store.get('/a')?.created, 4)
    assert.equal(await store.commit([]), 4)
    assert.throws(() => store.get('/a', 99), coded('FutureRevision'))
  })

  check('lists in order, with limit, at a revision, and counts', async (store) => {
    for (const key of ['/p/c', '/p/a', '/q/z', '/p/b', '/o/y']) await store.commit([{ put: key, value: bytes(key) }])
    const keys = (range: Range, options = {}): string[] => store.list(range, options).entries.map((entry) => entry.key)
    assert.deepEqual(keys(prefixRange('/p/')), ['/p/a', '/p/b', '/p/c'])
    assert.deepEqual(keys(prefixRange('/p/'), { at: 2 }), ['/p/a', '/p/c'])
    const page = store.list(prefixRange('/p/'), { limit: 2 })
    assert.deepEqual([page.entries.length, page.more, page.revision], [2, true, 5])
    assert.deepEqual(store.list({ from: '/p/b\0', to: '/p0' }, { limit: 2 }).more, false)
    assert.equal(store.count(prefixRange('/p/')), 3)
    await store.commit([{ delete: '/p/b' }])
    assert.equal(store.count(prefixRange('/p/')), 2)
    assert.equal(store.count(all), 4)
  })

  check('stays in order over many keys', async (store) => {
    const keys = Array.from({ length: 3000 }, (_, i) => `/k/${(i * 7919) % 3000}`)
    await Promise.all(keys.map((key) => store.commit([{ put: key, value: bytes(key) }])))
    assert.deepEqual(store.list(all).entries.map((entry) => entry.key), [...keys].sort())
    await Promise.all(keys.slice(0, 2500).map((key) => store.commit([{ delete: key }])))
    await store.compact(store.revision)
    assert.deepEqual(store.list(all).entries.map((entry) => entry.key), keys.slice(2500).sort())
  })

  check('commits all or nothing', async (store) => {
    await store.commit([{ put: '/a', value: bytes('1') }])
    await assert.rejects(store.commit([{ put: '/b', value: bytes('1') }, { put: '/a', value: bytes('2'), if: 7 }]), coded('Conflict'))
    assert.equal(store.get('/b'), undefined)
    await assert.rejects(store.commit([{ put: '/a', value: bytes('2'), if: 0 }]), coded('Conflict'))
    await assert.rejects(store.commit([{ delete: '/none', if: 3 }]), coded('Conflict'))
    await assert.rejects(store.commit([{ put: '/c', value: bytes('') }, { delete: '/c' }]), coded('InvalidCommit'))
    await store.commit([{ put: '/a', value: bytes('2'), if: 1 }])
    assert.equal(store.revision, 2)
  })

  check('of concurrent conditional commits exactly one succeeds', async (store) => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.commit([{ put: '/a', value: bytes(String(i)), if: 0 }])))
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1)
    await Promise.all([store.commit([{ delete: '/a', if: 1 }]), store.commit([{ put: '/a', value: bytes('new'), if: 0 }])])
    assert.equal(store.get('/a')?.created, 3)
  })

  check('who loses a race is told when what won can be seen, so that trying again at once succeeds', async (store) => {
    const add = async (text: string): Promise<number> => {
      for (let tries = 1; ; tries++) {
        try {
          await store.commit([{ put: '/a', value: bytes(text), if: store.get('/a')?.revision ?? 0 }])
          return tries
        } catch (error) {
          if (!isCoded(error, 'Conflict')) throw error
        }
      }
    }
    const tries = await Promise.all(['x', 'y', 'z'].map(add))
    assert.ok(Math.max(...tries) <= 3, tries.join())
  })

  check('a watch replays and follows, in order, without gaps, whole commits', async (store) => {
    await store.commit([{ put: '/w/a', value: bytes('1') }])
    await store.commit([{ put: '/other', value: bytes('1') }])
    const seen = collect(store, prefixRange('/w/'), 0)
    await store.commit([{ put: '/w/b', value: bytes('1') }, { put: '/w/a', value: bytes('2') }])
    await store.commit([{ delete: '/w/a' }])
    await seen.until((changes) => changes.length === 4)
    assert.deepEqual(seen.changes.map((c) => `${c.type} ${c.key}@${c.revision} ${text(c.previous?.value)}->${text(c.entry?.value)}`), [
      'put /w/a@1 undefined->1', 'put /w/b@3 undefined->1', 'put /w/a@3 1->2', 'delete /w/a@4 2->undefined',
    ])
    await seen.stop()
  })

  check('a watch from a revision to come starts there', async (store) => {
    const seen = collect(store, all, 2)
    for (const key of ['/1', '/2', '/3', '/4']) await store.commit([{ put: key, value: bytes(key) }])
    await seen.until((changes) => changes.length === 2)
    assert.deepEqual(seen.changes.map((c) => c.key), ['/3', '/4'])
    await seen.stop()
  })

  check('many watchers each see each change once', async (store) => {
    const watchers = Array.from({ length: 50 }, (_, i) => collect(store, i % 2 ? prefixRange('/x/') : all, 0))
    await Promise.all(Array.from({ length: 200 }, (_, i) => store.commit([{ put: `/${i % 2 ? 'x' : 'y'}/${i}`, value: bytes('v') }])))
    for (const [i, seen] of watchers.entries()) {
      await seen.until((changes) => changes.length === (i % 2 ? 100 : 200))
      assert.equal(new Set(seen.changes.map((c) => c.revision)).size, seen.changes.length)
      await seen.stop()
    }
  })

  check('a watch ends with its signal, when returned, and with the store', async (store) => {
    const stop = new AbortController()
    const one = store.watch(all, 0, stop.signal)[Symbol.asyncIterator]()
    const waiting = one.next()
    stop.abort()
    assert.equal((await waiting).done, true)
    assert.equal((await one.next()).done, true)
    const two = store.watch(all, 0, new AbortController().signal)[Symbol.asyncIterator]()
    const last = two.next()
    await store[Symbol.asyncDispose]()
    assert.equal((await last).done, true)
    await assert.rejects(store.commit([{ put: '/a', value: bytes('') }]), coded('StoreClosed'))
  })

  check('compaction forgets what no later read needs', async (store) => {
    for (const value of ['1', '2', '3']) await store.commit([{ put: '/a', value: bytes(value) }, { put: '/gone', value: bytes(value) }])
    await store.commit([{ delete: '/gone' }])
    await store.commit([{ put: '/a', value: bytes('5') }])
    await store.compact(4)
    assert.equal(store.compacted, 4)
    assert.throws(() => store.get('/a', 3), coded('Compacted'))
    assert.throws(() => store.list(all, { at: 3 }), coded('Compacted'))
    assert.throws(() => store.watch(all, 3, new AbortController().signal), coded('Compacted'))
    assert.equal(text(store.get('/a', 4)?.value), '3')
    assert.equal(store.get('/gone', 4), undefined)
    const seen = collect(store, all, 4)
    await seen.until((changes) => changes.length === 1)
    await seen.stop()
    await store.compact(2)
    assert.equal(store.compacted, 4)
    await store.compact(1000)
    assert.equal(store.compacted, 5)
    assert.equal(text(store.get('/a')?.value), '5')
  })

  check('compaction fails a watcher that lags and spares one that waits', async (store) => {
    const idle = collect(store, prefixRange('/idle/'), 0)
    const lagging = store.watch(all, 0, new AbortController().signal)[Symbol.asyncIterator]()
    await store.commit([{ put: '/a', value: bytes('1') }])
    await lagging.next()
    for (const key of ['/b', '/c']) await store.commit([{ put: key, value: bytes('1') }])
    await store.compact(3)
    await assert.rejects(lagging.next(), coded('SlowWatcher'))
    await store.commit([{ put: '/idle/a', value: bytes('1') }])
    await idle.until((changes) => changes.length === 1)
    await idle.stop()
  })

  check('survives being closed and opened: entries, history, watch from before', async (store, under) => {
    if (under.reopen === undefined) return
    for (const [i, key] of ['/a', '/b', '/a', '/c'].entries()) await store.commit([{ put: key, value: bytes(String(i)) }])
    await store.commit([{ delete: '/b' }])
    await store.compact(2)
    await store[Symbol.asyncDispose]()
    await using again = await under.reopen()
    assert.deepEqual([again.revision, again.compacted], [5, 2])
    assert.equal(text(again.get('/a', 2)?.value), '0')
    assert.deepEqual([again.get('/a')?.created, again.get('/a')?.revision], [1, 3])
    assert.throws(() => again.get('/a', 1), coded('Compacted'))
    const seen = collect(again, all, 2)
    await again.commit([{ put: '/d', value: bytes('') }])
    await seen.until((changes) => changes.length === 4)
    assert.deepEqual(seen.changes.map((c) => `${c.type} ${c.key}@${c.revision}`), ['put /a@3', 'put /c@4', 'delete /b@5', 'put /d@6'])
    await seen.stop()
  })
}

/** Gathers what a watch gives. */
export function collect(store: Store, range: Range, after: Revision): { changes: Change[]; until(done: (changes: Change[]) => boolean): Promise<void>; stop(): Promise<void> } {
  const stop = new AbortController()
  const changes: Change[] = []
  let onChange = (): void => {}
  const running = (async () => {
    for await (const batch of store.watch(range, after, stop.signal)) {
      changes.push(...batch)
      onChange()
    }
  })()
  return {
    changes,
    until: (done) => new Promise((resolve, reject) => {
      onChange = () => { if (done(changes)) resolve() }
      running.catch(reject)
      onChange()
    }),
    async stop() {
      stop.abort()
      await running
    },
  }
}
