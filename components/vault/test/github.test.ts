import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startVault } from './start-vault.ts'

/** GitHub's REST API as far as a login asks it; the tokens are the users' names. */
const api = async (url: string, init?: RequestInit): Promise<Response> => {
  const user = new Headers(init?.headers).get('authorization')?.replace('Bearer token-of-', '') ?? ''
  const { pathname } = new URL(url)
  if (!['ada', 'ben'].includes(user)) return Response.json({ message: 'Bad credentials' }, { status: 401 })
  if (pathname === '/api/user') return Response.json({ login: user, id: 1 })
  if (pathname === '/api/user/orgs') return Response.json(user === 'ada' ? [{ login: 'Engines', id: 7 }] : [])
  return Response.json([{ name: 'Core Team', slug: 'core-team', organization: { login: 'engines', id: 7 } }, { name: 'Else', slug: 'else', organization: { login: 'other', id: 8 } }])
}

test('members of the organization log in with the policies of their teams and of themselves', async () => {
  const { call } = await startVault({ surroundings: { fetch: api } })
  await call('POST', 'sys/auth/github', { type: 'github' })
  const login = (user: string) => call('POST', 'auth/github/login', { token: `token-of-${user}` }, { token: '' })
  assert.deepEqual((await login('ada')).body.errors, ['configuration has not been set'])
  assert.deepEqual((await call('POST', 'auth/github/config', {})).body.errors, ['organization is a required parameter'])
  await call('POST', 'auth/github/config', { organization: 'engines', base_url: 'https://git.example/api/', token_ttl: '1h' })
  for (const [path, value] of [['teams/core-team', 'read,write'], ['teams/else', 'never'], ['users/ada', 'own'], ['teams/default', 'all']] as const) await call('POST', `auth/github/map/${path}`, { value })
  assert.deepEqual([(await call('GET', 'auth/github/map/teams/core-team')).body.data, (await call('GET', 'auth/github/map/users?list=true')).body.data.keys], [{ key: 'core-team', value: 'read,write' }, ['ada']])
  const { auth } = (await login('ada')).body
  assert.deepEqual([auth.policies, auth.lease_duration, auth.metadata], [['all', 'default', 'own', 'read', 'write'], 3600, { username: 'ada', org: 'engines' }])
  assert.deepEqual([(await login('ben')).body.errors, (await login('eve')).body.errors], [['user is not part of required org'], ['the token is not accepted by GitHub']])
})

test('a server that does not answer is named, the token is not', async () => {
  const { call } = await startVault({ surroundings: { fetch: async () => { throw new Error('connect with token-of-ada failed') } } })
  await call('POST', 'sys/auth/github', { type: 'github' })
  await call('POST', 'auth/github/config', { organization: 'engines' })
  assert.deepEqual((await call('POST', 'auth/github/login', { token: 'token-of-ada' }, { token: '' })).body.errors, ['https://api.github.com cannot be reached'])
})
