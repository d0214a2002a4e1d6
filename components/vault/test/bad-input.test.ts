import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '@idp/kit'
import { vaultHandler } from '../server/vault-handler.ts'
import { startVault, type TestVault } from './start-vault.ts'

const secret = 'known-secret-value'
interface Row { readonly method?: string; readonly path: string; readonly body?: object | string; readonly token?: 'low' | ''; readonly status: number; readonly error?: RegExp }

async function start(lines: string[] = []): Promise<TestVault & { readonly low: string }> {
  const note = (message: string, fields?: object): void => void lines.push(`${message} ${JSON.stringify(fields)}`)
  const log = { ...silentLog, debug: note, info: note, warn: note, error: note, with: () => log }
  const vault = await startVault({ shares: 3, threshold: 2, log, surroundings: { append: async (_file, line) => void lines.push(line) } })
  await vault.call('POST', 'secret/data/team/a', { data: { k: secret } })
  await vault.call('POST', 'secret/data/other/b', { data: { k: secret } })
  await vault.call('PUT', 'sys/audit/file', { type: 'file', options: { file_path: '/vault/audit/audit.log' } })
  await vault.call('POST', 'sys/policies/acl/team', { policy: 'path "secret/data/team/*" { capabilities = ["create", "read", "update", "patch"] }\npath "secret/data/team/+/deep" { capabilities = ["deny"] }' })
  return { ...vault, root: vault.root, keys: vault.keys, low: (await vault.call('POST', 'auth/token/create', { policies: ['team'] })).body.auth.client_token }
}

const policy = (text: string): Row => ({ path: 'sys/policies/acl/p', body: { policy: text }, status: 400, error: /failed to parse policy|policy:\d/ })
const tables: Readonly<Record<string, readonly Row[]>> = {
  'policies that are no HCL': ['path "a" {', 'path "a" { capabilities = ["fly"] }', 'path "a" { capabilities = "read }', 'path "a" { capabilities = ["read"', 'pth "a" {}', `path "a" { allowed_parameters = ${'{ x = '.repeat(300)}`, 'path "a/+*" { capabilities = ["read"] }', '{{{', '\u0000', '"'].map(policy),
  'paths that climb or hide': [
    ...['team/../other/b', 'team/%2e%2e/other/b', 'team/x/../../other/b', 'team/./../other/b', 'other/b', 'other/b/', 'other//b', 'other%2fb', 'team/x/deep', 'team/x/deep/', 'team/x/deep//'].map((path): Row => ({ method: 'GET', path: `secret/data/${path}`, token: 'low', status: 403 })),
    ...['secret//data/other/b', 'secret/metadata/other/b', 'sys/raw/logical', 'sys/mounts'].map((path): Row => ({ method: 'GET', path, token: 'low', status: 403 })),
    ...['team/..%2fother/b', 'team/%2E%2E%2Fother%2Fb', 'team%2f..%2f..%2f..%2fsys'].map((path): Row => ({ method: 'GET', path: `secret/data/${path}`, token: 'low', status: 400, error: /parent references/ })),
    { method: 'GET', path: 'secret/data/team/%252e%252e/other/b', token: 'low', status: 404 }, // one decoding only: a name with percent signs
    { method: 'GET', path: 'secret/data/team/a%00', token: 'low', status: 400, error: /control characters/ },
    { method: 'GET', path: 'secret/data/team/a%0d%0aX-Evil:%201', token: 'low', status: 400, error: /control characters/ },
    { method: 'GET', path: 'secret/data/team/%ff%fe', token: 'low', status: 400, error: /not valid UTF-8/ },
    { path: 'sys/mounts/..%2fsys', body: { type: 'kv' }, status: 400 }, { path: 'sys/mounts/sys/evil', body: { type: 'kv' }, status: 400 }, { path: 'sys/mounts/a*', body: { type: 'kv' }, status: 400 },
  ],
  'bodies that are none': [
    { path: 'secret/data/team/x', body: 'no json', status: 400 }, { path: 'secret/data/team/x', body: '[1]', status: 400, error: /not a JSON object/ }, { path: 'secret/data/team/x', body: '"text"', status: 400 }, { path: 'secret/data/team/x', body: '{', status: 400 },
    { path: 'secret/data/team/x', body: { data: 'text' }, status: 400 }, { path: 'secret/data/team/x', body: {}, status: 400, error: /no data provided/ }, { path: 'secret/data/team/a', body: { data: {}, options: { cas: 'many' } }, status: 400 }, { path: 'secret/data/team/a', body: { data: {}, options: { cas: 7 } }, status: 400, error: /check-and-set/ },
    { path: 'secret/metadata/x', body: { custom_metadata: { a: 1 } }, status: 400 }, { path: 'auth/token/create', body: { ttl: 'soon' }, status: 400, error: /duration/ }, { method: 'BREW', path: 'secret/data/team/a', status: 405 },
  ],
  'who nobody is': [
    { method: 'GET', path: 'secret/data/team/a', token: '', status: 403 }, { method: 'GET', path: 'sys/seal-status', token: '', status: 200 }, { path: 'auth/token/create', token: '', body: {}, status: 403 }, { path: 'sys/wrapping/unwrap', token: '', body: { token: `hvs.${'x'.repeat(24)}` }, status: 400 },
    { path: 'auth/token/create', token: 'low', body: { policies: ['root'] }, status: 403 }, { method: 'PUT', path: 'sys/seal', token: 'low', status: 403 }, { method: 'GET', path: 'sys/storage/raft/snapshot', token: 'low', status: 403 }, { path: 'sys/leases/revoke', token: 'low', body: { lease_id: 'x' }, status: 403 },
  ],
}

