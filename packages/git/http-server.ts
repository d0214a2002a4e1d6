import type { Handler, Peer } from '@idp/http'
import { gitBackend } from './git-backend.ts'
import { readRefs, type Ref } from './refs.ts'
import { isPlainRepository } from './repository.ts'
import { beginOf, type BodyBegin } from './request-body.ts'
import { advertiseReceivePack, serveReceivePack } from './serve-receive-pack.ts'
import { advertiseUploadPack, serveUploadPack } from './serve-upload-pack.ts'

/** One ref that a push moved; 40 zeros for "was not" and "is gone". */
export interface RefUpdate { readonly ref: string; readonly before: string; readonly after: string }

export interface GitPush { readonly repository: string; readonly dir: string; readonly updates: readonly RefUpdate[]; readonly user: string | undefined }

export interface GitHttpOptions {
  /** The directory of a repository by its name (`platform` of `/platform.git`), or undefined: 404. `writing` is true for a push, which may create it. */
  locate(name: string, writing: boolean): Promise<string | undefined>
  /** Who asks; undefined answers 401. Called for every request. */
  authorize(request: Request, access: { readonly repository: string; readonly writing: boolean }): Promise<{ readonly user: string | undefined } | undefined>
  /** Called after a push moved refs, before the answer to the push ends. */
  pushed?(push: GitPush): Promise<void>
}

const route = /^\/([A-Za-z0-9][A-Za-z0-9._-]*?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/
const zeros = '0'.repeat(40)

/**
 * Git's smart HTTP protocol for clone, fetch and push. What today's clients usually ask is answered in this process; the rest (older
 * protocols, shallow and partial clones, negotiation in rounds, very large packs, repositories in other formats) by `git http-backend`.
 * Dumb file access is not offered. Pushes to one repository run one after another.
 */
export function gitHttpHandler(options: GitHttpOptions): Handler {
  const pushes = new Map<string, Promise<unknown>>()
  return async (request, peer) => {
    const url = new URL(request.url)
    const [, name, action] = route.exec(url.pathname) ?? []
    if (name === undefined || action === undefined) return plain(404, 'not a Git request\n')
    const service = action === 'info/refs' ? url.searchParams.get('service') : action
    if (service !== 'git-upload-pack' && service !== 'git-receive-pack') return plain(403, 'only smart HTTP is served\n')
    const writing = service === 'git-receive-pack'
    const granted = await options.authorize(request, { repository: name, writing })
    if (granted === undefined) return plain(401, 'authentication required\n', { 'www-authenticate': 'Basic realm="git"' })
    const dir = await options.locate(name, writing)
    if (dir === undefined) return plain(404, 'repository not found\n')
    const call: Call = { request, peer, dir, user: granted.user }
    if (action === 'info/refs') return advertisement(call, service)
    if (request.method !== 'POST') return plain(405, 'use POST\n', { allow: 'POST' })
    if (action === 'git-upload-pack') return fetched(call)
    const before = pushes.get(dir) ?? Promise.resolve()
    const mine = before.then(() => received(call, name, options))
    pushes.set(dir, mine.catch(() => undefined))
    return mine
  }
}

interface Call { readonly request: Request; readonly peer: Peer; readonly dir: string; readonly user: string | undefined }

const isVersion2 = (request: Request): boolean => /(^|:)version=2($|:)/.test(request.headers.get('git-protocol') ?? '')

async function advertisement(call: Call, service: 'git-upload-pack' | 'git-receive-pack'): Promise<Response> {
  const { request, dir } = call
  if (!(await isPlainRepository(dir)) || (service === 'git-upload-pack' && !isVersion2(request))) return backend(call, 'info/refs')
  return gitAnswer(`${service}-advertisement`, service === 'git-upload-pack' ? advertiseUploadPack() : await advertiseReceivePack(dir))
}

async function fetched(call: Call): Promise<Response> {
  const begin = await beginOf(call.request)
  const answer = begin.rest === undefined && isVersion2(call.request) && (await isPlainRepository(call.dir)) ? await serveUploadPack(call.dir, begin.bytes) : undefined
  return answer === undefined ? backend(call, 'git-upload-pack', begin) : gitAnswer('git-upload-pack-result', answer)
}

async function received(call: Call, name: string, options: GitHttpOptions): Promise<Response> {
  const { dir, user } = call
  const begin = await beginOf(call.request)
  const done = begin.rest === undefined && (await isPlainRepository(dir)) ? await serveReceivePack(dir, begin.bytes) : undefined
  if (done !== undefined) {
    if (done.updates.length > 0) await options.pushed?.({ repository: name, dir, updates: done.updates, user })
    return gitAnswer('git-receive-pack-result', done.report)
  }
  const before = await readRefs(dir)
  const response = await backend(call, 'git-receive-pack', begin)
  const body = await response.arrayBuffer()
  const updates = movedRefs(before, await readRefs(dir))
  if (updates.length > 0) await options.pushed?.({ repository: name, dir, updates, user })
  return new Response(body, { status: response.status, headers: response.headers })
}

function backend({ request, peer, dir, user }: Call, action: string, begin?: BodyBegin): Promise<Response> {
  return gitBackend(request, { dir, action, query: new URL(request.url).search.slice(1), user, address: peer.address, body: begin?.raw() })
}

function movedRefs(before: readonly Ref[], after: readonly Ref[]): RefUpdate[] {
  const old = new Map(before.map((ref) => [ref.name, ref.id]))
  const now = new Map(after.map((ref) => [ref.name, ref.id]))
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((name) => old.get(name) !== now.get(name))
    .map((ref) => ({ ref, before: old.get(ref) ?? zeros, after: now.get(ref) ?? zeros }))
}

function gitAnswer(type: string, body: Buffer): Response {
  return new Response(new Uint8Array(body), { headers: { 'content-type': `application/x-${type}`, 'cache-control': 'no-cache, max-age=0, must-revalidate' } })
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(text, { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers } })
}
