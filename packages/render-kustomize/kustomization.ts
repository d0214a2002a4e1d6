import type { Json, JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import type { FieldSpec } from './field-spec.ts'
import { isObject } from './resource.ts'
import { fields, list, map, readShape, type Shape } from './kustomization-shape.ts'

/** Names under which a kustomization is found; exactly one may be there. */
export const KUSTOMIZATION_FILES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const

export interface Selector {
  readonly group?: string; readonly version?: string; readonly kind?: string; readonly name?: string; readonly namespace?: string
  readonly labelSelector?: string; readonly annotationSelector?: string
}
export interface PatchEntry { readonly path?: string; readonly patch?: string; readonly target?: Selector; readonly options?: Readonly<Record<string, boolean>> }
export interface GeneratorOptions {
  readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>>
  readonly disableNameSuffixHash?: boolean; readonly immutable?: boolean
}
export interface GeneratorArgs {
  readonly name?: string; readonly namespace?: string; readonly behavior?: string; readonly type?: string
  readonly literals?: readonly string[]; readonly files?: readonly string[]; readonly envs?: readonly string[]; readonly env?: string
  readonly options?: GeneratorOptions
}
export interface ImageEntry { readonly name?: string; readonly newName?: string; readonly newTag?: string; readonly tagSuffix?: string; readonly digest?: string }
export interface LabelEntry {
  readonly pairs?: Readonly<Record<string, string>>; readonly includeSelectors?: boolean; readonly includeTemplates?: boolean; readonly fields?: readonly FieldSpecInput[]
}
export type FieldSpecInput = Partial<FieldSpec>
export interface FieldOptions { readonly delimiter?: string; readonly index?: number; readonly encoding?: string; readonly create?: boolean }
export interface Replacement {
  readonly path?: string
  readonly source?: Selector & { readonly fieldPath?: string; readonly options?: FieldOptions }
  readonly sourceValue?: string
  readonly targets?: readonly { readonly select?: Selector; readonly reject?: readonly Selector[]; readonly fieldPaths?: readonly string[]; readonly options?: FieldOptions }[]
}
export interface HelmGlobals { readonly chartHome?: string; readonly configHome?: string }
export interface HelmChart {
  readonly name?: string; readonly version?: string; readonly repo?: string; readonly releaseName?: string; readonly namespace?: string
  readonly additionalValuesFiles?: readonly string[]; readonly valuesFile?: string; readonly valuesInline?: JsonObject; readonly valuesMerge?: string
  readonly includeCRDs?: boolean; readonly skipHooks?: boolean; readonly apiVersions?: readonly string[]; readonly kubeVersion?: string
  readonly nameTemplate?: string; readonly skipTests?: boolean; readonly debug?: boolean; readonly devel?: boolean
}
export interface Variable {
  readonly name: string
  readonly objref?: { readonly apiVersion?: string; readonly group?: string; readonly version?: string; readonly kind?: string; readonly name?: string; readonly namespace?: string }
  readonly fieldref?: { readonly fieldPath?: string }
}
export interface SortOptions { readonly order?: string; readonly legacySortOptions?: { readonly orderFirst?: readonly string[]; readonly orderLast?: readonly string[] } }

/** A kustomization or component after its legacy fields were fixed. */
export interface Kustomization {
  readonly apiVersion: string
  readonly kind: 'Kustomization' | 'Component'
  readonly file: string
  readonly openapi?: Readonly<Record<string, string>>
  readonly namePrefix?: string; readonly nameSuffix?: string; readonly namespace?: string
  readonly commonLabels?: Readonly<Record<string, string>>
  readonly labels: readonly LabelEntry[]
  readonly commonAnnotations?: Readonly<Record<string, string>>
  readonly patchesStrategicMerge: readonly string[]
  readonly patchesJson6902: readonly PatchEntry[]
  readonly patches: readonly PatchEntry[]
  readonly images: readonly ImageEntry[]
  readonly replacements: readonly Replacement[]
  readonly replicas: readonly { readonly name?: string; readonly count?: number }[]
  readonly vars: readonly Variable[]
  readonly sortOptions?: SortOptions
  readonly resources: readonly string[]; readonly components: readonly string[]; readonly crds: readonly string[]
  readonly configMapGenerator: readonly GeneratorArgs[]
  readonly secretGenerator: readonly GeneratorArgs[]
  readonly helmGlobals?: HelmGlobals
  readonly helmCharts: readonly HelmChart[]
  readonly generatorOptions?: GeneratorOptions
  readonly configurations: readonly string[]; readonly generators: readonly string[]; readonly transformers: readonly string[]; readonly validators: readonly string[]
  readonly buildMetadata: readonly string[]
}

const selector = { group: 'string', version: 'string', kind: 'string', name: 'string', namespace: 'string', labelSelector: 'string', annotationSelector: 'string' } as const
const patch = fields({ path: 'string', patch: 'string', target: fields(selector), options: map('boolean') })
const generatorOptions = fields({ labels: map('string'), annotations: map('string'), disableNameSuffixHash: 'boolean', immutable: 'boolean' })
const generator = {
  namespace: 'string', name: 'string', behavior: 'string', literals: list('string'), files: list('string'), envs: list('string'), env: 'string', options: generatorOptions,
} as const
const image = fields({ name: 'string', newName: 'string', tagSuffix: 'string', newTag: 'string', digest: 'string' })
const fieldSpec = fields({ group: 'string', version: 'string', kind: 'string', path: 'string', create: 'boolean' })
const fieldOptions = fields({ delimiter: 'string', index: 'integer', encoding: 'string', create: 'boolean' })
const gvknn = { group: 'string', version: 'string', kind: 'string', name: 'string', namespace: 'string' } as const
export const replacementShape = fields({
  path: 'string', sourceValue: 'string',
  source: fields({ ...gvknn, fieldPath: 'string', options: fieldOptions }),
  targets: list(fields({ select: fields(selector), reject: list(fields(selector)), fieldPaths: list('string'), options: fieldOptions })),
})
const helmChart = fields({
  name: 'string', version: 'string', repo: 'string', releaseName: 'string', namespace: 'string', additionalValuesFiles: list('string'), valuesFile: 'string',
  valuesInline: map('any'), valuesMerge: 'string', includeCRDs: 'boolean', skipHooks: 'boolean', apiVersions: list('string'), kubeVersion: 'string',
  nameTemplate: 'string', skipTests: 'boolean', debug: 'boolean', devel: 'boolean',
})
const legacyHelm = fields({
  chartName: 'string', chartVersion: 'string', chartRepoUrl: 'string', chartHome: 'string', chartRepoName: 'string', helmBin: 'string', helmHome: 'string',
  values: 'string', valuesLocal: map('any'), valuesMerge: 'string', releaseName: 'string', releaseNamespace: 'string', extraArgs: list('string'),
})
const shape: Shape = fields({
  apiVersion: 'string', kind: 'string', metadata: fields({ name: 'string', namespace: 'string', labels: map('string'), annotations: map('string') }),
  openapi: map('string'), namePrefix: 'string', nameSuffix: 'string', namespace: 'string', commonLabels: map('string'),
  labels: list(fields({ pairs: map('string'), includeSelectors: 'boolean', includeTemplates: 'boolean', fields: list(fieldSpec) })),
  commonAnnotations: map('string'), patchesStrategicMerge: list('string'), patchesJson6902: list(patch), patches: list(patch), images: list(image),
  imageTags: list(image), replacements: list(replacementShape), replicas: list(fields({ name: 'string', count: 'integer' })),
  vars: list(fields({
    name: 'string', objref: fields({ apiVersion: 'string', ...gvknn }), fieldref: fields({ fieldPath: 'string' }),
  })),
  sortOptions: fields({ order: 'string', legacySortOptions: fields({ orderFirst: list('string'), orderLast: list('string') }) }),
  resources: list('string'), components: list('string'), crds: list('string'), bases: list('string'), configMapGenerator: list(fields(generator)),
  secretGenerator: list(fields({ ...generator, type: 'string' })), helmGlobals: fields({ chartHome: 'string', configHome: 'string' }), helmCharts: list(helmChart),
  helmChartInflationGenerator: list(legacyHelm), generatorOptions, configurations: list('string'), generators: list('string'), transformers: list('string'),
  validators: list('string'), buildMetadata: list('string'),
})

/** Checks a parsed kustomization file, fixes legacy fields and fills in what is left out. Throws `InvalidKustomization`. */
export function readKustomization(value: Json, file: string, root: string): Kustomization {
  const raw = value === null ? {} : readShape(value, shape, { file, type: 'Kustomization' })
  if (!isObject(raw)) throw failure('InvalidKustomization', 'invalid Kustomization: a map is wanted', file)
  const kind = raw['kind'] === undefined || raw['kind'] === '' ? 'Kustomization' : raw['kind']
  const version = kind === 'Component' ? 'kustomize.config.k8s.io/v1alpha1' : 'kustomize.config.k8s.io/v1beta1'
  const apiVersion = raw['apiVersion'] === undefined || raw['apiVersion'] === '' ? version : raw['apiVersion']
  if (Object.keys(raw).every((key) => key === 'apiVersion' || key === 'kind' || isUnset(raw[key]))) throw failure('InvalidKustomization', 'kustomization.yaml is empty', file)
  const errors: string[] = []
  if (kind !== 'Kustomization' && kind !== 'Component') errors.push('kind should be Kustomization or Component')
  if (apiVersion !== version) errors.push(`apiVersion for ${String(kind)} should be ${version}`)
  if (errors.length > 0) throw failure('InvalidKustomization', `Failed to read kustomization file under ${root}:\n${errors.join('\n')}`, file)
  return { ...withLists(raw), ...fixLegacy(raw), apiVersion, kind, file } as unknown as Kustomization // its shape was checked above
}

const isUnset = (value: Json | undefined): boolean => value === undefined || value === null || value === '' || value === false

const LISTS = [
  'labels', 'patchesStrategicMerge', 'patchesJson6902', 'patches', 'images', 'replacements', 'replicas', 'vars', 'resources', 'components', 'crds',
  'configMapGenerator', 'secretGenerator', 'helmCharts', 'configurations', 'generators', 'transformers', 'validators', 'buildMetadata',
]

function withLists(raw: JsonObject): JsonObject {
  const out: JsonObject = {}
  for (const key of LISTS) out[key] = []
  for (const key of Object.keys(raw)) if (raw[key] !== null) out[key] = raw[key] ?? null
  return out
}

function fixLegacy(raw: JsonObject): JsonObject {
  const many = (key: string): JsonObject[] => (Array.isArray(raw[key]) ? (raw[key] as JsonObject[]) : [])
  const env = (key: string): JsonObject[] => many(key).map((args) => {
    const single = args['env']
    return typeof single === 'string' && single !== '' ? { ...args, envs: [...(Array.isArray(args['envs']) ? args['envs'] : []), single] } : args
  })
  const legacy = many('helmChartInflationGenerator')
  const home = { chartHome: lastText(legacy, 'chartHome'), configHome: lastText(legacy, 'helmHome') }
  const fixed: JsonObject = {
    resources: [...many('resources'), ...many('bases')],
    images: [...many('images'), ...many('imageTags')],
    configMapGenerator: env('configMapGenerator'),
    secretGenerator: env('secretGenerator'),
    helmCharts: [...many('helmCharts'), ...legacy.map(modernChart)],
  }
  if (!isObject(raw['helmGlobals']) && (home.chartHome !== '' || home.configHome !== '')) fixed['helmGlobals'] = home
  return fixed
}

function lastText(list: readonly JsonObject[], key: string): string {
  return list.reduce((found, item) => (typeof item[key] === 'string' && item[key] !== '' ? item[key] : found), '')
}

function modernChart(old: JsonObject): JsonObject {
  const names: [string, string][] = [
    ['name', 'chartName'], ['version', 'chartVersion'], ['repo', 'chartRepoUrl'], ['valuesFile', 'values'], ['valuesInline', 'valuesLocal'],
    ['valuesMerge', 'valuesMerge'], ['releaseName', 'releaseName'],
  ]
  const chart: JsonObject = {}
  for (const [name, former] of names) if (old[former] !== undefined) chart[name] = old[former] ?? null
  return chart
}
