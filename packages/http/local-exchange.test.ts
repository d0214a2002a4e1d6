import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localRequest, wholeBody } from './local-request.ts'
import { batchesOf, readyBody, respondBatches, respondValue, valueOf } from './respond.ts'

const line = (batch: readonly number[]) => new TextEncoder().encode(`${batch.join(',')}\n`)

async function* batches(ended: () => void): AsyncGenerator<readonly number[]> {
  try {
    yield [1, 2]
    yield [3]
  } finally {
    ended()
  }
}

test('a value is encoded only when somebody reads it', async () => {
  let encoded = 0
  const made = () => respondValue({ a: 1 }, () => {
    encoded++
    return '{"a":1}'
  }, { status: 201, headers: { 'content-type': 'application/json' } })
  const taken = made()
  assert.deepEqual([taken.status, taken.ok, taken.headers.get('content-type'), valueOf(taken)], [201, true, 'application/json', { value: { a: 1 } }])
  assert.equal(encoded, 0)
  const read = made()
  assert.deepEqual(await read.json(), { a: 1 })
  assert.deepEqual([read.bodyUsed, valueOf(read), readyBody(read)], [true, undefined, undefined])
  await assert.rejects(read.text(), TypeError)
  assert.equal(Buffer.from(await made().arrayBuffer()).toString(), '{"a":1}')
  assert.equal(valueOf(new Response('x')), undefined)
})

test('batches are taken as they are, or read as a stream that ends the source when it is cancelled', async () => {
  let ended = 0
  const make = () => respondBatches(batches(() => ended++), line)
  const taken: unknown[] = []
  const local = make()
  for await (const batch of batchesOf(local) ?? []) taken.push(batch)
  assert.deepEqual([taken, ended, batchesOf(local), local.bodyUsed], [[[1, 2], [3]], 1, undefined, true])
  assert.equal(await make().text(), '1,2\n3\n')
  const reader = make().body?.getReader()
  assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), '1,2\n')
  await reader?.cancel()
  assert.equal(ended, 3)
})

test('a local request reads as one that came over a wire', async () => {
  const stop = new AbortController()
  const make = () => localRequest('http://here/a/../b?c=d e', { method: 'POST', headers: new Headers({ accept: 'x' }), body: '{"é":1}', signal: stop.signal })
  const request = make()
  assert.deepEqual([request.method, request.url, request.headers.get('accept'), request.headers.get('content-type'), request.signal === stop.signal], ['POST', 'http://here/b?c=d%20e', 'x', 'text/plain;charset=UTF-8', true])
  assert.deepEqual([wholeBody(request), request.bodyUsed], ['{"é":1}', false])
  assert.deepEqual(await request.json(), { é: 1 })
  assert.deepEqual([request.bodyUsed, wholeBody(request)], [true, undefined])
  await assert.rejects(request.text(), TypeError)
  assert.equal(Buffer.from(await make().arrayBuffer()).toString(), '{"é":1}')
  let streamed = ''
  for await (const chunk of make().body ?? []) streamed += Buffer.from(chunk).toString()
  assert.equal(streamed, '{"é":1}')
  assert.equal(await make().clone().text(), '{"é":1}')
  const empty = localRequest('http://here/')
  assert.deepEqual([empty.method, empty.body, await empty.text(), empty.signal.aborted], ['GET', null, '', false])
})
