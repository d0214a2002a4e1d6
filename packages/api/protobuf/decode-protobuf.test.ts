import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@idp/formats'
import { isApiError } from '../errors.ts'
import { decodeProtobuf, isProtobuf } from './decode-protobuf.ts'

/** A message written by hand: field numbers to values; arrays repeat a field. */
type Message = { [number: number]: Value | Value[] }
type Value = string | number | Uint8Array | Message

function varint(value: bigint): number[] {
  const bytes: number[] = []
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 0x80n) return [...bytes, Number(rest)]
    bytes.push(Number(rest & 0x7fn) | 0x80)
  }
}

function encode(message: Message): Uint8Array {
  const bytes: number[] = []
  for (const [number, values] of Object.entries(message)) {
    for (const value of Array.isArray(values) ? values : [values]) {
      if (typeof value === 'number') bytes.push(...varint(BigInt(Number(number) << 3)), ...varint(BigInt(value)))
      else {
        const inner = typeof value === 'string' ? Buffer.from(value) : value instanceof Uint8Array ? value : encode(value)
        bytes.push(...varint(BigInt((Number(number) << 3) | 2)), ...varint(BigInt(inner.length)), ...inner)
      }
    }
  }
  return Uint8Array.from(bytes)
}

const envelope = (apiVersion: string, kind: string, message: Message) => Buffer.concat([Buffer.from('k8s\0'), encode({ 1: { 1: apiVersion, 2: kind }, 2: encode(message) })])
const meta = { 1: 'x', 3: 'ns', 8: {}, 11: [{ 1: 'a', 2: 'b' }] }

const cases: [name: string, apiVersion: string, kind: string, message: Message, want: JsonObject][] = [
  ['strings, maps, a time that is not set', 'v1', 'ConfigMap', { 1: meta, 2: [{ 1: 'k', 2: 'v' }, { 1: 'e', 2: '' }] }, { metadata: { name: 'x', namespace: 'ns', labels: { a: 'b' } }, data: { k: 'v', e: '' } }],
  ['bytes and a time', 'v1', 'Secret', { 1: { 8: { 1: 86400 } }, 2: [{ 1: 'k', 2: 'v' }], 3: 'Opaque' }, { metadata: { creationTimestamp: '1970-01-02T00:00:00Z' }, data: { k: 'dg==' }, type: 'Opaque' }],
  ['zero of a pointer stays, zero of a value goes', 'apps/v1', 'Deployment', { 2: { 1: 0, 5: 0 } }, { spec: { replicas: 0 } }],
  ['embedded structs, quantities, int or string, negative numbers', 'v1', 'Pod', { 2: { 1: [{ 1: 'v', 2: { 19: { 3: 420 } } }], 2: [{ 1: 'c', 8: { 1: [{ 1: 'cpu', 2: { 1: '1' } }] }, 10: { 1: { 2: { 1: '/', 2: { 1: 1, 3: 'web' } } } } }], 5: -1 } },
    { spec: { volumes: [{ name: 'v', configMap: { defaultMode: 420 } }], containers: [{ name: 'c', resources: { limits: { cpu: '1' } }, livenessProbe: { httpGet: { path: '/', port: 'web' } } }], activeDeadlineSeconds: -1 } }],
  ['delete options', 'v1', 'DeleteOptions', { 4: 'Foreground' }, { propagationPolicy: 'Foreground' }],
]
for (const [name, apiVersion, kind, message, want] of cases) {
  test(`protobuf: ${name}`, () => {
    const bytes = envelope(apiVersion, kind, message)
    assert.equal(isProtobuf(bytes), true)
    assert.deepEqual(decodeProtobuf(bytes), { apiVersion, kind, ...want })
  })
}

const whole = envelope('v1', 'ConfigMap', { 1: meta, 2: [{ 1: 'k', 2: 'v' }] })
const broken: [name: string, bytes: Uint8Array][] = [
  ['no envelope', Buffer.from('{}')], ['cut short', whole.subarray(0, whole.length - 2)], ['an unknown kind', envelope('v1', 'Robot', {})], ['not UTF-8', envelope('v1', 'ConfigMap', { 1: { 1: Uint8Array.from([0xff]) } })],
  ['a group of wire type 3', Buffer.concat([Buffer.from('k8s\0'), Uint8Array.from([0x0b])])],
]
for (const [name, bytes] of broken) test(`protobuf refuses ${name}`, () => assert.throws(() => decodeProtobuf(bytes), (error) => isApiError(error, 'BadRequest')))

test('protobuf: any cut of a message is refused or read, never anything else', () => {
  for (let length = 0; length < whole.length; length++) {
    try {
      decodeProtobuf(whole.subarray(0, length))
    } catch (error) {
      assert.ok(isApiError(error, 'BadRequest'), String(error))
    }
  }
})
