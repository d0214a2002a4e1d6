import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commitFiles, deleteRef, fetchCommits, initBareRepository, listRemoteRefs, openRepository, pushCommit, type HttpFetch, type Remote } from '@idp/git'
import { CodedError, isCoded, type Clock } from '@idp/kit'
import { gatewayRequest, type GatewayAddress } from './gateway.ts'

/** The platform repository as it is served behind the gateway. Disposing removes the temporary copy. */
export interface PlatformRepository extends AsyncDisposable {
  readonly remote: Remote
  /** Commit id of a branch, or undefined when there is no such branch. */
  head(branch: string): Promise<string | undefined>
  /** Names of the directories below `path` at the head of `branch`. */
  directories(branch: string, path: string): Promise<readonly string[]>
  /** Adds a commit to a branch (its first, when it is new) and pushes it; gives its id. */
  commit(branch: string, files: Readonly<Record<string, string>>, message: string): Promise<string>
  /** Pushes a commit that is in `dir` to a branch; refuses what is not a fast-forward. */
  push(dir: string, commit: string, branch: string): Promise<void>
  remove(branch: string): Promise<void>
}

export interface RepositoryAccess {
  readonly gateway: GatewayAddress
  readonly host: string
  readonly credentials: { readonly username: string; readonly password: string }
  readonly clock: Clock
  readonly signal?: AbortSignal
}

/** Opens the repository `platform` of the Git server through the gateway. */
export async function openPlatformRepository(access: RepositoryAccess): Promise<PlatformRepository> {
  const dir = await mkdtemp(join(tmpdir(), 'idp-repository-'))
  await initBareRepository(dir)
  const copy = openRepository(dir)
  const remote: Remote = { url: `https://${access.host}/platform.git`, credentials: access.credentials, fetch: throughGateway(access), ...(access.signal === undefined ? {} : { signal: access.signal }) }
  const head = async (branch: string) => {
    const { refs } = await listRemoteRefs(remote).catch((error: unknown) => {
      if (isCoded(error, 'RepositoryNotFound')) return { refs: [] }
      throw error
    })
    return refs.find((ref) => ref.name === `refs/heads/${branch}`)?.id
  }
  return {
    remote, head,
    async directories(branch, path) {
      const commit = await head(branch)
      if (commit === undefined) throw new CodedError({ code: 'RevisionNotFound', message: `the platform repository has no branch '${branch}'`, where: remote.url })
      await fetchCommits(remote, copy, [commit])
      return ((await (await copy.tree(commit)).list(path)) ?? []).filter((entry) => entry.directory).map((entry) => entry.name)
    },
    async commit(branch, files, message) {
      const commit = await commitFiles(dir, files, { branch, message, author: { name: 'idp verify', email: 'idp@idp.localhost' }, time: access.clock.now() })
      await pushCommit(remote, { dir, commit, ref: `refs/heads/${branch}`, force: true })
      return commit
    },
    push: (from, commit, branch) => pushCommit(remote, { dir: from, commit, ref: `refs/heads/${branch}` }),
    remove: (branch) => deleteRef(remote, `refs/heads/${branch}`),
    async [Symbol.asyncDispose]() {
      await copy[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** A `fetch` whose every host is the gateway. */
function throughGateway({ gateway }: RepositoryAccess): HttpFetch {
  return async (url, init = {}) => {
    const { hostname, pathname, search } = new URL(url)
    const body = init.body === undefined || init.body === null ? undefined : new Uint8Array(await new Response(init.body).arrayBuffer())
    const { response } = await gatewayRequest(gateway, {
      host: hostname, path: pathname + search, method: init.method ?? 'GET', headers: Object.fromEntries(new Headers(init.headers)), body, signal: init.signal ?? undefined,
    })
    return response
  }
}
