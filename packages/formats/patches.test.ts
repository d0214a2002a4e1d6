import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded, seededRandom } from '@idp/kit'
import { deepEqual } from './deep-equal.ts'
import { applyJsonPatch, type JsonPatchOperation, type JsonPatchOptions } from './json-patch.ts'
import { formatPointer, parsePointer, readPointer } from './json-pointer.ts'
import type { Json, JsonObject } from './kube-object.ts'
import { applyMergePatch, createMergePatch } from './merge-patch.ts'
import { applyStrategicMergePatch, type MergeSchema } from './strategic-merge.ts'

const jsonPatches: [name: string, document: Json, operations: JsonPatchOperation[], want: Json | string, options?: JsonPatchOptions][] = [
  ['add a member', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
  ['add to a list', { l: [1, 3] }, [{ op: 'add', path: '/l/1', value: 2 }, { op: 'add', path: '/l/-', value: 4 }], { l: [1, 2, 3, 4] }],
  ['add below nothing', {}, [{ op: 'add', path: '/a/b', value: 1 }], 'PatchFailed'],
  ['add below nothing, made', {}, [{ op: 'add', path: '/a/0/b', value: 1 }], { a: [{ b: 1 }] }, { ensurePathOnAdd: true }],
  ['add past the end', { l: [] }, [{ op: 'add', path: '/l/1', value: 1 }], 'PatchFailed'],
  ['negative index', { l: [1, 2] }, [{ op: 'replace', path: '/l/-1', value: 9 }], { l: [1, 9] }],
  ['no negative index', { l: [1] }, [{ op: 'replace', path: '/l/-1', value: 9 }], 'PatchFailed', { dialect: 'rfc6902' }],
  ['remove', { a: 1, l: [1, 2] }, [{ op: 'remove', path: '/a' }, { op: 'remove', path: '/l/0' }], { l: [2] }],
  ['remove nothing', {}, [{ op: 'remove', path: '/a' }], 'PatchFailed'],
  ['remove nothing, allowed', {}, [{ op: 'remove', path: '/a/b' }], {}, { allowMissingOnRemove: true }],
  ['replace what is not there', {}, [{ op: 'replace', path: '/a', value: 1 }], { a: 1 }],
  ['replace what is not there, strictly', {}, [{ op: 'replace', path: '/a', value: 1 }], 'PatchFailed', { dialect: 'rfc6902' }],
  ['move', { a: { b: 1 } }, [{ op: 'move', from: '/a/b', path: '/c' }], { a: {}, c: 1 }],
  ['move into itself', { a: { b: 1 } }, [{ op: 'move', from: '/a', path: '/a/b/c' }], 'PatchFailed'],
  ['copy', { a: [1] }, [{ op: 'copy', from: '/a', path: '/b' }, { op: 'add', path: '/b/-', value: 2 }], { a: [1], b: [1, 2] }],
  ['test', { a: { b: [1, null] } }, [{ op: 'test', path: '/a', value: { b: [1, null] } }], { a: { b: [1, null] } }],
  ['test that fails', { a: 1 }, [{ op: 'test', path: '/a', value: 2 }], 'PatchTestFailed'],
  ['test for nothing', {}, [{ op: 'test', path: '/a', value: null }], {}],
  ['escaped path', { 'a/b': 1, 'm~n': 2 }, [{ op: 'replace', path: '/a~1b', value: 3 }, { op: 'remove', path: '/m~0n' }], { 'a/b': 3 }],
  ['whole document', { a: 1 }, [{ op: 'replace', path: '', value: { b: 1 } }], { b: 1 }],
  ['unknown operation', {}, [{ op: 'frob', path: '/a' }], 'InvalidPatch'],
  ['no value', { a: 1 }, [{ op: 'add', path: '/a' }], 'InvalidPatch', { dialect: 'rfc6902' }],
  ['too many', {}, [{ op: 'test', path: '' }, { op: 'test', path: '' }], 'InvalidPatch', { maxOperations: 1 }],
]

test('JSON patch', () => {
  for (const [name, document, operations, want, options] of jsonPatches) {
    const before = JSON.stringify(document)
    const apply = (): Json => applyJsonPatch(document, operations, options)
    if (typeof want === 'string') assert.throws(apply, (error) => isCoded(error, want), name)
    else assert.deepEqual(apply(), want, name)
    assert.equal(JSON.stringify(document), before, `${name}: the input is not changed`)
  }
})

test('JSON pointers', () => {
  assert.deepEqual(parsePointer('/a~1b/m~0n/0'), ['a/b', 'm~n', '0'])
  assert.equal(formatPointer(['a/b', 'm~n', 0]), '/a~1b/m~0n/0')
  assert.equal(readPointer({ a: [{ b: 1 }] }, '/a/0/b'), 1)
  assert.equal(readPointer({ a: [] }, '/a/0/b'), undefined)
  assert.throws(() => parsePointer('a'), (error) => isCoded(error, 'InvalidPointer'))
})

test('JSON merge patch takes nulls out and makes objects of what is none', () => {
  const cases: [Json, Json, Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }], [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }], [{ a: [{ b: 1 }] }, { a: [1] }, { a: [1] }], [['a'], { a: 1 }, { a: 1 }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }], [{ a: 'x' }, { a: { b: null, c: 1 } }, { a: { c: 1 } }], [{}, { a: { b: { c: null } } }, { a: { b: {} } }], [{ a: 1 }, null, null],
  ]
  for (const [target, patch, want] of cases) assert.deepEqual(applyMergePatch(target, patch), want)
})

