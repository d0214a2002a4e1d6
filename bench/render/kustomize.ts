import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { memoryFiles, type FileTree } from '@idp/kit'
import { createRenderCache, formatResources, renderKustomize, type RenderCache } from '@idp/render-kustomize'
import { kubectlBinary, temporaryDirectory } from '@idp/testkit'

/** One figure; `ratio` is how many times better ours is than `peer`. */
export interface BenchResult { readonly name: string; readonly value: number; readonly unit: string; readonly peer: number | undefined; readonly ratio: number | undefined }

/** Kustomize in process against `kubectl kustomize` as a whole process, and a second build after one file changed against the first. */
export async function run(): Promise<BenchResult[]> {
  const kubectl = await kubectlBinary()
  // First, so that its first build is the first this process does.
  const results = await secondBuild(300)
  for (const [name, apps] of [['small', 1], ['40 apps', 40]] as const) {
    const tree = platform(apps)
    const ours = await median(apps === 1 ? 300 : 20, async () => { formatResources(await renderKustomize(memoryFiles(tree), 'overlay')) })
    const peer = kubectl === undefined ? undefined : await peerTime(kubectl, tree, 7)
    results.push({ name: `kustomize build, ${name}`, value: ours, unit: 'ms', peer, ratio: peer === undefined ? undefined : peer / ours })
  }
  return results
}

/** A change to one of many applications: what is left is reading, one base, and putting the results together. */
async function secondBuild(apps: number): Promise<BenchResult[]> {
  const tree = platform(apps)
  const files = encoded(tree)
  const cache = createRenderCache()
  const build = (source: FileTree, kept: RenderCache, changed?: string[]) => async () => { await renderKustomize(source, 'overlay', { cache: kept, ...(changed === undefined ? {} : { changed }) }) }
  const first = await median(1, build(memoryFiles(files), cache))
  const changed = Array.from({ length: 25 }, (_, round) =>
    memoryFiles({ ...files, 'apps/app-7/deployment.yaml': new TextEncoder().encode(`${tree['apps/app-7/deployment.yaml'] ?? ''}# ${round}\n`) }))
  const again = await median(changed.length, (round) => build(changed[round] ?? memoryFiles(files), cache, ['apps/app-7/deployment.yaml'])())
  const fromNothing = await median(3, () => build(memoryFiles(files), createRenderCache())())
  const name = `kustomize build again, one of ${Object.keys(tree).length} files changed`
  return [
    { name: `${name}, against the first build`, value: again, unit: 'ms', peer: first, ratio: first / again },
    { name: `${name}, against one from nothing in a warm process`, value: again, unit: 'ms', peer: fromNothing, ratio: fromNothing / again },
  ]
}

/** A store of files keeps bytes; encoding them anew each time would be measured too. */
function encoded(tree: Readonly<Record<string, string>>): Record<string, Uint8Array> {
  const encoder = new TextEncoder()
  return Object.fromEntries(Object.entries(tree).map(([path, text]) => [path, encoder.encode(text)]))
}

async function median(rounds: number, work: (round: number) => Promise<void>): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < rounds; i++) {
    const start = performance.now()
    await work(i)
    times.push(performance.now() - start)
  }
  return times.sort((a, b) => a - b)[rounds >> 1] ?? 0
}

async function peerTime(kubectl: string, tree: Readonly<Record<string, string>>, rounds: number): Promise<number> {
  await using folder = await temporaryDirectory()
  for (const [path, text] of Object.entries(tree)) {
    await mkdir(dirname(join(folder.path, path)), { recursive: true })
    await writeFile(join(folder.path, path), text)
  }
  return await median(rounds, () => new Promise((resolve, reject) => {
    execFile(kubectl, ['kustomize', join(folder.path, 'overlay')], { maxBuffer: 1 << 28 }, (error) => (error === null ? resolve() : reject(error)))
  }))
}

/** Applications with a workload, a service, generated configuration and a patch, under one overlay. */
function platform(apps: number): Record<string, string> {
  const tree: Record<string, string> = {}
  const names = Array.from({ length: apps }, (_, i) => `app-${i}`)
  for (const name of names) {
    tree[`apps/${name}/kustomization.yaml`] = kustomization(name)
    tree[`apps/${name}/deployment.yaml`] = deployment(name)
    tree[`apps/${name}/service.yaml`] = `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec:\n  selector: {app: ${name}}\n  ports:\n  - {name: http, port: 80, targetPort: http}\n`
    tree[`apps/${name}/patch.yaml`] = `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n      - name: main\n        resources: {limits: {memory: 128Mi}}\n`
  }
  tree['overlay/kustomization.yaml'] = `resources:\n${names.map((name) => `- ../apps/${name}\n`).join('')}commonAnnotations: {team: platform}\nlabels:\n- pairs: {env: demo}\n`
  return tree
}

function kustomization(name: string): string {
  return `resources: [deployment.yaml, service.yaml]\nnamespace: ${name}\nnamePrefix: demo-\nimages: [{name: registry.example/${name}, newTag: v2}]\npatches: [{path: patch.yaml}]\n`
    + `configMapGenerator:\n- name: settings\n  literals: [LOG_LEVEL=info, MODE=demo]\n`
}

function deployment(name: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: {app: ${name}}
spec:
  replicas: 1
  selector:
    matchLabels: {app: ${name}}
  template:
    metadata:
      labels: {app: ${name}}
    spec:
      containers:
      - name: main
        image: registry.example/${name}:v1
        ports:
        - {name: http, containerPort: 8080}
        envFrom:
        - configMapRef: {name: settings}
        readinessProbe:
          httpGet: {path: /healthz, port: http}
      volumes:
      - name: settings
        configMap: {name: settings}
`
}
