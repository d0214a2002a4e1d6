import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '@idp/formats'
import { compileSchema, strictDecodingMessage } from './compile-schema.ts'
import type { Schema } from './schema.ts'

const text: Schema = { type: 'string' }
const whole: Schema = { type: 'integer' }
const inSpec = (properties: Record<string, Schema>, more: Schema = {}): Schema => ({ type: 'object', properties: { spec: { type: 'object', properties, ...more } } })

const pruned: [name: string, schema: Schema, value: Json, left: Json, removed: string[]][] = [
  ['unknown fields', inSpec({ a: text }), { apiVersion: 'v1', kind: 'X', metadata: { name: 'n' }, spec: { a: '1', b: 2 }, z: 1 }, { apiVersion: 'v1', kind: 'X', metadata: { name: 'n' }, spec: { a: '1' } }, ['spec.b', 'z']],
  ['in lists and maps', inSpec({ l: { type: 'array', items: { type: 'object', properties: { a: text } } }, m: { type: 'object', additionalProperties: { type: 'object', properties: { a: text } } } }),
    { spec: { l: [{ a: '1' }, { b: 1 }], m: { k: { a: '1', c: 2 } } } }, { spec: { l: [{ a: '1' }, {}], m: { k: { a: '1' } } } }, ['spec.l[1].b', 'spec.m.k.c']],
  ['preserved, but not inside what is specified', inSpec({ a: { type: 'object', properties: { x: text } } }, { 'x-kubernetes-preserve-unknown-fields': true }), { spec: { a: { y: 1 }, b: 2 } }, { spec: { a: {}, b: 2 } }, ['spec.a.y']],
  ['an embedded object keeps its head', inSpec({ t: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: { type: 'object' } } } }), { spec: { t: { apiVersion: 'v1', kind: 'K', metadata: { name: 'n' }, spec: { x: 1 }, b: 1 } } },
    { spec: { t: { apiVersion: 'v1', kind: 'K', metadata: { name: 'n' }, spec: {} } } }, ['spec.t.spec.x', 'spec.t.b']],
]
for (const [name, schema, value, left, removed] of pruned) {
  test(`prune: ${name}`, () => {
    const found = compileSchema(schema).prune(value)
    assert.deepEqual(value, left)
    assert.deepEqual(found.sort(), removed.sort())
  })
}

const defaulted: [name: string, schema: Schema, value: Json, want: Json][] = [
  ['a missing field, then inside it', inSpec({ a: { type: 'object', default: {}, properties: { b: { ...text, default: 'x' } } } }), { spec: {} }, { spec: { a: { b: 'x' } } }],
  ['not inside what is absent', inSpec({ a: { type: 'object', properties: { b: { ...text, default: 'x' } } } }), { spec: {} }, { spec: {} }],
  ['null that is not allowed', inSpec({ a: { ...text, default: 'x' }, b: { ...text, default: 'y', nullable: true } }), { spec: { a: null, b: null } }, { spec: { a: 'x', b: null } }],
  ['in lists and maps', inSpec({ l: { type: 'array', items: { type: 'object', properties: { p: { ...text, default: 'TCP' } } } }, m: { type: 'object', additionalProperties: { type: 'object', properties: { p: { ...whole, default: 1 } } } } }),
    { spec: { l: [{}, { p: 'UDP' }], m: { k: {} } } }, { spec: { l: [{ p: 'TCP' }, { p: 'UDP' }], m: { k: { p: 1 } } } }],
]
for (const [name, schema, value, want] of defaulted) {
  test(`default: ${name}`, () => {
    compileSchema(schema).default(value)
    assert.deepEqual(value, want)
  })
}

