import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createRepository, openRepository, type GitTree } from '@idp/git'
import { CodedError, memoryFiles, type FileTree } from '@idp/kit'
import { directoryFiles, type RepositorySource } from '@idp/platform'
import { openCommits } from '../preview/open-commits.ts'

/** What is tested: the files of a directory as they are now, committed or not, as a repository of its own. */
export interface TestSource extends RepositorySource { readonly files: GitTree; readonly remotes: readonly string[] }

/** In a Git repository, what `.gitignore` names is left out. */
export async function openTestSource(directory: string): Promise<TestSource> {
  const own = resolve(directory)
  const temporary = await mkdtemp(join(tmpdir(), 'idp-test-source-'))
  const { files, remotes } = await filesOf(own)
  const commit = await createRepository(temporary, files, { branch: 'main', message: 'What is tested', author: { name: 'idp', email: 'idp@idp.localhost' }, time: 0 })
  const repository = openRepository(temporary)
  return {
    directory: own, gitDirectory: temporary, commit, remotes, files: await repository.tree(commit),
    async [Symbol.asyncDispose]() {
      await repository[Symbol.asyncDispose]()
      await rm(temporary, { recursive: true, force: true })
    },
  }
}

async function filesOf(directory: string): Promise<{ readonly files: FileTree; readonly remotes: readonly string[] }> {
  let commits: Awaited<ReturnType<typeof openCommits>>
  try {
    commits = await openCommits(directory)
  } catch (error) {
    if (error instanceof CodedError && error.code === 'NoRepository') return { files: directoryFiles(directory), remotes: [] }
    throw error
  }
  await using open = commits
  const { tree } = await open.workTree()
  return { files: await inMemory(tree), remotes: open.remotes }
}

/** A copy that outlives the repository it comes from. */
async function inMemory(tree: FileTree): Promise<FileTree> {
  const files: Record<string, Uint8Array> = {}
  const read = async (folder: string): Promise<void> => {
    for (const entry of (await tree.list(folder)) ?? []) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.directory) await read(path)
      else files[path] = (await tree.read(path)) ?? new Uint8Array()
    }
  }
  await read('')
  return memoryFiles(files)
}
