import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAcl, moreSpecific, type Operation } from './acl.ts'
import { parsePolicy } from './parse-policy.ts'

test('which rule decides, and what it allows', async (t) => {
  const rows: [policy: string, operation: Operation, path: string, allowed: boolean, data?: object][] = [
    ['path "a/b" { capabilities = ["read"] }', 'read', 'a/b', true],
    ['path "a/b" { capabilities = ["read"] }', 'read', 'a/bc', false],
    ['path "a/b" { capabilities = ["read"] }', 'update', 'a/b', false],
    ['path "a/*" { capabilities = ["read"] }', 'read', 'a/', true],
    ['path "a/*" { capabilities = ["read"] }', 'read', 'a', false],
    ['path "a*" { capabilities = ["read"] }', 'read', 'abc/d', true],
    ['path "a/+/c" { capabilities = ["read"] }', 'read', 'a/x/c', true],
    ['path "a/+/c" { capabilities = ["read"] }', 'read', 'a/x/y/c', false],
    ['path "a/+/c*" { capabilities = ["read"] }', 'read', 'a/x/cd/e', true],
    ['path "a/*" { capabilities = ["read"] }\npath "a/b/*" { capabilities = ["deny"] }', 'read', 'a/b/c', false],
    ['path "a/b" { capabilities = ["read"] }\npath "a/*" { capabilities = ["deny"] }', 'read', 'a/b', true],
    ['path "a/b" { capabilities = ["read"] }\npath "a/b" { capabilities = ["deny"] }', 'read', 'a/b', false],
    ['path "a/" { capabilities = ["list"] }', 'list', 'a/', true],
    ['path "a" { capabilities = ["list"] }', 'list', 'a/', true],
    ['path "a" { capabilities = ["update"] allowed_parameters = { "x" = ["1", "2*"] } }', 'update', 'a', true, { x: '23' }],
    ['path "a" { capabilities = ["update"] allowed_parameters = { "x" = ["1"] } }', 'update', 'a', false, { x: '2' }],
    ['path "a" { capabilities = ["update"] allowed_parameters = { "x" = [] } }', 'update', 'a', false, { y: '2' }],
    ['path "a" { capabilities = ["update"] allowed_parameters = { "x" = [] "*" = [] } }', 'update', 'a', true, { y: '2' }],
    ['path "a" { capabilities = ["update"] denied_parameters = { "x" = ["bad"] } }', 'update', 'a', false, { X: 'bad' }],
    ['path "a" { capabilities = ["update"] denied_parameters = { "*" = [] } }', 'update', 'a', true, {}],
    ['path "a" { capabilities = ["update"] required_parameters = ["x"] }', 'update', 'a', false, { y: 1 }],
    ['path "a" { policy = "write" }', 'delete', 'a', true],
    ['{"path": {"a/*": {"capabilities": ["read"]}}}', 'read', 'a/x', true],
  ]
  for (const [policy, operation, path, allowed, data] of rows) await t.test(`${policy} – ${operation} ${path}`, () => assert.equal(createAcl(parsePolicy(policy)).allows(operation, path, data as Record<string, unknown>), allowed))
})

test('upstream\'s order of priority', () => {
  for (const [a, b] of [['secret/foo*', 'secret/*'], ['a/b/+', 'a/+/c'], ['a/+/c', 'a/+/*'], ['a/+/c/d', 'a/+/+/d'], ['a/b*', 'a/+']] as const) assert.ok(moreSpecific(a, b) < 0, `${a} before ${b}`)
})

test('a policy that does not parse names its line', async (t) => {
  const rows: [string, RegExp][] = [
    ['path "a" {\n  capabilities = ["fly"]\n}', /policy:1.*invalid capability "fly"/],
    ['path "a" {\n  capabilities = ["read"\n}', /policy:3/],
    ['path "a" {\n  capability = ["read"]\n}', /policy:2.*invalid key "capability"/],
    ['path "a" {', /closing RBRACE/],
    ['pat "a" { }', /invalid key "pat"/],
    ['path "a/+*" { capabilities = ["read"] }', /forbidden/],
    [`path "a" { allowed_parameters = { ${'{ x = '.repeat(200)} } }`, /policy:1/],
  ]
  for (const [policy, message] of rows) await t.test(policy.slice(0, 40), () => assert.throws(() => parsePolicy(policy), message))
})
