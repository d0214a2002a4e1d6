import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import type { JsonObject } from '@idp/formats'
import { fakeClock } from '@idp/kit'
import { readAppConfig } from '../engine/app-config.ts'
import { createTokens } from '../engine/tokens.ts'
import { parseGitPlace } from '../programs/git-source.ts'

test('configuration is merged, and variables are filled in', () => {
  const { config, missing } = readAppConfig([{ name: 'a', text: 'a: { b: "${X}", c: 1 }\nlist: [1, "${NONE}"]\nd: "${NONE:-other}"\ne: "$${X}"\ngone: "x${NONE}"' }, { name: 'b', text: 'a: { c: 2 }' }], { X: 'x' })
  assert.deepEqual(config, { a: { b: 'x', c: 2 }, list: [1], d: 'other', e: '${X}' })
  assert.deepEqual(missing, ['NONE', 'NONE'])
  assert.throws(() => readAppConfig([{ name: 'a', text: '- 1' }], {}), /not a mapping/)
})

test('tokens: static, signed with a shared secret, and of people', async () => {
  const clock = fakeClock()
  const secret = Buffer.from('shared secret').toString('base64')
  const config: JsonObject = { backend: { auth: { externalAccess: [{ type: 'static', options: { token: 'static-token', subject: 'ci' } }, { type: 'legacy', options: { secret, subject: 'old' } }] } }, auth: { providers: { guest: {}, accessToken: { token: 'access-token', userEntityRef: 'user:default/admin' } } } }
  const tokens = createTokens({ config, clock })
  const encode = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = (claims: JsonObject, key = secret, alg = 'HS256'): string => { const text = `${encode({ alg })}.${encode(claims)}`; return `${text}.${createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64url')}` }
  const now = Math.floor(clock.now() / 1000)
  const guest = tokens.signIn('guest')?.token ?? ''
  const admin = tokens.signIn('accessToken', 'access-token')?.token ?? ''
  const rows: [token: string, ref: string | undefined, mayWrite?: boolean][] = [
    ['static-token', 'external:ci', true], ['static-toke', undefined], ['', undefined], [guest, 'user:development/guest', false], [admin, 'user:default/admin', true], [`${guest.split('.').slice(0, 2).join('.')}.${admin.split('.')[2]}`, undefined],
    [signed({ sub: 'backstage-server', exp: now + 60 }), 'external:old', true], [signed({ sub: 'backstage-server', exp: now - 1 }), undefined], [signed({ sub: 'other', exp: now + 60 }), undefined], [signed({ sub: 'backstage-server', exp: now + 60 }, 'AAAA'), undefined], [signed({ sub: 'backstage-server', exp: now + 60 }, secret, 'none'), undefined],
  ]
  const callerOf = (token: string) => tokens.caller(new Request('http://x', { headers: { authorization: `Bearer ${token}` } }))
  for (const [token, ref, mayWrite] of rows) assert.deepEqual([callerOf(token)?.ref, callerOf(token)?.mayWrite], [ref, mayWrite], token)
  assert.equal(tokens.signIn('accessToken', 'wrong'), undefined)
  assert.equal(createTokens({ config: {}, clock }).signIn('guest'), undefined)
  await clock.advance(3_601_000)
  assert.equal(callerOf(guest), undefined)
})

test('places in repositories', () => {
  const rows: [url: string, want: [string, string, string] | undefined][] = [
    ['http://git/platform.git/blob/main/a/b.yaml', ['http://git/platform.git', 'main', 'a/b.yaml']], ['https://github.com/o/r/tree/v1/a/', ['https://github.com/o/r', 'v1', 'a']], ['https://gitea/o/r/src/branch/main/x', ['https://gitea/o/r', 'main', 'x']], ['https://gitlab/o/r/-/blob/main/x', ['https://gitlab/o/r', 'main', 'x']], ['http://x/file.yaml', undefined],
  ]
  for (const [url, want] of rows) { const place = parseGitPlace(url); assert.deepEqual(place && [place.repository, place.revision, place.path], want) }
})
