import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom, systemRandom } from './random.ts'
import { pooledRandom } from './pooled-random.ts'

for (const [name, source] of [['a Buffer', systemRandom], ['a plain array', seededRandom(7)]] as const) {
  test(`from ${name}: every portion is its own, none repeats, none is empty`, () => {
    const random = pooledRandom(source)
    const given = Array.from({ length: 2000 }, () => random(16))
    const texts = given.map((bytes) => Buffer.from(bytes).toString('hex'))
    assert.equal(new Set(texts).size, texts.length)
    assert.ok(!texts.includes('0'.repeat(32)))
    assert.deepEqual(given.map((bytes) => Buffer.from(bytes).toString('hex')), texts)
  })
}

test('what is asked for in one piece and is long comes from the source itself', () => {
  const asked: number[] = []
  const random = pooledRandom((count) => {
    asked.push(count)
    return systemRandom(count)
  })
  assert.deepEqual([random(10).length, random(3000).length, asked], [10, 3000, [4096, 3000]])
})
