import { spawnSync } from 'node:child_process'
import { basename } from 'node:path'
import { memoryFiles, type FileTree } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import { helmBinary } from '@idp/testkit'
import { filesOf, withFolder, type Files } from './chart-files.ts'
import { renderAgain, type Result } from './helm-again.ts'

const options = { releaseName: 'bench', namespace: 'bench', includeCrds: true } as const

/**
 * Rendering in-process (files already in memory) against `helm template` as a whole process, medians of the same run; and rendering again after
 * one file changed against the first time, cold and warm. `--chart DIR` (again and again) adds charts of one's own.
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
  const again = await renderAgain(name, files)
  return [
    { name: `helm template: ${name}`, value: ours, unit: 'ms', ...(peer === undefined ? {} : { peer, ratio: peer / ours }), note: `first in this process ${first.toFixed(0)} ms` },
    { name: `helm template: ${name}, as objects`, value: objects, unit: 'ms', ...(peer === undefined ? {} : { peer, ratio: peer / objects }) },
    ...again,
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
