import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYaml } from '@idp/formats'
import { isCoded, memoryFiles } from '@idp/kit'
import type { KustomizeOptions } from '../kinds/application.ts'
import { withKustomizeOptions } from './kustomize-overlay.ts'

const edited = async (text: string, options: KustomizeOptions) => {
  const tree = await withKustomizeOptions(memoryFiles({ 'a/kustomization.yaml': text, 'c/kustomization.yaml': '' }), 'a', options)
  return parseYaml(new TextDecoder().decode(await tree.read('a/kustomization.yaml')))
}

for (const [name, before, options, after] of [
  ['names and namespace', 'namePrefix: old-\n', { namePrefix: 'p-', nameSuffix: '-s', namespace: 'n' }, { namePrefix: 'p-', nameSuffix: '-s', namespace: 'n' }],
  ['images', 'images: [{ name: a, newTag: "1" }, { name: b, newTag: "1" }]\n', { images: ['a:2', 'x=reg:5000/y/x:3', 'c@sha256:ab', 'd=e'] }, { images: [{ name: 'b', newTag: '1' }, { name: 'a', newTag: '2' }, { name: 'x', newName: 'reg:5000/y/x', newTag: '3' }, { name: 'c', digest: 'sha256:ab' }, { name: 'd', newName: 'e' }] }],
  ['replicas', 'replicas: [{ name: a, count: 1 }]\n', { replicas: [{ name: 'a', count: '3' }] }, { replicas: [{ name: 'a', count: 3 }] }],
  ['labels without selectors', 'resources: []\n', { commonLabels: { t: 'x' }, labelWithoutSelector: true }, { resources: [], labels: [{ pairs: { t: 'x' }, includeSelectors: false, includeTemplates: false }] }],
  ['patches and present components', 'patches: [{ patch: a }]\n', { patches: [{ patch: 'b' }], components: ['../c', '../gone'], ignoreMissingComponents: true }, { patches: [{ patch: 'a' }, { patch: 'b' }], components: ['../c'] }],
] as const) {
  test(`kustomize options: ${name}`, async () => assert.deepEqual(await edited(before, options as unknown as KustomizeOptions), after))
}

test('a label that is there already is only replaced by force', async () => {
  await assert.rejects(edited('commonLabels: { t: a }\n', { commonLabels: { t: 'b' } }), (e) => isCoded(e, 'InvalidKustomization'))
  assert.deepEqual(await edited('commonLabels: { t: a }\n', { commonLabels: { t: 'b' }, forceCommonLabels: true }), { commonLabels: { t: 'b' } })
  await assert.rejects(withKustomizeOptions(memoryFiles({ 'b/x': '' }), 'b', { namePrefix: 'p' }), (e) => isCoded(e, 'KustomizationNotFound'))
})
