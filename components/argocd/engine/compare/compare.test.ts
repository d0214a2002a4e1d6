import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyObject } from '@idp/formats'
import { isCoded } from '@idp/kit'
import { compileIgnoreRule, ignoredPlaces, respectingLive, withoutPlaces } from './ignored-fields.ts'
import { parseJqPaths, placesOf } from './jq-path.ts'
import { surelyMatches } from './matches-live.ts'

const object: AnyObject = { apiVersion: 'v1', kind: 'X', metadata: { name: 'x', annotations: { 'a.b/c': '1' } }, spec: { list: [{ name: 'a', v: 1 }, { name: 'b', v: 2, on: true }], deep: { x: { y: 1 } } }, data: { 'k-1': 'v' } }

for (const [expression, places] of [
  ['.spec.deep.x', [['spec', 'deep', 'x']]], ['.metadata.annotations."a.b/c"', [['metadata', 'annotations', 'a.b/c']]], ['.data["k-1"]', [['data', 'k-1']]],
  ['.spec.list[].v', [['spec', 'list', 0, 'v'], ['spec', 'list', 1, 'v']]], ['.spec.list[1]', [['spec', 'list', 1]]], ['.spec.list[-1].name', [['spec', 'list', 1, 'name']]],
  ['.spec.list[]? | select(.name == "b") | .v', [['spec', 'list', 1, 'v']]], ['.spec.list[] | select(.on)', [['spec', 'list', 1]]],
  ['.spec.list[] | select(.name | test("^a")).v', undefined], ['.spec.list[] | select(.name | test("^a")) | .v', [['spec', 'list', 0, 'v']]],
  ['.nope.x, .data', [['data']]], ['.spec.list | map(.v)', undefined], ['del(.x)', undefined],
] as const) {
  test(`jq ${expression}`, () => {
    if (places === undefined) assert.throws(() => parseJqPaths(expression), (e) => isCoded(e, 'JqUnsupported'))
    else assert.deepEqual(parseJqPaths(expression).flatMap((steps) => placesOf(object, steps)), places)
  })
}

test('places are removed together, and what is live is kept where rules say so', () => {
  const rule = compileIgnoreRule({ kind: 'X', jqPathExpressions: ['.spec.list[]'], jsonPointers: ['/data/k-1', '/nope'] })
  assert.equal(rule.matches(object), true)
  assert.deepEqual(withoutPlaces(object, ignoredPlaces(object, undefined, [rule])), { ...object, spec: { list: [], deep: { x: { y: 1 } } }, data: {} })
  const live = { ...object, data: { 'k-1': 'live' } }
  assert.deepEqual(respectingLive({ ...object, data: { 'k-1': 'git' } }, live, [compileIgnoreRule({ kind: '*', group: '*', jsonPointers: ['/data'] })])['data'], { 'k-1': 'live' })
})

test('what another manager owns can be left out', () => {
  const live: AnyObject = { ...object, metadata: { ...object.metadata, managedFields: [{ manager: 'hpa', fieldsV1: { 'f:spec': { 'f:list': { 'k:{"name":"b"}': { 'f:v': {} } } } } }] } }
  assert.deepEqual(ignoredPlaces(live, live, [compileIgnoreRule({ kind: 'X', managedFieldsManagers: ['hpa'] })]), [['spec', 'list', 1, 'v']])
})

test('a match is only sure when every value is live and nothing owned is left over', () => {
  const owned = (fieldsV1: object): AnyObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', resourceVersion: '1', labels: { l: '1' }, managedFields: [{ manager: 'm', operation: 'Apply', fieldsV1: fieldsV1 as never }] }, data: { a: '1', b: '2' } })
  const target = (data: object): AnyObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', labels: { l: '1' } }, data })
  const fields = { 'f:data': { 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:l': {} } } }
  assert.equal(surelyMatches(target({ a: '1' }), owned(fields), 'm'), true)
  assert.equal(surelyMatches(target({ a: '2' }), owned(fields), 'm'), false)
  assert.equal(surelyMatches(target({ a: '1' }), owned({ 'f:data': { 'f:a': {}, 'f:b': {} } }), 'm'), false)
  assert.equal(surelyMatches(target({ a: '1' }), owned(fields), 'other'), false)
})

test('a sync that respects ignored differences keeps what is live, inside lists too', () => {
  const route = (port: number, path: string): AnyObject => ({ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: { name: 'r' }, spec: { rules: [{ filters: [{ requestRedirect: { port, path } }] }] } }) as AnyObject
  const rule = compileIgnoreRule({ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', jsonPointers: ['/spec/rules/0/filters/0/requestRedirect/port'] })
  assert.deepEqual(respectingLive(route(30443, '/new'), route(32000, '/old'), [rule]), route(32000, '/new'))
})
