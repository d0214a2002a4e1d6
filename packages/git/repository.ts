import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '@idp/kit'
import { BoundedCache } from './bounded-cache.ts'
import { changedPaths } from './changed-paths.ts'
import { runGit } from './git-command.ts'
import { gitTree, parseTree, type GitTree, type TreeEntry } from './git-tree.ts'
import { ObjectReader } from './object-reader.ts'
import { openObjectStore, type GitObject } from './object-store.ts'
import { parseCommit, type Commit } from './parse-commit.ts'
import { readRef, readRefs, type Ref } from './refs.ts'

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
  /** Rows of one tree object; undefined when there is no such tree. */
  entries(treeId: string): Promise<readonly TreeEntry[] | undefined>
  /** Paths that differ between two commits, sorted. */
  changedPaths(base: string, head: string): Promise<readonly string[]>
}

const mebibyte = 2 ** 20

/** @param dir a bare repository, or the `.git` directory of a work tree. Nothing is read until it is used. */
export function openRepository(dir: string): Repository {
  const store = openObjectStore(dir)
  let git: ObjectReader | undefined
  let plain: Promise<boolean> | undefined
  /** Reads through git itself what only git can: revision expressions, and repositories in another format. */
  const askGit = (name: string): Promise<GitObject | undefined> => (git ??= new ObjectReader(dir)).read(name)
  const readObject = async (id: string): Promise<GitObject | undefined> => ((await (plain ??= isPlainRepository(dir))) ? store.read(id) : askGit(id))
  const trees = new BoundedCache<readonly TreeEntry[]>(20_000)
  const blobs = new BoundedCache<Uint8Array>(32 * mebibyte)
  const commits = new BoundedCache<Commit>(2_000)
  const objects = {
    async entries(id: string) {
      const kept = trees.get(id)
      if (kept !== undefined) return kept
      const object = await readObject(id)
      if (object?.type !== 'tree') return undefined
      const entries = parseTree(object.content)
      trees.set(id, entries, 1 + entries.length)
      return entries
    },
    async blob(id: string) {
      const kept = blobs.get(id)
      if (kept !== undefined) return kept
      const object = await readObject(id)
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
    const object = await readObject(id)
    if (object?.type !== 'commit') throw notFound(id, dir)
    const parsed = parseCommit(object.id, object.content.toString())
    commits.set(id, parsed, 1)
    return parsed
  }
  return {
    dir, commit, entries: objects.entries,
    async resolveRevision(revision) {
      if (revision.startsWith('-')) throw notFound(revision, dir)
      const named = (await (plain ??= isPlainRepository(dir))) ? await namedCommit(dir, revision, readObject) : undefined
      if (named !== undefined) return named
      const object = await askGit(`${revision}^{commit}`)
      if (object?.type !== 'commit') throw notFound(revision, dir)
      return object.id
    },
    async tree(id) {
      return gitTree(objects, (await commit(id)).tree)
    },
    async refs() {
      if (await (plain ??= isPlainRepository(dir))) return readRefs(dir)
      const out = await runGit(['for-each-ref', '--format=%(objectname) %(refname)'], { dir })
      return out.toString().split('\n').filter((line) => line !== '').map((line) => ({ id: line.slice(0, line.indexOf(' ')), name: line.slice(line.indexOf(' ') + 1) }))
    },
    async has(id) {
      return (await readObject(id)) !== undefined
    },
    async changedPaths(base, head) {
      return changedPaths(objects.entries, (await commit(base)).tree, (await commit(head)).tree)
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      await git?.[Symbol.asyncDispose]()
    },
  }
}

function notFound(revision: string, dir: string): CodedError {
  return new CodedError({ code: 'RevisionNotFound', message: `the repository has no commit ${JSON.stringify(revision)}`, where: dir, remedy: 'Check the name of the branch, tag or commit' })
}

/** False for what this package cannot read itself: other object formats, other stores of refs, work trees that share a repository. */
export async function isPlainRepository(dir: string): Promise<boolean> {
  const there = (name: string) => readFile(join(dir, name), 'utf8').catch(() => undefined)
  const [config = '', common] = await Promise.all([there('config'), there('commondir')])
  return common === undefined && !/^\s*(objectformat|refstorage|partialclone)\s*=/im.test(config)
}

/** The commit behind a complete id or the name of a ref, in the order of gitrevisions; undefined for all else. */
async function namedCommit(dir: string, revision: string, read: (id: string) => Promise<GitObject | undefined>): Promise<string | undefined> {
  let id: string | undefined
  if (/^[0-9a-f]{40}$/.test(revision)) id = revision
  else for (const prefix of ['', 'refs/', 'refs/tags/', 'refs/heads/', 'refs/remotes/']) id ??= await readRef(dir, `${prefix}${revision}`)
  // An annotated tag names what it was put on.
  for (let links = 0; id !== undefined && links < 16; links++) {
    const object = await read(id)
    if (object?.type === 'commit') return object.id
    id = object?.type === 'tag' ? /^object ([0-9a-f]{40})$/m.exec(object.content.toString('latin1'))?.[1] : undefined
  }
  return undefined
}
