import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ApiError } from '@idp/api'
import type { Client } from '@idp/client'
import { isCoded, memoryFiles, systemClock } from '@idp/kit'
import { loadChart } from '@idp/render-helm'
import { helmBinary, temporaryDirectory } from '@idp/testkit'
import type { CommandContext } from '../context.ts'
import { renderWithLookup, validateObjects } from './helm-cluster.ts'
import { renderHelmCommand } from './helm.ts'

const charts = fileURLToPath(new URL('../../../packages/render-helm/testdata/charts/', import.meta.url))
const everyday = join(charts, 'everyday')

async function ours(root: string, args: readonly string[]): Promise<string> {
  let printed = ''
  const report = { json: false, event: () => {}, result: (text: string) => void (printed = text) }
  const context: CommandContext = { report, clock: systemClock, signal: new AbortController().signal, debug: false, tty: false, root, name: undefined }
  await renderHelmCommand(context, args)
  return printed
}

/** Flags with which ours must print what helm prints; `V`, `P`, `S` stand for a values file, a post-renderer and a text file. */
const rows: readonly (readonly string[])[] = [
  ['rel', everyday], [everyday], [everyday, '-n', 'other'], ['rel', everyday, '--set', 'replicas=5,image.tag=v9', '--set-string', 'replicas=6'], ['rel', everyday, '--set-json', '{"env":{"A":"b"}}', '--set-json', 'list=["q"],replicas=3'],
  ['rel', everyday, '--set-literal', 'image.tag=a,b={c}'], ['rel', everyday, '--set-file', 'image.tag=S'], ['rel', everyday, '-f', 'V'], ['rel', everyday, '-f', 'V,V', '--set', 'replicas=1'], ['rel', everyday, '--is-upgrade'],
  ['rel', everyday, '--kube-version', '1.24', '-a', 'monitoring.coreos.com/v1,x/v1'], ['rel', everyday, '-s', 'templates/deployment.yaml'], ['rel', everyday, '--show-only=templates/*.yaml'], [everyday, '--generate-name'],
  [everyday, '--name-template', 'x-{{ add 1 2 }}-{{ "A" | lower }}'], ['rel', join(charts, 'files'), '--include-crds'], ['rel', join(charts, 'files'), '--include-crds', '--skip-crds'], ['rel', join(charts, 'files'), '--no-hooks'], ['rel', join(charts, 'files'), '--skip-tests'],
  ['rel', join(charts, 'family'), '--set', 'tags.extras=true'], ['rel', join(charts, 'family'), '--render-subchart-notes', '--hide-notes', '--wait', '--timeout', '1s', '--labels', 'a=b', '--description=x'],
]

