import { gzipSync } from 'node:zlib'
import { isCoded, memoryFiles, systemClock, type FileTree } from '@idp/kit'
import type { Limits } from '@idp/lang-gotemplate/core'
import { fetchDependencies, loadChartArchive, readValues, renderHelm } from './index.ts'

/**
 * What a chart or its values can do to harm, with the limits as they are by default: run in a process with little memory by bad-input-limits.test.ts, which
 * checks code, place, time and memory. One line for each kind.
 */
export const harm: Readonly<Record<string, () => Promise<unknown>>> = {
  'a template that includes itself': () => chart({ 'templates/_a.tpl': '{{ define "a" }}\n{{ include "a" . }}{{ end }}', 'templates/a.yaml': '\n{{ include "a" . }}' }),
  'templates that call each other': () => chart({ 'templates/_a.tpl': '{{ define "a" }}{{ template "b" . }}{{ end }}{{ define "b" }}{{ template "a" . }}{{ end }}', 'templates/a.yaml': '{{ template "a" . }}' }),
  'tpl of itself': () => chart({ 'values.yaml': 't: \'{{ tpl .Values.t . }}\'\n', 'templates/a.yaml': 'a: {{ tpl .Values.t . }}' }),
  'a loop without end': () => chart({ 'templates/a.yaml': '{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}' }, short),
  'includes that double, with text': () => chart(doubling('x'.repeat(10))),
  'includes that double, without text': () => chart(doubling(''), short),
  'a text that doubles': () => chart({ 'templates/a.yaml': `{{ $x := "xxxxxxxxxx" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}{{ $x }}` }),
  'a repetition without end': () => chart({ 'templates/a.yaml': '{{ repeat 2000000000 "x" }}' }),
  'a list without end': () => chart({ 'templates/a.yaml': '{{ until 2000000000 | len }}' }),
  'values of 100 MB': async () => readValues(`a: ${'x'.repeat(100_000_000)}`, 'values.yaml'),
  'a values file of 110 MB': () => chart({ 'values.yaml': new Uint8Array(110_000_000).fill(0x20) }),
  'an archive that unpacks to 300 MB': async () => loadChartArchive(gzipSync(new Uint8Array(300_000_000)), { source: 'bad.tgz' }),
  'archives in an archive that unpack to 150 MB': () => chart(Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`charts/c${i}.tgz`, tar([['c/Chart.yaml', `name: c${i}\nversion: 1.0.0\n`], ['c/big', '0'.repeat(30_000_000)]])]))),
  'a path that leaves the chart': async () => loadChartArchive(tar([['bad/Chart.yaml', chartFile], ['bad/../../etc/passwd', 'x']]), { source: 'bad.tgz' }),
  'a link that leaves the chart': async () => loadChartArchive(tar([['bad/Chart.yaml', chartFile], ['bad/values.yaml', '', '2', '../../../etc/passwd']]), { source: 'bad.tgz' }),
  'charts in charts in charts': () => chart(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${'charts/a/'.repeat(i)}Chart.yaml`, chartFile]))),
  'dependencies that need each other': () => fetchDependencies(tree('file://../b'), { fetch: never, local: async (path) => tree(path === '../b' ? 'file://../bad' : 'file://../b') }, systemClock),
  'an archive with a wrong digest': () => fetchDependencies(tree('https://example.com'), { fetch: wrong }, systemClock),
  'aliases by the million': () => chart({ 'values.yaml': `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array.from({ length: 9 }, () => `*a${i}`).join(', ')}]\n`).join('')}` }),
  'aliases in what a template writes': () => chart({ 'templates/a.yaml': `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array.from({ length: 9 }, () => `*a${i}`).join(', ')}]\n`).join('')}` }),
  'an alias inside its own anchor': () => chart({ 'values.yaml': 'a: &a\n  b: *a\n' }),
  'nesting without end': () => chart({ 'values.yaml': `a: ${'['.repeat(100_000)}` }),
  'equal keys in values': async () => readValues('a: 1\nb: 2\na: 3\n', 'values.yaml', 'error'),
  'a pattern that takes for ever': () => chart({ 'templates/a.yaml': '{{ if not (regexMatch "^(a+)+$" (printf "%sb" (repeat 100000 "a"))) }}{{ fail "in time" }}{{ end }}' }),
  'parentheses without end': () => chart({ 'templates/a.yaml': `{{ ${'('.repeat(200_000)} }}` }),
}

const chartFile = 'apiVersion: v2\nname: bad\nversion: 1.0.0\n'

/** Only time: no test waits for the 30 seconds that are the default. */
const short: Limits = { timeMs: 1_500 }

function chart(files: Record<string, string | Uint8Array>, limits: Limits = {}): Promise<unknown> {
  return renderHelm(memoryFiles({ 'Chart.yaml': chartFile, ...files }), { releaseName: 'r', namespace: 'n', limits })
}

function doubling(text: string): Record<string, string> {
  const defined = Array.from({ length: 40 }, (_, i) => `{{ define "a${i}" }}{{ include "a${i + 1}" . }}{{ include "a${i + 1}" . }}{{ end }}\n`)
  return { 'templates/_a.tpl': `${defined.join('')}{{ define "a40" }}${text}{{ end }}`, 'templates/a.yaml': 'a: 1\nb: {{ include "a0" . }}' }
}

function tree(repository: string): FileTree {
  return memoryFiles({ 'Chart.yaml': `apiVersion: v2\nname: bad\nversion: 1.0.0\ndependencies:\n- {name: x, version: 1.0.0, repository: "${repository}"}\n` })
}

async function wrong(url: string): Promise<Response> {
  return url.endsWith('index.yaml') ? new Response(`entries: {x: [{name: x, version: 1.0.0, digest: ${'ab'.repeat(32)}, urls: [x.tgz]}]}`) : new Response(new Uint8Array(tar([['x/Chart.yaml', 'name: x\nversion: 1.0.0\n']])))
}

async function never(): Promise<Response> {
  throw new TypeError('nothing is fetched')
}

/** A tar of one entry a row: name, content, type, link. */
function tar(entries: readonly (readonly [string, string, string?, string?])[]): Uint8Array {
  const blocks = entries.flatMap(([name, content, type = '0', link = '']) => {
    const header = Buffer.alloc(512)
    header.write(name, 0)
    header.write(content.length.toString(8).padStart(11, '0'), 124)
    header.write(type, 156)
    header.write(link, 157)
    return [header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

if (import.meta.main) {
  for (const [name, run] of Object.entries(harm)) {
    const start = process.cpuUsage()
    const outcome = await run().then(() => ({ code: 'none' }), (error: unknown) => (isCoded(error) ? { code: error.code, where: error.where, message: error.message.slice(0, 300) } : { code: 'uncoded', message: String(error) }))
    console.log(JSON.stringify({ name, ...outcome, ms: Math.round(Object.values(process.cpuUsage(start)).reduce((a, b) => a + b) / 1000), rss: Math.round(process.resourceUsage().maxRSS / 1024) }))
  }
}
