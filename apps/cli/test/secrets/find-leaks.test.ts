import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFinder } from './find-leaks.ts'

const find = createFinder([{ name: 'the password', value: 'pa"ss/wörd+0123456789' }])
const value = 'pa"ss/wörd+0123456789'

for (const [name, text] of [
  ['as it is', `x ${value} y`], ['base64', Buffer.from(value).toString('base64')], ['base64 in something longer', Buffer.from(`user:${value}:more`).toString('base64')], ['base64 at another place', Buffer.from(`users:${value}:more`).toString('base64')], ['base64 at the third', Buffer.from(`a:${value}:more`).toString('base64')],
  ['base64url', Buffer.from(`?>${value}`).toString('base64url')], ['a URL', `https://x/?p=${encodeURIComponent(value)}`], ['JSON', JSON.stringify({ value })], ['hex', Buffer.from(value).toString('hex')],
] as const) test(`a secret is found: ${name}`, () => assert.deepEqual(find(text, 'here'), [{ secret: 'the password', where: 'here' }]))

test('what is no secret is not found', () => assert.deepEqual(find('pa"ss/w and 0123456789, and dGVzdA==', 'here'), []))
