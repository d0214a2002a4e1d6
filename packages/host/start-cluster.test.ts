import assert from 'node:assert/strict'
import { chmod, readdir, stat } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigMap, Deployment, isApiError, Node, Pod, Service } from '@idp/api'
import { fakeClock, silentLog, systemClock, systemRandom } from '@idp/kit'
import type { Component, ControlPlaneContext } from '@idp/sandbox'
import { eventually, eventuallyOne, startTestCluster, temporaryDirectory } from '@idp/testkit'
import { startCluster, supervise } from './index.ts'

const at = { namespace: 'default' }

test('state on disk survives: pods run again with one restart more, keys stay, files are private', async () => {
  await using directory = await temporaryDirectory()
  const start = () => startTestCluster({ storage: 'disk', dataDir: directory.path, apiPort: 0, bare: true })
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', ...at }, spec: { nodeName: 'test-server-0', containers: [{ name: 'main', image: 'acme/web', ports: [{ containerPort: 80 }] }] } } as Pod
  const ready = (p: Pod | undefined) => p?.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true
  let ca: string
  {
    await using cluster = await start()
    ca = cluster.ca
    await cluster.client.create(Pod, pod)
    await eventuallyOne(cluster.client, Pod, 'web', ready, at)
  }
  await using cluster = await start()
  assert.equal(cluster.ca, ca)
  const again = await eventuallyOne(cluster.client, Pod, 'web', (p) => ready(p) && p?.status?.containerStatuses?.[0]?.restartCount === 1, at)
  const terminated = again?.status?.containerStatuses?.[0]?.lastState?.terminated
  assert.deepEqual([terminated?.exitCode, terminated?.reason], [255, 'Unknown'])
  assert.equal((await stat(directory.path)).mode & 0o777, 0o700)
  for (const file of await readdir(join(directory.path, 'pki'))) assert.equal((await stat(join(directory.path, 'pki', file))).mode & 0o777, 0o600, file)
  assert.equal((await stat(join(directory.path, 'kubeconfig'))).mode & 0o777, 0o600)
})

test('a port of the machine leads through a node port to a pod', async () => {
  await using cluster = await startTestCluster({ hostPorts: [{ port: 0, nodePort: 30080 }] })
  await cluster.client.create(Deployment, {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', ...at },
    spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'acme/web', ports: [{ containerPort: 8080, name: 'http' }] }] } } },
  })
  await cluster.client.create(Service, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', ...at }, spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http', nodePort: 30080 }] } })
  const pods = await eventually(cluster.client, Pod, (all) => all.filter((p) => p.status?.phase === 'Running').length === 2, { ...at, labelSelector: 'app=web' })
  const seen = new Set<string>()
  while (seen.size < 2) seen.add((await (await eventuallyAnswers(() => cluster.net.fetch('http://web.default.svc/'))).json() as { pod: string }).pod)
  assert.deepEqual([...seen].sort(), pods.map((p) => p.metadata.name).sort())
  const first = pods[0]?.metadata.name
  const proxied = async (path: string) => (await cluster.client.request(`/api/v1/${path}`)).text()
  assert.match(await proxied('namespaces/default/services/web/proxy/a'), /"path":"\/a"/)
  assert.match(await proxied('namespaces/default/services/web:80/proxy/b'), /"path":"\/b"/)
  assert.match(await proxied(`namespaces/default/pods/${first}:http/proxy/c`), new RegExp(`"pod":"${first}"`))
  assert.match(await proxied('nodes/test-server-0/proxy/metrics'), /kubelet_running_pods/)
  const answer = await get(cluster.hostPorts[0] ?? 0)
  assert.equal((JSON.parse(answer) as { simulated: boolean }).simulated, true)
})

test('a control-plane program that throws is started again with back-off and takes nothing down', async () => {
  const runs: ControlPlaneContext[] = []
  const second = Promise.withResolvers<void>()
  const flaky: Component = {
    name: 'flaky', standsInFor: 'nothing',
    controlPlane: [{ name: 'flaky', groups: ['team'], load: async () => ({ async run(context) {
      runs.push(context)
      if (runs.length === 1) throw new Error('first')
      second.resolve()
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
    } }) }],
  }
  await using cluster = await startTestCluster({ bare: true, extra: [flaky] })
  await second.promise
  assert.equal((await cluster.client.list(Node)).items.length, 1)
  await assert.rejects(runs[1]?.client.list(ConfigMap) ?? Promise.resolve(), (error) => isApiError(error, 'Forbidden') && error.message.includes('system:flaky'))
})

test('supervision doubles the wait and forgives after a minute', async () => {
  const clock = fakeClock()
  const begun = clock.now()
  const starts: number[] = []
  const stop = new AbortController()
  const done = supervise(async () => {
    starts.push(clock.now() - begun)
    throw new Error('no')
  }, { name: 'x', clock, log: silentLog, signal: stop.signal })
  await clock.advance(800)
  assert.deepEqual(starts, [0, 100, 300, 700])
  stop.abort()
  await done
})

test('without a node agent there is no cluster, and nothing stays open', async () => {
  await using directory = await temporaryDirectory()
  await assert.rejects(startCluster({ name: 'x', dataDir: directory.path, clock: systemClock, log: silentLog, random: systemRandom, components: [] }), { code: 'NodeAgentMissing' })
})

test('a taken port is named, and everything that was open is closed again', async () => {
  await using first = await startTestCluster({ bare: true, hostPorts: [{ port: 0, nodePort: 30080 }] })
  const taken = first.hostPorts[0] ?? 0
  await assert.rejects(startTestCluster({ bare: true, hostPorts: [{ port: 0, nodePort: 30081 }, { port: taken, nodePort: 30080, setting: '--http-port' }] }), { code: 'PortTaken', where: `127.0.0.1:${taken}`, remedy: /--http-port/ })
})

test('a key that others can read is refused; after the remedy the cluster starts', async () => {
  await using directory = await temporaryDirectory()
  const start = () => startTestCluster({ bare: true, storage: 'disk', dataDir: directory.path })
  await (await start())[Symbol.asyncDispose]()
  const key = join(directory.path, 'pki', 'ca.key')
  await chmod(key, 0o644)
  await assert.rejects(start(), { code: 'WrongFileMode', where: key, remedy: /chmod 600/ })
  await chmod(key, 0o600)
  await (await start())[Symbol.asyncDispose]()
})

async function eventuallyAnswers(ask: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined) return answer
    await new Promise(setImmediate)
  }
}

function get(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: '/', agent: false }, async (response) => {
      let text = ''
      for await (const chunk of response) text += String(chunk)
      resolve(text)
    }).on('error', reject).end()
  })
}
