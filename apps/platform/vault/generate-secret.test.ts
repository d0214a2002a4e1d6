import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare } from 'bcryptjs'
import { seededRandom } from '@idp/kit'
import { generateSecret } from './generate-secret.ts'

const random = seededRandom(7)

test('each source makes what it says', async () => {
  assert.match(await generateSecret('password', {}, random), /^[A-Za-z2-9]{24}$/)
  assert.match(await generateSecret('hex', {}, random), /^[0-9a-f]{64}$/)
  assert.equal(await generateSecret('=admin', {}, random), 'admin')
  assert.ok(await compare('plain', await generateSecret('bcrypt:p', { p: 'plain' }, random)))
})
test('a source that does not exist is refused', async () => assert.rejects(generateSecret('bcrypt:missing', {}, random), { code: 'UnknownSecretSource' }))
