import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { commitFiles, fetchCommits, initBareRepository, listRemoteRefs, openRepository, parseRemoteUrl, pushCommit, resolveRemoteRevision, type GitCredentials, type GitTree, type Remote, type RemoteRefs } from '@idp/git'
import { CodedError, isCoded, uuid, type Clock, type Random } from '@idp/kit'
import type { Net } from '@idp/sandbox'
import type { CatalogFile } from '../engine/catalog/catalog.ts'

/** A place in a repository as a browser of a Git host names it: `<repository>/blob/<branch>/<path>`, also `tree`, `raw` and Gitea's `src/branch`. */
export interface GitPlace { readonly repository: string; readonly revision: string; readonly path: string; readonly prefix: string }

export function parseGitPlace(url: string): GitPlace | undefined {
  const [, repository = '', kind = '', revision = '', path = ''] = /^(https?:\/\/.+?)\/((?:-\/)?(?:blob|tree|raw)|src\/branch)\/([^/]+)(?:\/(.*))?$/.exec(url) ?? []
  return repository === '' ? undefined : { repository, revision, path: path.replace(/\/+$/, ''), prefix: `${repository}/${kind}/${revision}/` }
}

export interface CommitResult { readonly commit: string; readonly changed: boolean }

export interface GitSource {
  /** The next `read` asks the servers for their branches again. */
  forget(): void
  /** Files whose path matches; `*` within a name, `**` across folders. The same objects while the commit is the same. */
  read(place: GitPlace): Promise<readonly CatalogFile[]>
  /** All files below a folder, by their path below it. Throws CodedError `NotFound`. */
  folder(place: GitPlace): Promise<Map<string, Uint8Array>>
  /** One commit on top of the branch, pushed; somebody else's push in between is built upon. Throws CodedErrors of the Git server, `FileExists`. */
  commit(request: { readonly repository: string; readonly branch: string; readonly files: ReadonlyMap<string, Uint8Array>; readonly message: string; readonly author: { readonly name: string; readonly email: string }; readonly mayReplace: (path: string) => boolean }): Promise<CommitResult>
}

const attempts = 4

