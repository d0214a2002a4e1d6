import assert from 'node:assert/strict'
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isCoded } from '@idp/kit'
import { openStore, type StoreOptions } from './durable-store.ts'
import { systemDisk, type Disk } from './disk.ts'
import { bytes, collect, storeContract, text } from './store-contract.ts'
import { prefixRange, type Store } from './store.ts'

const key = new Uint8Array(32).fill(7)
for (const [name, options] of [['durable', {}], ['durable, encrypted', { encryptionKey: key }], ['durable, small files', { segmentBytes: 200, snapshotBytes: 300 }]] as const) {
  storeContract(name, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'idp-store-'))
    return { store: await openStore(directory, options), reopen: () => openStore(directory, options), remove: () => rm(directory, { recursive: true }) }
  })
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'idp-store-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function filled(directory: string, n: number, options: StoreOptions = {}): Promise<void> {
  await using store = await openStore(directory, options)
  for (let i = 0; i < n; i++) await store.commit([{ put: `/k/${i}`, value: bytes(`value ${i}`) }])
}

const logOf = async (directory: string): Promise<string> => join(directory, (await readdir(directory)).filter((name) => name.endsWith('.wal')).sort().at(-1) ?? '')
const refused = (code: string, where?: RegExp) => (error: unknown): boolean => {
  assert.ok(isCoded(error, code), String(error))
  if (where !== undefined) assert.match(`${error.message} ${error.where}`, where)
  return true
}

test('cuts off a torn tail at every length and keeps what was acknowledged', async (t) => {
  const directory = await temporary(t)
  await filled(directory, 5)
  const log = await logOf(directory)
  const whole = await readFile(log)
  let offset = 0
  const frames: number[] = []
  for (; offset < whole.length; offset += 12 + whole.readUInt32LE(offset + 4)) frames.push(offset)
  const last = frames[4] ?? 0 // the fifth commit; the closing record follows it
  for (let length = last; length < (frames[5] ?? 0); length += 3) {
    await writeFile(log, whole.subarray(0, length))
    await using store = await openStore(directory)
    assert.equal(store.revision, 4)
    assert.equal(text(store.get('/k/3')?.value), 'value 3')
    await store.commit([{ put: '/again', value: bytes('yes') }])
  }
})

test('refuses damage in the middle, naming file and offset, and changes nothing', async (t) => {
  const directory = await temporary(t)
  await filled(directory, 5)
  const log = await logOf(directory)
  const damaged = await readFile(log)
  const at = 12 + damaged.readUInt32LE(4)
  damaged[at + 20] = (damaged[at + 20] ?? 0) ^ 1
  await writeFile(log, damaged)
  await assert.rejects(openStore(directory), refused('CorruptData', new RegExp(`log-0000000000000001.wal is damaged at offset ${at}`)))
  assert.deepEqual(await readFile(log), damaged)
})

test('refuses a missing log file and a damaged snapshot', async (t) => {
  const directory = await temporary(t)
  await filled(directory, 40, { segmentBytes: 200 })
  const gap = await temporary(t)
  await cp(directory, gap, { recursive: true })
  await rm(join(gap, (await readdir(gap)).filter((name) => name.endsWith('.wal')).sort()[2] ?? ''))
  await assert.rejects(openStore(gap), refused('CorruptData', /commits are missing/))
  {
    await using store = await openStore(directory, { segmentBytes: 200, snapshotBytes: 100 })
    await store.compact(30)
  }
  const names = await readdir(directory)
  const snapshot = names.find((name) => name.endsWith('.snap')) ?? ''
  assert.equal(snapshot, 'snapshot-0000000000000030.snap')
  assert.ok(names.filter((name) => name.endsWith('.wal')).length < 10)
  await truncate(join(directory, snapshot), 100)
  await assert.rejects(openStore(directory), refused('CorruptData', /snapshot-0000000000000030.snap/))
})

test('goes on from a snapshot and the log after it', async (t) => {
  const directory = await temporary(t)
  const options = { segmentBytes: 300, snapshotBytes: 300, encryptionKey: key }
  await filled(directory, 50, options)
  for (const before of [20, 35, 50]) {
    await using store = await openStore(directory, options)
    await store.compact(before)
    await store.commit([{ put: '/extra', value: bytes(String(before)) }])
  }
  await using store = await openStore(directory, options)
  assert.equal(store.count(prefixRange('/k/')), 50)
  assert.deepEqual([store.revision, store.compacted, text(store.get('/extra')?.value)], [53, 50, '50'])
  const seen = collect(store, prefixRange('/'), 50)
  await seen.until((changes) => changes.length === 3)
  await seen.stop()
})

