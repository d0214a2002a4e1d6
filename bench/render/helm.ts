import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { memoryFiles, type FileTree } from '@idp/kit'
import { createHelmRenderer, renderHelm } from '@idp/render-helm'
import { helmBinary } from '@idp/testkit'

interface Result { readonly name: string; readonly value: number; readonly unit: string; readonly peer?: number; readonly ratio?: number; readonly note?: string }

type Files = Record<string, string | Uint8Array>
const options = { releaseName: 'bench', namespace: 'bench', includeCrds: true } as const

/**
 * Rendering in-process (files already in memory) against `helm template` as a whole process, medians of the same run; and rendering again after
 * one template changed against the first time. `--chart DIR` (again and again) adds charts of one's own.
 */
export async function run(args: readonly string[] = []): Promise<{ bench: string; results: Result[] }> {
  const helm = await helmBinary()
  const results: Result[] = []
  const charts: [string, Files][] = [['small', smallChart()], ['large', largeChart()]]
  for (let i = 0; i < args.length; i++) {
    const folder = args[i] === '--chart' ? args[++i] : undefined
    if (folder !== undefined) charts.push([basename(folder), filesOf(folder)])
  }
  for (const [name, files] of charts) results.push(...await compare(name, files, helm))
  return { bench: 'render', results }
}

async function compare(name: string, files: Files, helm: string | undefined): Promise<Result[]> {
  const first = await timed(() => whole(memoryFiles(files)))
  const ours = await median(9, () => whole(memoryFiles(files)))
  const objects = await median(9, () => withObjects(memoryFiles(files)))
  const peer = helm === undefined ? undefined : await withFolder(files, (folder) => median(5, () => realRender(helm, folder)))
  const again = await rerender(files)
  return [
    { name: `helm template: ${name}`, value: ours, unit: 'ms', ...(peer === undefined ? {} : { peer, ratio: peer / ours }), note: `first in this process ${first.toFixed(0)} ms` },
    { name: `helm template: ${name}, as objects`, value: objects, unit: 'ms', ...(peer === undefined ? {} : { peer, ratio: peer / objects }) },
    { name: `helm template: ${name}, one template changed`, value: again.second, unit: 'ms', peer: again.first, ratio: again.first / again.second, note: 'peer: the first rendering' },
  ]
}

/** The text of a chart, from its files on: what `helm template` prints. */
async function whole(tree: FileTree): Promise<void> {
  const { manifest } = await renderHelm(tree, options)
  if (manifest === '') throw new Error('nothing was rendered')
}

/** Objects too, which `helm template` does not make. */
async function withObjects(tree: FileTree): Promise<void> {
  const { documents } = await renderHelm(tree, options)
  if (documents.some(({ object }) => object === undefined)) throw new Error('nothing was rendered')
}

/** A renderer's first rendering, and its next ones with one template changed each time. */
async function rerender(given: Files): Promise<{ first: number; second: number }> {
  const encoder = new TextEncoder()
  const files: Record<string, Uint8Array> = Object.fromEntries(Object.entries(given).map(([path, text]) => [path, typeof text === 'string' ? encoder.encode(text) : text]))
  const path = Object.keys(files).filter((name) => /^templates\/(?!tests\/)[^_][^/]*\.ya?ml$|^templates\/[^/]+\/[^_][^/]*\.ya?ml$/.test(name)).sort()[0]
  if (path === undefined) throw new Error('the chart has no templates')
  const original = new TextDecoder().decode(files[path])
  const firsts: number[] = []
  const seconds: number[] = []
  for (let round = 0; round < 5; round++) {
    const renderer = createHelmRenderer()
    // A text of its own makes the first rendering parse and run everything.
    for (const name of Object.keys(files)) if (name.endsWith('.yaml') && name.startsWith('templates/')) files[name] = encoder.encode(`# round ${round}\n---\n${new TextDecoder().decode(files[name])}`)
    firsts.push(await timed(() => renderer.render(memoryFiles(files), options)))
    for (let i = 0; i < 3; i++) {
      files[path] = encoder.encode(`# changed ${round} ${i}\n---\n${original}`)
      seconds.push(await timed(async () => renderer.render(memoryFiles(files), options)))
    }
  }
  return { first: middle(firsts), second: middle(seconds) }
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

async function median(count: number, run: () => Promise<unknown> | void): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < count; i++) times.push(await timed(async () => run()))
  return middle(times)
}

