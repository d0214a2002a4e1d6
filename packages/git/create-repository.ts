import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileTree } from '@idp/kit'
import { CodedError } from '@idp/kit'
import { editTree } from './edit-tree.ts'
import { writeRef } from './refs.ts'
import { openRepository } from './repository.ts'
import { objectId, storeObjects } from './store-pack.ts'

export interface CommitRequest {
  /** Without `refs/heads/`, e.g. `main`. */
  readonly branch: string
  readonly message: string
  readonly author: { readonly name: string; readonly email: string }
  /** Milliseconds since the epoch; the same arguments make the same commit id. */
  readonly time: number
  /** Everything is on the disk before the call resolves; true by default. */
  readonly durable?: boolean
}

const emptyConfig = '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n'

/** Makes an empty bare repository whose HEAD names `branch`. Safe to run again: what is there stays. */
export async function initBareRepository(dir: string, branch = 'main'): Promise<void> {
  const head = `ref: refs/heads/${checkedBranch(branch)}\n`
  for (const folder of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags']) await mkdir(join(dir, folder), { recursive: true, mode: 0o700 })
  const fresh = { flag: 'wx', mode: 0o600, flush: true } as const
  // HEAD last: with it a folder is a repository.
  for (const [name, text] of [['config', emptyConfig], ['HEAD', head]] as const) {
    await writeFile(join(dir, name), text, fresh).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'EEXIST') throw error })
  }
}

/** Makes a bare repository with one commit that holds all of `files`; gives the commit's id. */
export async function createRepository(dir: string, files: FileTree, request: CommitRequest): Promise<string> {
  await initBareRepository(dir, request.branch)
  const changes: Record<string, Uint8Array> = {}
  for await (const [path, content] of everyFile(files, '')) changes[path] = content
  return commitFiles(dir, changes, request)
}

/**
 * Adds one commit to a branch (its first, when the branch does not exist): `undefined` removes a path.
 * Gives the commit's id. Throws CodedError `InvalidBranch`, `InvalidPath`.
 */
export async function commitFiles(dir: string, changes: Readonly<Record<string, string | Uint8Array | undefined>>, request: CommitRequest): Promise<string> {
  const ref = `refs/heads/${checkedBranch(request.branch)}`
  await using repository = openRepository(dir)
  const parent = (await repository.refs()).find(({ name }) => name === ref)?.id
  const base = parent === undefined ? undefined : (await repository.commit(parent)).tree
  const { tree, objects } = await editTree(repository.entries, base, changes)
  const who = `${request.author.name.replace(/[<>\n]/g, ' ')} <${request.author.email.replace(/[<>\s]/g, '')}> ${Math.floor(request.time / 1000)} +0000`
  const content = Buffer.from(`tree ${tree}\n${parent === undefined ? '' : `parent ${parent}\n`}author ${who}\ncommitter ${who}\n\n${request.message}`)
  const commit = { id: objectId('commit', content), type: 'commit' as const, content }
  const { durable = true } = request
  await storeObjects(dir, [...objects, commit], { durable })
  await writeRef(dir, ref, commit.id, { durable })
  return commit.id
}

async function* everyFile(files: FileTree, directory: string): AsyncGenerator<[string, Uint8Array]> {
  for (const entry of (await files.list(directory)) ?? []) {
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`
    if (entry.directory) {
      if (entry.name !== '.git') yield* everyFile(files, path)
      continue
    }
    const content = await files.read(path)
    if (content !== undefined) yield [path, content]
  }
}

/** The rules of git-check-ref-format that matter for a name given by a person. */
export function checkedBranch(branch: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._/-]*$/.test(branch) && !/\.\.|\/\/|\/$|\.lock(\/|$)|\/\.|\.$/.test(branch)) return branch
  throw new CodedError({ code: 'InvalidBranch', message: `${JSON.stringify(branch)} is not a valid branch name`, remedy: 'Use letters, digits, ".", "_", "-" and "/"' })
}
