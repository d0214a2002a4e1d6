import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { test } from 'node:test'
import { isCoded, memoryFiles, seededRandom } from '@idp/kit'
import { loadChartArchive, renderHelm, type RenderOptions } from './index.ts'

const chartFile = 'apiVersion: v2\nname: bad\nversion: 1.0.0\n'

function render(files: Record<string, string | Uint8Array>, options: Partial<RenderOptions> = {}) {
  return renderHelm(memoryFiles({ 'Chart.yaml': chartFile, ...files }), { releaseName: 'r', namespace: 'n', ...options })
}

const faults: readonly { readonly name: string; readonly files: Record<string, string>; readonly code: string; readonly where?: string; readonly message?: RegExp; readonly options?: Partial<RenderOptions> }[] = [
  { name: 'no Chart.yaml', files: { 'Chart.yaml': '' }, code: 'InvalidChart', message: /name is required/ },
  { name: 'a library chart', files: { 'Chart.yaml': `${chartFile}type: library\n` }, code: 'LibraryChart' },
  { name: 'a dependency that is not there', files: { 'Chart.yaml': `${chartFile}dependencies: [{name: x, version: 1.0.0, repository: ""}]\n` }, code: 'MissingDependencies', message: /missing in charts\/ directory: x/ },
  { name: 'an incompatible Kubernetes', files: { 'Chart.yaml': `${chartFile}kubeVersion: ">=9.0.0"\n` }, code: 'IncompatibleKubeVersion' },
  { name: 'values that are no map', files: { 'values.yaml': '- a\n' }, code: 'InvalidValues', where: 'values.yaml' },
  { name: 'values that are no YAML', files: { 'values.yaml': 'a: [1\nb: 2\n' }, code: 'InvalidYaml' },
  { name: 'a template that does not parse', files: { 'templates/a.yaml': 'a: 1\nb: {{ .Values.x ) }}\n' }, code: 'InvalidTemplate', where: 'bad/templates/a.yaml:2' },
  { name: 'a template that does not run', files: { 'templates/a.yaml': 'a: 1\nb: {{ .Values.x.y.z }}\n' }, code: 'TemplateError', where: 'bad/templates/a.yaml:2:13', message: /nil pointer evaluating interface \{\}\.y/ },
  { name: 'fail', files: { 'templates/a.yaml': '{{ fail "set a password" }}' }, code: 'TemplateFailed', where: 'bad/templates/a.yaml:1:3', message: /^execution error at \(bad\/templates\/a\.yaml:1:3\): set a password$/ },
  { name: 'required', files: { 'templates/a.yaml': 'a: {{ required "need b" .Values.b }}' }, code: 'TemplateFailed', message: /: need b$/ },
  { name: 'output that is no YAML', files: { 'templates/a.yaml': 'kind: A\nb: [1\n' }, code: 'InvalidYaml', message: /^YAML parse error on bad\/templates\/a\.yaml: error converting YAML to JSON: yaml: line \d+: / },
  { name: 'metadata of a wrong type', files: { 'templates/a.yaml': 'kind: A\nmetadata: {annotations: {a: [1]}}\n' }, code: 'InvalidManifest' },
  { name: 'an endless include', files: { 'templates/_a.tpl': '{{ define "a" }}{{ include "a" . }}{{ end }}', 'templates/a.yaml': '{{ include "a" . }}' }, code: 'RenderLimit' },
  {
    name: 'includes that double', files: { 'templates/_a.tpl': Array.from({ length: 40 }, (_, i) => `{{ define "a${i}" }}{{ include "a${i + 1}" . }}{{ include "a${i + 1}" . }}{{ end }}`).join('') + '{{ define "a40" }}xxxxxxxxxx{{ end }}', 'templates/a.yaml': '{{ include "a0" . }}' },
    code: 'RenderLimit', options: { limits: { output: 1_000_000 } },
  },
  { name: 'aliases by the million', files: { 'values.yaml': `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array.from({ length: 9 }, () => `*a${i}`).join(', ')}]\n`).join('')}` }, code: 'InvalidYaml', message: /aliasing/ },
  { name: 'values against their schema', files: { 'values.yaml': 'port: x\n', 'values.schema.json': '{"properties":{"port":{"type":"integer"}}}' }, code: 'InvalidValues', message: /\nbad:\n- at '\/port': got string, want integer/ },
  { name: 'a schema that leaves itself', files: { 'values.yaml': 'a: 1\n', 'values.schema.json': '{"$ref":"https://example.com/schema.json"}' }, code: 'InvalidSchema' },
  { name: 'a schema without end', files: { 'values.yaml': 'a: 1\n', 'values.schema.json': '{"$ref":"#"}' }, code: 'InvalidSchema' },
  { name: 'subchart values of a wrong type', files: { 'values.yaml': 'sub: 1\n', 'charts/sub/Chart.yaml': 'name: sub\nversion: 1.0.0\n' }, code: 'InvalidValues', message: /type mismatch on sub/ },
  { name: 'equal keys in values, when told to', files: { 'values.yaml': 'a: 1\nb: 2\na: 3\n' }, code: 'InvalidYaml', where: 'values.yaml:3:1', options: { limits: { duplicateKeys: 'error' } } },
  { name: 'to show what is not there', files: {}, code: 'TemplateNotFound', options: { showOnly: ['templates/none.yaml'] } },
  { name: 'too many files', files: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, 'x'])), code: 'ChartTooLarge', options: { limits: { maxFiles: 20 } } },
  { name: 'too many bytes', files: { big: 'x'.repeat(5_000) }, code: 'ChartTooLarge', options: { limits: { maxBytes: 4_000 } } },
  { name: 'a version of Kubernetes that is none', files: {}, code: 'InvalidKubeVersion', options: { kubeVersion: 'latest' } },
]

for (const { name, files, code, where, message, options } of faults) {
  test(`refuses ${name}`, async () => {
    await assert.rejects(render(files, options), (error) => {
      assert.ok(isCoded(error, code), `${String(error)} ${isCoded(error) ? error.code : ''}`)
      if (where !== undefined) assert.equal(error.where, where)
      if (message !== undefined) assert.match(error.message, message)
      return true
    })
  })
}

/** A tar of one entry a row: name, content, type. */
function tar(entries: readonly (readonly [string, string, string?])[]): Uint8Array {
  const blocks = entries.flatMap(([name, content, type = '0']) => {
    const header = Buffer.alloc(512)
    header.write(name, 0)
    header.write(content.length.toString(8).padStart(11, '0'), 124)
    header.write(type, 156)
    return [header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

const archives: readonly (readonly [string, Uint8Array, string])[] = [
  ['a path that leaves the chart', tar([['bad/Chart.yaml', chartFile], ['bad/../../etc/passwd', 'x']]), 'UnsafePath'],
  ['an absolute path', tar([['/etc/passwd', 'x']]), 'UnsafePath'],
  ['something that is no archive', Buffer.from('hello'), 'InvalidArchive'],
  ['an archive that is cut off', gzipSync(Buffer.concat([Buffer.from('bad/Chart.yaml'.padEnd(124, '\0')), Buffer.from('00077777777\0'), Buffer.alloc(376)])), 'InvalidArchive'],
  ['a bomb', gzipSync(Buffer.alloc(5_000_000)), 'ArchiveTooLarge'],
]
for (const [name, archive, code] of archives) test(`refuses ${name}`, () => assert.throws(() => loadChartArchive(archive, { maxBytes: 1_000_000, maxFiles: 100 }), (error) => isCoded(error, code)))

test('reads an archive; links in it are nothing', async () => {
  const chart = loadChartArchive(tar([['bad/Chart.yaml', chartFile], ['bad/templates/a.yaml', 'kind: A\n'], ['bad/link', '', '2']]))
  assert.equal((await renderHelm(chart, { releaseName: 'r', namespace: 'n' })).manifest, '---\n# Source: bad/templates/a.yaml\nkind: A\n')
})

test('templates see no environment and no host', async () => {
  await assert.rejects(render({ 'templates/a.yaml': '{{ env "HOME" }}' }), (error) => isCoded(error, 'InvalidTemplate'))
  const { manifest } = await render({ 'templates/a.yaml': 'a: {{ getHostByName "localhost" | quote }}\nb: {{ .Files.Get "/etc/passwd" | quote }}\nc: {{ lookup "v1" "Pod" "" "" | toJson }}' })
  assert.match(manifest, /a: ""\nb: ""\nc: \{\}/)
})

test('the objects of a rendering are one\'s own', async () => {
  const files = { 'templates/a.yaml': 'kind: A\napiVersion: v1\nmetadata: {name: a}\n' }
  const first = await render(files)
  for (const { object } of first.documents) object.metadata.name = 'changed'
  assert.equal((await render(files)).documents[0]?.object.metadata.name, 'a')
})

test('randomness and time come from outside', async () => {
  const files = { 'templates/a.yaml': 'a: {{ randAlphaNum 8 }} {{ now | date "2006" }}\n' }
  const options = { clock: { now: () => Date.UTC(1999, 5), timer: () => ({ [Symbol.dispose]() {} }) } }
  const [one, two] = [await render(files, { ...options, random: seededRandom(7) }), await render(files, { ...options, random: seededRandom(7) })]
  assert.equal(one.manifest, two.manifest)
  assert.match(one.manifest, / 1999$/m)
})
