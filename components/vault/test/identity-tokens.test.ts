import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'
import { startVault, type TestVault } from './start-vault.ts'

async function start(algorithm: string): Promise<TestVault & { readonly user: string; readonly clientId: string }> {
  const vault = await startVault({ surroundings: { apiAddress: 'https://vault.example:8200' } })
  const { call } = vault
  await call('POST', 'sys/auth/userpass', { type: 'userpass' })
  await call('POST', 'auth/userpass/users/me', { password: 'pw', token_policies: 'tokens' })
  await call('POST', 'sys/policies/acl/tokens', { policy: 'path "identity/oidc/token/*" { capabilities = ["read"] }' })
  await call('POST', 'identity/oidc/role/app', { key: 'k', ttl: '10m', template: '{ "who": {{identity.entity.id}}, "groups": {{identity.entity.groups.names}}, "later": {{time.now.plus.1h}} }' })
  const clientId = (await call('GET', 'identity/oidc/role/app')).body.data.client_id
  await call('POST', 'identity/oidc/key/k', { algorithm, allowed_client_ids: [clientId], verification_ttl: '1h' })
  const user = (await call('POST', 'auth/userpass/login/me', { password: 'pw' })).body.auth
  await call('POST', 'identity/group', { name: 'team', member_entity_ids: [user.entity_id] })
  return { ...vault, root: vault.root, user: user.client_token, clientId }
}

for (const [algorithm, hash] of [['RS256', 'sha256'], ['ES384', 'sha384'], ['EdDSA', null]] as const) {
  test(`identity tokens with ${algorithm}: signed by a published key, with the entity's claims`, async () => {
    const { call, user, clientId, clock, root } = await start(algorithm)
    const { token, ttl } = (await call('GET', 'identity/oidc/token/app', undefined, { token: user })).body.data
    const [head, body, signature] = String(token).split('.')
    const [header, claims] = [head, body].map((part) => JSON.parse(Buffer.from(part ?? '', 'base64url').toString()))
    const { keys } = (await call('GET', 'identity/oidc/.well-known/keys', undefined, { token: '' })).body
    const key = createPublicKey({ key: keys.find(({ kid }: { kid: string }) => kid === header.kid), format: 'jwk' })
    assert.ok(verify(hash, Buffer.from(`${head}.${body}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature ?? '', 'base64url')))
    const now = Math.floor(clock.now() / 1000)
    assert.deepEqual([claims.iss, claims.aud, claims.exp, claims.who, claims.groups, claims.later, ttl], ['https://vault.example:8200/v1/identity/oidc', clientId, now + 600, claims.sub, ['team'], now + 3600, 600])
    const { body: found } = await call('GET', 'identity/oidc/.well-known/openid-configuration', undefined, { token: '' })
    assert.deepEqual([found.issuer, found.jwks_uri], [claims.iss, `${claims.iss}/.well-known/keys`])

    const introspect = async (text: string, client = clientId): Promise<boolean> => (await call('POST', 'identity/oidc/introspect', { token: text, client_id: client }, { token: root })).body.active
    assert.deepEqual([await introspect(token), await introspect(token, 'other'), await introspect(`${head}.${body}.AAAA`)], [true, false, false])
    await call('POST', 'identity/oidc/key/k/rotate', { verification_ttl: '30m' })
    assert.equal(await introspect(token), true, 'a key that signed before still verifies')
    await clock.advance(11 * 60_000)
    assert.equal(await introspect(token), false, 'the token is expired')
    await clock.advance(20 * 60_000)
    assert.equal((await call('GET', 'identity/oidc/.well-known/keys', undefined, { token: '' })).body.keys.length, 1)
  })
}

test('refusals of identity tokens', async () => {
  const { call, user } = await start('ES256')
  const rows: [string, string, object | undefined, string | undefined, number, RegExp][] = [
    ['GET', 'identity/oidc/token/app', undefined, undefined, 400, /no entity associated/],
    ['GET', 'identity/oidc/token/none', undefined, undefined, 400, /role "none" not found/],
    ['DELETE', 'identity/oidc/key/k', undefined, undefined, 400, /referenced by these roles: app/],
    ['POST', 'identity/oidc/key/bad', { algorithm: 'HS256' }, undefined, 400, /unknown signing algorithm/],
    ['POST', 'identity/oidc/role/bad', { key: 'k', template: '{ "a": ' }, undefined, 400, /template/],
    ['POST', 'identity/oidc/config', { issuer: 'nowhere' }, undefined, 400, /invalid issuer/],
    ['POST', 'identity/oidc/provider/default', {}, undefined, 404, /not served/],
    ['POST', 'identity/oidc/key/other', {}, user, 403, /permission denied/],
  ]
  for (const [method, path, body, token, status, message] of rows) {
    const reply = await call(method, path, body, token === undefined ? {} : { token })
    assert.equal(reply.status, status, path)
    assert.match(String(reply.body.errors?.[0]), message)
  }
  await call('POST', 'identity/oidc/role/app', { key: 'k', client_id: 'not-listed' })
  assert.match(JSON.stringify((await call('GET', 'identity/oidc/token/app', undefined, { token: user })).body), /does not list the client ID/)
})
