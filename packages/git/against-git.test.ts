import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isCoded, memoryFiles } from '@idp/kit'
import { runGit } from './git-command.ts'
import { commitFiles, createRepository, fetchCommits, gitHttpHandler, initBareRepository, listRemoteRefs, openRepository, pushCommit, type Remote } from './index.ts'
import { openObjectStore } from './object-store.ts'
import { readRefs, writeRef } from './refs.ts'
import { storePack } from './store-pack.ts'

const request = { branch: 'main', message: 'first', author: { name: 'A', email: 'a@example.org' }, time: 1_700_000_000_000 }
const lines = (from: number): string => Array.from({ length: 400 }, (_, at) => `line ${from + at * 7}\n`).join('')
const many = Object.fromEntries(Array.from({ length: 150 }, (_, at) => [`d${at % 5}/f${at}`, lines(at)]))

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'idp-git-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}
const git = async (dir: string, ...args: string[]): Promise<string> => (await runGit(args, { dir })).toString().trim()
const sound = (dir: string): Promise<string> => git(dir, 'fsck', '--full', '--strict')

test('git finds what was written here sound, and the same commits it would have made', async (t) => {
  const dir = join(await folder(t), 'r.git')
  const first = await createRepository(dir, memoryFiles(many), request)
  const second = await commitFiles(dir, { 'd0/f0': 'new', 'a/b/c': 'deep', 'd0-x': 'sorts between d0 and d0/', 'd1/f1': undefined }, { ...request, message: 'second\n' })
  await sound(dir)
  assert.equal(await git(dir, 'rev-parse', 'main~1'), first)
  assert.equal(await git(dir, 'show', 'main:a/b/c'), 'deep')
  assert.equal(await git(dir, 'log', '-1', '--format=%an <%ae> %at %B', second), `A <a@example.org> ${request.time / 1000} second`)
  const script = `commit refs/heads/again\nauthor A <a@example.org> 1700000000 +0000\ncommitter A <a@example.org> 1700000000 +0000\ndata 5\nfirst\n${Object.entries(many).map(([path, text]) => `M 100644 inline ${path}\ndata ${text.length}\n${text}\n`).join('')}`
  await runGit(['fast-import', '--quiet'], { dir, stdin: script })
  assert.equal(await git(dir, 'rev-parse', 'again'), first)
  await assert.rejects(commitFiles(dir, { 'x/../.git/config': '' }, request), (e) => isCoded(e, 'InvalidPath'))
})

