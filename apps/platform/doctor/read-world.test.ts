import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod, Secret } from '@idp/api'
import { startTestApi } from '../../../packages/apiserver/testing.ts'
import { readWorld } from './read-world.ts'

test('values of Secrets are never kept', async () => {
  await using api = await startTestApi()
  await api.client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', namespace: 'default' }, data: { password: Buffer.from('correct horse').toString('base64') } })
  await api.client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'default' }, spec: { containers: [{ name: 'app', image: 'x' }] } })
  const { world, unread } = await readWorld(api.client, api.clock)
  assert.deepEqual(world.list('Secret').map((secret) => (secret as { data?: unknown }).data), [{ password: '' }])
  assert.deepEqual(unread, [])
  assert.equal(world.reads('Certificate'), false)
  assert.equal(world.find({ kind: 'Pod', namespace: 'default', name: 'web' })?.kind, 'Pod')
})
