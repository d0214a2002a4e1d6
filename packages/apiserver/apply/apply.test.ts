import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment, isApiError, schemaFor } from '@idp/api'
import type { AnyObject, JsonObject } from '@idp/formats'
import { seededRandom } from '@idp/kit'
import { compareObjects } from './compare-objects.ts'
import { fromFieldsV1, pathText, paths, toFieldsV1, union } from './field-set.ts'
import { newFields } from './new-fields.ts'
import { fieldsOf, wireFieldsOf } from './object-fields.ts'
import { mergeObjects } from './merge-objects.ts'
import { applyObject, ownershipAfterUpdate } from './object-ownership.ts'
import type { Schema } from '../schema/resolve-schema.ts'

/** One of each: keyed list, set, atomic list, map, atomic map. */
const schema: Schema = {
  type: 'object',
  properties: {
    ports: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['port', 'protocol'], items: { type: 'object', properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, name: { type: 'string' } } } },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    args: { type: 'array', items: { type: 'string' } },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    selector: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: { type: 'string' } },
  },
}
const object = (fields: JsonObject): AnyObject => ({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a' }, ...fields })
const writer = (manager: string, force = false) => ({ manager, subresource: '', schema, time: '2026-01-01T00:00:00Z', hasStatus: false, force })

/** `one: {…}` applies as manager one, `one!` with force, `one=` updates. */
type Step = readonly [string, JsonObject]

function play(steps: readonly Step[]): { object: JsonObject; owners: Record<string, string[]> } {
  let live: AnyObject | undefined
  for (const [who, fields] of steps) {
    const manager = who.replace(/[!=]$/, '')
    if (who.endsWith('=')) {
      const next: AnyObject = object(fields)
      next.metadata.managedFields = ownershipAfterUpdate(live, next, writer(manager)) ?? []
      live = next
    } else live = applyObject(live, object(fields), writer(manager, who.endsWith('!')))
  }
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = live ?? object({})
  const owners = Object.fromEntries((metadata.managedFields ?? []).map((entry) => [`${entry.manager}${entry.operation === 'Update' ? '=' : ''}`, [...paths(fromFieldsV1(entry.fieldsV1))].map(pathText)]))
  return { object: rest as JsonObject, owners }
}

const cases: readonly [name: string, steps: readonly Step[], want: JsonObject, owners: Record<string, string[]>][] = [
  ['two appliers share what they agree on', [['one', { labels: { a: '1' } }], ['two', { labels: { a: '1', b: '2' } }]], { labels: { a: '1', b: '2' } }, { one: ['.labels.a'], two: ['.labels.a', '.labels.b'] }],
  ['what nobody else owns goes with its applier', [['one', { labels: { a: '1', b: '1' } }], ['one', { labels: { a: '1' } }]], { labels: { a: '1' } }, { one: ['.labels.a'] }],
  ['what another owns stays', [['one', { labels: { a: '1' } }], ['two', { labels: { a: '1' } }], ['one', {}]], { labels: { a: '1' } }, { two: ['.labels.a'] }],
  ['force takes over', [['one', { labels: { a: '1' } }], ['two!', { labels: { a: '2' } }]], { labels: { a: '2' } }, { two: ['.labels.a'] }],
  ['an update takes over without asking', [['one', { labels: { a: '1' } }], ['two=', { labels: { a: '2' } }]], { labels: { a: '2' } }, { 'two=': ['.labels.a'] }],
  ['an updater owns a new map itself', [['one=', { labels: { a: '1' } }]], { labels: { a: '1' } }, { 'one=': ['.labels', '.labels.a'] }],
  ['items are told apart by their keys, with defaults', [['one', { ports: [{ port: 80 }] }], ['two', { ports: [{ port: 80, protocol: 'UDP' }] }]], { ports: [{ port: 80 }, { port: 80, protocol: 'UDP' }] }, { one: ['.ports[port=80,protocol="TCP"]', '.ports[port=80,protocol="TCP"].port'], two: ['.ports[port=80,protocol="UDP"]', '.ports[port=80,protocol="UDP"].port', '.ports[port=80,protocol="UDP"].protocol'] }],
  ['an item goes with its last owner', [['one', { ports: [{ port: 1 }, { port: 2 }] }], ['one', { ports: [{ port: 2 }] }]], { ports: [{ port: 2 }] }, { one: ['.ports[port=2,protocol="TCP"]', '.ports[port=2,protocol="TCP"].port'] }],
  ['sets are merged by value', [['one', { tags: ['a', 'b'] }], ['two', { tags: ['c'] }], ['one', { tags: ['b'] }]], { tags: ['b', 'c'] }, { one: ['.tags[="b"]'], two: ['.tags[="c"]'] }],
  ['atomic lists and maps are owned whole', [['one', { args: ['a'], selector: { a: 'b' } }]], { args: ['a'], selector: { a: 'b' } }, { one: ['.args', '.selector'] }],
  ['a field removed by an update is nobody\'s', [['one', { labels: { a: '1', b: '1' } }], ['two=', { labels: { b: '1' } }]], { labels: { b: '1' } }, { one: ['.labels.b'] }],
]
for (const [name, steps, want, owners] of cases) {
  test(name, () => {
    const played = play(steps)
    assert.deepEqual(played.object, want)
    assert.deepEqual(played.owners, owners)
  })
}

test('a conflict names manager, version and fields', () => {
  const clash = (steps: readonly Step[]) => {
    try {
      play(steps)
    } catch (error) {
      assert.ok(isApiError(error, 'Conflict'))
      return [error.message, error.details?.causes]
    }
    return assert.fail('no conflict')
  }
  assert.deepEqual(clash([['one=', { labels: { a: '1' } }], ['two', { labels: { a: '2' } }]]), ['Apply failed with 1 conflict: conflict with "one" using example.com/v1: .labels.a', [{ reason: 'FieldManagerConflict', message: 'conflict with "one" using example.com/v1', field: '.labels.a' }]])
  assert.equal(clash([['one', { labels: { a: '1', b: '1' } }], ['zwei', { args: ['x'] }], ['two', { labels: { a: '2', b: '2' }, args: ['y'] }]])[0], 'Apply failed with 3 conflicts: conflicts with "one":\n- .labels.a\n- .labels.b\nconflicts with "zwei":\n- .args')
})

test('the eleventh updater and the oldest become one', () => {
  const steps = Array.from({ length: 12 }, (_, i): Step => [`u${String(i).padStart(2, '0')}=`, { labels: Object.fromEntries(Array.from({ length: i + 1 }, (_unused, k) => [`k${k}`, 'v'])) }])
  const { owners } = play(steps)
  assert.ok(Object.keys(owners).length <= 11)
  assert.ok(owners['ancient-changes='])
})

test('FieldsV1 is read back as it was written', () => {
  const random = seededRandom(5)
  for (let round = 0; round < 50; round++) {
    const value = Object.fromEntries(Array.from(random(4), (byte) => [['ports', 'tags', 'args', 'labels', 'selector'][byte % 5], byte]).map(([name]) => [name, name === 'ports' ? [{ port: round }] : name === 'tags' || name === 'args' ? ['x', 'y'] : { a: 'b' }]))
    const set = fieldsOf(value, schema)
    assert.deepEqual(toFieldsV1(fromFieldsV1(toFieldsV1(set))), toFieldsV1(set))
  }
})

test('what one pass says of an object is what comparing and collecting say', () => {
  const base = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: {} }
  const objects: JsonObject[] = [
    { ports: [{ port: 80, name: 'a' }, { port: 80, protocol: 'UDP' }, { name: 'b' }], tags: ['b', 'a'], args: ['x'], labels: { z: '1', a: '2' }, selector: { a: 'b' } },
    { ports: [{ port: 80 }, { port: 80, name: 'twice' }], tags: ['a', 'a'], args: [], labels: {}, selector: {} },
    { ports: null, tags: [], args: null, labels: null, selector: null, unknown: { a: { b: [1, { c: 2 }] } } },
  ]
  for (const fields of objects) {
    const whole = { ...base, metadata: { labels: { a: 'b' }, annotations: {} }, ...fields }
    const { added, modified } = compareObjects(base, whole, schema)
    assert.deepEqual(newFields(whole, schema, { 'f:apiVersion': true, 'f:kind': true }), toFieldsV1(union(added, modified)))
    assert.deepEqual(wireFieldsOf(fields, schema, {}), toFieldsV1(fieldsOf(fields, schema)))
  }
  // A list where a struct belongs: only the comparison can say.
  assert.equal(newFields({ ...base, ports: ['x'] }, { properties: { ports: { type: 'object', default: {} } } }, {}), undefined)
})

test('merging what is there changes nothing, in a real kind', () => {
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a', labels: { x: 'y' } }, spec: { template: { spec: { containers: [{ name: 'a', image: 'i', ports: [{ containerPort: 80, protocol: 'TCP' }], env: [{ name: 'A', value: '1' }] }, { name: 'b', image: 'i' }] } } } }
  assert.deepEqual(mergeObjects(deployment, deployment, schemaFor(Deployment)), deployment)
  const merged = mergeObjects(deployment, { spec: { template: { spec: { containers: [{ name: 'c', image: 'n' }, { name: 'b', image: 'm' }] } } } }, schemaFor(Deployment)) as typeof deployment
  assert.deepEqual(merged.spec.template.spec.containers.map(({ name, image }) => `${name} ${image}`), ['a i', 'c n', 'b m'])
})
