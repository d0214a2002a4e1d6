import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtInKinds, Deployment, Pod } from '../kinds/index.ts'
import { apiVersionOf } from '../kind.ts'
import { builtInGroupVersions, builtInResources, definition, definitionName, schemaFor } from './built-in.ts'
import { refOf, type Schema } from './schema.ts'

test('every built-in kind has a schema, a resource with verbs, and its subresources', () => {
  for (const kind of builtInKinds) {
    assert.equal(schemaFor(kind)?.type, 'object', kind.kind)
    const facts = builtInResources(apiVersionOf(kind)).find(({ name }) => name === kind.plural)
    assert.deepEqual([facts?.kind, facts?.namespaced, facts?.sub.map(({ name }) => name)], [kind.kind, kind.scope === 'Namespaced', kind.subresources])
  }
  assert.equal(builtInKinds.length, builtInGroupVersions().flatMap((gv) => builtInResources(gv)).length)
})

test('every reference leads to a definition', () => {
  const seen = new Set<string>()
  const visit = (schema: Schema): void => {
    const name = refOf(schema)
    if (name !== undefined && !seen.has(name)) {
      seen.add(name)
      const target = definition(name)
      assert.ok(target, name)
      visit(target)
    }
    for (const child of Object.values(schema.properties ?? {})) visit(child)
    if (schema.items) visit(schema.items)
    if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties)
  }
  for (const kind of builtInKinds) visit(schemaFor(kind) ?? {})
  assert.ok(seen.size > 400)
})

test('markers survive packing', () => {
  const spec = definition('io.k8s.api.core.v1.PodSpec')?.properties
  assert.deepEqual(spec?.containers, {
    type: 'array', items: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.Container' }], default: {} },
    'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], 'x-kubernetes-patch-merge-key': 'name', 'x-kubernetes-patch-strategy': 'merge',
  })
  assert.deepEqual(definition('io.k8s.api.core.v1.ContainerPort')?.properties?.protocol, { type: 'string', default: 'TCP' })
  assert.deepEqual(definition('io.k8s.api.core.v1.ContainerPort')?.required, ['containerPort'])
  assert.equal(definition('io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector')?.['x-kubernetes-map-type'], 'atomic')
  assert.equal(definition('io.k8s.apimachinery.pkg.util.intstr.IntOrString')?.format, 'int-or-string')
})

test('facts of kinds users type', () => {
  assert.deepEqual([Pod.shortNames, Pod.categories, Pod.scope], [['po'], ['all'], 'Namespaced'])
  assert.deepEqual(Pod.subresources, ['attach', 'binding', 'ephemeralcontainers', 'eviction', 'exec', 'log', 'portforward', 'proxy', 'resize', 'status'])
  assert.equal(definitionName(Deployment), 'io.k8s.api.apps.v1.Deployment')
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ name: 'a', image: 'b' }] } }
  const image: string | undefined = pod.spec.containers[0]?.image
  assert.equal(image, 'b')
})
