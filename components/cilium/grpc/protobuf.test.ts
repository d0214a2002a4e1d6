import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@idp/kit'
import { flow, getFlowsRequest } from '../hubble/messages.ts'
import { decode, encode } from './protobuf.ts'

const request = {
  number: '20', follow: true, since: '2026-01-02T03:04:05.006000000Z',
  whitelist: [{ source_pod: ['shop/web', 'other/'], verdict: ['DROPPED', 'FORWARDED'], reply: [true, false], event_type: [{ type: 1, match_sub_type: true, sub_type: 133 }], source_identity: [300, 65_535] }, { uuid: ['x'] }],
}

test('a message is the same after encoding and decoding; fields unknown to the reader are skipped', () => {
  assert.deepEqual(decode(getFlowsRequest, encode(getFlowsRequest, request)), request)
  assert.deepEqual(decode({ follow: { number: 3, type: 'bool' } }, encode(getFlowsRequest, request)), { follow: true })
})

test('wrappers keep false apart from absent; packed numbers are read', () => {
  assert.deepEqual(decode(flow, encode(flow, { is_reply: false, verdict: 'DROPPED' })), { is_reply: false, verdict: 'DROPPED' })
  assert.deepEqual(decode(flow, encode(flow, {})), {})
  assert.deepEqual(decode({ list: { number: 1, type: 'uint32', repeated: true } }, Uint8Array.of(10, 3, 1, 0x96, 1)), { list: [1, 150] })
})

test('bytes that are no message end with an error, never otherwise', () => {
  const random = seededRandom(7)
  const good = encode(getFlowsRequest, request)
  for (let i = 0; i < 2_000; i++) {
    const bytes = i % 2 === 0 ? random(i % 64) : good.map((byte, at) => (at === i % good.length ? (random(1)[0] ?? 0) : byte))
    try {
      decode(getFlowsRequest, bytes)
    } catch (error) {
      assert.match((error as Error).message, /protobuf|Invalid time|RangeError/)
    }
  }
})
