import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allCases, run } from './run.ts'

test('the gateway behaves as the Gateway API says', async () => {
  const { failures } = await run()
  assert.deepEqual(failures, [])
  assert.ok(allCases.length >= 150)
})
