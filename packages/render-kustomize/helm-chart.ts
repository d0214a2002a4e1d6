import { parseYaml, type JsonObject, type KubeObject } from '@idp/formats'
import type { FileTree } from '@idp/kit'
import { failure } from './failure.ts'
import type { HelmChart, HelmGlobals } from './kustomization.ts'
import { dependsOnMore, joinPath, loadFile, loadText, type Loader } from './loader.ts'
import { isObject, makeResource, type Resource } from './resource.ts'
import { parseResources } from './parse-resources.ts'
import { merge } from './strategic-patch.ts'
import { listMergeSchema } from './list-merge-schema.ts'

/** What an entry of `helmCharts` asks of Helm. The kustomization's own files are `files`; paths are relative to its top. */
export interface HelmRequest {
  readonly files: FileTree
  /** Directory of the kustomization. */
  readonly root: string
  readonly name: string
  readonly version: string | undefined
  /** Chart repository (`https://…` or `oci://…`); undefined when the chart lies at `chartPath`. */
  readonly repo: string | undefined
  /** Where kustomize would look for an unpacked chart. */
  readonly chartPath: string
  readonly releaseName: string | undefined
  readonly namespace: string | undefined
  readonly nameTemplate: string | undefined
  /** Values to put over the chart's own, in order; later ones win. */
  readonly values: readonly JsonObject[]
  /** Set for `valuesMerge: merge` without a values file: the chart's own values win over these. */
  readonly valuesBelowDefaults: JsonObject | undefined
  readonly includeCRDs: boolean
  readonly skipHooks: boolean
  readonly skipTests: boolean
  readonly apiVersions: readonly string[]
  readonly kubeVersion: string | undefined
  readonly devel: boolean
}

/** Renders a chart: `helm template` for one request. Answers objects, or the text that Helm prints. */
export type InflateHelm = (request: HelmRequest) => Promise<readonly KubeObject[] | string>

export interface HelmOptions {
  readonly inflate: InflateHelm | undefined
  readonly enabled: boolean
  readonly apiVersions: readonly string[]
  readonly kubeVersion: string | undefined
}

const MERGES = ['merge', 'override', 'replace']

/** Renders the chart of an entry of `helmCharts`. */
export async function inflateChart(chart: HelmChart, globals: HelmGlobals | undefined, loader: Loader, helm: HelmOptions): Promise<Resource[]> {
  if (!helm.enabled) throw failure('HelmNotEnabled', 'trouble configuring builtin HelmChartInflationGenerator: must specify --enable-helm', loader.root)
  if (helm.inflate === undefined) throw failure('HelmNotEnabled', 'no Helm renderer was given', loader.root)
  const request = await makeRequest(chart, globals, loader, helm)
  // A chart of the tree may change without our knowing what of it was read; so may one that is not pinned.
  if (request.repo === undefined || request.version === undefined) dependsOnMore(loader)
  const output = await helm.inflate(request)
  const objects = typeof output === 'string' ? parseResources(output, `helm chart ${request.name}`) : (output as readonly unknown[] as JsonObject[]) // Kubernetes objects are JSON objects
  return objects.map(makeResource)
}

async function makeRequest(chart: HelmChart, globals: HelmGlobals | undefined, loader: Loader, helm: HelmOptions): Promise<HelmRequest> {
  const name = chart.name ?? ''
  if (name === '') throw failure('InvalidKustomization', 'chart name cannot be empty', loader.root)
  const valuesMerge = given(chart.valuesMerge) ?? 'override'
  if (!MERGES.includes(valuesMerge)) throw failure('InvalidKustomization', `valuesMerge must be one of [${MERGES.join(' ')}]`, loader.root)
  const home = joinPath(loader.root, given(globals?.chartHome) ?? 'charts')
  const version = given(chart.version)
  const repo = given(chart.repo)
  const values: JsonObject[] = []
  const file = given(chart.valuesFile)
  const inline = chart.valuesInline !== undefined && Object.keys(chart.valuesInline).length > 0 ? chart.valuesInline : undefined
  const ownValues = file === undefined ? undefined : await readValues(loader, file)
  if (ownValues !== undefined) values.push(joinValues(ownValues, inline, valuesMerge))
  else if (inline !== undefined && valuesMerge !== 'merge') values.push(inline)
  for (const path of chart.additionalValuesFiles ?? []) values.push(await readValues(loader, path))
  return {
    files: loader.files, root: loader.root, name, version, repo,
    chartPath: `${home}${version !== undefined && repo !== undefined ? `/${name}-${version}` : ''}/${name}`,
    releaseName: given(chart.releaseName), namespace: given(chart.namespace), nameTemplate: given(chart.nameTemplate), values,
    valuesBelowDefaults: ownValues === undefined && valuesMerge === 'merge' ? inline : undefined,
    includeCRDs: chart.includeCRDs === true, skipHooks: chart.skipHooks === true, skipTests: chart.skipTests === true, devel: chart.devel === true,
    apiVersions: chart.apiVersions !== undefined && chart.apiVersions.length > 0 ? chart.apiVersions : helm.apiVersions,
    kubeVersion: given(chart.kubeVersion) ?? helm.kubeVersion,
  }
}

const given = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

function joinValues(file: JsonObject, inline: JsonObject | undefined, how: string): JsonObject {
  if (inline === undefined) return file
  if (how === 'replace') return inline
  const place = { schema: undefined, lookup: listMergeSchema, path: '' }
  const joined = how === 'override' ? merge(file, inline, place) : merge(inline, file, place)
  return isObject(joined) ? joined : {}
}

async function readValues(loader: Loader, path: string): Promise<JsonObject> {
  await loadFile(loader, path)
  const value = parseYaml(await loadText(loader, path), { source: joinPath(loader.root, path), duplicateKeys: 'last' })
  if (value === null) return {}
  if (!isObject(value)) throw failure('InvalidValues', 'a values file must hold a map', joinPath(loader.root, path))
  return value
}