for (const row of rows) {
  test(`helm ${row.map((word) => word.replace(charts, '')).join(' ')}`, async (t) => {
    const helm = await helmBinary()
    if (helm === undefined) return t.skip('no helm here')
    await using directory = await temporaryDirectory()
    writeFileSync(join(directory.path, 'V'), 'replicas: 8\nimage: {tag: from-file}\n')
    writeFileSync(join(directory.path, 'S'), 'text, with {all} \\ of it')
    const args = row.map((word) => word.replaceAll(/\b([VS])$|\b([VS])(?=,)/g, (name) => join(directory.path, name)))
    const { stdout, stderr, status } = spawnSync(helm, ['template', ...args], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    assert.equal(await ours(directory.path, args), stdout.trimEnd())
  })
}

test('--output-dir writes what helm writes', async (t) => {
  const helm = await helmBinary()
  if (helm === undefined) return t.skip('no helm here')
  await using directory = await temporaryDirectory()
  const [theirs, mine] = [join(directory.path, 'theirs'), join(directory.path, 'mine')]
  spawnSync(helm, ['template', 'rel', everyday, '--output-dir', theirs, '--release-name'])
  await ours(directory.path, ['rel', everyday, '--output-dir', mine, '--release-name'])
  const files = (root: string) => ['service', 'deployment', 'config'].map((name) => readFileSync(join(root, `rel/everyday/templates/${name}.yaml`), 'utf8'))
  assert.deepEqual(files(mine), files(theirs))
})

test('a post-renderer changes what comes out; one that fails is named', async () => {
  await using directory = await temporaryDirectory()
  const program = join(directory.path, 'post')
  writeFileSync(program, '#!/bin/sh\nsed "s/replicas: .*/replicas: $1/"\n', { mode: 0o755 })
  assert.match(await ours(directory.path, ['rel', everyday, '--post-renderer', program, '--post-renderer-args', '42']), /# Source: everyday\/templates\/deployment\.yaml\n[\s\S]*replicas: 42/)
  await assert.rejects(ours(directory.path, ['rel', everyday, '--post-renderer', 'false']), (error) => isCoded(error, 'PostRendererFailed'))
})

test('--dependency-update takes charts from beside the chart and from a repository', async () => {
  await using directory = await temporaryDirectory()
  const write = (path: string, text: string) => {
    mkdirSync(join(directory.path, path, '..'), { recursive: true })
    writeFileSync(join(directory.path, path), text)
  }
  write('app/Chart.yaml', 'apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies: [{name: lib, version: 1.x, repository: "file://../lib"}]\n')
  write('lib/Chart.yaml', 'apiVersion: v2\nname: lib\nversion: 1.2.3\n')
  write('lib/templates/a.yaml', 'kind: A\nversion: {{ .Chart.Version }}\n')
  await assert.rejects(ours(directory.path, [join(directory.path, 'app')]), (error) => isCoded(error, 'MissingDependencies'))
  assert.match(await ours(directory.path, [join(directory.path, 'app'), '--dependency-update']), /kind: A\nversion: 1\.2\.3$/)
})

test('a chart by --repo, and by a name of repositories.yaml, with credentials', async (t) => {
  const helm = await helmBinary()
  if (helm === undefined) return t.skip('no helm here')
  await using directory = await temporaryDirectory()
  cpSync(everyday, join(directory.path, 'everyday'), { recursive: true })
  spawnSync(helm, ['package', join(directory.path, 'everyday'), '-d', directory.path])
  spawnSync(helm, ['repo', 'index', directory.path])
  const seen: (string | undefined)[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization)
    response.end(readFileSync(join(directory.path, (request.url ?? '').slice(1))))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const want = await ours(directory.path, ['rel', everyday])
    assert.equal(await ours(directory.path, ['rel', 'everyday', '--repo', url, '--username', 'u', '--password', 'p', '--version', '>0']), want)
    assert.equal(seen[0], `Basic ${btoa('u:p')}`)
    writeFileSync(join(directory.path, 'repositories.yaml'), `repositories: [{name: mine, url: "${url}"}]\n`)
    assert.equal(await ours(directory.path, ['rel', 'mine/everyday', '--repository-config', join(directory.path, 'repositories.yaml'), '--content-cache', join(directory.path, 'cache')]), want)
  } finally {
    server.close()
  }
})

const lookup = `kind: Seen\napiVersion: v1\nmetadata: {name: seen}\nfirst: {{ (lookup "v1" "ConfigMap" "n" "a").data.next }}\nsecond: {{ (lookup "v1" "ConfigMap" "n" ((lookup "v1" "ConfigMap" "n" "a").data | default dict).next).data.x }}\n`

test('lookup asks the cluster, as often as answers lead to new questions', async () => {
  const client = {
    kindOf: async () => ({}), get: async (_kind: unknown, name: string) => ({ data: name === 'a' ? { next: 'b' } : { x: name } }),
  } as unknown as Client
  const chart = await loadChart(memoryFiles({ 'Chart.yaml': 'apiVersion: v2\nname: c\nversion: 1.0.0\n', 'templates/a.yaml': lookup }))
  const { manifest } = await renderWithLookup(chart, { releaseName: 'r', namespace: 'n' }, client)
  assert.match(manifest, /first: b\nsecond: b/)
})

test('--validate names the template whose object the cluster refuses', async () => {
  const refusal = new ApiError('Invalid', 'unknown field "spec.replica"')
  const client = { kindOf: async () => ({}), apply: async () => { throw refusal } } as unknown as Client
  const documents = [{ path: 'c/templates/a.yaml', text: '', object: { apiVersion: 'v1', kind: 'A', metadata: { name: 'a' } } }]
  const refused = validateObjects({ documents, hooks: [], crds: [], notes: undefined, manifest: '' }, client, 'n')
  await assert.rejects(refused, (error) => isCoded(error, 'ValidationFailed') && error.where === 'c/templates/a.yaml' && /unknown field/.test(error.message))
})