test('what git packed with differences is read, fetched and packed again', async (t) => {
  const root = await folder(t)
  const dir = join(root, 'platform.git')
  await createRepository(dir, memoryFiles({ ...many, 'big.txt': lines(0) }), request)
  for (let n = 1; n <= 5; n++) await commitFiles(dir, { 'big.txt': `${lines(0)}${n}\n` }, { ...request, message: `change ${n}` })
  await runGit(['tag', '-a', 'v1', '-m', 'one', 'main'], { dir, env: { GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@example.org' } })
  await git(dir, 'gc', '--quiet', '--aggressive')
  await using repository = openRepository(dir)
  const head = await repository.resolveRevision('main')
  assert.equal(await repository.resolveRevision('v1'), head)
  assert.equal(await repository.resolveRevision('main~5'), await git(dir, 'rev-parse', 'main~5'))
  assert.equal(Buffer.from((await (await repository.tree(head)).read('big.txt')) ?? []).toString(), `${lines(0)}5\n`)
  assert.deepEqual(await repository.changedPaths(await git(dir, 'rev-parse', 'main~1'), head), ['big.txt'])
  const handler = gitHttpHandler({ locate: async () => dir, authorize: async () => ({ user: undefined }) })
  const remote: Remote = { url: 'http://git.test/platform.git', fetch: async (url, init) => handler(new Request(url, init), { address: '127.0.0.1' }) }
  const refs = await listRemoteRefs(remote)
  assert.equal(refs.refs.find(({ name }) => name === 'refs/tags/v1')?.peeled, head)
  const mirror = join(root, 'mirror.git')
  await initBareRepository(mirror)
  await using copy = openRepository(mirror)
  await Promise.all([1, 2, 3].map(() => fetchCommits(remote, copy, [head])))
  await sound(mirror)
  assert.equal(await git(mirror, 'show', `${head}:big.txt`), `${lines(0)}5`)
})

test('a thin pack is completed; a broken one, or one that refers to nothing, adds nothing', async (t) => {
  const root = await folder(t)
  const [dir, other] = [join(root, 'a.git'), join(root, 'b.git')]
  await createRepository(dir, memoryFiles({ 'big.txt': lines(0) }), request)
  await createRepository(other, memoryFiles({ 'big.txt': lines(0) }), request)
  const first = await git(dir, 'rev-parse', 'main')
  const second = await commitFiles(dir, { ...many, 'big.txt': `${lines(0)}x` }, { ...request, message: 'second' })
  const pack = await runGit(['pack-objects', '--revs', '--stdout', '--thin', '--delta-base-offset', '--quiet'], { dir, stdin: `${second}\n^${first}\n` })
  const store = openObjectStore(other)
  await storePack(other, pack, { store, durable: true })
  await writeRef(other, 'refs/heads/main', second, { durable: true })
  await sound(other)
  const bad = Buffer.from(pack)
  bad[40] = (bad[40] ?? 0) ^ 1
  for (const broken of [bad, pack.subarray(0, 200), Buffer.from('PACK'), Buffer.alloc(0)]) await assert.rejects(storePack(other, broken, { store, durable: false }), (e) => isCoded(e, 'GitCorrupt'))
  const empty = join(root, 'c.git')
  await initBareRepository(empty)
  await assert.rejects(storePack(empty, pack, { store: openObjectStore(empty), durable: false }), (e) => isCoded(e, 'GitCorrupt'))
  await store.close()
})

test('the git command: clone, push, fetch in rounds, shallow clone, tags, forced and refused pushes', async (t) => {
  const root = await folder(t)
  const dir = join(root, 'platform.git')
  await createRepository(dir, memoryFiles(many), request)
  const moved: string[] = []
  const handler = gitHttpHandler({ locate: async () => dir, authorize: async () => ({ user: 'u' }), pushed: async ({ updates }) => void moved.push(...updates.map(({ ref }) => ref)) })
  const server = createServer(async (incoming, outgoing) => {
    const body: Buffer[] = []
    for await (const chunk of incoming) body.push(chunk as Buffer)
    const init: RequestInit = { method: incoming.method ?? 'GET', headers: incoming.headers as Record<string, string> }
    if (incoming.method === 'POST') init.body = new Uint8Array(Buffer.concat(body))
    const response = await handler(new Request(`http://git.test${incoming.url}`, init), { address: '127.0.0.1' })
    outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(Buffer.from(await response.arrayBuffer()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve)))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/platform.git`
  const env = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@example.org', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@example.org', GIT_ALLOW_PROTOCOL: 'http' }
  const run = (...args: string[]): Promise<string> => runGit(args, { env }).then((out) => out.toString().trim())
  const work = join(root, 'work')
  await run('clone', '--quiet', url, work)
  const here = (...args: string[]): Promise<string> => run('-C', work, ...args)
  for (let n = 0; n < 3; n++) {
    await here('commit', '--quiet', '--allow-empty', '-m', `empty ${n}`)
    await here('push', '--quiet', 'origin', 'main')
  }
  await here('tag', '-a', 'v1', '-m', 'one')
  await here('push', '--quiet', '--atomic', 'origin', 'v1', 'main:refs/heads/topic')
  await here('commit', '--quiet', '--amend', '--allow-empty', '-m', 'other')
  await assert.rejects(here('push', '--quiet', 'origin', 'main'), /rejected/)
  await here('push', '--quiet', '--force', 'origin', 'main')
  await here('push', '--quiet', 'origin', ':topic')
  await assert.rejects(here('push', '--quiet', 'origin', ':main'), /prohibited/)
  await assert.rejects(here('push', '--quiet', 'origin', 'main:refs/heads/main/below'), /main\/below/)
  assert.deepEqual((await readRefs(dir)).map(({ name }) => name), ['refs/heads/main', 'refs/tags/v1'])
  assert.deepEqual(moved, ['refs/heads/main', 'refs/heads/main', 'refs/heads/main', 'refs/tags/v1', 'refs/heads/topic', 'refs/heads/main', 'refs/heads/topic'])
  await sound(dir)
  await commitFiles(dir, { new: 'x' }, { ...request, message: 'elsewhere' })
  await here('fetch', '--quiet', 'origin')
  assert.equal(await here('show', 'origin/main:new'), 'x')
  await run('clone', '--quiet', '--depth=1', url, join(root, 'shallow'))
  await run('clone', '--quiet', '--mirror', url, join(root, 'mirror'))
  await run('-c', 'protocol.version=0', 'clone', '--quiet', url, join(root, 'old'))
  await using local = openRepository(join(work, '.git'))
  assert.equal(await local.resolveRevision('HEAD'), await here('rev-parse', 'HEAD'))
  const remote: Remote = { url: 'http://git.test/platform.git', fetch: async (to, init) => handler(new Request(to, init), { address: '127.0.0.1' }) }
  await pushCommit(remote, { dir: join(work, '.git'), commit: await here('rev-parse', 'HEAD'), ref: 'refs/heads/again' })
  await sound(dir)
})
