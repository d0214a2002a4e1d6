import { createHash } from 'node:crypto'
import { normalizeRemoteUrl } from '@idp/git'
import { CodedError, type FileTree } from '@idp/kit'
import type { AnyObject } from '@idp/formats'
import { globMatches } from '../engine/project/glob.ts'
import type { GitMirrors } from './git-mirrors.ts'
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

interface Kept { readonly dependencies: readonly Dependencies[]; readonly sourceType: SourceType; readonly digest: string; readonly manifests: readonly AnyObject[] }

const maxKept = 5_000

export function createRepoService(mirrors: GitMirrors, renderers: SourceRenderers): RepoService {
  const kept = new Map<string, Kept>()
  const remember = (key: string, value: Kept): Kept => {
    kept.delete(key)
    kept.set(key, value)
    const oldest = kept.size > maxKept ? kept.keys().next().value : undefined
    if (oldest !== undefined) kept.delete(oldest)
    return value
  }
  const checkoutTree = async (request: Parameters<GitMirrors['checkout']>[0]) => {
    const { repository, commit } = await mirrors.checkout(request)
    return { commit, tree: await repository.tree(commit) }
  }
  return {
    async manifests(request) {
      const { source, freshAfter } = request
      const refTrees: { [name: string]: Awaited<ReturnType<typeof checkoutTree>>['tree'] } = {}
      for (const [name, ref] of Object.entries(request.refs ?? {})) refTrees[name] = (await checkoutTree({ ...ref, ...(freshAfter === undefined ? {} : { freshAfter }) })).tree
      if (source.chart !== undefined && source.chart !== '') return chartManifests(request, renderers, refTrees)
      const { commit, tree } = await checkoutTree({ repository: request.repository, revision: request.revision ?? source.targetRevision ?? 'HEAD', ...(freshAfter === undefined ? {} : { freshAfter }) })
      const key = renderingKey(request)
      const old = kept.get(key)
      const trees = [tree, ...Object.values(refTrees)]
      if (old !== undefined && request.noCache !== true && old.dependencies.length === trees.length && (await allUnchanged(old.dependencies, trees))) return answer(old, commit, request)
      const files = recordedFiles(tree)
      const refs = Object.fromEntries(Object.entries(refTrees).map(([name, one]) => [name, recordedFiles(one)]))
      const path = cleanPath(source.path ?? '')
      const sourceType = await sourceTypeOf(source, files, path)
      const manifests = await render(sourceType, { files, path, request, refs }, renderers)
      const dependencies = [files.dependencies, ...Object.values(refs).map((one) => one.dependencies)]
      return answer(remember(key, { dependencies, sourceType, manifests, digest: digestOf(manifests) }), commit, request)
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

async function chartManifests(request: ManifestRequest, renderers: SourceRenderers, refs: Readonly<Record<string, FileTree>>): Promise<ManifestResponse> {
  const { version, manifests } = await renderers.chart(request, refs)
  return answer({ dependencies: [], sourceType: 'Helm', digest: digestOf(manifests), manifests }, version, request)
}

function answer(of: Kept, revision: string, { knownDigest }: ManifestRequest): ManifestResponse {
  const { sourceType, digest, manifests } = of
  return digest === knownDigest ? { revision, sourceType, digest } : { revision, sourceType, digest, manifests, origins: manifests.map((one) => originOf(one) ?? null) }
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

function digestOf(manifests: readonly AnyObject[]): string {
  return createHash('sha256').update(JSON.stringify(manifests)).digest('hex')
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
