import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRepository, openRepository } from '@idp/git'
import { CodedError, type FileTree } from '@idp/kit'
import { directoryFiles } from './directory-files.ts'

/** The platform repository that is to be deployed, at one commit. */
export interface RepositorySource extends AsyncDisposable {
  /** The directory a person edits. */
  readonly directory: string
  /** Where the objects are: a bare repository or a `.git` directory. */
  readonly gitDirectory: string
  readonly commit: string
  readonly files: FileTree
}

/** The blueprint's own commit is the same on every machine, so that starting twice is no change. */
const blueprintTime = 1_767_225_600_000

/** Opens a Git repository at HEAD, or makes one with a single commit from a plain directory. Throws CodedError `NoRepository`, `RevisionNotFound`. */
export async function openSource(directory: string): Promise<RepositorySource> {
  if (!(await isDirectory(directory))) throw new CodedError({ code: 'NoRepository', message: 'there is no such directory', where: directory, remedy: "Name a platform repository, or make one with 'idp init'" })
  const own = join(directory, '.git')
  if (await isDirectory(own)) return atHead(directory, own, async () => {})
  const temporary = await mkdtemp(join(tmpdir(), 'idp-source-'))
  await createRepository(temporary, directoryFiles(directory), { branch: 'main', message: 'The platform', author: { name: 'idp', email: 'idp@idp.localhost' }, time: blueprintTime, durable: false })
  return atHead(directory, temporary, () => rm(temporary, { recursive: true, force: true }))
}

async function atHead(directory: string, gitDirectory: string, dispose: () => Promise<void>): Promise<RepositorySource> {
  const repository = openRepository(gitDirectory)
  const commit = await repository.resolveRevision('HEAD')
  return {
    directory, gitDirectory, commit, files: await repository.tree(commit),
    async [Symbol.asyncDispose]() {
      await repository[Symbol.asyncDispose]()
      await dispose()
    },
  }
}

const isDirectory = async (path: string): Promise<boolean> => stat(path).then((found) => found.isDirectory(), () => false)
