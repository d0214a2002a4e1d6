import { CodedError, systemClock, systemRandom, type Clock, type FileTree, type Random } from '@idp/kit'
import type { JsonObject, KubeObject } from '@idp/formats'
import { compareStrings, stringOf, type GoMap, type Limits } from '@idp/lang-gotemplate'
import { capabilitiesValue, defaultKubeVersion, readKubeVersion } from './capabilities.ts'
import type { Chart, CrdFile } from './chart.ts'
import { chartDots } from './chart-values.ts'
import { activate, isInRange, type ActiveChart } from './dependencies.ts'
import { loadChart, mergeMaps, type LoadOptions } from './load-chart.ts'
import { readObject, sortManifests, splitDocuments, type Hook, type Manifest } from './manifests.ts'
import type { Lookup } from './render-context.ts'
import { renderTemplates } from './render-templates.ts'
import { validateValues } from './values-schema.ts'
import { coalesceValues } from './values.ts'

/** What `helm template` takes as flags. */
export interface RenderOptions {
  readonly releaseName: string
  readonly namespace: string
  /** Merged in order, later ones win. */
  readonly values?: readonly JsonObject[]
  /** `--kube-version` */
  readonly kubeVersion?: string
  /** `--api-versions`, added to those Helm knows. */
  readonly apiVersions?: readonly string[]
  readonly includeCrds?: boolean
  readonly skipTests?: boolean
  readonly noHooks?: boolean
  readonly isUpgrade?: boolean
  /** `.Release.Revision`, 1 unless given. */
  readonly revision?: number
  /** Notes of subcharts too: `--render-subchart-notes`. */
  readonly subNotes?: boolean
  readonly skipSchemaValidation?: boolean
  /** Only these templates, as paths or globs below the chart: `--show-only`. */
  readonly showOnly?: readonly string[]
  readonly lookup?: Lookup
  readonly limits?: Limits & LoadOptions
  readonly random?: Random
  readonly clock?: Clock
  /** Changes the manifests before they are sorted: `--post-renderer`. Receives and answers outputs by template path. */
  readonly postRenderer?: (outputs: ReadonlyMap<string, string>) => Promise<ReadonlyMap<string, string>>
}

export interface RenderedDocument { readonly path: string; readonly object: KubeObject; readonly text: string }

export interface Rendering {
  /** Objects in the order `helm template` prints them: CRDs when asked for, manifests, then hooks. */
  readonly documents: readonly RenderedDocument[]
  readonly hooks: readonly Hook[]
  /** CRDs of `crds/` folders, included or not. */
  readonly crds: readonly CrdFile[]
  readonly notes: string | undefined
  /** The text `helm template` prints. */
  readonly manifest: string
}

/** Renders a chart as `helm template` does. Throws CodedError; templates reach no network, environment or file outside the chart. */
export async function renderHelm(source: FileTree | Chart, options: RenderOptions): Promise<Rendering> {
  const chart = 'metadata' in source ? source : await loadChart(source, options.limits)
  const { outputs, active } = render(chart, options)
  const notes = takeNotes(outputs, active, options.subNotes ?? false)
  const final = options.postRenderer === undefined ? outputs : await options.postRenderer(outputs)
  return assemble(final, crdsOf(active), notes, options)
}

