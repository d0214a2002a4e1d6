import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryStore } from '@idp/store'
import { restoreSnapshot, takeSnapshot } from '../server/snapshot.ts'
import { startVault, type TestVault } from './start-vault.ts'

test('KV version 2: what each call answers', async () => {
  const { call } = await startVault()
  const steps: [string, string, object | undefined, number, ((body: any) => unknown)?, unknown?][] = [ // oxlint-disable-line no-explicit-any -- answers of every shape
    ['POST', 'secret/data/a', { data: { k: 1 } }, 200, (b) => b.data.version, 1],
    ['POST', 'secret/data/a', { data: { k: 2 }, options: { cas: 0 } }, 400, (b) => b.errors, ['check-and-set parameter did not match the current version']],
    ['POST', 'secret/data/a', { data: { k: 2, deep: { x: 'y' } }, options: { cas: 1 } }, 200, (b) => b.data.version, 2],
    ['GET', 'secret/data/a?version=1', undefined, 200, (b) => b.data.data, { k: 1 }],
    ['PATCH', 'secret/data/a', { data: { k: null, n: 3 } }, 200, (b) => b.data.version, 3],
    ['GET', 'secret/data/a', undefined, 200, (b) => b.data.data, { deep: { x: 'y' }, n: 3 }],
    ['GET', 'secret/subkeys/a', undefined, 200, (b) => b.data.subkeys, { deep: { x: null }, n: null }],
    ['DELETE', 'secret/data/a', undefined, 204],
    ['GET', 'secret/data/a', undefined, 404, (b) => [b.data.data, b.data.metadata.version, b.data.metadata.deletion_time !== ''], [null, 3, true]],
    ['POST', 'secret/undelete/a', { versions: [3] }, 204],
    ['GET', 'secret/data/a', undefined, 200],
    ['PUT', 'secret/destroy/a', { versions: [1] }, 204],
    ['GET', 'secret/data/a?version=1', undefined, 404, (b) => b.data.metadata.destroyed, true],
    ['POST', 'secret/metadata/a', { custom_metadata: { owner: 'me' }, max_versions: 2 }, 204],
    ['POST', 'secret/data/a', { data: { k: 4 } }, 200],
    ['GET', 'secret/metadata/a', undefined, 200, (b) => [b.data.custom_metadata, Object.keys(b.data.versions), b.data.oldest_version], [{ owner: 'me' }, ['3', '4'], 3]],
    ['POST', 'secret/data/b/c', { data: {} }, 200],
    ['GET', 'secret/metadata/?list=true', undefined, 200, (b) => b.data.keys, ['a', 'b/']],
    ['DELETE', 'secret/metadata/a', undefined, 204],
    ['GET', 'secret/data/a', undefined, 404, (b) => b.errors, []],
    ['GET', 'secret/metadata/nothing?list=true', undefined, 404, (b) => b.errors, []],
  ]
  for (const [method, path, body, status, look, want] of steps) {
    const reply = await call(method, path, body)
    assert.equal(reply.status, status, `${method} ${path}: ${JSON.stringify(reply.body)}`)
    if (look !== undefined) assert.deepEqual(look(reply.body), want, `${method} ${path}`)
  }
})

test('a trailing slash or another spelling does not pass by a deny', async () => {
  const { call } = await startVault()
  await call('POST', 'sys/mounts/transit', { type: 'transit' })
  await call('POST', 'transit/keys/mine', {})
  await call('POST', 'sys/policies/acl/most', { policy: 'path "transit/*" { capabilities = ["read"] }\npath "transit/keys/mine" { capabilities = ["deny"] }' })
  const token = (await call('POST', 'auth/token/create', { policies: ['most'] })).body.auth.client_token
  for (const path of ['transit/keys/mine', 'transit/keys/mine/', 'transit/keys/mine//', 'transit/keys/%6dine', 'transit/x/../keys/mine']) assert.equal((await call('GET', path, undefined, { token })).status, 403, path)
})

test('events reach their subscribers after the write', async () => {
  const { call, vault } = await startVault()
  const seen: unknown[] = []
  using _subscription = vault.opened().events.subscribe('kv*', ({ data }) => seen.push([data.event_type, data.event.metadata['path'], data.plugin_info.mount_path]))
  await call('POST', 'secret/data/a', { data: { k: 'secret-value' } })
  await call('DELETE', 'secret/metadata/a')
  assert.deepEqual(seen, [['kv-v2/data-write', 'secret/data/a', 'secret/'], ['kv-v2/metadata-delete', 'secret/metadata/a', 'secret/']])
})