function randomObject(pick: (n: number) => number, depth = 0): JsonObject {
  const value = (): Json => {
    const kind = pick(depth > 2 ? 3 : 5)
    if (kind === 0) return pick(3)
    if (kind === 1) return ['x', 'y'][pick(2)] ?? ''
    if (kind === 2) return pick(2) === 0
    return kind === 3 ? Array.from({ length: pick(3) }, value) : randomObject(pick, depth + 1)
  }
  return Object.fromEntries(Array.from({ length: pick(4) }, () => [['a', 'b', 'c', 'd'][pick(4)] ?? '', value()]))
}

test('a created merge patch leads from one object to the other', () => {
  const random = seededRandom(7)
  const pick = (n: number): number => (random(1)[0] ?? 0) % n
  for (let i = 0; i < 2000; i++) {
    const [from, to] = [randomObject(pick), randomObject(pick)]
    const patch = createMergePatch(from, to)
    assert.deepEqual(applyMergePatch(from, patch), to)
    if (deepEqual(from, to)) assert.deepEqual(patch, {})
  }
})

const list = (items: MergeSchema): MergeSchema => ({ field: () => undefined, patchStrategy: ['merge'], mergeKey: 'name', items })
const container: MergeSchema = { field: (name) => (name === 'env' ? list({ field: () => undefined }) : undefined) }
const schema: MergeSchema = {
  field: (name) => ({
    containers: list(container), finalizers: { field: () => undefined, patchStrategy: ['merge'] } as MergeSchema,
    whole: { field: () => undefined, patchStrategy: ['replace'] } as MergeSchema, nested: { field: (inner: string) => schema.field(inner) },
  })[name],
}