export function gitSource({ directory, net, clock, random, credentials, signal }: { readonly directory: string; readonly net: Net; readonly clock: Clock; readonly random: Random; readonly credentials: (host: string) => Promise<GitCredentials | undefined>; readonly signal: AbortSignal }): GitSource {
  const kept = new Map<string, { readonly commit: string; readonly files: readonly CatalogFile[] }>()
  const busy = new Map<string, Promise<unknown>>()
  const made = new Set<string>()
  const known = new Map<string, RemoteRefs>()
  /** One at a time for each repository. */
  const alone = async <T>(repository: string, work: (dir: string, remote: Remote) => Promise<T>): Promise<T> => {
    const { url } = parseRemoteUrl(repository)
    const before = busy.get(url)
    const mine = (async () => {
      await before?.catch(() => undefined)
      const dir = join(directory, `${createHash('sha256').update(url).digest('hex').slice(0, 24)}.git`)
      if (!made.has(dir)) await initBareRepository(dir)
      made.add(dir)
      return work(dir, { url, credentials: await credentials(new URL(url).host), fetch: (to, init) => net.fetch(to, init), signal })
    })()
    busy.set(url, mine)
    return mine
  }
  const latest = async (remote: Remote, revision: string, fresh = true): Promise<string> => {
    const refs = (fresh ? undefined : known.get(remote.url)) ?? await listRemoteRefs(remote)
    known.set(remote.url, refs)
    const commit = resolveRemoteRevision(refs, revision)
    if (commit === undefined) throw new CodedError({ code: 'NotFound', message: `the repository has no branch or tag ${revision}`, where: remote.url })
    return commit
  }
  const inTree = async <T>(dir: string, remote: Remote, commit: string, work: (tree: GitTree) => Promise<T>): Promise<T> => {
    // Closed again afterwards: between two changes nothing of git runs.
    await using repository = openRepository(dir)
    await fetchCommits(remote, repository, [commit])
    // Awaited here: the repository closes when this function ends.
    return await work(await repository.tree(commit))
  }
  return {
    forget: () => known.clear(),
    read: (place) => alone(place.repository, async (dir, remote) => {
      const key = `${place.prefix}${place.path}`
      const commit = await latest(remote, place.revision, false)
      const before = kept.get(key)
      if (before?.commit === commit) return before.files
      const files = await inTree(dir, remote, commit, async (tree) => {
        const old = new Map(before?.files.map((file) => [file.url, file]))
        const found: CatalogFile[] = []
        for (const path of await matchingPaths(tree, place.path)) {
          const [url, text] = [`${place.prefix}${path}`, Buffer.from(await tree.read(path) ?? []).toString()]
          const same = old.get(url)
          found.push(same?.text === text ? same : { url, text })
        }
        return found
      })
      if (files.length === 0 && !place.path.includes('*')) throw new CodedError({ code: 'NotFound', message: `no file ${place.path} at ${place.revision}`, where: remote.url })
      kept.set(key, { commit, files })
      return files
    }),
    folder: (place) => alone(place.repository, async (dir, remote) => inTree(dir, remote, await latest(remote, place.revision), async (tree) => {
      const files = new Map<string, Uint8Array>()
      for (const path of await everyPath(tree, place.path)) files.set(place.path === '' ? path : path.slice(place.path.length + 1), await tree.read(path) ?? new Uint8Array())
      if (files.size === 0) throw new CodedError({ code: 'NotFound', message: `no folder ${place.path} at ${place.revision}`, where: remote.url })
      return files
    })),
    commit: ({ repository, branch, files, message, author, mayReplace }) => alone(repository, async (dir, remote) => {
      for (let attempt = 1; ; attempt++) {
        const base = await latest(remote, branch)
        const changes: Record<string, Uint8Array> = {}
        await inTree(dir, remote, base, async (tree) => {
          for (const [path, content] of files) {
            const there = await tree.read(path)
            if (there !== undefined && Buffer.compare(there, content) === 0) continue
            if (there !== undefined && !mayReplace(path)) throw new CodedError({ code: 'FileExists', message: `${path} exists in the repository with other content`, where: remote.url, remedy: 'Choose another name, or set allowOverwrite' })
            changes[path] = content
          }
        })
        if (Object.keys(changes).length === 0) return { commit: base, changed: false }
        const work = `scaffolder-${uuid(random)}`
        const ref = join(dir, 'refs', 'heads', work)
        await mkdir(dirname(ref), { recursive: true })
        await writeFile(ref, `${base}\n`)
        const commit = await commitFiles(dir, changes, { branch: work, message, author, time: clock.now() })
        try {
          known.delete(remote.url)
          await pushCommit(remote, { dir, commit, ref: `refs/heads/${branch}` })
          return { commit, changed: true }
        } catch (error) {
          if (!isCoded(error, 'PushRejected') || attempt >= attempts) throw error
        }
      }
    }),
  }
}

/** Paths of a tree that match; folders without a wildcard are entered directly. */
async function matchingPaths(tree: GitTree, pattern: string): Promise<string[]> {
  if (!pattern.includes('*')) return (await tree.read(pattern)) === undefined ? [] : [pattern]
  const fixed = pattern.slice(0, pattern.indexOf('*'))
  const root = fixed.includes('/') ? fixed.slice(0, fixed.lastIndexOf('/')) : ''
  const matches = new RegExp(`^${pattern.split(/(\*\*\/|\*\*|\*)/).map((part) => (part === '**/' ? '(?:[^/]+/)*' : part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))).join('')}$`)
  return (await everyPath(tree, root)).filter((path) => matches.test(path))
}

async function everyPath(tree: GitTree, folder: string): Promise<string[]> {
  const entries = await tree.list(folder)
  const below = await Promise.all((entries ?? []).map(async ({ name, directory }) => { const path = folder === '' ? name : `${folder}/${name}`; return directory ? everyPath(tree, path) : [path] }))
  return below.flat()
}