test('a snapshot brings everything back, a damaged one nothing', async () => {
  const store = memoryStore()
  const first = await startVault({ store })
  await first.call('POST', 'secret/data/a', { data: { k: 1 } })
  const snapshot = await takeSnapshot(store)
  await first.call('POST', 'secret/data/a', { data: { k: 2 } })
  await first.call('POST', 'secret/data/b', { data: { k: 3 } })
  const damaged = Buffer.from(snapshot)
  damaged[20] = (damaged[20] ?? 0) ^ 1
  await assert.rejects(restoreSnapshot(store, damaged), { status: 400 })
  const other = memoryStore()
  await restoreSnapshot(other, snapshot)
  const second = await startVault({ store: other, fresh: false })
  await second.call('PUT', 'sys/unseal', { key: first.keys[0] })
  assert.equal((await second.call('GET', 'secret/data/a', undefined, { token: first.root })).body.data.data.k, 1)
  assert.equal((await second.call('GET', 'secret/data/b', undefined, { token: first.root })).status, 404)
})

test('transit: what was sealed opens, also after rotation, and not when old versions are shut out', async () => {
  const { call } = await startVault()
  await call('POST', 'sys/mounts/transit', { type: 'transit' })
  for (const type of ['aes256-gcm96', 'chacha20-poly1305', 'rsa-2048']) {
    await call('POST', `transit/keys/${type}`, { type })
    const plaintext = Buffer.from('text').toString('base64')
    const { ciphertext } = (await call('POST', `transit/encrypt/${type}`, { plaintext })).body.data
    await call('POST', `transit/keys/${type}/rotate`)
    assert.equal((await call('POST', `transit/decrypt/${type}`, { ciphertext })).body.data.plaintext, plaintext)
    const rewrapped = (await call('POST', `transit/rewrap/${type}`, { ciphertext })).body.data.ciphertext
    assert.match(rewrapped, /^vault:v2:/)
    await call('POST', `transit/keys/${type}/config`, { min_decryption_version: 2 })
    assert.equal((await call('POST', `transit/decrypt/${type}`, { ciphertext })).status, 400)
    assert.equal((await call('POST', `transit/decrypt/${type}`, { ciphertext: `${rewrapped.slice(0, -8)}AAAAAAA=` })).status, 400)
  }
  for (const type of ['ed25519', 'ecdsa-p256', 'rsa-2048']) {
    await call('POST', `transit/keys/s-${type}`, { type })
    const input = Buffer.from('text').toString('base64')
    const { signature } = (await call('POST', `transit/sign/s-${type}`, { input })).body.data
    assert.equal((await call('POST', `transit/verify/s-${type}`, { input, signature })).body.data.valid, true)
    assert.equal((await call('POST', `transit/verify/s-${type}`, { input: Buffer.from('other').toString('base64'), signature })).body.data.valid, false)
  }
})

test('PKI: names that a role gives, lifetimes, revocation with the lease', async (t) => {
  const { call } = await startVault()
  await call('POST', 'sys/mounts/pki', { type: 'pki' })
  await call('POST', 'sys/mounts/pki/tune', { max_lease_ttl: '8760h' })
  await call('POST', 'pki/root/generate/internal', { common_name: 'Root', key_type: 'ec', ttl: '8000h' })
  await call('POST', 'pki/roles/web', { allowed_domains: 'example.org', allow_subdomains: true, key_type: 'ec', max_ttl: '72h', generate_lease: true })
  const rows: [object, number][] = [
    [{ common_name: 'a.example.org' }, 200], [{ common_name: '*.example.org' }, 200], [{ common_name: 'localhost' }, 200], [{ common_name: 'example.org' }, 400], [{ common_name: 'example.com' }, 400],
    [{ common_name: 'a.example.org', alt_names: 'b.example.com' }, 400], [{ common_name: 'a.example.org', ip_sans: '10.0.0.1' }, 200], [{ common_name: 'a.example.org', ip_sans: 'ten' }, 400], [{ common_name: 'a.example.org', uri_sans: 'spiffe://x' }, 400], [{}, 400],
  ]
  for (const [request, status] of rows) await t.test(JSON.stringify(request), async () => assert.equal((await call('POST', 'pki/issue/web', request)).status, status))
  const issued = (await call('POST', 'pki/issue/web', { common_name: 'a.example.org', ttl: '9000h' })).body
  assert.equal(issued.lease_duration, 72 * 3600)
  await revoke({ call }, issued.lease_id)
  assert.notEqual((await call('GET', `pki/cert/${issued.data.serial_number}`)).body.data.revocation_time, 0)
})

async function revoke({ call }: Pick<TestVault, 'call'>, id: string): Promise<void> {
  assert.equal((await call('PUT', 'sys/leases/revoke', { lease_id: id })).status, 204)
}
