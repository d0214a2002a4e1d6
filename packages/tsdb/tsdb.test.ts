import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@idp/kit'
import { matcher } from '@idp/lang-promql'
import { ChunkWriter, readChunk } from './chunk.ts'
import { createDatabase } from './database.ts'
import { createJournal, replay, snapshot } from './journal.ts'

function roundTrip(samples: readonly (readonly [number, number])[]): [number, number][] {
  const writer = new ChunkWriter()
  for (const [t, v] of samples) writer.append(t, v)
  const read: [number, number][] = []
  readChunk(writer.chunk(), (t, v) => read.push([t, v]))
  return read
}

const start = 1_795_000_000_000
const rows: readonly (readonly [name: string, samples: readonly (readonly [number, number])[]])[] = [
  ['one sample', [[start, 1.5]]],
  ['a constant', Array.from({ length: 50 }, (_, i) => [start + i * 15_000, 7] as const)],
  ['a counter', Array.from({ length: 200 }, (_, i) => [start + i * 15_000 + (i % 3), i * 17] as const)],
  ['odd values', [0, -0, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, -1.7976931348623155e308, 1 / 3].map((v, i) => [start + i * i * 1000, v] as const)],
  ['wild times', [0, 1, 2 ** 31, 2 ** 32 + 5, 2 ** 40, 2 ** 40 + 1].map((t, i) => [t, i] as const)],
]
for (const [name, samples] of rows) test(`a chunk keeps ${name}`, () => assert.deepEqual(roundTrip(samples), samples))

test('a chunk keeps random samples, in few bytes where they are regular', () => {
  const random = seededRandom(7)
  const number = (): number => new DataView(random(4).slice().buffer).getUint32(0)
  for (let round = 0; round < 50; round++) {
    let t = start
    const samples = Array.from({ length: 120 }, () => [t += 1 + (number() % 2 ** (1 + (number() % 24))), new Float64Array(Uint32Array.of(number(), number() & 0x7fefffff).buffer)[0] ?? 0] as const)
    assert.deepEqual(roundTrip(samples), samples)
  }
  const writer = new ChunkWriter()
  for (let i = 0; i < 120; i++) writer.append(start + i * 30_000, 100 + i)
  assert.ok(writer.size < 120 * 3, `${writer.size} bytes`)
})

test('a database finds series by their labels and keeps samples in order', () => {
  const database = createDatabase()
  for (const pod of ['a', 'b', 'c']) {
    const series = database.series({ __name__: 'up', pod, zone: '' })
    for (let i = 0; i < 300; i++) assert.equal(database.append(series, i * 1000, i), 'added')
    assert.equal(database.append(series, 299_000, 299), 'known')
    assert.equal(database.append(series, 299_000, 5), 'duplicate')
    assert.equal(database.append(series, 1000, 5), 'out-of-order')
  }
  const pods = (...matchers: Parameters<typeof matcher>[]) => database.find(matchers.map((m) => matcher(...m)), 0, 1e9).map(({ pod }) => pod)
  assert.deepEqual(pods(['__name__', '=', 'up']), ['a', 'b', 'c'])
  assert.deepEqual(pods(['pod', '=~', 'a|c']), ['a', 'c'])
  assert.deepEqual(pods(['__name__', '=', 'up'], ['pod', '!=', 'a']), ['b', 'c'])
  assert.deepEqual(pods(['__name__', '=', 'up'], ['zone', '=', '']), ['a', 'b', 'c'])
  assert.deepEqual(pods(['pod', '=', 'nope']), [])
  const [one] = database.select([matcher('pod', '=', 'b')], 100_000, 130_000)
  assert.deepEqual([one?.t.length, one?.t[0], one?.v[30]], [31, 100_000, 130])
  assert.deepEqual([database.labelNames(), database.labelValues('pod')], [['__name__', 'pod'], ['a', 'b', 'c']])
  assert.equal(database.remove([matcher('pod', '=', 'c')]), 1)
  assert.equal(database.dropBefore(250_000), 0)
  assert.equal(database.select([matcher('pod', '=', 'a')], 0, 1e9)[0]?.t[0], 240_000)
  assert.equal(database.dropBefore(1e9), 2)
  assert.deepEqual(database.labelNames(), [])
})

test('a journal and a snapshot give everything back; a torn end costs only itself', () => {
  const database = createDatabase()
  const journal = createJournal()
  const files: Uint8Array[] = []
  for (let round = 0; round < 5; round++) {
    for (const pod of ['a', 'b']) {
      const series = database.series({ __name__: 'up', pod })
      for (let i = 0; i < 40; i++) { const t = (round * 40 + i) * 1000; database.append(series, t, i); journal.record(series, t, i) }
    }
    const taken = journal.take()
    if (taken !== undefined) files.push(taken)
  }
  assert.equal(journal.take(), undefined)
  const all = [matcher('__name__', '=', 'up')]
  const bytes = Buffer.concat(files)
  const fromJournal = createDatabase()
  assert.equal(replay(bytes, fromJournal), bytes.length)
  assert.deepEqual(fromJournal.select(all, 0, 1e9), database.select(all, 0, 1e9))
  const fromSnapshot = createDatabase()
  replay(snapshot(database), fromSnapshot)
  replay(bytes, fromSnapshot)
  assert.deepEqual(fromSnapshot.select(all, 0, 1e9), database.select(all, 0, 1e9))
  const torn = createDatabase()
  assert.ok(replay(bytes.subarray(0, bytes.length - 3), torn) < bytes.length - 3)
  assert.equal(torn.select(all, 0, 1e9)[0]?.t.length, 160)
})
