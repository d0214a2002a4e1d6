import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pushedMarks } from './push-metadata.ts'

const about = (spec: object): object => ({ apiVersion: 'kubernetes.external-secrets.io/v1alpha1', kind: 'PushSecretMetadata', spec })
const source = { labels: { from: 'source', both: 'source' }, annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{}}', note: 'source' } }
const target = { labels: { there: 'target', both: 'target' }, annotations: {} }

for (const [name, metadata, labels] of [
  ['none', undefined, { there: 'target', from: 'source', both: 'source' }],
  ['more labels', about({ labels: { more: 'entry', both: 'entry' } }), { there: 'target', from: 'source', both: 'entry', more: 'entry' }],
  ['instead of the source', about({ sourceMergePolicy: 'Replace', labels: { more: 'entry' } }), { there: 'target', both: 'target', more: 'entry' }],
  ['instead of the target', about({ targetMergePolicy: 'Replace' }), { from: 'source', both: 'source' }],
  ['the target as it is', about({ targetMergePolicy: 'Ignore', labels: { more: 'entry' } }), { there: 'target', both: 'target' }],
] as const) {
  test(`marks of a pushed Secret: ${name}`, () => {
    const marks = pushedMarks(metadata, source, target)
    assert.deepEqual(marks.labels, labels)
    assert.doesNotMatch(JSON.stringify(marks.annotations), /last-applied/)
  })
}

for (const [metadata, message] of [
  [{ kind: 'PushSecretMetadata' }, /unexpected apiVersion/], [{ ...about({}), kind: 'Other' }, /unexpected kind "Other"/], [about({ colour: 'red' }), /unknown field "spec\.colour"/],
  [about({ sourceMergePolicy: 'Some' }), /unexpected source merge policy "Some"/], [about({ targetMergePolicy: 'Some' }), /unexpected target merge policy "Some"/], [about({ remoteNamespace: 'other' }), /remoteNamespace.*not supported/],
] as const) test(`refused: ${JSON.stringify(metadata).slice(0, 90)}`, () => assert.throws(() => pushedMarks(metadata, source, target), message))