const list = (items: Schema, more: Schema): Schema => inSpec({ l: { type: 'array', items, ...more } })
const verdicts: [name: string, schema: Schema, value: Json, messages: string[]][] = [
  ['type', inSpec({ replicas: whole }), { spec: { replicas: 'x' } }, ['spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"']],
  ['null', inSpec({ a: text, b: { ...text, nullable: true } }), { spec: { a: null, b: null } }, ['spec.a: Invalid value: "null": spec.a in body must be of type string: "null"']],
  ['whole number as float', inSpec({ a: { type: 'number' }, b: whole }), { spec: { a: 1, b: 1.5 } }, ['spec.b: Invalid value: "number": spec.b in body must be of type integer: "number"']],
  ['required', inSpec({ a: text }, { required: ['a'] }), { spec: {} }, ['spec.a: Required value']],
  ['enum', inSpec({ a: { ...text, enum: ['a', 'b'] } }), { spec: { a: 'x' } }, ['spec.a: Unsupported value: "x": supported values: "a", "b"']],
  ['minimum', inSpec({ a: { ...whole, minimum: 1 } }), { spec: { a: 0 } }, ['spec.a: Invalid value: 0: spec.a in body should be greater than or equal to 1']],
  ['exclusive maximum', inSpec({ a: { ...whole, maximum: 5, exclusiveMaximum: true } }), { spec: { a: 5 } }, ['spec.a: Invalid value: 5: spec.a in body should be less than 5']],
  ['pattern', inSpec({ a: { ...text, pattern: '^a+$' } }), { spec: { a: 'b' } }, ["spec.a: Invalid value: \"b\": spec.a in body should match '^a+$'"]],
  ['lengths', inSpec({ a: { ...text, minLength: 2 }, b: { ...text, maxLength: 2 } }), { spec: { a: 'é', b: 'abc' } }, ['spec.a: Invalid value: "é": spec.a in body should be at least 2 chars long', 'spec.b: Too long: may not be more than 2 bytes']],
  ['items', list(text, { minItems: 2 }), { spec: { l: ['a'] } }, ['spec.l: Invalid value: 1: spec.l in body should have at least 2 items']],
  ['too many items', list(text, { maxItems: 1 }), { spec: { l: ['a', 'b'] } }, ['spec.l: Too many: 2: must have at most 1 items']],
  ['set', list(text, { 'x-kubernetes-list-type': 'set' }), { spec: { l: ['a', 'b', 'a'] } }, ['spec.l[2]: Duplicate value: "a"']],
  ['map list', list({ type: 'object', properties: { name: text, p: { ...text, default: 'TCP' } } }, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name', 'p'] }),
    { spec: { l: [{ name: 'a' }, { name: 'a', p: 'UDP' }, { name: 'a', p: 'TCP' }] } }, ['spec.l[2]: Duplicate value: {"name":"a","p":"TCP"}']],
  ['int or string', inSpec({ a: { 'x-kubernetes-int-or-string': true }, b: { 'x-kubernetes-int-or-string': true } }), { spec: { a: '50%', b: true } }, ['spec.b: Invalid value: "boolean": spec.b in body must be of type integer,string: "boolean"']],
  ['format', inSpec({ a: { ...text, format: 'date-time' }, b: { ...text, format: 'ipv4' }, c: { ...text, format: 'duration' } }), { spec: { a: 'today', b: '1.2.3.4', c: '1h30m' } }, ['spec.a: Invalid value: "today": spec.a in body must be of type date-time: "today"']],
  ['oneOf', inSpec({ a: text, b: text }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }), { spec: { a: '1', b: '2' } }, ['<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives']],
  ['not', inSpec({ a: text }, { not: { required: ['a'] } }), { spec: { a: '1' } }, ['<nil>: Invalid value: "": "spec" must not validate the schema (not)']],
  ['embedded', inSpec({ t: { type: 'object', 'x-kubernetes-embedded-resource': true } }), { spec: { t: { kind: 'K' } } }, ['spec.t.apiVersion: Required value: must not be empty']],
]
for (const [name, schema, value, messages] of verdicts) {
  test(`validate: ${name}`, () => assert.deepEqual(compileSchema(schema).validate(value).map(({ field, message }) => `${field}: ${message}`), messages))
}

test('what did not change is tolerated on update', () => {
  const compiled = compileSchema(inSpec({ a: { ...text, enum: ['x'] }, b: whole }))
  assert.equal(compiled.validate({ spec: { a: 'gone', b: 2 } }, { spec: { a: 'gone', b: 1 } }).length, 0)
  assert.equal(compiled.validate({ spec: { a: 'new', b: 2 } }, { spec: { a: 'gone', b: 1 } }).length, 1)
})

test('strict decoding message', () => assert.equal(strictDecodingMessage(['spec.foo', 'bar']), 'strict decoding error: unknown field "spec.foo", unknown field "bar"'))
