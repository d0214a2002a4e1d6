import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock, rfc3339, sleep } from './index.ts'

test('a fake clock runs timers in order and lets their continuations run', async () => {
  const clock = fakeClock(0)
  const seen: string[] = []
  void sleep(clock, 2000).then(() => seen.push(`b at ${clock.now()}`))
  void sleep(clock, 1000).then(() => sleep(clock, 500)).then(() => seen.push(`a at ${clock.now()}`))
  await clock.advance(86_400_000)
  assert.deepEqual(seen, ['a at 1500', 'b at 2000'])
  assert.equal(rfc3339(clock.now()), '1970-01-02T00:00:00Z')
})

test('sleep ends with the reason of its signal and leaves no timer', async () => {
  const clock = fakeClock()
  const stop = new AbortController()
  const sleeping = sleep(clock, 1000, stop.signal)
  stop.abort(new Error('stopped'))
  await assert.rejects(sleeping, /stopped/)
  assert.equal(clock.pending, 0)
})
