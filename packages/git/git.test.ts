import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isCoded, memoryFiles } from '@idp/kit'
import { commitFiles, createRepository, deleteRef, fetchCommits, gitHttpHandler, initBareRepository, listRemoteRefs, normalizeRemoteUrl, openRepository, parseRemoteUrl, pushCommit, resolveRemoteRevision, type GitPush, type Remote } from './index.ts'

const request = { branch: 'main', message: 'first', author: { name: 'A', email: 'a@example.org' }, time: 1_700_000_000_000 }

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'idp-git-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

test('a repository made from files gives them back, with the same ids for the same arguments', async (t) => {
  const dir = await folder(t)
  const files = memoryFiles({ 'a/b.yaml': 'x: 1\n', 'a/c d.txt': '', 'top.bin': new Uint8Array([0, 10, 255]) })
  const first = await createRepository(join(dir, 'one.git'), files, request)
  assert.equal(await createRepository(join(dir, 'two.git'), files, request), first)
  await using repository = openRepository(join(dir, 'one.git'))
  assert.equal(await repository.resolveRevision('main'), first)
  assert.equal(await repository.resolveRevision(first.slice(0, 8)), first)
  await assert.rejects(repository.resolveRevision('nope'), (e) => isCoded(e, 'RevisionNotFound'))
  await assert.rejects(repository.resolveRevision('--upload-pack=x'), (e) => isCoded(e, 'RevisionNotFound'))
  const tree = await repository.tree(first)
  assert.deepEqual(await tree.list(''), [{ name: 'a', directory: true }, { name: 'top.bin', directory: false }])
  assert.deepEqual(await tree.list('a'), [{ name: 'b.yaml', directory: false }, { name: 'c d.txt', directory: false }])
  assert.equal(Buffer.from((await tree.read('a/b.yaml')) ?? []).toString(), 'x: 1\n')
  assert.deepEqual([...((await tree.read('top.bin')) ?? [])], [0, 10, 255])
  assert.equal((await tree.read('a/c d.txt'))?.length, 0)
  assert.equal(await tree.read('a'), undefined)
  assert.equal(await tree.list('gone'), undefined)
  await assert.rejects(async () => tree.read('../x'), (e) => isCoded(e, 'PathOutsideTree'))
  const commit = await repository.commit(first)
  assert.equal(commit.message, 'first')
  assert.equal(commit.author, 'A <a@example.org>')
  assert.equal(commit.time, request.time)
})

test('a folder keeps its id as long as nothing in it changes', async (t) => {
  const dir = join(await folder(t), 'r.git')
  const first = await createRepository(dir, memoryFiles({ 'a/x': '1', 'b/y': '2' }), request)
  const second = await commitFiles(dir, { 'b/y': '3', 'b/z': '4' }, { ...request, message: 'second' })
  const third = await commitFiles(dir, { 'b/z': undefined }, { ...request, message: 'third' })
  await using repository = openRepository(dir)
  const [one, two, three] = await Promise.all([first, second, third].map((id) => repository.tree(id)))
  assert.equal(await one?.idOf('a'), await two?.idOf('a'))
  assert.notEqual(await one?.idOf('b'), await two?.idOf('b'))
  assert.equal(await three?.read('b/z'), undefined)
  assert.deepEqual(await repository.changedPaths(first, second), ['b/y', 'b/z'])
})

/** A Git server that needs no socket. */
async function server(t: TestContext, names: readonly string[]): Promise<{ remote(name: string, password?: string): Remote; pushes: GitPush[]; root: string }> {
  const root = await folder(t)
  const pushes: GitPush[] = []
  const handler = gitHttpHandler({
    locate: async (name) => (names.includes(name) ? join(root, `${name}.git`) : undefined),
    authorize: async (r) => (r.headers.get('authorization') === `Basic ${btoa('u:secret')}` ? { user: 'u' } : undefined),
    pushed: async (push) => void pushes.push(push),
  })
  const remote = (name: string, password = 'secret'): Remote => ({
    url: `http://git.test/${name}.git`, credentials: { username: 'u', password },
    fetch: async (url, init) => handler(new Request(url, init), { address: '127.0.0.1' }),
  })
  return { remote, pushes, root }
}

