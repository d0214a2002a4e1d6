import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allCases, run } from './run.ts'

for (const [name, words] of [['in memory', []], ['on sockets', ['--sockets']]] as const) {
  test(`the gateway behaves as the Gateway API says, ${name}`, async () => {
    const { failures } = await run(words)
    assert.deepEqual(failures, [])
    assert.ok(allCases.length >= 150)
  })
}