test('refuses directories that are not its own, newer, too open, in use, or of another key', async (t) => {
  const directory = await temporary(t)
  await writeFile(join(directory, 'thesis.txt'), 'mine', { mode: 0o600 })
  await assert.rejects(openStore(directory), refused('ForeignDataDirectory', /thesis.txt/))
  assert.deepEqual(await readdir(directory), ['thesis.txt'])

  const own = await temporary(t)
  await filled(own, 1)
  await assert.rejects(openStore(own, { encryptionKey: key }), refused('WrongEncryptionKey', /not encrypted/))
  await chmod(join(own, 'store.json'), 0o644)
  await assert.rejects(openStore(own), refused('WrongFileMode', /store.json has mode 0644/))
  await chmod(join(own, 'store.json'), 0o600)
  await chmod(own, 0o755)
  await assert.rejects(openStore(own), refused('WrongFileMode', /0755/))
  await chmod(own, 0o700)
  {
    await using _held = await openStore(own)
    await assert.rejects(openStore(own), refused('DataDirectoryInUse', new RegExp(`${process.pid}`)))
  }
  await writeFile(join(own, 'lock'), '{"pid":1,"started":"another boot/1"}', { mode: 0o600 })
  await (await openStore(own))[Symbol.asyncDispose]()
  await writeFile(join(own, 'store.json'), JSON.stringify({ format: 'idp-store', version: 9, id: 'x' }), { mode: 0o600 })
  await assert.rejects(openStore(own), refused('NewerDataDirectory', /format 9/))
  await writeFile(join(own, 'store.json'), '{"format"', { mode: 0o600 })
  await assert.rejects(openStore(own), refused('CorruptData', /store.json/))
})

test('keeps values off the disk in clear when a key is given, and refuses another key', async (t) => {
  const directory = await temporary(t)
  {
    await using store = await openStore(directory, { encryptionKey: key, segmentBytes: 100, snapshotBytes: 10 })
    for (let i = 0; i < 10; i++) await store.commit([{ put: `/secrets/${i}`, value: bytes('hunter2 hunter2') }])
    await store.compact(8)
  }
  for (const name of await readdir(directory)) {
    const content = await readFile(join(directory, name), 'latin1')
    assert.ok(!content.includes('hunter2') && !content.includes('/secrets/'), name)
    assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600)
  }
  await assert.rejects(openStore(directory, { encryptionKey: new Uint8Array(32) }), refused('WrongEncryptionKey'))
  await assert.rejects(openStore(directory), refused('WrongEncryptionKey'))
})

test('a full disk refuses writes, loses nothing acknowledged, and recovers by itself', async (t) => {
  const directory = await temporary(t)
  let room = Infinity
  const disk = failingDisk({ write: (length) => { if (length > room) throw Object.assign(new Error('no space'), { code: 'ENOSPC' }) } })
  const store = await openStore(directory, { disk })
  await store.commit([{ put: '/a', value: bytes('1') }])
  room = 10
  const results = await Promise.allSettled([store.commit([{ put: '/a', value: bytes('2') }]), store.commit([{ put: '/b', value: bytes('2') }])])
  for (const result of results) assert.ok(result.status === 'rejected' && isCoded(result.reason, 'StorageFull'))
  assert.equal(text(store.get('/a')?.value), '1')
  assert.equal(store.revision, 1)
  room = Infinity
  assert.equal(await store.commit([{ put: '/b', value: bytes('3'), if: 0 }]), 2)
  await store[Symbol.asyncDispose]()
  await using again = await openStore(directory)
  assert.deepEqual([again.revision, text(again.get('/a')?.value), text(again.get('/b')?.value)], [2, '1', '3'])
})

test('a disk that does not confirm ends all writing; reads go on', async (t) => {
  const directory = await temporary(t)
  let broken = false
  const store = await openStore(directory, { disk: failingDisk({ sync: () => { if (broken) throw Object.assign(new Error('input/output error'), { code: 'EIO' }) } }) })
  await store.commit([{ put: '/a', value: bytes('1') }])
  broken = true
  await assert.rejects(store.commit([{ put: '/b', value: bytes('1') }]), refused('StorageFailed'))
  broken = false
  await assert.rejects(store.commit([{ put: '/b', value: bytes('1') }]), refused('StorageFailed'))
  assert.equal(text(store.get('/a')?.value), '1')
  await store[Symbol.asyncDispose]()
})

test('concurrent commits share a sync', async (t) => {
  let syncs = 0
  await using store: Store = await openStore(await temporary(t), { disk: failingDisk({ sync: () => { syncs++ } }) })
  await Promise.all(Array.from({ length: 500 }, (_, i) => store.commit([{ put: `/k/${i}`, value: bytes('v') }])))
  assert.ok(syncs <= 3, `${syncs} syncs`)
})

/** The real disk with a say before each write and sync; a refused write leaves half of its bytes, as a full disk does. */
function failingDisk(before: { write?(length: number): void; sync?(): void }): Disk {
  return {
    ...systemDisk,
    async open(path, how) {
      const file = await systemDisk.open(path, how)
      return {
        ...file,
        async write(data, offset) {
          try {
            before.write?.(data.length)
          } catch (error) {
            await file.write(data.subarray(0, data.length >> 1), offset)
            throw error
          }
          await file.write(data, offset)
        },
        async sync() {
          before.sync?.()
          await file.sync()
        },
      }
    },
  }
}
