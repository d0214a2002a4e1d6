import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync, constants } from 'node:zlib'
import { fakeClock } from '@idp/kit'
import type { Hub } from './hub.ts'
import { streamOf } from './stream.ts'

function setUp() {
  const left = Promise.withResolvers<void>()
  let tell: (message: string) => void = () => {}
  const hub: Hub = {
    dirty() {}, tell() {}, watched: true,
    join(listener) {
      tell = listener
      return { [Symbol.dispose]: () => left.resolve() }
    },
  }
  return { hub, left: left.promise, tell: (message: string) => tell(message) }
}

for (const packed of [false, true]) {
  test(`${packed ? 'packed' : 'plain'}: each message leaves at once, silence is broken by beats, and a browser that goes is let go`, { timeout: 10_000 }, async () => {
    const clock = fakeClock()
    const { hub, left, tell } = setUp()
    const response = streamOf(hub, { clock, signal: new AbortController().signal, hello: { c: 'hello' }, packed })
    assert.equal(response.headers.get('content-encoding'), packed ? 'gzip' : null)
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    let bytes = Buffer.alloc(0)
    const until = async (words: string): Promise<string> => {
      for (;;) {
        const text = bytes.length === 0 ? '' : (packed ? gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }) : bytes).toString()
        if (text.includes(words)) return text
        const { value, done } = await reader.read()
        assert.ok(!done)
        bytes = Buffer.concat([bytes, value])
      }
    }
    await until('data: {"c":"hello"}\n\n')
    tell('{"c":"pods"}')
    await until('data: {"c":"pods"}\n\n')
    await clock.advance(10_000)
    await until(': beat\n\n')
    await reader.cancel()
    await left
  })
}
