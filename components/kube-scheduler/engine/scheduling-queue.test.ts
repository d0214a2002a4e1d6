import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '@idp/kit'
import { createSchedulingQueue } from './scheduling-queue.ts'

function filled(...pods: [string, number][]) {
  const clock = fakeClock()
  const queue = createSchedulingQueue(clock)
  for (const [key, priority] of pods) queue.add(key, priority)
  return { clock, queue, take: () => queue.pop() ?? assert.fail('the queue is empty') }
}

test('the most important goes first, then who came first', () => {
  const { queue } = filled(['a', 0], ['b', 10], ['c', 0], ['d', 10])
  assert.deepEqual([1, 2, 3, 4, 5].map(() => queue.pop()?.key), ['b', 'd', 'a', 'c', undefined])
})

test('a pod that does not fit is woken only by what concerns the rules that refused it', () => {
  const { queue, take } = filled(['a', 0], ['b', 0])
  queue.park(take(), ['NodeResourcesFit'])
  queue.park(take(), ['TaintToleration'])
  queue.wake('VolumesChanged')
  assert.equal(queue.ready, 0)
  queue.wake('PodRemoved')
  assert.deepEqual([queue.pop()?.key, queue.ready, queue.parked], ['a', 0, 1])
  queue.wake('NodeChanged')
  assert.equal(queue.pop()?.key, 'b')
})

test('from the third attempt on a woken pod waits, longer each time; a parked one comes back after five minutes anyway', async () => {
  const { clock, queue, take } = filled(['a', 0])
  const waits: number[] = []
  for (let attempt = 1; attempt <= 8; attempt++) {
    queue.park(take(), ['NodeResourcesFit'])
    const since = clock.now()
    queue.wake('PodRemoved')
    while (queue.ready === 0) await clock.advance(500)
    waits.push(clock.now() - since)
  }
  assert.deepEqual(waits, [0, 0, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  queue.park(take(), ['NodeResourcesFit'])
  await clock.advance(300_000)
  assert.equal(queue.ready, 1)
  queue.remove('a')
  assert.equal(queue.pop(), undefined)
  queue.stop()
  assert.equal(clock.pending, 0)
})
