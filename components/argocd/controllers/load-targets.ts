import { parseApiVersion } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { isCoded, messageOf } from '@idp/kit'
import { keyText, objectKey } from '../engine/object-key.ts'
import type { Settings } from '../engine/settings.ts'
import { hookTypesOf } from '../engine/sync/annotations.ts'
import { withTracking } from '../engine/tracking.ts'
import { hasMultipleSources, sourcesOf, type Application, type ApplicationCondition, type ApplicationSource } from '../kinds/application.ts'
import { noteOrigin, originOf } from '../repo/origin.ts'
import type { ManifestRequest, RepoService, RepositoryAccess, SourceType } from '../repo/repo-service.ts'

/** What Git says an Application is made of. */
export interface Targets {
  readonly revisions: readonly string[]
  readonly sourceTypes: readonly SourceType[]
  /** Equal identities mean equal objects: nothing to compare again on account of Git. */
  readonly identity: string
  readonly objects: readonly AnyObject[]
  readonly hooks: readonly AnyObject[]
  readonly warnings: readonly ApplicationCondition[]
}

export interface LoadContext {
  readonly repo: RepoService
  readonly settings: Settings
  accessOf(url: string): RepositoryAccess
  readonly chartRepositories: readonly RepositoryAccess[]
  /** Scope of a kind: undefined when it is not served (yet). */
  scopeOf(apiVersion: string, kind: string): Promise<'Namespaced' | 'Cluster' | undefined>
  readonly kubeVersion: string
  readonly apiVersions: readonly string[]
}

export interface LoadRequest {
  readonly application: Application
  /** In place of each source's targetRevision, for a sync to a given revision. */
  readonly revisions?: readonly (string | undefined)[]
  readonly sources?: readonly ApplicationSource[]
  readonly freshAfter?: number
  readonly noCache?: boolean
  /** What the last load gave; returned as it is when nothing changed. */
  readonly previous?: LoadedSources | undefined
}

/** The answers of the repo server, kept to ask "anything new?" next time. */
export interface LoadedSources { readonly digests: readonly string[]; readonly manifests: readonly (readonly AnyObject[])[]; readonly targets: Targets; readonly tracking: string }

/** Thrown with the text of a ComparisonError condition. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
  /** Nothing is wrong with the sources as far as is known: the repo server, or the Git server, does not answer. */
  readonly unreachable: boolean
  constructor(message: string, { unreachable = false }: { readonly unreachable?: boolean } = {}) {
    super(message)
    this.unreachable = unreachable
  }
}

/** Renders every source of an Application and prepares the objects for comparison. Throws TargetError. */
export async function loadTargets(request: LoadRequest, context: LoadContext): Promise<LoadedSources> {
  const { application, previous } = request
  const sources = request.sources ?? sourcesOf(application.spec)
  const refs = Object.fromEntries(sources.filter((one) => one.ref !== undefined).map((one) => [`$${one.ref ?? ''}`, { repository: context.accessOf(one.repoURL), revision: one.targetRevision ?? 'HEAD' }]))
  const rendered = sources.map((source, at) => ({ source, at })).filter(({ source }) => source.path !== undefined || source.chart !== undefined || source.ref === undefined)
  const answers = await Promise.all(rendered.map(async ({ source, at }) => {
    try {
      return await context.repo.manifests(manifestRequest(request, { source, at, refs }, context))
    } catch (error) {
      throw new TargetError(`Failed to load target state: failed to generate manifest for source ${at + 1} of ${sources.length}: rpc error: code = Unknown desc = ${described(error)}`, { unreachable: isCoded(error, 'RepoServerUnreachable', 'GitUnreachable') })
    }
  }))
  const digests = answers.map((one) => one.digest)
  const tracking = JSON.stringify([context.settings.tracking, application.spec.destination])
  const revisions = answers.map((one) => one.revision)
  const manifests = answers.map(({ manifests: sent, origins }, at) => sent?.map((object, row) => withOrigin(object, origins?.[row])) ?? previous?.manifests[at] ?? [])
  const settled = previous !== undefined && previous.tracking === tracking && digests.every((digest, at) => previous.digests[at] === digest) && previous.targets.warnings.length === 0
  const targets = settled ? { ...previous.targets, revisions } : await prepared(application, manifests.flat(), { revisions, sourceTypes: answers.map((one) => one.sourceType), identity: digests.join() + tracking }, context)
  return { digests, manifests, targets, tracking }
}

interface SourceAt { readonly source: ApplicationSource; readonly at: number; readonly refs: NonNullable<ManifestRequest['refs']> }

function manifestRequest({ application, revisions, freshAfter, noCache, previous }: LoadRequest, { source, at, refs }: SourceAt, context: LoadContext): ManifestRequest {
  const revision = revisions?.[at]
  const knownDigest = previous?.digests[at]
  return {
    repository: context.accessOf(source.repoURL), source, application: application.metadata.name ?? '', namespace: application.spec.destination.namespace ?? '',
    kubeVersion: context.kubeVersion, apiVersions: context.apiVersions, kustomizeBuildOptions: context.settings.kustomizeBuildOptions, refs,
    chartRepositories: context.chartRepositories,
    ...(revision === undefined || revision === '' ? {} : { revision }), ...(freshAfter === undefined ? {} : { freshAfter }), ...(noCache === true ? { noCache } : {}),
    ...(knownDigest === undefined || noCache === true ? {} : { knownDigest }),
  }
}

