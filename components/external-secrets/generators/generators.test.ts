import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPublicKey } from 'node:crypto'
import { seededRandom } from '@idp/kit'
import { decodeBase32, encodeBase32 } from './base32.ts'
import { oneTimeCode } from './one-time-code.ts'
import { passwords } from './password.ts'
import { sshKey } from './ssh-key.ts'

const seed = encodeBase32(Buffer.from('12345678901234567890'))
const secret = { name: 'seed', key: 'seed' }

// RFC 6238, appendix B.
for (const [seconds, token] of [[59, '94287082'], [1111111109, '07081804'], [1234567890, '89005924'], [20000000000, '65353130']] as const) {
  test(`one-time code at ${seconds}`, () => {
    assert.deepEqual(oneTimeCode({ secret, length: 8 }, seed, seconds * 1000), { token, timeLeft: String(30 - seconds % 30) })
  })
}

test('a seed that is none is refused without being quoted', () => {
  assert.throws(() => oneTimeCode({ secret }, 'not-base32-1890', 0), (error: Error) => /is not base32/.test(error.message) && !error.message.includes('1890'))
  assert.equal(decodeBase32('mzxw 6ytb-oi======')?.toString(), 'foobar')
})

test('passwords: a key each, encoded', () => {
  const made = Object.fromEntries(passwords({ length: 10, secretKeys: ['a', 'b'], encoding: 'hex' }, seededRandom(1)))
  assert.deepEqual([Object.keys(made), Buffer.from(made['a'] ?? '', 'hex').length, made['a'] === made['b']], [['a', 'b'], 10, false])
  assert.match(passwords({ encoding: 'base32' }, seededRandom(1))[0]?.[1] ?? '', /^[A-Z2-7=]+$/)
})

test('SSH keys in the forms of OpenSSH', async () => {
  const { privateKey, publicKey } = await sshKey({ keyType: 'ed25519', comment: 'me@here' }, seededRandom(1))
  const [type, blob = '', comment] = publicKey.trim().split(' ')
  assert.deepEqual([type, comment], ['ssh-ed25519', 'me@here'])
  const raw = Buffer.from(blob, 'base64').subarray(-32)
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' })
  const file = Buffer.from(privateKey.split('\n').slice(1, -2).join(''), 'base64')
  assert.ok(file.includes(raw) && file.includes('openssh-key-v1') && file.includes('me@here'))
  assert.match((await sshKey({ keySize: 2048 }, seededRandom(1))).publicKey, /^ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB/)
  await assert.rejects(sshKey({ keyType: 'dsa' }, seededRandom(1)), /unsupported key type: dsa/)
})
