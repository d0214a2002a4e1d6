import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStore, openStore, prefixRange, type Store } from '@idp/store'
import type { Bench, BenchResult } from './main.ts'

const value = new Uint8Array(1500).fill(120)
const everything = prefixRange('/registry/')

/** Durable writes of 1.5 kB values, reads, lists and watches of the store, on this machine's disk. There is no peer: etcd is not at hand. */
export async function run(): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'idp-bench-'))
  const results: BenchResult[] = []
  try {
    for (const [name, open] of [
      ['durable', () => openStore(join(directory, 'plain'))], ['durable, encrypted', () => openStore(join(directory, 'sealed'), { encryptionKey: new Uint8Array(32).fill(1) })], ['memory', async () => memoryStore()],
    ] as const) {
      await using store = await open()
      for (const [writers, commits] of [[1, 1000], [16, 10_000], [128, 40_000]] as const) results.push(await timed(`${name}: commits/s, ${writers} at once`, commits, () => write(store, writers, commits)))
      results.push(await timed(`${name}: gets/s`, 500_000, () => read(store, 500_000)))
      results.push(await timed(`${name}: rows listed/s`, 10 * store.count(everything), async () => { for (let i = 0; i < 10; i++) store.list(everything) }))
      results.push(await timed(`${name}: changes delivered/s to 500 watchers`, 500 * 200, () => watch(store, 500, 200)))
    }
    for (const name of ['plain', 'sealed']) {
      const started = performance.now()
      const again = await openStore(join(directory, name), name === 'sealed' ? { encryptionKey: new Uint8Array(32).fill(1) } : {})
      results.push({ name: `open again, ${name}, ${again.revision} commits`, value: performance.now() - started, unit: 'ms' })
      await again[Symbol.asyncDispose]()
    }
  } finally {
    await rm(directory, { recursive: true })
  }
  return { bench: 'store', results }
}

async function timed(name: string, operations: number, work: () => Promise<unknown>): Promise<BenchResult> {
  const started = performance.now()
  await work()
  return { name, value: operations / (performance.now() - started) * 1000, unit: '/s' }
}

async function write(store: Store, writers: number, commits: number): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: writers }, async () => { while (next < commits) await store.commit([{ put: `/registry/${writers}/${next++}`, value }]) }))
}

async function read(store: Store, gets: number): Promise<void> {
  for (let i = 0; i < gets; i++) store.get(`/registry/128/${i % 40_000}`)
}

async function watch(store: Store, watchers: number, changes: number): Promise<void> {
  const stop = new AbortController()
  const from = store.revision
  const following = Array.from({ length: watchers }, async () => {
    let seen = 0
    for await (const batch of store.watch(everything, from, stop.signal)) if ((seen += batch.length) >= changes) return
  })
  await write(store, 16, changes)
  await Promise.all(following)
  stop.abort()
}