/** Message, place and remedy in one line. */
export function described(error: unknown): string {
  if (!isCoded(error)) return messageOf(error)
  const where = error.where === undefined || error.message.includes(error.where) ? '' : ` (${error.where})`
  return `${error.message}${where}${error.remedy === undefined ? '' : `. ${error.remedy}`}`
}

async function prepared(application: Application, manifests: readonly AnyObject[], facts: Pick<Targets, 'revisions' | 'sourceTypes' | 'identity'>, context: LoadContext): Promise<Targets> {
  const name = application.metadata.name ?? ''
  const { settings } = context
  const declared = declaredScopes(manifests)
  const objects: AnyObject[] = []
  const hooks: AnyObject[] = []
  const seen = new Map<string, number>()
  const warnings: ApplicationCondition[] = []
  for (const manifest of manifests) {
    const { group } = parseApiVersion(manifest.apiVersion)
    if (settings.isExcluded(group, manifest.kind)) {
      warnings.push({ type: 'ExcludedResourceWarning', message: `Resource ${group}/${manifest.kind} ${manifest.metadata.name ?? ''} is excluded in the settings` })
      continue
    }
    const scope = (await context.scopeOf(manifest.apiVersion, manifest.kind)) ?? declared.get(`${group}/${manifest.kind}`) ?? 'Namespaced'
    const placed = withOrigin(withTracking(inNamespace(withoutNulls(manifest), scope, application.spec.destination.namespace), name, settings.tracking, application.spec.destination.namespace), originOf(manifest))
    const types = hookTypesOf(placed)
    if (types.length > 0) {
      if (!types.every((one) => one === 'Skip')) hooks.push(placed)
      const unsupported = types.find((one) => one === 'PreDelete' || one === 'PostDelete')
      if (unsupported !== undefined) warnings.push({ type: 'UnsupportedHookWarning', message: `${placed.kind} ${placed.metadata.name ?? ''} is a ${unsupported} hook, which is not run` })
      continue
    }
    const key = keyText(objectKey(placed))
    const first = seen.get(key)
    if (first !== undefined) {
      warnings.push({ type: 'RepeatedResourceWarning', message: `Resource ${key} appeared 2 times among application resources.` })
      objects[first] = placed
      continue
    }
    seen.set(key, objects.length)
    objects.push(placed)
  }
  return { ...facts, objects, hooks, warnings }
}

function withOrigin(object: AnyObject, origin: string | null | undefined): AnyObject {
  return origin === null || origin === undefined ? object : noteOrigin(object, origin)
}

/** Scopes of the kinds that CRDs among the manifests will bring. */
function declaredScopes(manifests: readonly AnyObject[]): Map<string, 'Namespaced' | 'Cluster'> {
  const found = new Map<string, 'Namespaced' | 'Cluster'>()
  for (const manifest of manifests) {
    if (manifest.kind !== 'CustomResourceDefinition') continue
    const spec = manifest['spec'] as { group?: string; scope?: string; names?: { kind?: string } } | undefined
    found.set(`${spec?.group ?? ''}/${spec?.names?.kind ?? ''}`, spec?.scope === 'Cluster' ? 'Cluster' : 'Namespaced')
  }
  return found
}

function inNamespace(object: AnyObject, scope: 'Namespaced' | 'Cluster', namespace: string | undefined): AnyObject {
  const { namespace: own, ...metadata } = object.metadata
  const wanted = scope === 'Cluster' ? undefined : own !== undefined && own !== '' ? own : namespace
  return { ...object, metadata: wanted === undefined || wanted === '' ? metadata : { ...metadata, namespace: wanted } }
}

/** A null in a manifest says nothing; sent to the server it would be a value. Status is not the user's to write. */
function withoutNulls(object: AnyObject): AnyObject {
  const { status: _status, ...rest } = object
  const metadata = Object.fromEntries(Object.entries(rest.metadata).filter(([key, value]) => value !== null && key !== 'creationTimestamp'))
  return { ...dropNulls(rest) as object, metadata: dropNulls(metadata) } as AnyObject
}

/** The value itself where it holds no null: most manifests, and they are large. */
function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) {
    const rows: unknown[] = value
    const kept = rows.map((one) => dropNulls(one))
    return kept.every((one, at) => one === rows[at]) ? value : kept
  }
  if (value === null || typeof value !== 'object') return value
  let copy: Record<string, unknown> | undefined
  for (const [key, inner] of Object.entries(value)) {
    const cleaned = inner === null ? null : dropNulls(inner)
    if (cleaned === inner && inner !== null) continue
    copy ??= { ...value }
    if (inner === null) delete copy[key]
    else copy[key] = cleaned
  }
  return copy ?? value
}

/** For messages: how the user wrote the sources. */
export function isMultiSource(application: Application): boolean {
  return hasMultipleSources(application.spec)
}
