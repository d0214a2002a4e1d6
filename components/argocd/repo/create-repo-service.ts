import { normalizeRemoteUrl } from '@idp/git'
import { CodedError, systemClock, type FileTree } from '@idp/kit'
import type { AnyObject } from '@idp/formats'
import { globMatches } from '../engine/project/glob.ts'
import type { GitMirrors } from './git-mirrors.ts'
import { digestOf, keptRenderings, type KeptRenderings, type Rendering } from './kept-renderings.ts'
import { originOf } from './origin.ts'
import { areUnchanged, recordedFiles, type Dependencies } from './recorded-files.ts'
import { renderDirectory } from './render-directory.ts'
import type { ManifestRequest, ManifestResponse, RepoService, SourceType } from './repo-service.ts'
import { sourceTypeOf } from './source-type.ts'

/** One folder to render. `files` has the whole repository. */
export interface RenderJob { readonly files: FileTree; readonly path: string; readonly request: ManifestRequest; readonly refs: Readonly<Record<string, FileTree>> }

/** Renders sources that are more than a folder of YAML. */
export interface SourceRenderers {
  kustomize(job: RenderJob): Promise<readonly AnyObject[]>
  helm(job: RenderJob): Promise<readonly AnyObject[]>
  /** A chart from a repository; gives the version that was chosen. */
  chart(request: ManifestRequest, refs: Readonly<Record<string, FileTree>>): Promise<{ readonly version: string; readonly manifests: readonly AnyObject[] }>
}

/** A RepoService that also gives its answer to `manifests` as the text of a JSON document, without making objects of it first. */
export interface TextRepoService extends RepoService { manifestsText(request: ManifestRequest): Promise<string> }

export function createRepoService(mirrors: GitMirrors, renderers: SourceRenderers, kept: KeptRenderings = keptRenderings({ clock: systemClock })): TextRepoService {
  const checkoutTree = async (request: Parameters<GitMirrors['checkout']>[0]) => {
    const { repository, commit } = await mirrors.checkout(request)
    return { commit, tree: await repository.tree(commit) }
  }
  const manifests = async (request: ManifestRequest): Promise<Answer> => {
    const { source, freshAfter } = request
    const refTrees: { [name: string]: Awaited<ReturnType<typeof checkoutTree>>['tree'] } = {}
    for (const [name, ref] of Object.entries(request.refs ?? {})) refTrees[name] = (await checkoutTree({ ...ref, ...(freshAfter === undefined ? {} : { freshAfter }) })).tree
    if (source.chart !== undefined && source.chart !== '') return chartManifests(request, renderers, refTrees)
    const { commit, tree } = await checkoutTree({ repository: request.repository, revision: request.revision ?? source.targetRevision ?? 'HEAD', ...(freshAfter === undefined ? {} : { freshAfter }) })
    const key = renderingKey(request)
    const old = request.noCache === true ? undefined : await kept.get(key)
    const trees = [tree, ...Object.values(refTrees)]
    if (old !== undefined && old.dependencies.length === trees.length && (await allUnchanged(old.dependencies, trees))) return { rendering: old, revision: commit }
    const files = recordedFiles(tree)
    const refs = Object.fromEntries(Object.entries(refTrees).map(([name, one]) => [name, recordedFiles(one)]))
    const path = cleanPath(source.path ?? '')
    const sourceType = await sourceTypeOf(source, files, path)
    const objects = await render(sourceType, { files, path, request, refs }, renderers)
    const dependencies = [files.dependencies, ...Object.values(refs).map((one) => one.dependencies)]
    const rendering = renderingOf(sourceType, objects, dependencies)
    kept.put(key, rendering)
    return { rendering, revision: commit }
  }
  return {
    async manifests(request) {
      return JSON.parse(answerText(await manifests(request), request)) as ManifestResponse
    },
    async manifestsText(request) {
      return answerText(await manifests(request), request)
    },
    resolveRevision: (request) => mirrors.resolve(request),
    async directories(request) {
      const { tree } = await checkoutTree(request)
      const found: string[] = []
      for await (const path of directoriesOf(tree, '')) found.push(path)
      return found
    },
    async files(request) {
      const { tree } = await checkoutTree(request)
      const found: { path: string; content: string }[] = []
      for await (const path of filesOf(tree, '')) {
        if (!request.patterns.some((pattern) => globMatches(pattern, path, '/'))) continue
        found.push({ path, content: new TextDecoder().decode(await tree.read(path)) })
      }
      return found
    },
    async revisionMetadata(request) {
      const { repository, commit } = await mirrors.checkout(request)
      const { author, time, message } = await repository.commit(commit)
      return { author, date: new Date(time).toISOString().replace('.000Z', 'Z'), message: message.trim() }
    },
  }
}

