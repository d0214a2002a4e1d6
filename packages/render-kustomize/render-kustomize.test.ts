import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded, memoryFiles } from '@idp/kit'
import { createRenderCache, parseRepositoryUrl, renderKustomize, type HelmRequest, type KustomizeOptions } from './index.ts'

const pod = (name: string): string => `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\n`
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

const failures: [name: string, files: Record<string, string>, code: string, message: RegExp, options?: KustomizeOptions][] = [
  ['nothing there', {}, 'KustomizationNotFound', /unable to find one of/],
  ['two files', { 'kustomization.yaml': 'resources: []', 'kustomization.yml': '' }, 'InvalidKustomization', /multiple/],
  ['empty', { 'kustomization.yaml': 'kind: Kustomization\n' }, 'InvalidKustomization', /is empty/],
  ['unknown field', { 'kustomization.yaml': 'resourcs: [a]' }, 'InvalidKustomization', /unknown field "resourcs"/],
  ['wrong type', { 'kustomization.yaml': 'commonLabels: {a: 1}' }, 'InvalidKustomization', /commonLabels/],
  ['wrong kind', { 'kustomization.yaml': 'kind: Pod\nresources: [a]' }, 'InvalidKustomization', /kind should be/],
  ['bad YAML', { 'kustomization.yaml': 'a: [' }, 'InvalidYaml', /./],
  ['missing file', { 'kustomization.yaml': 'resources: [a.yaml]' }, 'FileNotFound', /a\.yaml/],
  ['duplicate key', { 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': `${pod('a')}spec: {}\nspec: {}\n` }, 'InvalidYaml', /already set/],
  ['no kind', { 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': 'a: 1' }, 'InvalidResource', /missing kind/],
  ['no name', { 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': 'kind: Pod' }, 'InvalidResource', /missing metadata.name/],
  ['null in a list', { 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': `${pod('a')}spec: {containers: [null]}` }, 'InvalidResource', /empty item/],
  ['twice the same', { 'kustomization.yaml': 'resources: [a.yaml, b.yaml]', 'a.yaml': pod('a'), 'b.yaml': pod('a') }, 'DuplicateResource', /already registered id/],
  ['itself', { 'kustomization.yaml': 'resources: [.]' }, 'KustomizeCycle', /cycle detected/],
  ['cycle', { 'kustomization.yaml': 'resources: [a]', 'a/kustomization.yaml': 'resources: [../b]', 'b/kustomization.yaml': 'resources: [../a]' }, 'KustomizeCycle', /cycle detected/],
  ['out of the tree', { 'kustomization.yaml': 'resources: [../../etc/passwd]' }, 'PathOutsideRoot', /leaves the root/],
  ['absolute', { 'kustomization.yaml': 'resources: [/etc/passwd]' }, 'PathOutsideRoot', /passwd/],
  ['file of another root', { 'kustomization.yaml': 'resources: [a]', 'a/kustomization.yaml': 'resources: [../b.yaml]', 'b.yaml': pod('b') }, 'PathOutsideRoot', /not in or below/],
  ['component as resource', { 'kustomization.yaml': 'resources: [a]', 'a/kustomization.yaml': 'kind: Component\nnamePrefix: x' }, 'InvalidKustomization', /expected kind != 'Component'/],
  ['no patch target', { 'kustomization.yaml': `resources: [a.yaml]\npatches: [{patch: "{kind: Pod, apiVersion: v1, metadata: {name: b}}"}]`, 'a.yaml': pod('a') }, 'PatchTargetNotFound', /no matches for Id/],
  ['JSON patch without target', { 'kustomization.yaml': 'patches: [{patch: "[{op: remove, path: /a}]"}]' }, 'InvalidPatch', /must specify a target/],
  ['JSON patch that fails', { 'kustomization.yaml': 'resources: [a.yaml]\npatches: [{target: {kind: Pod}, patch: "[{op: remove, path: /a}]"}]', 'a.yaml': pod('a') }, 'PatchFailed', /nonexistent key/],
  ['bad pattern', { 'kustomization.yaml': 'resources: [a.yaml]\npatches: [{target: {kind: "("}, patch: "[{op: remove, path: /a}]"}]', 'a.yaml': pod('a') }, 'InvalidPattern', /regexp/],
  ['merge into nothing', { 'kustomization.yaml': 'configMapGenerator: [{name: a, behavior: merge}]' }, 'MergeTargetNotFound', /does not exist/],
  ['literal without value', { 'kustomization.yaml': 'configMapGenerator: [{name: a, literals: [x]}]' }, 'InvalidKustomization', /expected key=value/],
  ['no replacement source', { 'kustomization.yaml': 'replacements: [{source: {kind: Pod}, targets: [{select: {kind: Pod}}]}]' }, 'InvalidReplacement', /nothing selected/],
  ['replicas of nothing', { 'kustomization.yaml': 'replicas: [{name: a, count: 1}]' }, 'ReplicaTargetNotFound', /does not match/],
  ['helm not enabled', { 'kustomization.yaml': 'helmCharts: [{name: a}]' }, 'HelmNotEnabled', /--enable-helm/],
  ['external plugin', { 'kustomization.yaml': 'transformers: [a.yaml]', 'a.yaml': 'apiVersion: x/v1\nkind: Y\nmetadata: {name: z}' }, 'PluginNotSupported', /external plugins disabled/],
  ['remote base', { 'kustomization.yaml': 'resources: ["https://github.com/org/repo//dir?ref=v1"]' }, 'RemoteNotAllowed', /cannot be fetched/],
]

test('bad input is refused with a code', async () => {
  for (const [name, files, code, message, options] of failures) {
    await assert.rejects(renderKustomize(memoryFiles(files), '', options), (error) => isCoded(error, code) && message.test(error.message), name)
  }
})

test('directories that double each other end in an error, not in the memory', async () => {
  const files: Record<string, string> = { 'l0/kustomization.yaml': 'resources: [../pod.d]', 'pod.d/kustomization.yaml': 'resources: [pod.yaml]', 'pod.d/pod.yaml': pod('a') }
  for (let level = 1; level <= 40; level++) {
    for (const side of ['a', 'b']) files[`l${level}${side}/kustomization.yaml`] = `resources: [../l${level - 1}]\nnamePrefix: ${side}`
    files[`l${level}/kustomization.yaml`] = `resources: [../l${level}a, ../l${level}b]`
  }
  await assert.rejects(renderKustomize(memoryFiles(files), 'l40', { cache: createRenderCache() }), (error) => isCoded(error, 'TooManyResources'))
})

test('charts are inflated by the renderer that is handed in', async () => {
  const requests: HelmRequest[] = []
  const files = memoryFiles({
    'app/kustomization.yaml': 'namespace: apps\nhelmGlobals: {chartHome: ../charts}\nhelmCharts:\n- {name: web, releaseName: shop, valuesFile: values.yaml, valuesInline: {a: 2, gone: null}, additionalValuesFiles: [more.yaml], includeCRDs: true}\n',
    'app/values.yaml': 'a: 1\nb: {c: 1}\ngone: 1\n', 'app/more.yaml': 'd: 1\n',
  })
  const objects = await renderKustomize(files, 'app', {
    enableHelm: true, helmKubeVersion: '1.30.0', helmApiVersions: ['x/v1'],
    inflateHelm: async (request) => {
      requests.push(request)
      return [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } }]
    },
  })
  assert.deepEqual(objects, [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'apps' } }])
  const { files: _, ...request } = requests[0] as HelmRequest
  assert.deepEqual(request, {
    root: 'app', name: 'web', version: undefined, repo: undefined, chartPath: 'charts/web', releaseName: 'shop', namespace: undefined, nameTemplate: undefined,
    values: [{ a: 2, b: { c: 1 } }, { d: 1 }], valuesBelowDefaults: undefined, includeCRDs: true, skipHooks: false, skipTests: false, apiVersions: ['x/v1'], kubeVersion: '1.30.0', devel: false,
  })
})

test('remote bases come from the source that is handed in, and cannot leave their repository', async () => {
  const files = memoryFiles({ 'kustomization.yaml': 'resources: ["https://github.com/org/repo//deploy?ref=v1"]\nnamePrefix: x-' })
  const render = (remote: Record<string, string>) => renderKustomize(files, '', { fetchRemote: { repository: async () => memoryFiles(remote) } })
  const good = await render({ 'deploy/kustomization.yaml': 'resources: [pod.yaml]', 'deploy/pod.yaml': pod('a') })
  assert.deepEqual(good.map(({ metadata }) => metadata.name), ['x-a'])
  await assert.rejects(render({ 'deploy/kustomization.yaml': 'resources: [../../pod.yaml]' }), (error) => isCoded(error, 'PathOutsideRoot'))
  await assert.rejects(render({}), (error) => isCoded(error, 'NotADirectory', 'FileNotFound', 'KustomizationNotFound', 'RemoteNotAllowed'))
})

test('addresses of repositories', () => {
  const cases: [string, string, string, string | undefined][] = [
    ['https://github.com/org/repo//a/b?ref=v1', 'https://github.com/org/repo.git', 'a/b', 'v1'],
    ['github.com/org/repo/a', 'https://github.com/org/repo.git', 'a', undefined],
    ['git@github.com:org/repo.git//a', 'git@github.com:org/repo.git', 'a', undefined],
    ['https://git.example.org/x/y.git/sub?ref=main&timeout=9', 'https://git.example.org/x/y.git', 'sub', 'main'],
    ['ssh://git@host:22/x/y.git', 'ssh://git@host:22/x/y.git', '', undefined],
    ['https://dev.azure.com/o/p/_git/r//s', 'https://dev.azure.com/o/p/_git/r', 's', undefined],
  ]
  for (const [text, repository, path, ref] of cases) assert.deepEqual(parseRepositoryUrl(text), { repository, path, ref, text }, text)
  for (const local of ['base', './base', '../x', '/abs', 'a/b.yaml']) assert.equal(parseRepositoryUrl(local), undefined)
})

test('what a build returns does not depend on earlier builds of other contents', async () => {
  const cache = createRenderCache()
  const tree = (name: string, replicas: number): Record<string, Uint8Array> => ({
    'kustomization.yaml': encode('resources: [base]\nlabels: [{pairs: {a: b}}]'),
    'base/kustomization.yaml': encode('resources: [pod.yaml]\nconfigMapGenerator: [{name: c, literals: [x=y]}]\npatches: [{path: patch.yaml, target: {kind: Pod}}]'),
    'base/pod.yaml': encode(pod(name)), 'base/patch.yaml': encode(`[{op: add, path: /spec, value: {n: ${replicas}}}]`),
  })
  for (const [name, replicas] of [['a', 1], ['a', 2], ['b', 2], ['a', 1]] as const) {
    const built = await renderKustomize(memoryFiles(tree(name, replicas)), '', { cache })
    assert.deepEqual(built, await renderKustomize(memoryFiles(tree(name, replicas))))
  }
})