const strategic: [name: string, original: JsonObject, patch: JsonObject, want: JsonObject | string][] = [
  ['maps merge, nulls delete', { a: 1, m: { x: 1, y: 2 } }, { a: null, m: { y: 3, gone: null } }, { m: { x: 1, y: 3 } }],
  ['unknown lists are replaced', { l: [1, 2] }, { l: [3] }, { l: [3] }],
  ['known lists merge; new elements come first', { containers: [{ name: 'a', image: '1' }, { name: 'b' }] }, { containers: [{ name: 'c' }, { name: 'a', image: '2' }] },
    { containers: [{ name: 'c' }, { name: 'a', image: '2' }, { name: 'b' }] }],
  ['an element goes', { containers: [{ name: 'a' }, { name: 'b' }] }, { containers: [{ name: 'a', $patch: 'delete' }] }, { containers: [{ name: 'b' }] }],
  ['a list is replaced', { containers: [{ name: 'a' }] }, { containers: [{ $patch: 'replace' }, { name: 'b' }] }, { containers: [{ name: 'b' }] }],
  ['a map is replaced', { m: { x: 1 } }, { m: { $patch: 'replace', y: 1 } }, { m: { y: 1 } }],
  ['a map is emptied', { m: { x: 1 } }, { m: { $patch: 'delete' } }, { m: {} }],
  ['the strategy says replace', { whole: { x: 1 } }, { whole: { y: 1 } }, { whole: { y: 1 } }],
  ['values of a set', { finalizers: ['a'] }, { finalizers: ['b', 'a'] }, { finalizers: ['b', 'a'] }],
  ['values leave a set', { finalizers: ['a', 'b'] }, { '$deleteFromPrimitiveList/finalizers': ['a'] }, { finalizers: ['b'] }],
  ['order', { containers: [{ name: 'a' }, { name: 'b' }] }, { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] }, { containers: [{ name: 'b' }, { name: 'a' }] }],
  ['order with a new one', { containers: [{ name: 'a' }, { name: 'b' }] },
    { '$setElementOrder/containers': [{ name: 'a' }, { name: 'c' }, { name: 'b' }], containers: [{ name: 'c' }] }, { containers: [{ name: 'a' }, { name: 'c' }, { name: 'b' }] }],
  ['order that the list contradicts', { containers: [{ name: 'a' }] }, { '$setElementOrder/containers': [{ name: 'a' }], containers: [{ name: 'b' }] }, 'InvalidPatch'],
  ['retained keys', { m: { a: 1, b: 2 } }, { m: { $retainKeys: ['b', 'c'], c: 3 } }, { m: { b: 2, c: 3 } }],
  ['keys not retained', { m: { a: 1 } }, { m: { $retainKeys: ['b'], c: 3 } }, 'InvalidPatch'],
  ['nested lists', { nested: { containers: [{ name: 'a', env: [{ name: 'E', value: '1' }] }] } }, { nested: { containers: [{ name: 'a', env: [{ name: 'F', value: '2' }] }] } },
    { nested: { containers: [{ name: 'a', env: [{ name: 'F', value: '2' }, { name: 'E', value: '1' }] }] } }],
  ['added things lose nulls and directives', {}, { m: { a: null, b: { c: null } }, containers: [{ name: 'a' }, { name: 'b', $patch: 'delete' }] }, { m: { b: {} }, containers: [{ name: 'a' }] }],
  ['no merge key', { containers: [{ name: 'a' }] }, { containers: [{ image: 'x' }] }, 'InvalidPatch'],
  ['unknown directive', { m: {} }, { m: { $patch: 'frob' } }, 'InvalidPatch'],
]

test('strategic merge patch', () => {
  for (const [name, original, patch, want] of strategic) {
    const before = JSON.stringify([original, patch])
    const apply = (): JsonObject => applyStrategicMergePatch(original, patch, schema)
    if (typeof want === 'string') assert.throws(apply, (error) => isCoded(error, want), name)
    else assert.deepEqual(apply(), want, name)
    assert.equal(JSON.stringify([original, patch]), before, `${name}: the inputs are not changed`)
  }
})

test('a strategic merge patch applied twice is the patch applied once', () => {
  const random = seededRandom(3)
  const pick = (n: number): number => (random(1)[0] ?? 0) % n
  const containers = (): Json[] => ['a', 'b', 'c'].filter(() => pick(2) === 0).map((name) => ({ name, ...randomObject(pick, 2) }))
  for (let i = 0; i < 1000; i++) {
    const [original, patch] = [{ ...randomObject(pick), containers: containers() }, { ...randomObject(pick), containers: containers() }]
    const once = applyStrategicMergePatch(original, patch, schema)
    assert.deepEqual(applyStrategicMergePatch(once, patch, schema), once)
    assert.deepEqual(applyStrategicMergePatch(original, {}, schema), original)
  }
})
