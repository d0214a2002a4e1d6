import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@idp/formats'
import { setValues, type SetMode } from './set-values.ts'

const rows: readonly (readonly [argument: string, want: JsonObject, mode?: SetMode])[] = [
  ['a=1', { a: 1 }],
  ['a.b.c=x,d=true', { a: { b: { c: 'x' } }, d: true }],
  ['a=1,a=2', { a: 2 }],
  ['list={a,b,3}', { list: ['a', 'b', 3] }],
  ['list={}', { list: [] }],
  ['servers[1].port=80', { servers: [null, { port: 80 }] }],
  ['n[0][1]=x', { n: [[null, 'x']] }],
  ['a=null', { a: null }],
  ['a=', { a: '' }],
  ['v=0123', { v: '0123' }],
  ['text=a\\,b', { text: 'a,b' }],
  ['node\\.role/x=y', { 'node.role/x': 'y' }],
  ['a=1', { a: '1' }, 'string'],
  ['a={"b":[1,2]}', { a: { b: [1, 2] } }, 'json'],
  ['a={"b":[1,2]},c="x,y",d.e=null', { a: { b: [1, 2] }, c: 'x,y', d: { e: null } }, 'json'],
  ['a.b=c,d={e}\\', { a: { b: 'c,d={e}\\' } }, 'literal'],
]
for (const [argument, want, mode] of rows) {
  test(`--set ${argument}`, () => {
    const values: JsonObject = {}
    setValues(values, argument, mode)
    assert.deepEqual(values, want)
  })
}
for (const argument of ['a', 'a.b', 'a[x]=1', 'a[99999999]=1', 'l={a']) test(`--set ${argument} is refused`, () => assert.throws(() => setValues({}, argument), { code: 'InvalidSet' }))

test('a key named __proto__ is a key', () => {
  const values: JsonObject = {}
  setValues(values, '__proto__.polluted=1')
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
})
