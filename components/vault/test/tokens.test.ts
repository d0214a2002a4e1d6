import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startVault } from './start-vault.ts'

const day = 86_400

test('lifetimes: ttl, maximum, period, renewal', async (t) => {
  const rows: [string, object, { first: number; after?: [wait: number, increment: number, want: number] }][] = [
    ['the default of the mount', {}, { first: 32 * day }],
    ['as asked', { ttl: '1h' }, { first: 3600, after: [1800, 3600, 3600] }],
    ['bound by the explicit maximum', { ttl: '1h', explicit_max_ttl: '90m' }, { first: 3600, after: [3000, 3600, 2400] }],
    ['more than the mount allows', { ttl: '9000h' }, { first: 32 * day }],
    ['a period is renewed in full', { period: '2h' }, { first: 7200, after: [7000, 1, 7200] }],
  ]
  for (const [name, request, { first, after }] of rows) {
    await t.test(name, async () => {
      const { call, clock } = await startVault()
      const { auth } = (await call('POST', 'auth/token/create', { policies: ['default'], ...request })).body
      assert.equal(auth.lease_duration, first)
      if (after === undefined) return
      await clock.advance(after[0] * 1000)
      assert.equal((await call('POST', 'auth/token/renew', { token: auth.client_token, increment: after[1] })).body.auth.lease_duration, after[2])
    })
  }
})

test('an expired token is unknown, and its children are gone with it; orphans stay', async () => {
  const { call, clock } = await startVault()
  await call('POST', 'sys/policies/acl/maker', { policy: 'path "auth/token/create*" { capabilities = ["create", "update", "sudo"] }' })
  const parent = (await call('POST', 'auth/token/create', { policies: ['maker'], ttl: '1h' })).body.auth.client_token
  const make = async (path: string) => (await call('POST', path, { policies: ['default'], ttl: '5h' }, { token: parent })).body.auth.client_token
  const [child, orphan] = [await make('auth/token/create'), await make('auth/token/create-orphan')]
  await clock.advance(3_600_001)
  const ask = async (token: string) => (await call('GET', 'auth/token/lookup-self', undefined, { token })).status
  assert.deepEqual([await ask(parent), await ask(child), await ask(orphan)], [403, 403, 200])
})

test('uses are counted; batch tokens are not stored and cannot be renewed', async () => {
  const { call } = await startVault()
  const twice = (await call('POST', 'auth/token/create', { policies: ['default'], num_uses: 2 })).body.auth.client_token
  const statuses = []
  for (let i = 0; i < 3; i++) statuses.push((await call('GET', 'auth/token/lookup-self', undefined, { token: twice })).status)
  assert.deepEqual(statuses, [200, 200, 403])
  const batch = (await call('POST', 'auth/token/create', { policies: ['default'], type: 'batch', ttl: '1h' })).body.auth
  assert.match(batch.client_token, /^hvb\./)
  assert.equal((await call('GET', 'auth/token/lookup-self', undefined, { token: batch.client_token })).body.data.type, 'batch')
  assert.equal((await call('POST', 'auth/token/renew-self', {}, { token: batch.client_token })).status, 400)
})

test('refusals have upstream\'s words', async () => {
  const { call } = await startVault()
  const low = (await call('POST', 'auth/token/create', { policies: ['default'] })).body.auth.client_token
  const denied = '1 error occurred:\n\t* permission denied\n\n'
  const rows: [string, string, string, number, string[]][] = [
    ['', 'GET', 'secret/data/x', 403, ['permission denied']],
    ['hvs.unknown', 'GET', 'secret/data/x', 403, ['2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n']],
    [low, 'GET', 'secret/data/x', 403, [denied]],
    [low, 'GET', 'sys/raw/x', 403, [denied]],
    ['root', 'GET', 'secret/data/x', 404, []],
    ['root', 'GET', 'nowhere/x', 404, ['no handler for route "nowhere/x". route entry not found.']],
    ['root', 'GET', 'secret/..%2fdata/x', 400, ['path cannot contain parent references']],
    ['root', 'POST', 'auth/token/lookup-accessor', 400, ['invalid accessor']],
  ]
  for (const [token, method, path, status, errors] of rows) {
    const reply = await call(method, path, method === 'POST' ? { accessor: 'x' } : undefined, token === 'root' ? {} : { token })
    assert.deepEqual([reply.status, reply.body.errors], [status, errors], `${method} ${path}`)
  }
})

test('a wrapped answer opens once', async () => {
  const { call, clock } = await startVault()
  await call('POST', 'secret/data/w', { data: { a: 1 } })
  const wrap = async () => (await call('GET', 'secret/data/w', undefined, { headers: { 'x-vault-wrap-ttl': '60s' } })).body.wrap_info
  const info = await wrap()
  assert.equal((await call('POST', 'sys/wrapping/lookup', { token: info.token }, { token: '' })).body.data.creation_path, 'secret/data/w')
  assert.equal((await call('GET', 'secret/data/w', undefined, { token: info.token })).status, 403)
  assert.equal((await call('POST', 'sys/wrapping/unwrap', {}, { token: info.token })).body.data.data.a, 1)
  const again = await call('POST', 'sys/wrapping/unwrap', { token: info.token }, { token: '' })
  assert.deepEqual([again.status, again.body.errors], [400, ['wrapping token is not valid or does not exist']])
  const late = await wrap()
  await clock.advance(61_000)
  assert.equal((await call('POST', 'sys/wrapping/unwrap', { token: late.token }, { token: '' })).status, 400)
})
