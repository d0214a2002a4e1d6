import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Node, Pod } from '@idp/api'
import { eventuallyOne } from './eventually.ts'
import { startTestCluster } from './start-test-cluster.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { helmBinary, kubectlBinary } from './tool-binaries.ts'

test('a test cluster has ready nodes and runs pods', async () => {
  await using cluster = await startTestCluster({ bare: true })
  const nodes = await cluster.client.list(Node)
  assert.deepEqual(nodes.items.map((n) => n.status?.conditions?.find((c) => c.type === 'Ready')?.status), ['True'])
  await cluster.client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'default' }, spec: { nodeName: 'test-server-0', containers: [{ name: 'a', image: 'a' }] } } as Pod)
  await eventuallyOne(cluster.client, Pod, 'a', (pod) => pod?.status?.phase === 'Running', { namespace: 'default' })
})

test('real tools come out of their npm packages and speak to a cluster', async (t) => {
  const [kubectl, helm] = await Promise.all([kubectlBinary(), helmBinary()])
  if (kubectl === undefined || helm === undefined) return t.skip('the development packages with kubectl and helm are not installed')
  await using directory = await temporaryDirectory()
  await using cluster = await startTestCluster({ bare: true, apiPort: 0 })
  const config = join(directory.path, 'kubeconfig')
  await writeFile(config, cluster.kubeconfig ?? '', { mode: 0o600 })
  const run = promisify(execFile)
  const { stdout } = await run(kubectl, ['--kubeconfig', config, 'get', 'nodes', '-o', 'name'], { env: { HOME: directory.path } })
  assert.equal(stdout, 'node/test-server-0\n')
  assert.match((await run(helm, ['version', '--short'])).stdout, /^v4\./)
})
