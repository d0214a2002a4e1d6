import { execFile } from 'node:child_process'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { initBareRepository, openRepository, type GitTree, type Repository } from '@idp/git'
import { CodedError, messageOf } from '@idp/kit'
import type { CommitFiles } from '../../platform/preview/index.ts'

const run = promisify(execFile)

/** A platform repository on this machine, looked at by commit. */
export interface OpenCommits extends AsyncDisposable {
  /** Throws CodedError `RevisionNotFound`. */
  at(revision: string): Promise<CommitFiles>
  /** What lies in the work tree now, without what `.gitignore` names. */
  workTree(): Promise<CommitFiles>
  mergeBase(a: string, b: string): Promise<string>
  /** A tag or a commit; undefined for branches and what is not there. */
  pinned(revision: string): Promise<CommitFiles | undefined>
  readonly remotes: readonly string[]
}

/** Opens the repository that `directory` is, or is a folder of: then that folder counts as the root. Throws CodedError `NoRepository`. */
export async function openCommits(directory: string): Promise<OpenCommits> {
  const git = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> => (await run('git', ['-C', directory, ...args], { env: { ...process.env, ...env }, maxBuffer: 64 * 2 ** 20 })).stdout.trim()
  const [gitDirectory = '', top = ''] = await Promise.all([git(['rev-parse', '--absolute-git-dir']), git(['rev-parse', '--show-toplevel'])]).catch((cause: unknown) => {
    throw new CodedError({ code: 'NoRepository', message: 'this is not a folder of a Git repository', where: directory, remedy: "Name the platform repository: idp preview BASE..HEAD DIRECTORY; 'git init' makes one", cause })
  })
  const common = await git(['rev-parse', '--path-format=absolute', '--git-common-dir'])
  const prefix = (await realpath(directory)).slice((await realpath(top)).length + 1)
  const repository = openRepository(gitDirectory)
  const temporary: { dispose(): PromiseLike<unknown> }[] = [{ dispose: () => repository[Symbol.asyncDispose]() }]
  const filesOf = async (from: Repository, commit: string): Promise<CommitFiles> => ({ commit, tree: below(await from.tree(commit), prefix.replaceAll('\\', '/')) })
  const at = async (revision: string): Promise<CommitFiles> => filesOf(repository, await repository.resolveRevision(revision))
  return {
    at,
    remotes: (await git(['config', '--get-regexp', String.raw`^remote\..*\.url$`]).catch(() => '')).split('\n').map((line) => line.split(' ')[1] ?? '').filter((url) => url !== ''),
    mergeBase: (a, b) => git(['merge-base', a, b]).catch((cause: unknown) => {
      throw new CodedError({ code: 'RevisionNotFound', message: `${a} and ${b} have no commit in common: ${messageOf(cause)}`, where: directory, remedy: 'Fetch more history, or write BASE..HEAD with two dots' })
    }),
    async pinned(revision) {
      if (!/^[0-9a-f]{7,40}$/.test(revision)) return at(`refs/tags/${revision}`).catch(() => undefined)
      return at(revision).catch(() => undefined)
    },
    async workTree() {
      // The user's own object store and index stay as they are: the new objects go to a repository that borrows the old ones.
      const borrowed = await mkdtemp(join(tmpdir(), 'idp-preview-'))
      temporary.unshift({ dispose: () => rm(borrowed, { recursive: true, force: true }) })
      await initBareRepository(borrowed)
      await writeFile(join(borrowed, 'objects', 'info', 'alternates'), `${join(common, 'objects')}\n`)
      const env = { GIT_INDEX_FILE: join(borrowed, 'index'), GIT_OBJECT_DIRECTORY: join(borrowed, 'objects'), GIT_ALTERNATE_OBJECT_DIRECTORIES: join(common, 'objects') }
      // Only the folder that counts: what lies beside it is of no interest.
      await git(['add', '--all', '--', '.'], env)
      const tree = await git(['write-tree'], env)
      const who = { GIT_AUTHOR_NAME: 'idp', GIT_AUTHOR_EMAIL: 'idp@idp.localhost', GIT_COMMITTER_NAME: 'idp', GIT_COMMITTER_EMAIL: 'idp@idp.localhost' }
      const commit = await git(['commit-tree', tree, '-m', 'work tree'], { ...env, ...who })
      const work = openRepository(borrowed)
      temporary.unshift({ dispose: () => work[Symbol.asyncDispose]() })
      return filesOf(work, commit)
    },
    async [Symbol.asyncDispose]() {
      for (const one of temporary) await one.dispose()
    },
  }
}

/** A folder of a tree as a tree. */
function below(tree: GitTree, folder: string): GitTree {
  if (folder === '') return tree
  const inside = (path: string): string => (path === '' ? folder : `${folder}/${path}`)
  return { id: tree.id, read: (path) => tree.read(inside(path)), list: (path) => tree.list(inside(path)), idOf: (path) => tree.idOf(inside(path)) }
}
