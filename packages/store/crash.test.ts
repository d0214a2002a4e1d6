import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killedWriters } from './crash-contract.ts'

test('kill -9 of a writing process loses no acknowledged commit', async () => {
  assert.ok(await killedWriters(6) > 0)
})