for (const [name, rows] of Object.entries(tables)) {
  test(`${name}: refused with the right code, and nothing told`, async () => {
    const lines: string[] = []
    const { call, low, root } = await start(lines)
    for (const { method = 'POST', path, body, token, status, error } of rows) {
      const options = token === undefined ? {} : { token: token === 'low' ? low : '' }
      const reply = await call(method, path, body, options)
      assert.equal(reply.status, status, `${method} ${path} ${JSON.stringify(body)?.slice(0, 60)}: ${JSON.stringify(reply.body)}`)
      if (error !== undefined) assert.match(String(reply.body.errors?.[0]), error)
      assert.doesNotMatch(JSON.stringify(reply.body) ?? '', new RegExp(secret))
    }
    assert.doesNotMatch(lines.join('\n'), new RegExp(`${secret}|${low}|${root}`))
    assert.equal((await call('GET', 'secret/data/other/b', undefined, { token: root })).body.data.data.k, secret)
  })
}

test('keys that do not unseal, and tokens that were used before: refused, counted, and told to nobody', async () => {
  const lines: string[] = []
  const { call, keys, root } = await start(lines)
  const info = (await call('GET', 'secret/data/team/a', undefined, { headers: { 'x-vault-wrap-ttl': '60s' } })).body.wrap_info
  assert.equal((await call('POST', 'sys/wrapping/unwrap', {}, { token: info.token })).status, 200)
  for (const [body, token] of [[{}, info.token], [{ token: info.token }, ''], [{ token: info.token }, root]] as const) assert.ok([400, 403].includes((await call('POST', 'sys/wrapping/unwrap', body, { token })).status))
  await call('PUT', 'sys/seal')
  const wrong = (body: object): Promise<{ status: number }> => call('PUT', 'sys/unseal', body, { token: '' })
  for (const body of [{}, { key: '' }, { key: 'zz' }, { key: '00' }, { key: '00'.repeat(40) }, { key: 7 }, { key: ['a'] }]) assert.equal((await wrong(body)).status, 400, JSON.stringify(body))
  const first = keys[0] ?? ''
  assert.equal((await wrong({ key: first })).status, 200)
  assert.equal((await wrong({ key: `${first.slice(0, -2)}${first.endsWith('00') ? '01' : '00'}` })).status, 400)
  assert.equal((await call('GET', 'sys/seal-status')).body.progress, 0, 'a wrong set of shares begins anew')
  assert.equal((await call('GET', 'secret/data/team/a')).status, 503)
  for (const key of keys.slice(0, 2)) await wrong({ key })
  assert.equal((await call('GET', 'secret/data/team/a')).status, 200)
  for (const each of [secret, info.token, root, ...keys, ...keys.map((key) => Buffer.from(key, 'hex').toString('base64'))]) assert.equal(lines.join('\n').includes(each), false)
})

test('refusals are counted by their status', async () => {
  const { low, vault } = await start()
  const handler = vaultHandler(vault, { openMetrics: true })
  for (let i = 0; i < 3; i++) await handler(new Request('http://vault/v1/sys/mounts', { headers: { 'x-vault-token': low } }), { address: '10.0.0.1' })
  const text = await (await handler(new Request('http://vault/v1/sys/metrics'), { address: '10.0.0.1' })).text()
  assert.match(text, /vault_core_response_status_code\{code="403",type="4xx"\} 3/)
})
