import type { FileTree } from '@idp/kit'
import { failure } from './failure.ts'
import { parseRepositoryUrl, type RepositoryUrl } from './repository-url.ts'

/** Fetches what lies outside the tree. */
export interface RemoteSource {
  /** The files of a repository at a ref. Throws a CodedError when it cannot be had. */
  repository?(url: RepositoryUrl): Promise<FileTree>
  /** A single file by HTTP. */
  file?(url: string): Promise<Uint8Array>
}

/** Reads files relative to one kustomization root. */
export interface Loader {
  /** Directory inside the tree, '' for its top. */
  readonly root: string
  readonly files: FileTree
  readonly repository: RepositoryUrl | undefined
  /** Directories on the way from the entry to here, this one last. */
  readonly trail: readonly { readonly tree: FileTree; readonly root: string }[]
  readonly source: LoaderSource
  /** Records what a result depends on. */
  readonly reads: ReadLog
}

export interface LoaderSource { readonly remote: RemoteSource | undefined; readonly restrict: boolean; readonly round?: Round | undefined }

/** One build with a cache: its number, and whether the caller said which files changed since the one before. */
export interface Round { readonly number: number; readonly told: boolean }

/** What was read: contents, or undefined where nothing was. */
export interface Read { readonly path: string; readonly content: Uint8Array | undefined }
export type ReadLog = Map<string, Read>

/** Marks a result as depending on more than the files of the tree, so that it is never taken from a cache. */
export function dependsOnMore(loader: Loader): void {
  loader.reads.set('', { path: '', content: NEVER_READ })
}
export const NEVER_READ = new Uint8Array(1)

const decoder = new TextDecoder('utf-8')

/** A loader at the entry of a build. */
export function rootLoader(files: FileTree, root: string, source: LoaderSource): Loader {
  const clean = joinPath('', root)
  return { root: clean, files, repository: undefined, trail: [{ tree: files, root: clean }], source, reads: new Map() }
}

/** Resolves `path` against `base`. Throws `PathOutsideRoot` when it leaves the tree. */
export function joinPath(base: string, path: string): string {
  const out = base === '' ? [] : base.split('/')
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') out.push(part)
    else if (out.pop() === undefined) throw failure('PathOutsideRoot', `path '${path}' leaves the root of the files`, base === '' ? '.' : base)
  }
  return out.join('/')
}

const isInside = (path: string, root: string): boolean => root === '' || path === root || path.startsWith(`${root}/`)

/** Reads a file that the kustomization names. Throws `FileNotFound`, `PathOutsideRoot`. */
export async function loadFile(loader: Loader, path: string): Promise<Uint8Array> {
  const content = await loadFileIfAny(loader, path)
  if (content !== undefined) return content
  const full = joinPath(loader.root, path)
  throw failure('FileNotFound', `open ${full}: no such file or directory`, full)
}

/** The same, but undefined when there is no such file. */
export async function loadFileIfAny(loader: Loader, path: string): Promise<Uint8Array | undefined> {
  if (/^https?:\/\//i.test(path)) return loadUrl(loader, path)
  if (path.startsWith('/')) throw failure('PathOutsideRoot', `security; file '${path}' is not in or below '${loader.root}'`, loader.root)
  const full = joinPath(loader.root, path)
  const content = await readLogged(loader, full)
  if (content === undefined) return undefined
  // Clones may never leave their root, whatever the option says.
  if ((loader.source.restrict || loader.repository !== undefined) && !isInside(full, loader.root)) {
    throw failure('PathOutsideRoot', `security; file '${full}' is not in or below '${loader.root === '' ? '.' : loader.root}'`, full)
  }
  return content
}

export async function loadText(loader: Loader, path: string): Promise<string> {
  return decoder.decode(await loadFile(loader, path))
}

/** Reads a file by its path in the tree and notes it. */
export async function readLogged(loader: Loader, full: string): Promise<Uint8Array | undefined> {
  const content = await readFile(loader.files, full)
  loader.reads.set(full, { path: full, content })
  return content
}

/** A tree backed by a disk may refuse to read a directory; that is not a file. */
export function readFile(files: FileTree, path: string): Promise<Uint8Array | undefined> {
  return files.read(path).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === 'EISDIR') return undefined
    throw error
  })
}

async function loadUrl(loader: Loader, url: string): Promise<Uint8Array> {
  const { remote } = loader.source
  if (remote?.file === undefined) throw failure('RemoteNotAllowed', `remote file '${url}' cannot be fetched here`, url)
  dependsOnMore(loader)
  return remote.file(url)
}

/** The loader for a base or component that `loader` names: a directory (whether it is one shows when it is read), or a Git repository. */
export async function childLoader(loader: Loader, path: string): Promise<Loader> {
  if (path === '') throw failure('InvalidKustomization', 'new root cannot be empty', loader.root)
  const url = parseRepositoryUrl(path)
  if (url !== undefined) return repositoryLoader(loader, url)
  if (path.startsWith('/')) throw failure('PathOutsideRoot', `new root '${path}' cannot be absolute`, loader.root)
  const root = joinPath(loader.root, path)
  const seen = loader.trail.find((visited) => visited.tree === loader.files && isInside(visited.root, root))
  if (seen !== undefined) throw failure('KustomizeCycle', `cycle detected: candidate root '${root}' contains visited root '${seen.root}'`, root)
  return { ...loader, root, trail: [...loader.trail, { tree: loader.files, root }], reads: new Map() }
}

async function repositoryLoader(loader: Loader, url: RepositoryUrl): Promise<Loader> {
  const { remote } = loader.source
  if (remote?.repository === undefined) throw failure('RemoteNotAllowed', `remote base '${url.text}' cannot be fetched here`, url.text)
  if (loader.repository?.text.startsWith(url.text) === true) {
    throw failure('KustomizeCycle', `cycle detected: URI '${url.text}' referenced by previous URI '${loader.repository.text}'`, url.text)
  }
  if (loader.trail.length > 100) throw failure('KustomizeCycle', 'remote bases are nested more than 100 deep', url.text)
  dependsOnMore(loader)
  const files = await remote.repository(url)
  const root = joinPath('', url.path)
  if ((await files.list(root)) === undefined) throw failure('NotADirectory', `'${url.text}' has no directory '${root}'`, url.text)
  return { ...loader, files, root, repository: url, trail: [...loader.trail, { tree: files, root }], reads: new Map() }
}
