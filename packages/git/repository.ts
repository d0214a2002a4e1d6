import { CodedError } from '@idp/kit'
import { BoundedCache } from './bounded-cache.ts'
import { runGit } from './git-command.ts'
import { gitTree, parseTree, type GitTree, type TreeEntry } from './git-tree.ts'
import { ObjectReader } from './object-reader.ts'

/** What a commit says about itself. */
export interface Commit {
  readonly id: string
  readonly tree: string
  readonly parents: readonly string[]
  readonly author: string
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly message: string
}

export interface Ref { readonly name: string; readonly id: string }

/** One repository on this machine. Objects are immutable and kept by id, so that looking at an unchanged folder costs nothing. */
export interface Repository extends AsyncDisposable {
  readonly dir: string
  /** Commit id of a branch, tag, full ref or (abbreviated) id. Throws CodedError `RevisionNotFound`. */
  resolveRevision(revision: string): Promise<string>
  commit(id: string): Promise<Commit>
  /** The files of a commit. */
  tree(commit: string): Promise<GitTree>
  refs(): Promise<readonly Ref[]>
  has(id: string): Promise<boolean>
  /** Paths that differ between two commits, sorted. */
  changedPaths(base: string, head: string): Promise<readonly string[]>
}

const mebibyte = 2 ** 20

/** @param dir a bare repository, or the `.git` directory of a work tree. Nothing is read until it is used. */
export function openRepository(dir: string): Repository {
  const reader = new ObjectReader(dir)
  const trees = new BoundedCache<readonly TreeEntry[]>(20_000)
  const blobs = new BoundedCache<Uint8Array>(32 * mebibyte)
  const commits = new BoundedCache<Commit>(2_000)
  const objects = {
    async entries(id: string) {
      const kept = trees.get(id)
      if (kept !== undefined) return kept
      const object = await reader.read(id)
      if (object?.type !== 'tree') return undefined
      const entries = parseTree(object.content)
      trees.set(id, entries, 1 + entries.length)
      return entries
    },
    async blob(id: string) {
      const kept = blobs.get(id)
      if (kept !== undefined) return kept
      const object = await reader.read(id)
      if (object?.type !== 'blob') return undefined
      // A copy, so that a small blob does not hold the chunk it arrived in.
      const content = new Uint8Array(object.content)
      blobs.set(id, content, content.length + 64)
      return content
    },
  }
  const commit = async (id: string): Promise<Commit> => {
    const kept = commits.get(id)
    if (kept !== undefined) return kept
    const object = await reader.read(id)
    if (object?.type !== 'commit') throw notFound(id, dir)
    const parsed = parseCommit(object.id, object.content.toString())
    commits.set(id, parsed, 1)
    return parsed
  }
  return {
    dir, commit,
    async resolveRevision(revision) {
      const object = revision.startsWith('-') ? undefined : await reader.read(`${revision}^{commit}`)
      if (object?.type !== 'commit') throw notFound(revision, dir)
      return object.id
    },
    async tree(id) {
      return gitTree(objects, (await commit(id)).tree)
    },
    async refs() {
      const out = await runGit(['for-each-ref', '--format=%(objectname) %(refname)'], { dir })
      return out.toString().split('\n').filter((line) => line !== '').map((line) => ({ id: line.slice(0, line.indexOf(' ')), name: line.slice(line.indexOf(' ') + 1) }))
    },
    async has(id) {
      return (await reader.read(id)) !== undefined
    },
    async changedPaths(base, head) {
      const out = await runGit(['diff-tree', '-r', '-z', '--name-only', '--no-renames', '--end-of-options', base, head], { dir })
      return out.toString().split('\0').filter((path) => path !== '').sort()
    },
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  }
}

function notFound(revision: string, dir: string): CodedError {
  return new CodedError({ code: 'RevisionNotFound', message: `the repository has no commit ${JSON.stringify(revision)}`, where: dir, remedy: 'Check the name of the branch, tag or commit' })
}

function parseCommit(id: string, text: string): Commit {
  const end = text.indexOf('\n\n')
  const head = text.slice(0, end < 0 ? undefined : end).split('\n')
  const field = (name: string): string[] => head.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1))
  const [, author = '', seconds = '0'] = /^(.*) (\d+) [+-]\d{4}$/.exec(field('author')[0] ?? '') ?? []
  return { id, tree: field('tree')[0] ?? '', parents: field('parent'), author, time: Number(seconds) * 1000, message: end < 0 ? '' : text.slice(end + 2) }
}
