import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock, seededRandom } from '@idp/kit'
import { createHub, type Patch } from './hub.ts'
import { createSessions } from './session.ts'

interface Told extends Patch { readonly all?: Readonly<Record<string, unknown>> }

function setUp() {
  const clock = fakeClock()
  const pods = new Map<string, unknown>([['a', { ready: 1 }]])
  let computed = 0
  const hub = createHub([{ name: 'pods', kinds: new Set(['Pod']), compute: () => { computed++; return new Map(pods) } }, { name: 'arrows', kinds: new Set(['#verdicts']), unmarked: true, compute: () => new Map([['x', pods.size]]) }], clock)
  const told: Told[] = []
  const join = () => hub.join((message) => told.push(JSON.parse(message) as Told))
  return { clock, pods, hub, told, join, computed: () => computed }
}

test('a browser gets every collection whole, then only rows that differ', async () => {
  const { clock, pods, hub, told, join } = setUp()
  using _joined = join()
  assert.deepEqual(told.splice(0), [{ c: 'pods', all: { a: { ready: 1 } } }, { c: 'arrows', all: { x: 1 } }])
  pods.set('b', { ready: 0 })
  hub.dirty('Pod')
  await clock.advance(200)
  assert.deepEqual(told.splice(0), [{ c: 'pods', set: { b: { ready: 0 } }, gone: [] }])
  pods.delete('a')
  hub.dirty('Pod')
  hub.dirty('Node')
  await clock.advance(200)
  assert.deepEqual(told.splice(0), [{ c: 'pods', set: {}, gone: ['a'] }])
  hub.dirty('Pod')
  await clock.advance(200)
  assert.deepEqual(told, [], 'a change that no row shows is not sent')
})

test('a change is told within 25 ms; a storm of them once in 120 ms', async () => {
  const { clock, pods, hub, told, join, computed } = setUp()
  using _joined = join()
  told.length = 0
  pods.set('a', { ready: 2 })
  hub.dirty('Pod')
  await clock.advance(25)
  assert.equal(told.length, 1)
  const before = computed()
  for (let at = 0; at < 600; at += 10) {
    pods.set('a', { ready: at })
    hub.dirty('Pod')
    await clock.advance(10)
  }
  assert.ok(computed() - before <= 6, `${computed() - before} rounds in 600 ms`)
})

test('nothing is computed while nobody looks, and who comes then sees what is', async () => {
  const { clock, pods, hub, told, join, computed } = setUp()
  pods.set('a', { ready: 5 })
  hub.dirty('Pod')
  await clock.advance(500)
  assert.equal(computed(), 0)
  assert.equal(hub.watched, false)
  { using _joined = join() }
  assert.deepEqual(told[0], { c: 'pods', all: { a: { ready: 5 } } })
  assert.equal(hub.watched, false)
})

test('a link opens one session, a new link voids the one before', () => {
  const sessions = createSessions(seededRandom(7))
  const first = sessions.invite()
  const second = sessions.invite()
  assert.equal(sessions.open(first), undefined)
  const session = sessions.open(second)
  assert.ok(session !== undefined && sessions.knows(session))
  assert.equal(sessions.open(second), undefined)
  assert.equal(sessions.knows(second), false)
  assert.equal(sessions.knows('x'), false)
})
