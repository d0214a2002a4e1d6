import { formatYamlDocuments, type JsonObject, type KubeObject } from '@idp/formats'
import type { FileTree } from '@idp/kit'
import { accumulate, loadKustomization, nothing, type Build } from './accumulate.ts'
import { fillEmpty } from './empty-members.ts'
import { failure } from './failure.ts'
import { addMembers } from './field-transformers.ts'
import { hashNames } from './hash-names.ts'
import type { InflateHelm } from './helm-chart.ts'
import type { Kustomization } from './kustomization.ts'
import { rootLoader, type RemoteSource } from './loader.ts'
import { fixNameReferences } from './name-references.ts'
import { createOpenApi } from './openapi-schema.ts'
import { formatOrigin, formatOrigins, ORIGIN_ANNOTATION, TRANSFORMATIONS_ANNOTATION } from './origin.ts'
import type { RenderCache } from './render-cache.ts'
import { textAnnotations } from './patch-transformer.ts'
import { formatId, idOf } from './resource-id.ts'
import { isObject, scalarText, setMetadata, withObject, type Resource } from './resource.ts'
import { sortResources } from './sort-order.ts'
import { eachResource, type Transform } from './transform.ts'
import type { NameReference, TransformerConfig } from './transformer-config.ts'
import { resolveVariables } from './variables.ts'

export interface KustomizeOptions {
  /** Renders the entries of `helmCharts`; without `enableHelm` they are an error, as in kustomize. */
  readonly inflateHelm?: InflateHelm
  readonly enableHelm?: boolean
  /** `--helm-api-versions` and `--helm-kube-version`. */
  readonly helmApiVersions?: readonly string[]
  readonly helmKubeVersion?: string
  /** Fetches remote bases and files; without it they are an error. */
  readonly fetchRemote?: RemoteSource
  /** `rootOnly` (default): files must lie in or below their kustomization; `none`: anywhere in the tree. Nothing leaves the tree. */
  readonly loadRestrictor?: 'rootOnly' | 'none'
  /** Keeps work between builds of the same tree; objects that builds return must then not be changed. */
  readonly cache?: RenderCache
  /**
   * With a cache: the paths of all files of the tree that changed, came or went since the last build with it. What did not read any of them is then taken
   * as it was without looking. Absent when unknown: every file is compared.
   */
  readonly changed?: readonly string[]
  /** `--reorder`: the order when the kustomization names none. Default `legacy`. */
  readonly reorder?: 'legacy' | 'none'
  /** Told of legacy fields and the like, one sentence each. */
  readonly warn?: (message: string) => void
}

/** The version of kustomize that this follows; it is written where `managedByLabel` is asked for. */
export const KUSTOMIZE_VERSION = 'v5.7.1'

/**
 * Builds the kustomization in directory `path` of a tree, as `kubectl kustomize` does.
 * The objects may share parts with each other and with the cache: treat them as read-only.
 * @throws CodedError with the file concerned: `KustomizationNotFound`, `InvalidKustomization`, `InvalidYaml`, `InvalidResource`, `FileNotFound`,
 * `PathOutsideRoot`, `KustomizeCycle`, `DuplicateResource`, `PatchTargetNotFound`, `PatchFailed`, `InvalidReplacement`, `HelmNotEnabled`, …
 */
export async function renderKustomize(files: FileTree, path = '', options: KustomizeOptions = {}): Promise<KubeObject[]> {
  const loader = rootLoader(files, path, { remote: options.fetchRemote, restrict: options.loadRestrictor !== 'none', round: options.cache?.begin(options.changed) })
  const kustomization = await loadKustomization(loader, options.cache)
  warnOfLegacy(kustomization, options.warn)
  const openApi = createOpenApi()
  await openApi.use(kustomization, loader)
  const build: Build = {
    openApi, cache: options.cache, settings: JSON.stringify([options.loadRestrictor, options.enableHelm, options.helmApiVersions, options.helmKubeVersion]), metadata: kustomization.buildMetadata,
    helm: { inflate: options.inflateHelm, enabled: options.enableHelm === true, apiVersions: options.helmApiVersions ?? [], kubeVersion: options.helmKubeVersion },
  }
  const origin = kustomization.buildMetadata.length > 0 ? {} : undefined
  const { resources, config, variables } = await accumulate({ kustomization, loader, origin }, nothing, build)
  const steps = [hashNames, nameReferenceFixer(config), resolveVariables(variables, config.varReference), dropLocal, ...lastSteps(kustomization, options.reorder)]
  const finished = steps.reduce((list, step) => step(list), resources)
  return finished.map(({ object, hasEmpty }) => (hasEmpty ? fillEmpty(object) : object) as unknown as KubeObject) // every resource has a kind and a name
}

