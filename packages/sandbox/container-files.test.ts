import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { memoryFiles } from '@idp/kit'
import { createContainerFiles, memoryVolume, volumePath } from './index.ts'

async function machine() {
  const path = await mkdtemp(join(tmpdir(), 'idp-files-'))
  await mkdir(join(path, 'data'))
  await writeFile(join(path, 'secret'), 'of the machine')
  return { path, data: join(path, 'data'), [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}
const text = (value: string) => ({ content: Buffer.from(value) })

test('image, memory and directory mounts form one file system', async () => {
  await using on = await machine()
  const config = memoryVolume(new Map([['app.yaml', text('a: 1')], ['tls/ca.crt', text('pem')]]))
  const files = createContainerFiles({
    image: memoryFiles({ 'etc/os-release': 'idp', 'etc/app/default.yaml': 'd' }),
    mounts: [{ path: '/etc/app', volume: config, readOnly: true }, { path: '/data', volume: { type: 'directory', root: on.data } }],
  })
  assert.equal(await files.readText('/etc/os-release'), 'idp')
  assert.equal(await files.readText('/etc/app/../app/./tls/ca.crt'), 'pem')
  assert.deepEqual(await files.list('/etc/app'), [{ name: 'app.yaml', directory: false }, { name: 'tls', directory: true }])
  assert.deepEqual((await files.list('/')).map((e) => e.name), ['data', 'etc'])
  assert.deepEqual((await files.list('/etc')).map((e) => e.name), ['app', 'os-release'])
  await files.write('/data/a/b.txt', 'one')
  await files.append('/data/a/b.txt', ' two')
  assert.equal(await readFile(join(on.data, 'a/b.txt'), 'utf8'), 'one two')
  assert.equal(await files.directory('/data'), on.data)
  await files.remove('/data/a')
  assert.equal(await files.exists('/data/a/b.txt'), false)
  await assert.rejects(files.write('/etc/app/app.yaml', ''), { code: 'ReadOnly' })
  await assert.rejects(files.write('/etc/new', ''), { code: 'ReadOnly' })
  await assert.rejects(files.directory('/etc/app'), { code: 'NoDirectory' })
  await assert.rejects(files.read('/data/none'), { code: 'FileNotFound' })
  await assert.rejects(files.read('/etc/app/default.yaml'), { code: 'FileNotFound' })
})

test('nothing outside the mounts can be reached', async () => {
  await using on = await machine()
  await symlink('../secret', join(on.data, 'out'))
  await symlink('/', join(on.data, 'root'))
  await writeFile(join(on.data, 'inner'), 'inner')
  await symlink('inner', join(on.data, 'in'))
  const files = createContainerFiles({ mounts: [{ path: '/data', volume: { type: 'directory', root: on.data } }] })
  assert.equal(await files.readText('/data/in'), 'inner')
  for (const path of ['/data/out', '/data/root/etc/passwd', '/data/../../secret', '/data/\0']) await assert.rejects(files.read(path), { code: 'FileNotFound' }, path)
  for (const path of ['/data/root/tmp/idp-escape', '/data/out']) await assert.rejects(files.write(path, 'x'), { code: 'FileNotFound' }, path)
  assert.throws(() => volumePath('../x', 'volume'), { code: 'PathInvalid' })
  assert.throws(() => volumePath('/x', 'volume'), { code: 'PathInvalid' })
})

test('subPath mounts one file, as it was at the start; the scratch layer takes writes', async () => {
  await using on = await machine()
  const config = memoryVolume(new Map([['app.yaml', text('one')]]))
  const files = createContainerFiles({
    mounts: [{ path: '/etc/app.yaml', volume: config, subPath: 'app.yaml' }, { path: '/live', volume: config }], scratch: join(on.path, 'scratch'), image: memoryFiles({ 'etc/x': 'image' }),
  })
  config.replace(new Map([['app.yaml', text('two')]]))
  assert.deepEqual([await files.readText('/etc/app.yaml'), await files.readText('/live/app.yaml')], ['one', 'two'])
  await files.write('/etc/x', 'mine')
  assert.equal(await files.readText('/etc/x'), 'mine')
  assert.deepEqual((await files.list('/etc')).map((e) => e.name), ['app.yaml', 'x'])
})

test('a watch yields when a mounted ConfigMap or a file changes, and ends with its signal', async () => {
  await using on = await machine()
  const config = memoryVolume(new Map([['a', text('1')], ['b', text('1')]]))
  const files = createContainerFiles({ mounts: [{ path: '/etc/app', volume: config }, { path: '/data', volume: { type: 'directory', root: on.data } }] })
  const stop = new AbortController()
  const changes = files.watch('/etc/app/a', stop.signal)[Symbol.asyncIterator]()
  const first = changes.next()
  await new Promise(setImmediate)
  config.replace(new Map([['a', text('1')], ['b', text('2')]]))
  config.replace(new Map([['a', text('2')], ['b', text('2')]]))
  assert.equal((await first).done, false)
  const onDisk = files.watch('/data', stop.signal)[Symbol.asyncIterator]()
  const second = onDisk.next()
  await new Promise(setImmediate)
  await files.write('/data/x', '1')
  assert.equal((await second).done, false)
  stop.abort()
  assert.equal((await changes.next()).done, true)
})
