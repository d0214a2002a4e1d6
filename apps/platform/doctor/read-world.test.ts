import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod, Secret } from '@idp/api'
import { systemClock } from '@idp/kit'
import { startTestCluster } from '@idp/testkit'
import { readWorld } from './read-world.ts'

test('values of Secrets are never kept, and masked in the lines of a crashed container', async () => {
  await using cluster = await startTestCluster({ bare: true, nodes: [] })
  const { client } = cluster
  await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', namespace: 'default' }, data: { password: Buffer.from('correct horse').toString('base64') } })
  await client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'default' }, spec: { containers: [{ name: 'app', image: 'x' }] } })
  await client.patch(Pod, 'web', { status: { containerStatuses: [{ name: 'app', image: 'x', imageID: '', ready: false, restartCount: 1, state: { waiting: { reason: 'CrashLoopBackOff' } } }] } }, { namespace: 'default', type: 'merge', subresource: 'status' })
  const asked: string[] = []
  const logs = { ...client, request: async (path: string) => {
    asked.push(path)
    return new Response('connecting\nrefused: password=correct horse\n')
  } }
  const { world, unread } = await readWorld(logs, systemClock)
  const pod = world.find({ kind: 'Pod', namespace: 'default', name: 'web' })
  assert.deepEqual(world.list('Secret').filter((secret) => secret.metadata.name === 'db').map((secret) => (secret as { data?: unknown }).data), [{ password: '' }])
  assert.deepEqual(pod && world.logOf(pod, 'app'), ['connecting', 'refused: password=***'])
  assert.deepEqual(asked, ['/api/v1/namespaces/default/pods/web/log?container=app&tailLines=4&previous=true'])
  assert.deepEqual(unread, [])
  assert.equal(world.reads('Certificate'), false)
})
