import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '@idp/api'
import { backgroundController } from '../programs/background-controller.ts'
import { cleanupController } from '../programs/cleanup-controller.ts'
import { startProgram } from './start-program.ts'

const crds = ['kyverno', 'kyverno-v2', 'policies']
const generating = `
apiVersion: policies.kyverno.io/v1beta1
kind: GeneratingPolicy
metadata: { name: settings }
spec:
  evaluation: { synchronize: { enabled: true } }
  matchConstraints: { resourceRules: [{ apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [namespaces] }] }
  matchConditions: [{ name: team, expression: "has(object.metadata.labels) && 'team' in object.metadata.labels" }]
  variables: [{ name: source, expression: "resource.Get('v1', 'configmaps', 'default', 'source')" }]
  generate:
    - expression: >
        generator.Apply(object.metadata.name, [{"apiVersion": dyn("v1"), "kind": dyn("ConfigMap"), "metadata": dyn({"name": "settings"}), "data": dyn({"owner": object.metadata.labels.team, "copied": variables.source.data.a})}])
---
apiVersion: policies.kyverno.io/v1beta1
kind: MutatingPolicy
metadata: { name: stamped }
spec:
  evaluation: { mutateExisting: { enabled: true }, admission: { enabled: true } }
  matchConstraints: { resourceRules: [{ apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps] }] }
  matchConditions: [{ name: source, expression: object.metadata.name == 'source' }]
  targetMatchConstraints: { resourceRules: [{ apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps] }], namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: default } }, objectSelector: { matchLabels: { stamp: wanted } } }
  mutations: [{ patchType: ApplyConfiguration, applyConfiguration: { expression: "Object{metadata: Object.metadata{annotations: {'by': request.object.metadata.name}}}" } }]
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: source, namespace: default }, data: { a: b } }
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: target, namespace: default, labels: { stamp: wanted } } }
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: other, namespace: default } }
`

test('generating policies make what is missing, keep it with synchronize, and leave others alone; existing resources are mutated', async () => {
  await using program = await startProgram(backgroundController, crds, generating)
  const { api, apply } = program
  const get = async (name: string, namespace: string): Promise<ConfigMap | undefined> => (await api.client.list(ConfigMap, { namespace })).items.find(({ metadata }) => metadata.name === name)
  await api.fake.advance(2000)
  await apply('{ apiVersion: v1, kind: Namespace, metadata: { name: ours, labels: { team: a } } }\n---\n{ apiVersion: v1, kind: Namespace, metadata: { name: theirs } }')
  await program.until(async () => (await get('settings', 'ours')) !== undefined)
  assert.deepEqual((await get('settings', 'ours'))?.data, { owner: 'a', copied: 'b' })
  assert.equal(await get('settings', 'theirs'), undefined)
  await api.client.patch(ConfigMap, 'settings', { data: { owner: 'someone else' } }, { namespace: 'ours', type: 'merge' })
  await program.until(async () => (await get('settings', 'ours'))?.data?.['owner'] === 'a')
  await api.client.delete(ConfigMap, 'settings', { namespace: 'ours' })
  await program.until(async () => (await get('settings', 'ours')) !== undefined)
  await program.until(async () => (await get('target', 'default'))?.metadata.annotations?.['by'] === 'source')
  assert.equal((await get('other', 'default'))?.metadata.annotations, undefined)
})

const deleting = `
apiVersion: policies.kyverno.io/v1beta1
kind: DeletingPolicy
metadata: { name: old }
spec:
  schedule: "*/5 * * * *"
  matchConstraints: { resourceRules: [{ apiGroups: [""], apiVersions: [v1], resources: [configmaps] }] }
  conditions: [{ name: old, expression: "object.metadata.name.startsWith('old-') && !has(object.metadata.labels)" }]
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: old-one, namespace: default } }
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: old-kept, namespace: default, labels: { keep: me } } }
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: new, namespace: default } }
`

test('deleting policies delete what their conditions name, at their times', async () => {
  await using program = await startProgram(cleanupController, crds, deleting)
  const { api } = program
  const names = async (): Promise<string[]> => (await api.client.list(ConfigMap, { namespace: 'default' })).items.map(({ metadata }) => metadata.name ?? '').filter((name) => name !== 'kube-root-ca.crt').sort()
  assert.deepEqual(await names(), ['new', 'old-kept', 'old-one'])
  await api.fake.advance(5 * 60_000)
  await program.until(async () => (await names()).length === 2)
  assert.deepEqual(await names(), ['new', 'old-kept'])
})