function render(chart: Chart, options: RenderOptions): { outputs: Map<string, string>; active: ActiveChart } {
  if (chart.metadata.type === 'library') throw new CodedError({ code: 'LibraryChart', message: 'library charts are not installable', where: chart.metadata.name })
  const kube = readKubeVersion(options.kubeVersion ?? defaultKubeVersion)
  const given = (options.values ?? []).reduce<JsonObject>(mergeMaps, {}) as GoMap
  checkDependencies(chart)
  const active = activate(chart, given)
  const values = coalesceValues(active, given)
  if (options.skipSchemaValidation !== true) validateValues(active, values)
  checkKubeVersion(active, kube.normalized, kube.version)
  const release: GoMap = {
    Name: options.releaseName, Namespace: options.namespace, IsUpgrade: options.isUpgrade ?? false, IsInstall: !(options.isUpgrade ?? false),
    Revision: BigInt(options.revision ?? 1), Service: 'Helm',
  }
  const dots = chartDots(active, values, release, capabilitiesValue(kube, options.apiVersions ?? []))
  const clock = options.clock ?? systemClock
  return {
    active,
    outputs: renderTemplates(dots, {
      random: options.random ?? systemRandom, now: () => clock.now(), lookup: options.lookup ?? (() => undefined), limits: options.limits ?? {},
    }),
  }
}

function checkDependencies(chart: Chart): void {
  const absent = chart.metadata.dependencies.filter((wanted) => !chart.dependencies.some((sub) => sub.metadata.name === wanted.name)).map((wanted) => wanted.name)
  if (absent.length === 0) return
  throw new CodedError({
    code: 'MissingDependencies', where: chart.metadata.name,
    message: `found in Chart.yaml, but missing in charts/ directory: ${absent.join(', ')}`,
    remedy: 'Put the charts into charts/, as `helm dependency build` does',
  })
}

function checkKubeVersion(active: ActiveChart, normalized: string, version: string): void {
  const wanted = active.chart.metadata.kubeVersion
  if (wanted !== '' && !isInRange(wanted, normalized)) {
    throw new CodedError({ code: 'IncompatibleKubeVersion', message: `chart requires kubeVersion: ${wanted} which is incompatible with Kubernetes ${version}`, where: active.name })
  }
}

/** Takes NOTES.txt out of the outputs. */
function takeNotes(outputs: Map<string, string>, active: ActiveChart, ofAll: boolean): string | undefined {
  const notes: string[] = []
  for (const [path, text] of [...outputs]) {
    if (!path.endsWith('NOTES.txt')) continue
    outputs.delete(path)
    if (ofAll || path === `${active.name}/templates/NOTES.txt`) notes.push(text)
  }
  return notes.length === 0 ? undefined : notes.join('\n')
}

/** CRD files of a chart and its enabled subcharts. */
function crdsOf(active: ActiveChart): CrdFile[] {
  const own = [...active.chart.files].filter(([path]) => path.startsWith('crds/') && /\.(?:yaml|yml|json)$/.test(path))
    .sort(([a], [b]) => compareStrings(a, b)).map(([path, bytes]) => ({ path: `${active.fullPath}/${path}`, text: stringOf(bytes) }))
  return [...own, ...active.dependencies.flatMap(crdsOf)]
}

function assemble(outputs: ReadonlyMap<string, string>, crds: readonly CrdFile[], notes: string | undefined, options: RenderOptions): Rendering {
  const { manifests, hooks } = sortManifests(outputs)
  const shownHooks = options.noHooks === true ? [] : hooks.filter((hook) => options.skipTests !== true || !hook.events.includes('test'))
  const crdDocuments = options.includeCrds === true ? crds.flatMap(({ path, text }) => splitDocuments(text).map((part) => ({ path, text: part, object: readObject(path, part) }))) : []
  const crdText = options.includeCrds === true ? crds.map(printed).join('') : ''
  const body = (crdText + manifests.map(printed).join('')).replace(/^\s+|\s+$/g, '')
  const manifest = `${body}\n${shownHooks.map(printed).join('')}`
  const all: readonly Pick<Manifest, 'path' | 'text' | 'object'>[] = [...crdDocuments, ...manifests, ...shownHooks]
  const documents = all.flatMap(({ path, text, object }) => (object === undefined ? [] : [{ path, text, object }]))
  return { documents, hooks, crds, notes, manifest }
}

function printed({ path, text }: { path: string; text: string }): string {
  return `---\n# Source: ${path}\n${text}\n`
}
