import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryStore } from '@idp/store'
import type { KeyFile } from '../engine/core/seal.ts'
import { silentLog } from '@idp/kit'
import { keepUnsealed, unsealAfterMs } from '../programs/keep-unsealed.ts'
import { startVault } from './start-vault.ts'

test('three of five shares unseal, wrong ones do not, and progress is told', async () => {
  const { call, keys } = await startVault({ shares: 5, threshold: 3 })
  await call('PUT', 'sys/seal')
  assert.equal((await call('GET', 'secret/data/x')).status, 503)
  assert.equal((await call('PUT', 'sys/unseal', { key: keys[0] })).body.progress, 1)
  assert.equal((await call('PUT', 'sys/unseal', { key: keys[0] })).body.progress, 1, 'the same share counts once')
  await call('PUT', 'sys/unseal', { key: keys[1] })
  const wrong = await call('PUT', 'sys/unseal', { key: '00'.repeat(33) })
  assert.deepEqual([wrong.status, wrong.body], [400, { errors: ['unseal failed, invalid key'] }])
  for (const key of keys.slice(2)) await call('PUT', 'sys/unseal', { key: Buffer.from(key, 'hex').toString('base64') })
  assert.equal((await call('GET', 'sys/seal-status')).body.sealed, false)
})

test('health says the state by its status, as the query wants it', async () => {
  const empty = await startVault({ fresh: false })
  const full = await startVault()
  for (const [vault, query, status] of [[empty, '', 501], [empty, '?uninitcode=204', 204], [full, '', 200], [full, '?activecode=299', 299]] as const) assert.equal((await vault.call('GET', `sys/health${query}`)).status, status)
  await full.call('PUT', 'sys/seal')
  for (const [query, status] of [['', 503], ['?sealedcode=200', 200], ['?sealedcode=nonsense', 400]] as const) assert.equal((await full.call('GET', `sys/health${query}`)).status, status)
})

test('the key file unseals a restarted server; without it the shares do, and it is made again', async () => {
  let file: Uint8Array | undefined
  const keyFile: KeyFile = { read: async () => file, write: async (key) => { file = key } }
  const store = memoryStore()
  const first = await startVault({ store, keyFile })
  await first.call('POST', 'secret/data/a', { data: { k: 'v' } })
  const second = await startVault({ store, keyFile, fresh: false })
  assert.equal(await second.vault.autoUnseal(), true)
  assert.equal((await second.call('GET', 'secret/data/a', undefined, { token: first.root })).body.data.data.k, 'v')
  assert.deepEqual([(await second.call('GET', 'sys/seal-status')).body.type, (await second.call('GET', 'sys/seal-status')).body.sealed], ['idp-keyfile', false])
  file = undefined
  const third = await startVault({ store, keyFile, fresh: false })
  assert.equal(await third.vault.autoUnseal(), false)
  await third.call('PUT', 'sys/unseal', { key: first.keys[0] })
  assert.notEqual(file, undefined)
  assert.equal(await (await startVault({ store, keyFile, fresh: false })).vault.autoUnseal(), true)
})

test('a server that was sealed unseals itself by its key file, and stays sealed without it', async () => {
  let file: Uint8Array | undefined
  const { vault, clock, call } = await startVault({ keyFile: { read: async () => file, write: async (key) => { file = key } } })
  await call('POST', 'secret/data/a', { data: { k: 'v' } })
  using _keeper = keepUnsealed(vault, clock, silentLog)
  await call('PUT', 'sys/seal')
  assert.equal((await call('GET', 'secret/data/a')).status, 503)
  await clock.advance(unsealAfterMs)
  assert.equal((await call('GET', 'secret/data/a')).body.data.data.k, 'v')
  const kept = file
  file = undefined
  await call('PUT', 'sys/seal')
  await clock.advance(unsealAfterMs * 3)
  assert.equal(vault.active, undefined)
  file = kept
  await clock.advance(unsealAfterMs)
  assert.notEqual(vault.active, undefined)
})

test('rotation keeps old entries readable; rekeying replaces the shares', async () => {
  const { call, keys } = await startVault()
  await call('POST', 'secret/data/old', { data: { k: 1 } })
  await call('POST', 'sys/rotate')
  await call('POST', 'secret/data/new', { data: { k: 2 } })
  assert.equal((await call('GET', 'sys/key-status')).body.term, 2)
  const { body: started } = await call('PUT', 'sys/rekey/init', { secret_shares: 3, secret_threshold: 2 })
  const { body: done } = await call('PUT', 'sys/rekey/update', { key: keys[0], nonce: started.nonce })
  assert.equal(done.keys.length, 3)
  await call('PUT', 'sys/seal')
  assert.equal((await call('PUT', 'sys/unseal', { key: done.keys[0] })).body.sealed, true)
  assert.equal((await call('PUT', 'sys/unseal', { key: done.keys[2] })).body.sealed, false)
  for (const [name, value] of [['old', 1], ['new', 2]] as const) assert.equal((await call('GET', `secret/data/${name}`)).body.data.data.k, value)
})

test('nothing of a secret lies readable in the storage', async () => {
  const store = memoryStore()
  const { call, root, keys } = await startVault({ store })
  await call('POST', 'secret/data/app', { data: { password: 'correct-horse-battery' } })
  const everything = Buffer.concat(store.list({ from: '', to: '\uffff' }).entries.flatMap(({ key, value }) => [Buffer.from(key), Buffer.from(value)])).toString('latin1')
  for (const secret of ['correct-horse-battery', Buffer.from('correct-horse-battery').toString('base64'), root, keys[0] ?? '?']) assert.equal(everything.includes(secret), false)
})
