import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { helmBinary } from '@idp/testkit'
import type { FileTree } from '@idp/kit'
import { createHelmRenderer, renderHelm, type RenderOptions } from './index.ts'

const testdata = fileURLToPath(new URL('./testdata/', import.meta.url))

/** Charts written for this suite, each with what the real helm 4.1 prints for it. Record again with IDP_UPDATE_GOLDEN=1. */
const cases: { readonly name: string; readonly chart: string; readonly flags: readonly string[]; readonly options: Partial<RenderOptions> }[] = [
  { name: 'everyday', chart: 'everyday', flags: [], options: {} },
  {
    name: 'everyday-flags', chart: 'everyday', flags: ['--kube-version', '1.24', '--api-versions', 'monitoring.coreos.com/v1', '--set-json', '{"nodeSelector":{"a":"b"},"service":{"enabled":false}}'],
    options: { kubeVersion: '1.24', apiVersions: ['monitoring.coreos.com/v1'], values: [{ nodeSelector: { a: 'b' }, service: { enabled: false } }] },
  },
  { name: 'files', chart: 'files', flags: [], options: {} },
  { name: 'files-crds', chart: 'files', flags: ['--include-crds', '--skip-tests'], options: { includeCrds: true, skipTests: true } },
  { name: 'files-no-hooks', chart: 'files', flags: ['--no-hooks'], options: { noHooks: true } },
  { name: 'files-show-only', chart: 'files', flags: ['--show-only', 'templates/c*.yaml', '--show-only', 'templates/hooks.yaml'], options: { showOnly: ['templates/c*.yaml', 'templates/hooks.yaml'] } },
  { name: 'family', chart: 'family', flags: [], options: {} },
  { name: 'family-tags', chart: 'family', flags: ['--set', 'tags.extras=true,child.enabled=false,twin.color=null'], options: { values: [{ tags: { extras: true }, child: { enabled: false }, twin: { color: null } }] } },
  { name: 'old', chart: 'old', flags: [], options: {} },
  { name: 'texts', chart: 'texts', flags: [], options: {} },
]

function folder(root: string): FileTree {
  return {
    read: async (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path)) : undefined),
    list: async (path) => readdirSync(join(root, path)).sort().map((name) => ({ name, directory: statSync(join(root, path, name)).isDirectory() })),
  }
}

const base = { releaseName: 'demo', namespace: 'demo-ns' } as const

for (const { name, chart, flags, options } of cases) {
  test(`renders ${name} byte for byte as helm template`, async () => {
    const want = join(testdata, 'want', `${name}.yaml`)
    const helm = await helmBinary()
    if (process.env['IDP_UPDATE_GOLDEN'] === '1' && helm !== undefined) writeFileSync(want, realHelm(helm, chart, flags))
    const { manifest } = await renderHelm(folder(join(testdata, 'charts', chart)), { ...base, ...options })
    assert.equal(manifest, readFileSync(want, 'utf8'))
  })
}

test('what is recorded is what the real helm prints', async (t) => {
  const helm = await helmBinary()
  if (helm === undefined) return t.skip('helm is not installed')
  for (const { name, chart, flags } of cases) assert.equal(realHelm(helm, chart, flags), readFileSync(join(testdata, 'want', `${name}.yaml`), 'utf8'), name)
})

function realHelm(helm: string, chart: string, flags: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(helm, ['template', base.releaseName, join(testdata, 'charts', chart), '--namespace', base.namespace, ...flags], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return stdout
}

test('a renderer that remembers gives what a fresh rendering gives', async () => {
  const renderer = createHelmRenderer()
  for (let round = 0; round < 2; round++) {
    for (const { name, chart, options } of cases) {
      const tree = folder(join(testdata, 'charts', chart))
      const [kept, fresh] = [await renderer.render(tree, { ...base, ...options }), await renderHelm(tree, { ...base, ...options })]
      assert.equal(kept.manifest, fresh.manifest, name)
      assert.deepEqual(kept.documents.map(({ object }) => object), fresh.documents.map(({ object }) => object), name)
    }
  }
})