/** Writes objects as `kubectl kustomize` prints them. */
export function formatResources(objects: readonly KubeObject[]): string {
  return formatYamlDocuments(objects)
}

const fixers = new WeakMap<readonly NameReference[], Transform>()

/** One transformation per configuration, so that it knows again what it has seen. */
function nameReferenceFixer({ nameReference }: TransformerConfig): Transform {
  let fixer = fixers.get(nameReference)
  if (fixer === undefined) fixers.set(nameReference, fixer = fixNameReferences(nameReference))
  return fixer
}

const endings = new WeakMap<Kustomization, Transform[]>()

/** Order and metadata; kept with the kustomization, for the same reason. */
function lastSteps(kustomization: Kustomization, reorder: KustomizeOptions['reorder']): Transform[] {
  let steps = endings.get(kustomization)
  if (steps === undefined) {
    steps = [sortResources(kustomization.sortOptions, kustomization.file), ...withMetadata(kustomization)]
    endings.set(kustomization, steps)
  }
  return kustomization.sortOptions === undefined && reorder === 'none' ? steps.slice(1) : steps
}

const comesOut = new WeakMap<Resource, boolean>()

/** Objects marked as configuration for tools at hand do not come out. */
function dropLocal(resources: readonly Resource[]): readonly Resource[] {
  return resources.filter((resource) => {
    let verdict = comesOut.get(resource)
    if (verdict === undefined) comesOut.set(resource, verdict = isOutput(resource))
    return verdict
  })
}

function isOutput({ object }: Resource): boolean {
  const { metadata } = object
  const { kind, name } = idOf(object)
  if (kind === '' || (name === '' && !kind.endsWith('List'))) throw failure('InvalidResource', `missing ${kind === '' ? 'kind' : 'metadata.name'} in object ${formatId(idOf(object))}`)
  const annotations = isObject(metadata) ? metadata['annotations'] : undefined
  const mark = isObject(annotations) ? annotations['config.kubernetes.io/local-config'] : undefined
  return mark === undefined || scalarText(mark) === 'false'
}

function withMetadata({ buildMetadata }: Kustomization): Transform[] {
  const annotated = eachResource((resource) => withObject(resource, annotate(resource, buildMetadata)))
  if (!buildMetadata.includes('managedByLabel')) return [annotated]
  const spec = { group: '', version: '', kind: '', path: 'metadata/labels', create: true }
  return [addMembers({ 'app.kubernetes.io/managed-by': `kustomize-${KUSTOMIZE_VERSION}` }, [spec]), annotated]
}

function annotate({ object, origin, transformations }: Resource, wanted: readonly string[]): JsonObject {
  const texts = textAnnotations(object)
  const add: Record<string, string> = {}
  if (wanted.includes('originAnnotations') && origin !== undefined) add[ORIGIN_ANNOTATION] = formatOrigin(origin)
  if (wanted.includes('transformerAnnotations') && transformations !== undefined) add[TRANSFORMATIONS_ANNOTATION] = formatOrigins(transformations)
  const metadata = texts['metadata']
  const present = isObject(metadata) && isObject(metadata['annotations']) ? metadata['annotations'] : {}
  const stale = [ORIGIN_ANNOTATION, TRANSFORMATIONS_ANNOTATION].filter((key) => Object.hasOwn(present, key))
  if (Object.keys(add).length === 0 && stale.length === 0) return texts
  const kept = Object.fromEntries(Object.entries(present).filter(([key]) => !stale.includes(key)))
  const annotations = { ...kept, ...add }
  return setMetadata(texts, 'annotations', Object.keys(annotations).length === 0 ? undefined : annotations)
}

function warnOfLegacy(kustomization: Kustomization, warn: ((message: string) => void) | undefined): void {
  if (warn === undefined) return
  const legacy: [boolean, string, string][] = [
    [kustomization.commonLabels !== undefined, 'commonLabels', 'labels'],
    [kustomization.patchesJson6902.length > 0, 'patchesJson6902', 'patches'],
    [kustomization.patchesStrategicMerge.length > 0, 'patchesStrategicMerge', 'patches'],
    [kustomization.vars.length > 0, 'vars', 'replacements'],
  ]
  for (const [used, field, instead] of legacy) if (used) warn(`${kustomization.file}: '${field}' is deprecated. Please use '${instead}' instead.`)
}
