import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { initBareRepository, openRepository, type Repository } from '@idp/git'

/** The bare repositories of one folder, `<name>.git` each. */
export interface Repositories extends AsyncDisposable {
  names(): Promise<readonly string[]>
  /** Directory of a repository; with `create` it is made when missing, otherwise undefined. */
  locate(name: string, create: boolean): Promise<string | undefined>
  open(name: string): Repository
}

export async function openRepositories(root: string, defaultBranch: string): Promise<Repositories> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  const opened = new Map<string, Repository>()
  const known = new Set<string>()
  const names = async (): Promise<string[]> => (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory() && entry.name.endsWith('.git')).map((entry) => entry.name.slice(0, -4)).sort()
  const creating = new Map<string, Promise<void>>()
  return {
    names,
    async locate(name, create) {
      const dir = join(root, `${name}.git`)
      if (known.has(name) || (await names()).includes(name)) {
        known.add(name)
        return dir
      }
      if (!create) return undefined
      const made = creating.get(name) ?? initBareRepository(dir, defaultBranch)
      creating.set(name, made)
      await made.finally(() => creating.delete(name))
      known.add(name)
      return dir
    },
    open(name) {
      const repository = opened.get(name) ?? openRepository(join(root, `${name}.git`))
      opened.set(name, repository)
      return repository
    },
    async [Symbol.asyncDispose]() {
      for (const repository of opened.values()) await repository[Symbol.asyncDispose]()
    },
  }
}