function middle(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
}

function realRender(helm: string, folder: string): void {
  const { status, stderr } = spawnSync(helm, ['template', 'bench', folder, '--namespace', 'bench', '--include-crds'], { maxBuffer: 256 * 1024 * 1024 })
  if (status !== 0) throw new Error(`helm failed: ${String(stderr)}`)
}

async function withFolder<T>(files: Files, run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'idp-bench-'))
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
    return await run(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function filesOf(root: string): Files {
  const files: Files = {}
  const walk = (folder: string): void => {
    for (const name of readdirSync(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`
      if (statSync(join(root, path)).isDirectory()) walk(path)
      else files[path] = readFileSync(join(root, path))
    }
  }
  walk('')
  return files
}

const helpers = `{{- define "bench.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}
{{- define "bench.name" -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
`

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "bench.name" . }}-SUFFIX
  labels:
    {{- include "bench.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: {{ .Chart.Name }}}
  template:
    metadata:
      labels: {app: {{ .Chart.Name }}}
      annotations:
        checksum: {{ toYaml .Values.config | sha256sum }}
    spec:
      {{- with .Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .Chart.Name }}
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          env:
            {{- range $key, $value := .Values.env }}
            - name: {{ $key | upper }}
              value: {{ $value | quote }}
            {{- end }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
`

const service = `{{- if .Values.service.enabled }}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "bench.name" . }}
  labels: {{- include "bench.labels" . | nindent 4 }}
spec:
  type: {{ .Values.service.type }}
  ports:
    - port: {{ .Values.service.port }}
{{- end }}
`

const configMap = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "bench.name" . }}
data:
  config.yaml: |
    {{- tpl (toYaml .Values.config) . | nindent 4 }}
`

const values = `replicas: 2
image: {repository: docker.io/library/nginx, tag: ""}
nodeSelector: {kubernetes.io/os: linux}
service: {enabled: true, type: ClusterIP, port: 80}
env: {log_level: info, mode: production}
resources: {limits: {cpu: 500m, memory: 256Mi}, requests: {cpu: 100m, memory: 128Mi}}
config: {server: {host: "{{ .Release.Name }}", port: 8080}, features: [a, b, c]}
`

function smallChart(): Files {
  return {
    'Chart.yaml': 'apiVersion: v2\nname: small\nversion: 1.0.0\nappVersion: "1.25"\n', 'values.yaml': values, 'templates/_helpers.tpl': helpers,
    'templates/deployment.yaml': deployment.replace('SUFFIX', 'a'), 'templates/service.yaml': service, 'templates/config.yaml': configMap,
  }
}

/** About 150 templates and 1.9 MB of output, most of it custom resource definitions, as the charts of large operators are. */
function largeChart(): Files {
  const files: Files = { ...smallChart(), 'Chart.yaml': 'apiVersion: v2\nname: large\nversion: 1.0.0\nappVersion: "1.25"\n' }
  for (let i = 0; i < 120; i++) files[`templates/workloads/deployment-${i}.yaml`] = deployment.replace('SUFFIX', String(i))
  for (let i = 0; i < 12; i++) {
    const fields = Array.from({ length: 700 }, (_, n) => `                field${n}:\n                  description: Field ${n} tells the controller what to do with part ${n} of the resource, and when not to do it at all.\n                  type: string\n`).join('')
    files[`templates/crds/crd-${i}.yaml`] = `{{- if .Values.service.enabled }}\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things${i}.bench.example.com\n  labels: {{- include "bench.labels" . | nindent 4 }}\nspec:\n  group: bench.example.com\n  names: {kind: Thing${i}, plural: things${i}}\n  scope: Namespaced\n  versions:\n    - name: v1\n      served: true\n      storage: true\n      schema:\n        openAPIV3Schema:\n          type: object\n          properties:\n            spec:\n              type: object\n              properties:\n${fields}{{- end }}\n`
  }
  return files
}