test('push and fetch over smart HTTP move only what is missing', async (t) => {
  const { remote, pushes, root } = await server(t, ['platform'])
  const local = join(root, 'local.git')
  const mirror = join(root, 'mirror.git')
  await initBareRepository(join(root, 'platform.git'))
  const first = await createRepository(local, memoryFiles({ 'a/x': '1' }), request)
  await pushCommit(remote('platform'), { dir: local, commit: first, ref: 'refs/heads/main' })
  assert.deepEqual(pushes.map((p) => [p.repository, p.user, p.updates]), [['platform', 'u', [{ ref: 'refs/heads/main', before: '0'.repeat(40), after: first }]]])
  await initBareRepository(mirror)
  await using copy = openRepository(mirror)
  for (const [content, message] of [['1', 'first'], ['2', 'second'], ['3', 'third']] as const) {
    const commit = content === '1' ? first : await commitFiles(local, { 'a/x': content }, { ...request, message })
    await pushCommit(remote('platform'), { dir: local, commit, ref: 'refs/heads/main' })
    const refs = await listRemoteRefs(remote('platform'))
    assert.equal(refs.head, 'refs/heads/main')
    assert.equal(resolveRemoteRevision(refs, 'HEAD'), commit)
    assert.equal(resolveRemoteRevision(refs, 'main'), commit)
    await fetchCommits(remote('platform'), copy, [commit])
    assert.equal(Buffer.from((await (await copy.tree(commit)).read('a/x')) ?? []).toString(), content)
  }
  assert.equal(pushes.length, 3)
  await pushCommit(remote('platform'), { dir: local, commit: first, ref: 'refs/heads/topic' })
  await deleteRef(remote('platform'), 'refs/heads/topic')
  assert.deepEqual((await listRemoteRefs(remote('platform'))).refs.map((ref) => ref.name), ['HEAD', 'refs/heads/main'])
  const elsewhere = await createRepository(join(root, 'other.git'), memoryFiles({ b: '1' }), request)
  await assert.rejects(pushCommit(remote('platform'), { dir: join(root, 'other.git'), commit: elsewhere, ref: 'refs/heads/main' }), (e) => isCoded(e, 'PushRejected'))
})

test('what is wrong with a remote has a code', async (t) => {
  const { remote, root } = await server(t, ['platform'])
  await initBareRepository(join(root, 'platform.git'))
  await assert.rejects(listRemoteRefs(remote('platform', 'wrong')), (e) => isCoded(e, 'GitAuthenticationRequired'))
  await assert.rejects(listRemoteRefs(remote('gone')), (e) => isCoded(e, 'RepositoryNotFound'))
  await assert.rejects(listRemoteRefs({ url: 'http://x', fetch: async () => { throw new Error('refused') } }), (e) => isCoded(e, 'GitUnreachable'))
  await assert.rejects(listRemoteRefs({ url: 'http://x', fetch: async () => new Response('<html>') }), (e) => isCoded(e, 'GitProtocol'))
  await using mirror = openRepository(join(root, 'platform.git'))
  await assert.rejects(fetchCommits(remote('platform'), mirror, ['1'.repeat(40)]), (e) => isCoded(e, 'RevisionNotFound', 'GitServerFailed'))
})

test('repository URLs', () => {
  for (const bad of ['ext::sh -c id', '--upload-pack=id', '/etc', 'file:///etc', 'git@github.com:a/b.git', 'ssh://git@h/r']) assert.throws(() => parseRemoteUrl(bad), (e) => isCoded(e, 'GitUrlRefused'), bad)
  assert.deepEqual(parseRemoteUrl('https://u:p%40@h/r.git/'), { url: 'https://h/r.git', credentials: { username: 'u', password: 'p@' } })
  assert.equal(normalizeRemoteUrl('https://User@GitHub.com/A/B.git'), 'https://github.com/a/b')
  assert.equal(normalizeRemoteUrl('git@github.com:A/B.git'), 'ssh://github.com/a/b')
})
