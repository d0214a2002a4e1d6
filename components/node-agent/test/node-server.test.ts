import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterRoleBinding, Node, PersistentVolume, PersistentVolumeClaim, Pod, ServiceAccount } from '@idp/api'
import type { Component } from '@idp/sandbox'
import { eventuallyOne, startTestCluster } from '@idp/testkit'

const at = { namespace: 'default' }
const running = (pod: Pod | undefined) => pod?.status?.phase === 'Running'
const untilAborted = (signal: AbortSignal) => new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())))

/** A pod that fetches node pages with its own token, as a Prometheus would. */
function scraper(results: Map<string, number | string>): Component {
  return {
    name: 'scraper', standsInFor: '-',
    programs: [{ images: ['example.com/scraper'], load: async () => ({ images: [], async main({ net, files, signal, client, args }) {
      const token = await files.readText('/var/run/secrets/kubernetes.io/serviceaccount/token')
      const ca = await files.readText('/var/run/secrets/kubernetes.io/serviceaccount/ca.crt')
      for (const path of ['/healthz', '/metrics', '/metrics/cadvisor', '/stats/summary', '/pods']) {
        const response = await net.fetch(`https://172.25.0.2:10250${path}`, { headers: { authorization: `Bearer ${token}` } })
        results.set(path, response.status)
        if (path === '/metrics/cadvisor') results.set('cadvisor', await response.text())
      }
      results.set('api', (await net.fetch('https://kubernetes.default.svc/api', { ca, headers: { authorization: `Bearer ${token}` } })).status)
      results.set('namespace', await files.readText('/var/run/secrets/kubernetes.io/serviceaccount/namespace'))
      results.set('client', await client?.get(Pod, args[0] ?? '', at).then((p) => p.metadata.name ?? '', (e: Error) => e.message) ?? 'none')
      await untilAborted(signal)
      return 0
    } }) }],
  }
}

test('a node serves its pages to whom RBAC allows, and a pod reaches the API server with its token', async () => {
  const results = new Map<string, number | string>()
  await using cluster = await startTestCluster({ bare: true, extra: [scraper(results)] })
  const { client } = cluster
  const run = async (name: string) => {
    results.clear()
    await client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, ...at } })
    if (name === 'allowed') {
      await client.create(ClusterRoleBinding, {
        apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' }, subjects: [{ kind: 'ServiceAccount', name, ...at }],
      })
    }
    await client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...at }, spec: { nodeName: 'test-server-0', serviceAccountName: name, containers: [{ name: 'main', image: 'example.com/scraper', args: [name] }] } } as Pod)
    await eventuallyOne(client, Pod, name, running, at)
    while (!results.has('client')) await new Promise(setImmediate)
  }
  await run('refused')
  assert.deepEqual(['/healthz', '/metrics', '/pods', 'api', 'namespace'].map((k) => results.get(k)), [200, 403, 403, 200, 'default'])
  assert.match(String(results.get('client')), /cannot get resource "pods"/)
  await run('allowed')
  assert.deepEqual(['/metrics', '/metrics/cadvisor', '/stats/summary', '/pods', 'client'].map((k) => results.get(k)), [200, 200, 200, 200, 'allowed'])
  assert.match(String(results.get('cadvisor')), /# HELP container_memory_working_set_bytes .*estimated[\s\S]*container_memory_working_set_bytes\{container="main",[^}]*pod="allowed"\} \d+/)
})

test('host ports, the host network and node ports are reached at the node\'s address', async () => {
  await using cluster = await startTestCluster({ bare: true })
  const create = (name: string, spec: Partial<Pod['spec']>) => cluster.client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...at }, spec: { nodeName: 'test-server-0', ...spec } } as Pod)
  await create('a', { containers: [{ name: 'main', image: 'acme/a', ports: [{ containerPort: 80, hostPort: 8080 }] }] })
  await create('b', { hostNetwork: true, containers: [{ name: 'main', image: 'acme/b', ports: [{ containerPort: 9100 }] }] })
  await create('c', { containers: [{ name: 'main', image: 'acme/c', ports: [{ containerPort: 80, hostPort: 8080 }] }] })
  const [, b, c] = await Promise.all([eventuallyOne(cluster.client, Pod, 'a', running, at), eventuallyOne(cluster.client, Pod, 'b', running, at), eventuallyOne(cluster.client, Pod, 'c', (p) => p?.status?.phase === 'Failed', at)])
  assert.deepEqual([b?.status?.podIP, c?.status?.reason], ['172.25.0.2', 'NodePorts'])
  const who = async (port: number) => ((await (await cluster.net.fetch(`http://172.25.0.2:${port}/`)).json()) as { pod: string }).pod
  assert.deepEqual([await who(8080), await who(9100)], ['a', 'b'])
})

test('a claim is mounted from its volume, waits until it is bound, and keeps its data', async () => {
  const seen: string[] = []
  const counter: Component = {
    name: 'counter', standsInFor: '-',
    programs: [{ images: ['example.com/counter'], load: async () => ({ images: [], async main({ files, signal }) {
      await files.append('/data/runs', 'x')
      seen.push(await files.readText('/data/runs'))
      await untilAborted(signal)
      return 0
    } }) }],
  }
  await using cluster = await startTestCluster({ components: [], extra: [counter] })
  const { client } = cluster
  await client.create(PersistentVolumeClaim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data', ...at }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'local-path' } })
  for (const name of ['first', 'second']) {
    await client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...at }, spec: { volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }], containers: [{ name: 'main', image: 'example.com/counter', volumeMounts: [{ name: 'd', mountPath: '/data' }] }] } } as Pod)
    await eventuallyOne(client, Pod, name, running, at)
    await client.delete(Pod, name, at)
    await eventuallyOne(client, Pod, name, (p) => p === undefined, at)
  }
  assert.deepEqual(seen, ['x', 'xx'])
  assert.equal((await client.list(PersistentVolume)).items[0]?.status?.phase, 'Bound')
})

test('a node renews its lease and stays Ready', async () => {
  await using cluster = await startTestCluster({ bare: true })
  const node = await cluster.client.get(Node, 'test-server-0')
  assert.equal(node.status?.nodeInfo?.containerRuntimeVersion, 'idp://0.1.0')
  assert.deepEqual(node.status?.conditions?.map((c) => [c.type, c.status]), [['MemoryPressure', 'False'], ['DiskPressure', 'False'], ['PIDPressure', 'False'], ['Ready', 'True']])
})
