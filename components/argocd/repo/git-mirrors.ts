import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { fetchCommits, initBareRepository, listRemoteRefs, openRepository, parseRemoteUrl, resolveRemoteRevision, type HttpFetch, type Remote, type RemoteRefs, type Repository } from '@idp/git'
import { CodedError, type Clock } from '@idp/kit'
import type { RepositoryAccess, RevisionRequest } from './repo-service.ts'

export interface GitMirrorsOptions {
  /** An existing directory of this machine that only we write. */
  readonly directory: string
  readonly fetch: (access: RepositoryAccess) => HttpFetch
  readonly clock: Clock
  /** How long an answer about branches counts when nobody asks for a fresher one, in milliseconds; 3 minutes by default, as upstream's. */
  readonly refsTtl?: number
}

/** A commit of a mirrored repository, present on this machine. */
export interface Checkout { readonly repository: Repository; readonly commit: string }

/** Local copies of the repositories that Applications name. Concurrent requests for one repository share one question to its server. */
export interface GitMirrors extends AsyncDisposable {
  resolve(request: RevisionRequest): Promise<string>
  checkout(request: RevisionRequest): Promise<Checkout>
}

interface Known { readonly refs: RemoteRefs; readonly askedAt: number }
interface Flight { readonly startedAt: number; readonly result: Promise<Known> }
interface Mirror { readonly repository: Repository; known: Known | undefined; flight: Flight | undefined; fetching: Promise<unknown> }

export function gitMirrors({ directory, fetch, clock, refsTtl = 180_000 }: GitMirrorsOptions): GitMirrors {
  const mirrors = new Map<string, Promise<Mirror>>()
  const mirrorOf = (access: RepositoryAccess): Promise<Mirror> => {
    // Credentials are part of the key: what one user may read is not shown to another.
    const key = createHash('sha256').update(JSON.stringify([parseRemoteUrl(access.url).url, access.username ?? '', access.password ?? ''])).digest('hex').slice(0, 32)
    let mirror = mirrors.get(key)
    if (mirror === undefined) {
      mirror = openMirror(join(directory, `${key}.git`))
      mirrors.set(key, mirror)
      mirror.catch(() => mirrors.delete(key))
    }
    return mirror
  }
  const remoteOf = (access: RepositoryAccess): Remote => ({
    url: access.url, fetch: fetch(access),
    ...(access.username === undefined && access.password === undefined ? {} : { credentials: { username: access.username ?? '', password: access.password ?? '' } }),
  })
  const refsOf = async (mirror: Mirror, access: RepositoryAccess, freshAfter: number): Promise<RemoteRefs> => {
    if (mirror.known !== undefined && mirror.known.askedAt >= freshAfter) return mirror.known.refs
    // A question asked before `freshAfter` cannot answer: wait for it, then share the next one.
    while (mirror.flight !== undefined && mirror.flight.startedAt < freshAfter) await mirror.flight.result.catch(() => undefined)
    mirror.flight ??= ask(mirror, remoteOf(access), clock.now())
    return (await mirror.flight.result).refs
  }
  const resolve = async ({ repository, revision, freshAfter }: RevisionRequest): Promise<string> => {
    if (/^[0-9a-f]{40}$/.test(revision)) return revision
    const mirror = await mirrorOf(repository)
    const asked = clock.now()
    const lookUp = async (notBefore: number): Promise<{ refs: RemoteRefs; commit: string | undefined }> => {
      const refs = await refsOf(mirror, repository, notBefore)
      return { refs, commit: resolveRemoteRevision(refs, revision) ?? await resolveConstraint(refs, revision) ?? await mirror.repository.resolveRevision(revision).catch(() => undefined) }
    }
    const known = await lookUp(freshAfter ?? asked - refsTtl)
    // That a branch is missing is not believed of an older answer: it may have been pushed a moment ago.
    const { refs, commit } = known.commit === undefined && (freshAfter ?? 0) < asked ? await lookUp(asked) : known
    if (commit !== undefined) return commit
    throw new CodedError({
      code: 'RevisionNotFound', message: `unable to resolve '${revision}' to a commit SHA`, where: parseRemoteUrl(repository.url).url,
      remedy: `Create the branch or tag, or correct targetRevision${refs.head === undefined ? '' : ` (the default branch is ${refs.head.replace('refs/heads/', '')})`}`,
    })
  }
  return {
    resolve,
    async checkout(request) {
      const commit = await resolve(request)
      const mirror = await mirrorOf(request.repository)
      if (!(await mirror.repository.has(commit))) {
        // One fetch at a time: the second finds most of what it wants.
        const fetching = mirror.fetching.catch(() => undefined).then(() => fetchCommits(remoteOf(request.repository), mirror.repository, [commit]))
        mirror.fetching = fetching
        await fetching
      }
      return { repository: mirror.repository, commit }
    },
    async [Symbol.asyncDispose]() {
      for (const mirror of await Promise.allSettled(mirrors.values())) if (mirror.status === 'fulfilled') await mirror.value.repository[Symbol.asyncDispose]()
    },
  }
}

async function openMirror(dir: string): Promise<Mirror> {
  await initBareRepository(dir)
  return { repository: openRepository(dir), known: undefined, flight: undefined, fetching: Promise.resolve() }
}

function ask(mirror: Mirror, remote: Remote, startedAt: number): Flight {
  const result = listRemoteRefs(remote).then((refs) => {
    mirror.known = { refs, askedAt: startedAt }
    return mirror.known
  }).finally(() => { mirror.flight = undefined })
  return { startedAt, result }
}

/** `1.2.*`, `>=1.0 <2`: the highest tag that satisfies it. */
async function resolveConstraint({ refs }: RemoteRefs, revision: string): Promise<string | undefined> {
  if (/^[0-9a-f]{40}$/.test(revision)) return undefined
  const { default: semver } = await import('semver')
  if (semver.valid(revision) !== null || semver.validRange(revision) === null) return undefined
  const tags = refs.filter((ref) => ref.name.startsWith('refs/tags/')).map((ref) => ({ version: semver.parse(ref.name.slice('refs/tags/'.length)), commit: ref.peeled ?? ref.id }))
  const best = tags.filter(({ version }) => version !== null && semver.satisfies(version, revision)).sort((a, b) => semver.rcompare(a.version ?? '0.0.0', b.version ?? '0.0.0'))[0]
  return best?.commit
}
