import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '@idp/formats'
import { assertionProblems } from '../engine/assertion-tree.ts'

const pod: Json = { kind: 'Pod', metadata: { name: 'web', labels: { app: 'web', 'a.b/c': 'x' } }, spec: { hostNetwork: false, containers: [{ name: 'one', image: 'r/one:1', ports: [80] }, { name: 'two', image: 'r/two:latest', ports: [] }] } }
const rows: readonly (readonly [what: string, tree: Json, want: readonly (string | RegExp)[]])[] = [
  ['fields that are so', { kind: 'Pod', metadata: { labels: { app: 'web' } } }, []],
  ['a field that is not so', { metadata: { labels: { app: 'db' } } }, ['metadata.labels.app: Invalid value: "web": Expected value: "db"']],
  ['a field that is not there', { metadata: { annotations: { a: 'b' } } }, ['metadata.annotations: Required value: field not found in the input object']],
  ['a key with dots', { metadata: { labels: { '\\a.b/c\\': 'x' } } }, []],
  ['an expression as key', { spec: { '(length(containers))': 2, '(hostNetwork == `true`)': false } }, []],
  ['an expression that gives another value', { spec: { '(length(containers) > `2`)': true } }, [/\(length.*Expected value: true/]],
  ['each element', { spec: { '~.containers': { "(ends_with(image, ':latest'))": false } } }, [/spec\.containers\[1\]/]],
  ['each element of an expression', { spec: { "~.(containers[?name=='one'])": { image: 'r/one:1' } } }, []],
  ['an index that is bound', { spec: { '~i.containers': { "(name == 'one' || $i == `1`)": true } } }, []],
  ['a value that is bound', { 'metadata->meta': { '(name == $meta.labels.app)': true } }, []],
  ['a list of the same length', { spec: { containers: [{ name: 'one' }, { name: 'two' }] } }, []],
  ['a list of another length', { spec: { containers: [{ name: 'one' }] } }, [/lengths of slices don't match/]],
  ['an expression as value', { metadata: { name: '(metadata.labels.app)' } }, []],
]
for (const [what, tree, want] of rows) {
  test(`${what}: ${want.length === 0 ? 'holds' : 'does not hold'}`, () => {
    const found = assertionProblems(tree, pod)
    assert.equal(found.length, want.length, found.join('; '))
    for (const [index, one] of want.entries()) if (typeof one === 'string') assert.equal(found[index], one); else assert.match(found[index] ?? '', one)
  })
}
