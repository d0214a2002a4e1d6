import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

// In a process of its own: the test runner has its own ideas about uncaught errors.
const script = `
import { Pod } from '@idp/api'
import { eventuallyOne, startTestCluster } from '@idp/testkit'
const untilAborted = (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve))
const ways = {
  timer: ({ clock }) => clock.timer(1, () => { throw new Error('from a timer') }),
  stray: () => void Promise.reject(new Error('stray rejection')),
  served: ({ net, clock }) => net.listen(80, { handler: () => { clock.timer(20, () => { throw new Error('in a handler') }); return new Response('ok') } }),
  calm: ({ net }) => net.listen(80, { handler: () => new Response('calm') }),
}
const programs = Object.entries(ways).map(([name, act]) => ({ images: ['example.com/' + name], load: async () => ({ images: [], async main(c) { await act(c); await untilAborted(c.signal); return 0 } }) }))
const cluster = await startTestCluster({ bare: true, extra: [{ name: 'extra', standsInFor: '-', programs }] })
const at = { namespace: 'default' }
for (const name of Object.keys(ways)) await cluster.client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...at }, spec: { restartPolicy: 'Never', nodeName: 'test-server-0', containers: [{ name: 'main', image: 'example.com/' + name }] } })
const phase = (name, wanted) => eventuallyOne(cluster.client, Pod, name, (pod) => pod?.status?.phase === wanted, at)
const calm = await phase('calm', 'Running')
const served = await phase('served', 'Running')
console.log('served', await (await cluster.net.fetch('http://' + served.status.podIP)).text())
for (const name of ['timer', 'stray', 'served']) {
  const pod = await phase(name, 'Failed')
  const log = await new Response(await cluster.nodes.logs({ ...at, name }, {})).text()
  console.log(name, pod.status.containerStatuses[0].state.terminated.exitCode, log.split('\\n')[0])
}
console.log(await (await cluster.net.fetch('http://' + calm.status.podIP)).text())
await cluster[Symbol.asyncDispose]()
`

test('an error that escapes from a program ends its container and nothing else', () => {
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { cwd, encoding: 'utf8', timeout: 30_000 })
  assert.equal(stdout, 'served ok\ntimer 1 Error: from a timer\nstray 1 Error: stray rejection\nserved 1 Error: in a handler\ncalm\n', stderr)
  assert.equal(status, 0)
})
