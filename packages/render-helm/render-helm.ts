import { CodedError, systemClock, systemRandom, type Clock, type FileTree, type Random } from '@idp/kit'
import type { JsonObject, KubeObject } from '@idp/formats'
import { compareStrings, isMap, stringOf, type GoMap, type Limits } from '@idp/lang-gotemplate'
import { capabilitiesValue, defaultKubeVersion, readKubeVersion } from './capabilities.ts'
import { compareCharts } from './chart-difference.ts'
import { filesValue } from './chart-files.ts'
import type { Chart, CrdFile } from './chart.ts'
import { chartDots, type ChartDot } from './chart-values.ts'
import { activate, isInRange, type ActiveChart } from './dependencies.ts'
import { globOfPath } from './helmignore.ts'
import { loadChart, mergeMaps, type LoadOptions } from './load-chart.ts'
import { hookOf, manifestOf, readObject, readPart, sortParts, splitDocuments, trimSpace, type Hook, type Manifest, type Part, type Stored, type StoredHook } from './manifests.ts'
import type { Lookup } from './render-context.ts'
import { partOf, renderTemplates, Watcher, type Output } from './render-templates.ts'
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
  /** `.Capabilities.HelmVersion.Version`, for charts that ask. */
  readonly helmVersion?: string
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

/** Renders charts; keeps what it needs to render one again at the cost of what changed. */
export interface HelmRenderer {
  /** As {@link renderHelm}. Templates whose text, includes and inputs are as they were are not run again. */
  render(source: FileTree | Chart, options: RenderOptions): Promise<Rendering>
}

/** A renderer that remembers the last rendering of each of the `most` releases it saw last. */
export function createHelmRenderer(most = 64): HelmRenderer {
  const states = new Map<string, State>()
  return {
    async render(source, options) {
      const name = JSON.stringify([options.releaseName, options.namespace, options.limits?.source ?? ''])
      const before = states.get(name)
      // It comes back with the new rendering; after a failure there is nothing to build on.
      states.delete(name)
      const chart = 'metadata' in source ? source : await loadChart(source, options.limits, before?.chart)
      const { state, rendering } = await renderState(chart, options, before)
      if (state !== undefined) states.set(name, state)
      for (const oldest of states.keys()) {
        if (states.size <= most) break
        states.delete(oldest)
      }
      return rendering
    },
  }
}

/** Renders a chart as `helm template` does. Throws CodedError; templates reach no network, environment or file outside the chart. */
export async function renderHelm(source: FileTree | Chart, options: RenderOptions): Promise<Rendering> {
  const chart = 'metadata' in source ? source : await loadChart(source, options.limits)
  return (await renderState(chart, options, undefined)).rendering
}

/** A rendering and all it was made from. */
interface State {
  readonly chart: Chart
  readonly inputs: string
  readonly plan: Plan
  readonly outputs: ReadonlyMap<string, Output>
}

/** What templates are run with: it holds as long as values, metadata and options are the same. */
interface Plan { readonly active: ActiveChart; readonly dots: readonly ChartDot[]; readonly shared: WeakSet<GoMap>; readonly watcher: Watcher }

async function renderState(chart: Chart, options: RenderOptions, before: State | undefined): Promise<{ state: State | undefined; rendering: Rendering }> {
  const inputs = inputsOf(options)
  const difference = before !== undefined && before.inputs === inputs ? compareCharts(before.chart, chart) : undefined
  const keeps = difference?.sameValues === true
  const plan = keeps && before !== undefined ? before.plan : makePlan(chart, options)
  const known = new Map<string, Output>()
  if (keeps && before !== undefined) {
    for (const [path, output] of before.outputs) if (!output.impure && (difference.sameFiles || !output.readsFiles)) known.set(path, output)
    if (!difference.sameFiles) renewFiles(plan, difference.now)
  }
  const clock = options.clock ?? systemClock
  const outputs = renderTemplates({
    dots: plan.dots, charts: difference?.now ?? new Map(), shared: plan.shared, watcher: plan.watcher, known,
    services: { random: options.random ?? systemRandom, now: () => clock.now(), lookup: options.lookup ?? (() => undefined), limits: options.limits ?? {} },
  })
  const state = plan.watcher.tainted ? undefined : { chart, inputs, plan: rebased(plan, difference?.now), outputs }
  return { state, rendering: await assemble(outputs, plan.active, options) }
}

/** All options that templates can see. */
function inputsOf(options: RenderOptions): string {
  const { releaseName, namespace, values, kubeVersion, apiVersions, helmVersion, isUpgrade, revision, skipSchemaValidation } = options
  return JSON.stringify([releaseName, namespace, values, kubeVersion, apiVersions, helmVersion, isUpgrade, revision, skipSchemaValidation])
}

function makePlan(chart: Chart, options: RenderOptions): Plan {
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
  const watcher = new Watcher()
  const dots = chartDots(active, values, release, capabilitiesValue(kube, options.apiVersions ?? [], options.helmVersion), () => { watcher.readsFiles = true })
  const shared = new WeakSet<GoMap>()
  for (const { dot } of dots) share(dot, shared)
  return { active, dots, shared, watcher }
}

/** Notes every map that templates of several files can reach. */
function share(value: unknown, shared: WeakSet<GoMap>): void {
  if (Array.isArray(value)) for (const item of value) share(item, shared)
  else if (isMap(value) && !shared.has(value)) {
    shared.add(value)
    for (const key of Object.keys(value)) share(value[key], shared)
  }
}

