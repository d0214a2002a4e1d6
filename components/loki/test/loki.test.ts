import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock, isCoded, silentLog } from '@idp/kit'
import { matcher } from '@idp/lang-promql'
import { createContainerFiles } from '@idp/sandbox'
import { temporaryDirectory } from '@idp/testkit'
import { answerLoki, type LokiState } from '../engine/api.ts'
import { keepLines } from '../engine/keep-lines.ts'
import { createLogStore } from '../engine/log-store.ts'
import { millisecondsOf, nanosecondsOf, readProtobufPush, unsnappy } from '../engine/push.ts'

const now = 1_795_000_000_000
function loki() {
  const store = createLogStore()
  const state: LokiState = { store, now: () => now, config: '', startedAt: now, take: (streams) => { for (const { labels, lines } of streams) store.append(labels, lines) } }
  const ask = async (path: string, init?: RequestInit): Promise<{ status: number; body: never; text: string }> => {
    const answer = await answerLoki(new Request(`http://loki/loki/api/v1/${path}`, init), state)
    const text = await answer?.text() ?? ''
    return { status: answer?.status ?? 404, text, body: (text.startsWith('{') ? JSON.parse(text) : undefined) as never }
  }
  const push = (stream: object, ...values: [string, string][]) => ask('push', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ streams: [{ stream, values }] }) })
  return { store, ask, push }
}

test('nanoseconds survive to the microsecond', () => {
  for (const text of ['1795000000000123000', '1795000000000000000', '1000000']) assert.equal(nanosecondsOf(millisecondsOf(text)), text)
})

test('what is pushed is found: lines, labels, series, numbers', async () => {
  const { ask, push } = loki()
  const at = (ms: number): string => nanosecondsOf(now - ms)
  assert.equal((await push({ app: 'a' }, [at(3000), 'one'], [at(2000), 'two'])).status, 204)
  assert.equal((await push({ app: 'a' }, [at(2000), 'two'], [at(1000), 'three'])).status, 204)
  const query = async (text: string) => ((await ask(`query_range?query=${encodeURIComponent(text)}&direction=forward`)).body as { data: { result: { values: [string, string][] }[] } }).data.result.flatMap(({ values }) => values.map(([, line]) => line))
  assert.deepEqual(await query('{app="a"}'), ['one', 'two', 'three'])
  assert.deepEqual(await query('{app="a"} |~ "t.o"'), ['two'])
  assert.deepEqual(((await ask('query?query=sum(count_over_time({app="a"}[1m]))')).body as { data: unknown }).data, { resultType: 'vector', result: [{ metric: {}, value: [now / 1000, '3'] }], stats: { summary: { totalLinesProcessed: 0, totalEntriesReturned: 1 } } })
  assert.deepEqual([(await ask('labels')).body, (await ask('label/app/values')).body, (await ask('series?match[]={app="a"}')).body], [{ status: 'success', data: ['app'] }, { status: 'success', data: ['a'] }, { status: 'success', data: [{ app: 'a' }] }])
  assert.deepEqual((await ask('index/stats?query={app="a"}')).body, { streams: 1, chunks: 1, bytes: 11, entries: 3 })
})

const refused: readonly (readonly [name: string, body: string, said: RegExp])[] = [
  ['no JSON', '{', /couldn't parse push request/], ['no labels', '{"streams":[{"stream":{},"values":[]}]}', /at least one label pair/], ['a bad label', '{"streams":[{"stream":{"a-b":"c"},"values":[]}]}', /invalid label name/],
  ['a time that is none', '{"streams":[{"stream":{"a":"b"},"values":[["soon","x"]]}]}', /cannot read entry/], ['a long line', JSON.stringify({ streams: [{ stream: { a: 'b' }, values: [['1', 'x'.repeat(300_000)]] }] }), /Max entry size/],
]
for (const [name, body, said] of refused) test(`a push is refused: ${name}`, async () => { const answer = await loki().ask('push', { method: 'POST', headers: { 'content-type': 'application/json' }, body }); assert.equal(answer.status, 400); assert.match(answer.text, said) })

test('queries are refused with the place', async () => {
  const { ask } = loki()
  for (const [path, said] of [['query_range?query={a', /parse error at line 1/], ['query_range?query={a="b"}&limit=100000', /max entries limit/], ['query_range?query=rate({a="b"}[1m])&step=0.0001', /maximum resolution/], ['query_range?query={a="b"}&start=never', /could not parse 'start'/]] as const) {
    const answer = await ask(path)
    assert.equal(answer.status, 400)
    assert.match(answer.text, said)
  }
})

test('snappy and protobuf, as promtail and Alloy push', () => {
  const literal = (bytes: number[]): Uint8Array => Uint8Array.from([bytes.length, (bytes.length - 1) << 2, ...bytes])
  const text = (value: string): number[] => [...new TextEncoder().encode(value)]
  const field = (number: number, bytes: number[]): number[] => [number * 8 + 2, bytes.length, ...bytes]
  const entry = field(2, [...field(1, [8, 100, 16, 0xc0, 0x84, 0x3d]), ...field(2, text('hello'))])
  const message = literal(field(1, [...field(1, text('{app="x"}')), ...entry]))
  assert.deepEqual(readProtobufPush(unsnappy(message, 1000)), [{ labels: { app: 'x' }, lines: [{ t: 100_001, line: 'hello' }] }])
  // "abcabcabc": a literal and a copy that overlaps itself.
  assert.equal(new TextDecoder().decode(unsnappy(Uint8Array.from([9, 8, 97, 98, 99, 1 | (2 << 2), 3]), 100)), 'abcabcabc')
  assert.throws(() => unsnappy(Uint8Array.from([200, 1, 0]), 100), (error) => isCoded(error, 'BadPush'))
  assert.throws(() => unsnappy(Uint8Array.from([9, 8, 97]), 100), (error) => isCoded(error, 'BadPush'))
})

test('lines are packed, kept over a restart, and go after the retention', async () => {
  const clock = fakeClock(now)
  await using directory = await temporaryDirectory()
  const files = createContainerFiles({ mounts: [{ path: '/var/loki', volume: { type: 'directory', root: directory.path } }] })
  const options = { files, directory: '/var/loki/chunks', clock, log: silentLog, retention: 3_600_000 }
  const all = [matcher('app', '=', 'a')]
  {
    const store = createLogStore()
    await using keeper = await keepLines({ ...options, store })
    for (let i = 0; i < 3000; i++) keeper.take([{ labels: { app: 'a' }, lines: [{ t: now - 3000 + i, line: `${i} ${'x'.repeat(100)}` }] }])
    assert.ok(store.stats(all, 0, 2 * now).chunks > 1)
    assert.equal(store.select(all, now - 2000, now - 1990)[0]?.lines.length, 10)
  }
  const store = createLogStore()
  await using _keeper = await keepLines({ ...options, store })
  assert.equal(store.select(all, 0, 2 * now)[0]?.lines.length, 3000)
  await clock.advance(2 * 3_600_000)
  assert.equal(store.select(all, 0, 2 * now).length, 0)
})