async function render(sourceType: SourceType, job: RenderJob, renderers: SourceRenderers): Promise<readonly AnyObject[]> {
  if (sourceType === 'Kustomize') return renderers.kustomize(job)
  if (sourceType === 'Helm') return renderers.helm(job)
  if (sourceType === 'Directory') return renderDirectory(job.files, job.path, job.request.source.directory)
  throw new CodedError({ code: 'PluginUnsupported', message: 'config management plugins are not supported', where: job.path, remedy: 'Use a directory, Kustomize or Helm source' })
}

async function chartManifests(request: ManifestRequest, renderers: SourceRenderers, refs: Readonly<Record<string, FileTree>>): Promise<Answer> {
  const { version, manifests } = await renderers.chart(request, refs)
  return { rendering: renderingOf('Helm', manifests, []), revision: version }
}

/** A rendering, and the commit or chart version it is of. */
interface Answer { readonly rendering: Rendering; readonly revision: string }

function renderingOf(sourceType: SourceType, manifests: readonly AnyObject[], dependencies: Rendering['dependencies']): Rendering {
  const json = JSON.stringify({ manifests, origins: manifests.map((one) => originOf(one) ?? null) })
  return { dependencies, sourceType, digest: digestOf(json), json }
}

/** A ManifestResponse as text. */
function answerText({ rendering: { sourceType, digest, json }, revision }: Answer, { knownDigest }: ManifestRequest): string {
  const head = JSON.stringify({ revision, sourceType, digest })
  return digest === knownDigest ? head : `${head.slice(0, -1)},${json.slice(1)}`
}

async function allUnchanged(dependencies: readonly Dependencies[], trees: readonly Parameters<typeof areUnchanged>[1][]): Promise<boolean> {
  for (const [at, tree] of trees.entries()) if (!(await areUnchanged(dependencies[at] ?? new Map(), tree))) return false
  return true
}

/** All that a rendering depends on besides the files. */
function renderingKey({ repository, source, application, namespace, refs, kubeVersion, apiVersions, kustomizeBuildOptions }: ManifestRequest): string {
  const { targetRevision: _moves, ...rest } = source
  return JSON.stringify([normalizeRemoteUrl(repository.url), rest, application, namespace, Object.keys(refs ?? {}), kubeVersion, apiVersions, kustomizeBuildOptions])
}

/** `./a/b/` is `a/b`; `.` is the root. Throws CodedError `PathOutsideTree`. */
function cleanPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (path.startsWith('/') || parts.includes('..')) throw new CodedError({ code: 'PathOutsideTree', message: `${path}: app path is absolute or leads out of the repository`, remedy: 'Write the path relative to the root of the repository' })
  return parts.join('/')
}

async function* directoriesOf(tree: FileTree, path: string): AsyncGenerator<string> {
  for (const entry of (await tree.list(path)) ?? []) {
    if (!entry.directory || entry.name.startsWith('.')) continue
    const inner = path === '' ? entry.name : `${path}/${entry.name}`
    yield inner
    yield* directoriesOf(tree, inner)
  }
}

async function* filesOf(tree: FileTree, path: string): AsyncGenerator<string> {
  for (const entry of (await tree.list(path)) ?? []) {
    const inner = path === '' ? entry.name : `${path}/${entry.name}`
    if (!entry.directory) yield inner
    else if (entry.name !== '.git') yield* filesOf(tree, inner)
  }
}