/** Puts the files of today under the dots of yesterday. */
function renewFiles(plan: Plan, now: ReadonlyMap<Chart, Chart>): void {
  for (const { active, dot } of plan.dots) dot['Files'] = filesValue((now.get(active.chart) ?? active.chart).files, () => { plan.watcher.readsFiles = true })
}

/** The plan over the charts as they are now. */
function rebased(plan: Plan, now: ReadonlyMap<Chart, Chart> | undefined): Plan {
  if (now !== undefined) for (const { active } of plan.dots) active.chart = now.get(active.chart) ?? active.chart
  return plan
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

const crdTexts = new WeakMap<Uint8Array, string>()

/** These are large and hardly ever change. */
function crdText(bytes: Uint8Array): string {
  let text = crdTexts.get(bytes)
  if (text === undefined) crdTexts.set(bytes, text = stringOf(bytes))
  return text
}

/** CRD files of a chart and its enabled subcharts. */
function crdsOf(active: ActiveChart): CrdFile[] {
  const own = [...active.chart.files].filter(([path]) => path.startsWith('crds/') && /\.(?:yaml|yml|json)$/.test(path))
    .sort(([a], [b]) => compareStrings(a, b)).map(([path, bytes]) => ({ path: `${active.fullPath}/${path}`, text: crdText(bytes) }))
  return [...own, ...active.dependencies.flatMap(crdsOf)]
}

async function assemble(outputs: ReadonlyMap<string, Output>, active: ActiveChart, options: RenderOptions): Promise<Rendering> {
  const notes: string[] = []
  const parts = new Map<string, Part>()
  for (const [path, output] of outputs) {
    if (!path.endsWith('NOTES.txt')) {
      if (options.postRenderer === undefined) parts.set(path, partOf(path, output))
    } else if (options.subNotes === true || path === `${active.name}/templates/NOTES.txt`) notes.push(output.text)
  }
  if (options.postRenderer !== undefined) {
    const texts = new Map([...outputs].flatMap(([path, { text }]) => (path.endsWith('NOTES.txt') ? [] : [[path, text] as const])))
    for (const [path, text] of await options.postRenderer(texts)) parts.set(path, readPart(path, text))
  }
  const { manifests, hooks } = sortParts(parts)
  if (options.showOnly !== undefined && options.showOnly.length > 0) {
    const shown = [...manifests, ...(options.noHooks === true ? [] : hooks)]
    return new Assembled(options.showOnly.flatMap((pattern) => matching(pattern, shown)), [], [], undefined, options)
  }
  return new Assembled(manifests, hooks, crdsOf(active), notes.length === 0 ? undefined : notes.join('\n'), options)
}

/** Documents of the templates a pattern names below the chart. */
function matching(pattern: string, all: readonly Stored[]): Stored[] {
  const glob = globOfPath(pattern)
  const found = all.filter(({ path }) => glob.test(path.slice(path.indexOf('/') + 1)))
  if (found.length === 0) throw new CodedError({ code: 'TemplateNotFound', message: `could not find template ${pattern} in chart`, where: pattern })
  return found
}

/** Texts and objects are put together when they are asked for. */
class Assembled implements Rendering {
  readonly crds: readonly CrdFile[]
  readonly notes: string | undefined
  private readonly stored: readonly Stored[]
  private readonly storedHooks: readonly StoredHook[]
  private readonly options: RenderOptions
  private text: string | undefined
  private all: readonly RenderedDocument[] | undefined

  constructor(stored: readonly Stored[], hooks: readonly StoredHook[], crds: readonly CrdFile[], notes: string | undefined, options: RenderOptions) {
    this.stored = stored
    this.storedHooks = hooks
    this.crds = crds
    this.notes = notes
    this.options = options
  }

  get hooks(): readonly Hook[] {
    return this.storedHooks.map(hookOf)
  }

  private shownHooks(): readonly StoredHook[] {
    const { noHooks, skipTests } = this.options
    return noHooks === true ? [] : this.storedHooks.filter(({ head }) => skipTests !== true || !head.events.includes('test'))
  }

  get manifest(): string {
    if (this.text !== undefined) return this.text
    const crds = this.options.includeCrds === true ? this.crds.map(printed).join('') : ''
    const body = trimSpace(crds + this.stored.map(printed).join(''))
    return (this.text = `${body}\n${this.shownHooks().map(printed).join('')}`)
  }

  get documents(): readonly RenderedDocument[] {
    return (this.all ??= [...this.crdDocuments(), ...[...this.stored, ...this.shownHooks()].map(manifestOf).filter(isDocument)])
  }

  private crdDocuments(): RenderedDocument[] {
    if (this.options.includeCrds !== true) return []
    return this.crds.flatMap(({ path, text }) => splitDocuments(text).flatMap((part) => {
      const object = readObject(path, part)
      return object === undefined ? [] : [{ path, text: part, object }]
    }))
  }
}

function isDocument(manifest: Manifest): manifest is Manifest & RenderedDocument {
  return manifest.kind !== '' || manifest.object !== undefined
}

function printed({ path, text }: { path: string; text: string }): string {
  return `---\n# Source: ${path}\n${text}\n`
}
