import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyStrategicMergePatch } from '@idp/formats'
import { CustomResourceDefinition, Deployment, Pod, Service } from '../kinds/index.ts'
import { mergeSchemaFor } from './merge-schema.ts'
import { typedSchemaFor, typedSchemaOf } from './typed-schema.ts'

test('strategic merge of a Deployment', () => {
  const before = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } }, template: { spec: { containers: [{ name: 'a', image: 'x' }, { name: 'b', image: 'y' }] } } } }
  const after = applyStrategicMergePatch(before, { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' }, template: { spec: { containers: [{ name: 'b', image: 'z' }] } } } }, mergeSchemaFor(Deployment))
  assert.deepEqual(after, { spec: { strategy: { type: 'Recreate' }, template: { spec: { containers: [{ name: 'a', image: 'x' }, { name: 'b', image: 'z' }] } } } })
  assert.deepEqual(mergeSchemaFor(Deployment)?.field('spec')?.field('strategy')?.patchStrategy, ['retainKeys'])
})

test('typed schemas', () => {
  const spec = typedSchemaFor(Pod)?.field('spec')
  const ports = spec?.field('containers')?.items?.field('ports')
  assert.deepEqual([spec?.field('containers')?.listType, spec?.field('containers')?.keys], ['map', ['name']])
  assert.deepEqual([ports?.keys, ports?.keyDefaults], [['containerPort', 'protocol'], { protocol: 'TCP' }])
  assert.equal(spec?.field('nodeSelector')?.atomic, true)
  assert.equal(spec?.field('tolerations')?.listType, 'atomic')
  assert.equal(spec?.field('unknown'), undefined)
  assert.deepEqual([typedSchemaFor(Service)?.field('spec')?.field('selector')?.atomic, typedSchemaFor(Service)?.field('metadata')?.field('labels')?.atomic], [true, false])
  assert.equal(typedSchemaFor(Pod)?.field('metadata')?.field('finalizers')?.listType, 'set')
  assert.equal(typedSchemaFor(CustomResourceDefinition)?.field('spec')?.field('versions')?.items?.field('schema')?.field('openAPIV3Schema')?.field('properties')?.field('a')?.field('properties')?.kind, 'map')
  const custom = typedSchemaOf({ type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } })
  assert.equal(custom.field('spec')?.field('x')?.kind, 'untyped')
  assert.equal(custom.field('metadata')?.field('labels')?.kind, 'map')
})
