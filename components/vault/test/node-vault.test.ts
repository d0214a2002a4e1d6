import assert from 'node:assert/strict'
import { test } from 'node:test'
import nodeVault from 'node-vault'
import { listenRaw } from '@idp/http'
import { fakeClock, silentLog, systemRandom } from '@idp/kit'
import { memoryStore } from '@idp/store'
import { createVault } from '../engine/core/vault.ts'
import { lifeRoutes } from '../server/life-routes.ts'
import { listenWithList } from '../server/listen.ts'
import { vaultHandler } from '../server/vault-handler.ts'

type Arguments = Readonly<Record<string, unknown>>
type Answer = any // oxlint-disable-line no-explicit-any -- answers of every shape

/** Methods of this client for what the server refuses by name. */
const refused: readonly string[] = ['gcpLogin', 'githubLogin', 'awsIamLogin', 'ldapLogin', 'oktaLogin', 'radiusLogin', 'certLogin', 'generateDatabaseCredentials']
/** Its table for this one lacks the members, so that any arguments make it throw before it sends. */
const broken: readonly string[] = ['addKubernetesRole']

test('the npm package node-vault: every one of its commands, against a server on a real port', async () => {
  const vault = createVault({ store: memoryStore(), storageType: 'inmem', sealType: 'shamir', clock: fakeClock(), random: systemRandom, log: silentLog, surroundings: { append: async () => {}, reviewToken: async () => ({ authenticated: true, username: 'system:serviceaccount:app:reader', uid: '1', audiences: [], extra: {} }) }, defaults: { default: 2_764_800, max: 2_764_800 }, lifeRoutes })
  await using listener = await listenWithList({ listenRaw: (_port: number, accept: Parameters<typeof listenRaw>[1]) => listenRaw({ port: 0 }, accept) } as never, 0, { handler: vaultHandler(vault) }, undefined)
  const client = nodeVault({ endpoint: `http://127.0.0.1:${(listener as unknown as { port: number }).port}` })
  const commands = Object.keys((client as unknown as { commands: object }).commands)
  const used = new Set<string>()
  const run = async (command: string, args: Arguments = {}): Promise<Answer> => {
    used.add(command)
    return await (client as unknown as Record<string, (args: Arguments) => Promise<Answer>>)[command]?.(args)
  }
  const fails = async (command: string, args: Arguments, status: number): Promise<void> => assert.rejects(run(command, args), (error: { response?: { statusCode: number } }) => error.response?.statusCode === status, command)

  assert.equal((await run('initialized')).initialized, false)
  const { keys, root_token: root } = await run('init', { secret_shares: 3, secret_threshold: 2 })
  assert.equal((await run('status')).sealed, true)
  for (const key of keys.slice(0, 2)) await run('unseal', { key })
  client.token = root
  assert.deepEqual([(await run('health')).sealed, (await run('leader')).ha_enabled], [false, false])

  await run('mount', { mount_point: 'secret', type: 'kv', options: { version: '2' } })
  await client.write('secret/data/app', { data: { password: 'one' } })
  await client.write('secret/data/app', { data: { password: 'two' } })
  assert.equal((await client.read('secret/data/app')).data.data.password, 'two')
  assert.deepEqual((await client.list('secret/metadata')).data.keys, ['app'])
  await run('destroySecretVersions', { path: 'app', versions: [1] })
  await client.delete('secret/data/app')
  await run('mount', { mount_point: 'old', type: 'kv' })
  await run('remount', { from: 'old', to: 'moved' })
  assert.ok('moved/' in (await run('mounts')))
  await run('unmount', { mount_point: 'moved' })

  await run('addPolicy', { name: 'reader', policy: 'path "secret/data/*" { capabilities = ["read"] }' })
  assert.ok((await run('policies')).policies.includes('reader'))
  assert.match((await run('getPolicy', { name: 'reader' })).rules, /secret/)

  await run('mount', { mount_point: 'transit', type: 'transit' })
  await run('transitCreateKey', { name: 'k' })
  const { data: { ciphertext } } = await run('encryptData', { name: 'k', plaintext: 'dGV4dA==' })
  assert.match((await run('rewrapData', { name: 'k', ciphertext })).data.ciphertext, /^vault:v1:/)
  assert.equal((await run('decryptData', { name: 'k', ciphertext })).data.plaintext, 'dGV4dA==')
  assert.equal((await run('transitReadKey', { name: 'k' })).data.type, 'aes256-gcm96')
  assert.deepEqual((await run('transitListKeys')).data.keys, ['k'])
  await fails('transitDeleteKey', { name: 'k' }, 400)

  for (const method of ['approle', 'userpass', 'kubernetes', 'jwt']) await run('enableAuth', { mount_point: method, type: method })
  assert.ok('approle/' in (await run('auths')))
  await run('addApproleRole', { role_name: 'r', policies: 'reader' })
  await run('updateApproleRoleId', { role_name: 'r', role_id: 'the-role' })
  assert.deepEqual([(await run('getApproleRole', { role_name: 'r' })).data.token_policies, (await run('approleRoles')).data.keys, (await run('getApproleRoleId', { role_name: 'r' })).data.role_id], [['reader'], ['r'], 'the-role'])
  const { data: { secret_id: secretId, secret_id_accessor: accessor } } = await run('getApproleRoleSecret', { role_name: 'r' })
  assert.deepEqual((await run('approleSecretAccessors', { role_name: 'r' })).data.keys, [accessor])
  await run('approleSecretLookup', { role_name: 'r', secret_id: secretId })
  await run('approleSecretAccessorLookup', { role_name: 'r', secret_id_accessor: accessor })
  const login = async (command: string, args: Arguments): Promise<Answer> => {
    const answer = await run(command, args)
    client.token = root // a login replaces the client's own
    return answer
  }
  assert.deepEqual((await login('approleLogin', { role_id: 'the-role', secret_id: secretId })).auth.policies, ['default', 'reader'])
  await run('approleSecretDestroy', { role_name: 'r', secret_id: secretId })
  const second = (await run('getApproleRoleSecret', { role_name: 'r' })).data.secret_id_accessor
  await run('approleSecretAccessorDestroy', { role_name: 'r', secret_id_accessor: second })
  await fails('approleLogin', { role_id: 'the-role', secret_id: secretId }, 400)
  await run('deleteApproleRole', { role_name: 'r' })

  await client.write('auth/userpass/users/me', { password: 'pw', token_policies: 'reader' })
  assert.equal((await login('userpassLogin', { username: 'me', password: 'pw' })).auth.metadata.username, 'me')
  await client.write('auth/kubernetes/config', { kubernetes_host: 'https://kubernetes.default.svc' })
  await client.write('auth/kubernetes/role/k', { bound_service_account_names: 'reader', bound_service_account_namespaces: 'app', token_policies: 'reader' })
  assert.deepEqual((await run('getKubernetesRole', { mount_point: 'kubernetes', role_name: 'k' })).data.bound_service_account_names, ['reader'])
  assert.deepEqual((await login('kubernetesLogin', { mount_point: 'kubernetes', role: 'k', jwt: `${['{}', JSON.stringify({ iss: 'x', sub: 'system:serviceaccount:app:reader' })].map((part) => Buffer.from(part).toString('base64url')).join('.')}.c2ln` })).auth.policies, ['default', 'reader'])
  await run('deleteKubernetesRole', { mount_point: 'kubernetes', role_name: 'k' })
  await fails('jwtLogin', { role: 'none', jwt: 'x' }, 400)
  await run('disableAuth', { mount_point: 'userpass' })

  await run('addTokenRole', { role_name: 't', allowed_policies: 'reader' })
  assert.deepEqual([(await run('getTokenRole', { role_name: 't' })).data.name, (await run('tokenRoles')).data.keys], ['t', ['t']])
  const made = (await login('tokenCreate', { policies: ['reader'], ttl: '1h' })).auth
  const orphan = (await login('tokenCreateOrphan', { policies: ['reader'] })).auth
  const byRole = (await login('tokenCreateRole', { role_name: 't' })).auth
  assert.deepEqual([(await run('tokenLookup', { token: made.client_token })).data.ttl, (await run('tokenLookupAccessor', { accessor: orphan.accessor })).data.orphan, (await run('tokenLookupSelf')).data.policies], [3600, true, ['root']])
  assert.ok((await run('tokenAccessors')).data.keys.includes(byRole.accessor))
  await run('tokenRenew', { token: made.client_token })
  client.token = made.client_token
  await run('tokenRenewSelf')
  await run('tokenRevokeSelf')
  client.token = root
  await run('tokenRevoke', { token: byRole.client_token })
  await run('tokenRevokeOrphan', { token: orphan.client_token })
  await run('tokenRevokeAccessor', { accessor: (await login('tokenCreate', {})).auth.accessor })
  await run('removeTokenRole', { role_name: 't' })

  await client.write('sys/mounts/pki', { type: 'pki' })
  await client.write('pki/root/generate/internal', { common_name: 'Root', key_type: 'ec' })
  await client.write('pki/roles/web', { allow_any_name: true, enforce_hostnames: false, key_type: 'ec', generate_lease: true })
  const lease = async (): Promise<string> => (await client.write('pki/issue/web', { common_name: 'x', ttl: '1h' })).lease_id
  await fails('renew', { lease_id: await lease() }, 400) // a certificate cannot be renewed
  await run('revoke', { lease_id: await lease() })
  await run('revokePrefix', { path_prefix: 'pki/issue' })
  const wrapped = await client.read('auth/token/lookup-self', { headers: { 'x-vault-wrap-ttl': '60' } } as never)
  client.token = wrapped.wrap_info.token
  assert.deepEqual((await run('unwrap')).data.policies, ['root'])
  client.token = root

  await run('enableAudit', { name: 'file', type: 'file', options: { file_path: '/vault/audit/audit.log' } })
  assert.ok('file/' in (await run('audits')))
  await run('disableAudit', { name: 'file' })
  await run('rotate')
  const { nonce } = await run('generateRootInit')
  await run('generateRootUpdate', { key: keys[0], nonce })
  await run('generateRootCancel')
  await run('removePolicy', { name: 'reader' })
  await run('stepDown')

  for (const command of refused) await assert.rejects(run(command, command === 'certLogin' ? {} : { role: 'r', jwt: 'j', token: 't', username: 'u', password: 'p', name: 'n', databasePath: 'database', iam_http_request_method: 'POST', iam_request_url: 'u', iam_request_body: 'b', iam_request_headers: 'h' }), (error: { response?: { statusCode: number } }) => [403, 404].includes(error.response?.statusCode ?? 0), command)
  await run('seal')
  assert.equal((await run('status')).sealed, true)
  assert.deepEqual(commands.filter((command) => !used.has(command) && !broken.includes(command)), [])
})
