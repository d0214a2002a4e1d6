import type { AnyObject, JsonObject, KubeObject } from '@idp/formats'
import { normalizeRemoteUrl } from '@idp/git'
import { CodedError, memoryFiles } from '@idp/kit'
import { createHelmRenderer, loadChart, mergeMaps, type Chart, type HelmRenderer } from '@idp/render-helm'
import { createRenderCache, renderKustomize, type HelmRequest, type InflateHelm, type RenderCache } from '@idp/render-kustomize'
import { subtree, type ChartStore } from './chart-store.ts'
import type { RenderJob, SourceRenderers } from './create-repo-service.ts'
import { withKustomizeOptions } from './kustomize-overlay.ts'
import { renderHelmSource, valuesBelow } from './render-helm-source.ts'
import type { ManifestRequest } from './repo-service.ts'

/** Renders Kustomize and Helm sources in this process; charts come from `charts`. */
export function sourceRenderers(charts: ChartStore): SourceRenderers {
  const caches = new Map<string, RenderCache>()
  const renderer = createHelmRenderer(256)
  const cacheOf = (request: ManifestRequest): RenderCache => {
    const key = normalizeRemoteUrl(request.repository.url)
    const known = caches.get(key) ?? createRenderCache()
    caches.set(key, known)
    return known
  }
  return {
    async kustomize(job) {
      const { path, request } = job
      const options = buildOptions(request.kustomizeBuildOptions)
      const files = await withKustomizeOptions(job.files, path, request.source.kustomize)
      const objects = await renderKustomize(files, path, {
        inflateHelm: inflate(charts, renderer, request), enableHelm: options.enableHelm, loadRestrictor: options.unrestricted ? 'none' : 'rootOnly', cache: cacheOf(request),
        helmKubeVersion: request.source.kustomize?.kubeVersion ?? request.kubeVersion, helmApiVersions: request.source.kustomize?.apiVersions ?? request.apiVersions,
      })
      return objects as readonly KubeObject[] as readonly AnyObject[]
    },
    async helm({ files, path, request, refs }: RenderJob) {
      const chart = await completed(await loadChart(subtree(files, path), { source: path }), charts)
      return renderHelmSource({ renderer, chart, request, files, path, refs })
    },
    async chart(request, refs) {
      const { source } = request
      const chart = await charts.chart({ repository: source.repoURL, name: source.chart ?? '', version: source.targetRevision, access: request.repository })
      const version = source.targetRevision !== undefined && /^v?\d+\.\d+\.\d+/.test(source.targetRevision) ? source.targetRevision : chart.metadata.version
      return { version, manifests: await renderHelmSource({ renderer, chart, request, files: memoryFiles({}), path: '', refs }) }
    },
  }
}

/** Dependencies that are named but not in `charts/` come from their repositories, as `helm dependency build` brings them. */
async function completed(chart: Chart, charts: ChartStore): Promise<Chart> {
  const present = new Set(chart.dependencies.map((one) => one.metadata.name))
  const missing = chart.metadata.dependencies.filter((one) => !present.has(one.name) && one.repository !== '' && !one.repository.startsWith('file:'))
  if (missing.length === 0) return chart
  const fetched = await Promise.all(missing.map((one) => charts.chart({ repository: one.repository, name: one.name, version: one.version })))
  return { ...chart, dependencies: [...chart.dependencies, ...fetched] }
}

function inflate(charts: ChartStore, renderer: HelmRenderer, { chartRepositories = [] }: ManifestRequest): InflateHelm {
  return async (request) => {
    const chart = await chartFor(request, charts, chartRepositories)
    const values: JsonObject[] = request.valuesBelowDefaults === undefined ? [...request.values] : [valuesBelow(chart, request.valuesBelowDefaults), ...request.values]
    const rendering = await renderer.render(chart, {
      limits: { source: request.name }, releaseName: request.releaseName ?? 'release-name', namespace: request.namespace ?? 'default', values: [values.reduce<JsonObject>(mergeMaps, {})],
      includeCrds: request.includeCRDs, noHooks: request.skipHooks, skipTests: request.skipTests, apiVersions: request.apiVersions,
      ...(request.kubeVersion === undefined ? {} : { kubeVersion: request.kubeVersion }),
    })
    return rendering.documents.map((document) => document.object)
  }
}

async function chartFor(request: HelmRequest, charts: ChartStore, repositories: NonNullable<ManifestRequest['chartRepositories']>): Promise<Chart> {
  if (request.repo !== undefined) {
    const access = repositories.find((one) => normalizeRemoteUrl(one.url) === normalizeRemoteUrl(request.repo ?? ''))
    return charts.chart({ repository: request.repo, name: request.name, version: request.version, access })
  }
  if ((await request.files.read(`${request.chartPath}/Chart.yaml`)) === undefined) {
    throw new CodedError({ code: 'ChartNotFound', message: `no chart at ${request.chartPath}`, where: `${request.root}/kustomization.yaml`, remedy: 'Name the repository (repo:), or commit the chart there' })
  }
  return loadChart(subtree(request.files, request.chartPath), { source: request.name })
}

interface BuildOptions { readonly enableHelm: boolean; readonly unrestricted: boolean }

/** `kustomize.buildOptions` of argocd-cm: the flags that mean something here; others are refused by name. */
function buildOptions(text: string): BuildOptions {
  let enableHelm = false
  let unrestricted = false
  const words = text.split(/\s+/).filter((one) => one !== '')
  for (let at = 0; at < words.length; at++) {
    const [flag = '', inline] = (words[at] ?? '').split('=')
    const value = (): string => inline ?? words[++at] ?? ''
    if (flag === '--enable-helm') enableHelm = inline !== 'false'
    else if (flag === '--load-restrictor' || flag === '--load_restrictor') unrestricted = value() === 'LoadRestrictionsNone'
    else if (flag === '--helm-command') value()
    else throw new CodedError({ code: 'KustomizeOptionUnsupported', message: `kustomize build option ${flag} is not supported`, where: 'argocd-cm kustomize.buildOptions', remedy: 'Use --enable-helm and --load-restrictor' })
  }
  return { enableHelm, unrestricted }
}
