import { mkdir } from 'node:fs/promises'
import type { FileTree } from '@idp/kit'
import { CodedError } from '@idp/kit'
import { runGit } from './git-command.ts'

export interface CommitRequest {
  /** Without `refs/heads/`, e.g. `main`. */
  readonly branch: string
  readonly message: string
  readonly author: { readonly name: string; readonly email: string }
  /** Milliseconds since the epoch; the same arguments make the same commit id. */
  readonly time: number
}

/** Makes an empty bare repository whose HEAD names `branch`. Safe to run again. */
export async function initBareRepository(dir: string, branch = 'main'): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await runGit(['init', '--quiet', '--bare', '--template=', `--initial-branch=${checkedBranch(branch)}`, dir])
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
 * Gives the commit's id. Throws CodedError `InvalidBranch`, `GitFailed`.
 */
export async function commitFiles(dir: string, changes: Readonly<Record<string, string | Uint8Array | undefined>>, request: CommitRequest): Promise<string> {
  const ref = `refs/heads/${checkedBranch(request.branch)}`
  const parent = (await runGit(['for-each-ref', '--format=%(objectname)', ref], { dir })).toString().trim()
  const who = `${request.author.name.replace(/[<>\n]/g, ' ')} <${request.author.email.replace(/[<>\s]/g, '')}> ${Math.floor(request.time / 1000)} +0000`
  const parts: (string | Uint8Array)[] = [`commit ${ref}\nauthor ${who}\ncommitter ${who}\n`, ...data(request.message)]
  if (parent !== '') parts.push(`from ${parent}\n`)
  for (const [path, content] of Object.entries(changes)) {
    const quoted = JSON.stringify(path)
    if (content === undefined) parts.push(`D ${quoted}\n`)
    else parts.push(`M 100644 inline ${quoted}\n`, ...data(content))
  }
  await runGit(['fast-import', '--quiet', '--date-format=raw'], { dir, stdin: Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))) })
  return (await runGit(['rev-parse', '--verify', '--end-of-options', ref], { dir })).toString().trim().replace(/^--end-of-options\n/, '')
}

function data(content: string | Uint8Array): (string | Uint8Array)[] {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return [`data ${bytes.length}\n`, bytes, '\n']
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
