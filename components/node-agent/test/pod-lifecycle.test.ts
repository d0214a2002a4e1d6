import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod } from '@idp/api'
import type { Program } from '@idp/sandbox'
import { isPodReady } from '@idp/controller'
import { startNodeWorld } from './node-world.ts'

const hello: Program = {
  images: ['example.com/hello'],
  async main({ net, signal, stdout, env }) {
    await net.listen(8080, { handler: (request) => new Response(`hello ${env['WHO']} at ${new URL(request.url).pathname}`) })
    stdout('listening')
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return 0
  },
}
const isReady = (pod: Pod | undefined) => pod !== undefined && isPodReady(pod)

test('a pod of a known program runs, is probed, becomes Ready and logs', async () => {
  await using world = await startNodeWorld([hello])
  await world.run('web', {
    containers: [{ name: 'main', image: 'example.com/hello:1', env: [{ name: 'WHO', value: 'you' }], ports: [{ containerPort: 8080, name: 'http' }], readinessProbe: { httpGet: { path: '/ready', port: 'http' } } }],
  })
  const pod = await world.until('web', isReady)
  assert.equal(pod?.status?.phase, 'Running')
  assert.equal(await (await world.net.fetch(`http://${pod?.status?.podIP}:8080/x`)).text(), 'hello you at /x')
  assert.equal(await world.log('web'), 'listening\n')
})

test('a pod of an unknown image is simulated and says so', async () => {
  await using world = await startNodeWorld()
  await world.run('sim', { containers: [{ name: 'main', image: 'ghcr.io/acme/shop:2', ports: [{ containerPort: 80 }], livenessProbe: { tcpSocket: { port: 9000 } } }] })
  const pod = await world.until('sim', (p) => isReady(p) && p?.metadata.annotations?.['idp.dev/stand-in'] === 'simulated')
  const answer = (await (await world.net.fetch(`http://${pod?.status?.podIP}/healthz`)).json()) as { simulated: boolean; pod: string }
  assert.deepEqual([answer.simulated, answer.pod], [true, 'sim'])
  assert.match(await world.log('sim'), /simulated: no program stands in for ghcr.io\/acme\/shop:2; answering on port 80, 9000/)
})

test('a deleted pod ends its containers and is gone', async () => {
  await using world = await startNodeWorld([hello])
  await world.run('web', { containers: [{ name: 'main', image: 'example.com/hello' }] })
  const pod = await world.until('web', isReady)
  await world.api.client.delete(Pod, 'web', { namespace: 'default' })
  await world.until('web', (p) => p === undefined)
  await assert.rejects(world.net.fetch(`http://${pod?.status?.podIP}:8080/`), { code: 'ConnectionTimedOut' })
})
