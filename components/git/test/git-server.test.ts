import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { createRepository, openRepository, pushCommit, type Remote } from '@idp/git'
import type { Handler } from '@idp/http'
import { memoryFiles, silentLog, systemClock, systemRandom } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { gitServer } from '../programs/git-server.ts'

const run = promisify(execFile)

interface Fixture { readonly handler: Handler; readonly hooks: { readonly url: string; readonly body: { ref: string; after: string; repository: { clone_url: string }; commits: { modified: string[] }[] } }[]; readonly root: string; restart(): Promise<Handler> }

/** The program in a container that is only what it uses. */
async function start(t: TestContext): Promise<Fixture> {
  const root = await mkdtemp(join(tmpdir(), 'idp-gits-'))
  const hooks: Fixture['hooks'][number][] = []
  let stop = new AbortController()
  let main: Promise<number> | undefined
  const secrets: Record<string, string> = { '/etc/git-credentials/username': 'idp', '/etc/git-credentials/password': 'secret' }
  const boot = async (): Promise<Handler> => {
    stop = new AbortController()
    const listening = Promise.withResolvers<Handler>()
    const container = {
      args: [], command: [], env: { GIT_DATA: '/data', GIT_WEBHOOKS: 'http://argo.test/api/webhook', GIT_URL: 'http://git.test' }, clock: systemClock, log: silentLog, random: systemRandom, signal: stop.signal,
      files: { directory: async () => join(root, 'data'), readText: async (path: string) => secrets[path] ?? '' },
      net: {
        listen: async (_port: number, server: { handler: Handler }) => {
          listening.resolve(server.handler)
          return { port: 8080, [Symbol.asyncDispose]: async () => {} }
        },
        fetch: async (url: string, init: RequestInit) => {
          hooks.push({ url, body: JSON.parse(String(init.body)) as Fixture['hooks'][number]['body'] })
          return new Response('OK')
        },
      },
    } as unknown as Container
    main = gitServer.main(container)
    return listening.promise
  }
  const handler = await boot()
  t.after(async () => {
    stop.abort()
    await main
    await rm(root, { recursive: true, force: true })
  })
  return {
    handler, hooks, root,
    async restart() {
      stop.abort()
      await main
      return boot()
    },
  }
}

test('a push makes the repository, survives a restart and is announced', async (t) => {
  const { handler, hooks, root, restart } = await start(t)
  const remote = (through: Handler, password = 'secret'): Remote => ({ url: 'http://git.test/platform.git', credentials: { username: 'idp', password }, fetch: async (url, init) => through(new Request(url, init), { address: '127.0.0.1' }) })
  const local = join(root, 'local.git')
  const commit = await createRepository(local, memoryFiles({ 'a/x': '1' }), { branch: 'main', message: 'first', author: { name: 'A', email: 'a@b' }, time: 0 })
  await assert.rejects(pushCommit(remote(handler, 'wrong'), { dir: local, commit, ref: 'refs/heads/main' }), /refused/)
  await pushCommit(remote(handler), { dir: local, commit, ref: 'refs/heads/main' })
  const again = await restart()
  assert.deepEqual(hooks.map(({ url, body }) => [url, body.ref, body.after, body.repository.clone_url]), [['http://argo.test/api/webhook', 'refs/heads/main', commit, 'http://git.test/platform.git']])
  const list = await again(new Request('http://git.test/', { headers: { accept: 'application/json', authorization: `Basic ${btoa('idp:secret')}` } }), { address: '127.0.0.1' })
  assert.deepEqual(await list.json(), { items: [{ name: 'platform', clone_url: 'http://git.test/platform.git' }] })
  assert.equal((await again(new Request('http://git.test/'), { address: '127.0.0.1' })).status, 401)
  assert.equal((await again(new Request('http://git.test/healthz'), { address: '127.0.0.1' })).status, 200)
  await using stored = openRepository(join(root, 'data', 'platform.git'))
  assert.equal(await stored.resolveRevision('main'), commit)
})

test('the git command clones and pushes', async (t) => {
  const { handler, hooks, root, restart } = await start(t)
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = incoming.method === 'POST' ? Readable.toWeb(incoming) as ReadableStream<Uint8Array> : null
      const headers = Object.entries(incoming.headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as [string, string]] : []))
      const response = await handler(new Request(`http://localhost${incoming.url ?? '/'}`, { method: incoming.method ?? 'GET', headers, body, ...(body === null ? {} : { duplex: 'half' }) } as RequestInit), { address: '127.0.0.1' })
      outgoing.writeHead(response.status, Object.fromEntries(response.headers))
      outgoing.end(Buffer.from(await response.arrayBuffer()))
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const url = `http://idp:secret@127.0.0.1:${(server.address() as AddressInfo).port}/platform.git`
  const git = (cwd: string, ...args: string[]) => run('git', ['-c', 'user.name=T', '-c', 'user.email=t@e', '-c', 'init.defaultBranch=main', ...args], { cwd, env: { PATH: '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin', HOME: root, GIT_CONFIG_NOSYSTEM: '1' } })
  await git(root, 'init', '-q', 'work')
  const work = join(root, 'work')
  await git(work, 'commit', '-q', '--allow-empty', '-m', 'one')
  await git(work, 'push', '-q', url, 'main')
  await git(root, 'clone', '-q', url, 'copy')
  await git(join(root, 'copy'), 'commit', '-q', '--allow-empty', '-m', 'two')
  await git(join(root, 'copy'), 'push', '-q', 'origin', 'main')
  await assert.rejects(git(root, 'clone', '-q', url.replace('secret', 'wrong'), 'no'))
  // Webhooks follow a push; stopping waits for those that are under way.
  await restart()
  assert.equal((await git(join(root, 'copy'), 'rev-parse', 'HEAD')).stdout.trim(), hooks.at(-1)?.body.after)
})
