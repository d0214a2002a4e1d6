import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { FileTree } from '@idp/kit'
import { kubectlBinary } from '@idp/testkit'
import { createRenderCache, formatResources, renderKustomize } from './index.ts'

const testdata = fileURLToPath(new URL('./testdata/', import.meta.url))
const names = readdirSync(join(testdata, 'cases')).sort()

function folder(root: string): FileTree {
  return {
    read: async (path) => (existsSync(join(root, path)) && statSync(join(root, path)).isFile() ? readFileSync(join(root, path)) : undefined),
    list: async (path) => (existsSync(join(root, path)) ? readdirSync(join(root, path)).sort().map((name) => ({ name, directory: statSync(join(root, path, name)).isDirectory() })) : undefined),
  }
}

function real(kubectl: string, name: string): string {
  const { stdout, stderr, status } = spawnSync(kubectl, ['kustomize', join(testdata, 'cases', name)], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return stdout
}

/** Kustomizations written for this suite, each with what the real kubectl 1.35 prints for it. Record again with IDP_UPDATE_GOLDEN=1. */
for (const name of names) {
  test(`builds ${name} byte for byte as kubectl kustomize`, async () => {
    const want = join(testdata, 'want', `${name}.yaml`)
    const kubectl = await kubectlBinary()
    if (process.env['IDP_UPDATE_GOLDEN'] === '1' && kubectl !== undefined) writeFileSync(want, real(kubectl, name))
    assert.equal(formatResources(await renderKustomize(folder(join(testdata, 'cases', name)))), readFileSync(want, 'utf8'))
  })
}

test('what is recorded is what the real kubectl prints', async (t) => {
  const kubectl = await kubectlBinary()
  if (kubectl === undefined) return t.skip('kubectl is not installed')
  for (const name of names) assert.equal(real(kubectl, name), readFileSync(join(testdata, 'want', `${name}.yaml`), 'utf8'), name)
})

test('a build with a cache gives what a fresh build gives, whatever changed before', async () => {
  for (const name of names) {
    const files = folder(join(testdata, 'cases', name))
    const want = readFileSync(join(testdata, 'want', `${name}.yaml`), 'utf8')
    const cache = createRenderCache()
    const altered: FileTree = { ...files, read: async (path) => {
      const content = await files.read(path)
      return content !== undefined && /\.ya?ml$/.test(path) && !/ustomization\.ya?ml$/.test(path) ? new TextEncoder().encode(new TextDecoder().decode(content).replaceAll('busybox', 'toybox').replaceAll('replicas: 1', 'replicas: 2').replaceAll('ham', 'salami')) : content
    } }
    for (const tree of [files, files, altered, files]) {
      const built = formatResources(await renderKustomize(tree, '', { cache }))
      if (tree === files) assert.equal(built, want, name)
    }
  }
})
