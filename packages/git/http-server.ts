import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Handler } from '@idp/http'
import { spawnGit } from './git-command.ts'
import { openRepository, type Ref } from './repository.ts'

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
 * Git's smart HTTP protocol for clone, fetch and push, served by `git http-backend` (CGI, RFC 3875).
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
    const run = (): Promise<Response> => backend(request, { dir, action, query: url.search.slice(1), user: granted.user, address: peer.address })
    if (action !== 'git-receive-pack') return run()
    const before = pushes.get(dir) ?? Promise.resolve()
    const mine = before.then(() => receive({ run, options, name, dir, user: granted.user }))
    pushes.set(dir, mine.catch(() => undefined))
    return mine
  }
}

interface Receive { run(): Promise<Response>; readonly options: GitHttpOptions; readonly name: string; readonly dir: string; readonly user: string | undefined }

async function receive({ run, options, name, dir, user }: Receive): Promise<Response> {
  const refs = (): Promise<readonly Ref[]> => openRepository(dir).refs()
  const before = await refs()
  const response = await run()
  const body = await response.arrayBuffer()
  const updates = movedRefs(before, await refs())
  if (updates.length > 0) await options.pushed?.({ repository: name, dir, updates, user })
  return new Response(body, { status: response.status, headers: response.headers })
}

function movedRefs(before: readonly Ref[], after: readonly Ref[]): RefUpdate[] {
  const old = new Map(before.map((ref) => [ref.name, ref.id]))
  const now = new Map(after.map((ref) => [ref.name, ref.id]))
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((name) => old.get(name) !== now.get(name))
    .map((ref) => ({ ref, before: old.get(ref) ?? zeros, after: now.get(ref) ?? zeros }))
}

interface Cgi { readonly dir: string; readonly action: string; readonly query: string; readonly user: string | undefined; readonly address: string }

async function backend(request: Request, { dir, action, query, user, address }: Cgi): Promise<Response> {
  const header = (name: string): string => request.headers.get(name) ?? ''
  const child = spawnGit(['http-backend'], {
    env: {
      // Project root plus path info is the repository; its last part is given apart so that no name can lead elsewhere.
      GIT_PROJECT_ROOT: dir, PATH_INFO: `/${action}`, GIT_HTTP_EXPORT_ALL: '1', REQUEST_METHOD: request.method, QUERY_STRING: query,
      CONTENT_TYPE: header('content-type'), HTTP_CONTENT_ENCODING: header('content-encoding'), GIT_PROTOCOL: header('git-protocol'),
      REMOTE_ADDR: address, ...(user === undefined ? {} : { REMOTE_USER: user }),
    },
  })
  child.stdin.on('error', () => undefined)
  request.signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true })
  const failed = new Promise<never>((_resolve, reject) => child.once('error', reject))
  const [response] = await Promise.race([Promise.all([answer(child), sendBody(request, child)]), failed])
  return response
}

async function sendBody(request: Request, child: ChildProcessWithoutNullStreams): Promise<void> {
  const body: AsyncIterable<Uint8Array> | null = request.body
  if (body !== null) {
    for await (const chunk of body) {
      if (child.stdin.destroyed) break
      if (!child.stdin.write(chunk)) await new Promise<void>((resolve) => child.stdin.once('drain', resolve).once('close', resolve))
    }
  }
  child.stdin.end()
}

/** Reads the CGI head, then hands the rest through as it comes. */
async function answer(child: ChildProcessWithoutNullStreams): Promise<Response> {
  const chunks = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => { said = (said + chunk.toString()).slice(-2000) })
  let head: Buffer = Buffer.alloc(0)
  let end = -1
  while (end < 0) {
    const next = await chunks.next()
    if (next.done === true) return plain(500, `git http-backend failed: ${said.trim() || 'no answer'}\n`)
    head = Buffer.concat([head, next.value])
    end = head.indexOf('\r\n\r\n')
  }
  const headers = new Headers()
  let status = 200
  for (const line of head.toString('latin1', 0, end).split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    if (name.toLowerCase() === 'status') status = Number(value.slice(0, 3))
    else headers.append(name, value)
  }
  const rest = head.subarray(end + 4)
  return new Response(new ReadableStream<Uint8Array>({
    start(controller) { if (rest.length > 0) controller.enqueue(rest) },
    async pull(controller) {
      const next = await chunks.next()
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
    cancel() { child.kill('SIGTERM') },
  }), { status, headers })
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(text, { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers } })
}
