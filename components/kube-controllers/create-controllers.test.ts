import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, DaemonSet, Deployment, EndpointSlice, Job, Namespace, Pod, Service, ServiceAccount, StatefulSet } from '@idp/api'
import { createManager } from '@idp/controller'
import { silentLog } from '@idp/kit'
import { createControllers } from './create-controllers.ts'
import { node, template, workbench } from './testing/workbench.ts'

const at = { namespace: 'default' }
const meta = (name: string) => ({ name, ...at })

test('all controllers together bring a small world up, then write nothing more, and leave nothing when it goes', async () => {
  await using bench = await workbench(createControllers({ clusterCa: 'CA' }), { nodes: [node('n')] })
  const { client } = bench
  const labels = (app: string) => ({ matchLabels: { app } })
  await client.create(Deployment, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta('web'), spec: { replicas: 2, selector: labels('web'), template: template({ app: 'web' }) } })
  await client.create(StatefulSet, { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: meta('db'), spec: { replicas: 2, serviceName: 'db', selector: labels('db'), template: template({ app: 'db' }) } })
  await client.create(DaemonSet, { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: meta('agent'), spec: { selector: labels('agent'), template: template({ app: 'agent' }) } })
  await client.create(Job, { apiVersion: 'batch/v1', kind: 'Job', metadata: meta('once'), spec: { template: template({}, { restartPolicy: 'Never' }) } })
  await client.create(Service, { apiVersion: 'v1', kind: 'Service', metadata: meta('web'), spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } })
  for (let i = 0; i < 4; i++) await bench.runPods((pod) => pod.metadata.labels?.['job-name'] === undefined)
  await bench.runPods((pod) => pod.metadata.labels?.['job-name'] !== undefined, { phase: 'Succeeded' })
  assert.equal((await bench.list(Pod)).length, 6)
  assert.equal((await bench.list(EndpointSlice))[0]?.endpoints?.length, 2)
  assert.equal((await bench.get(Job, 'once')).status?.succeeded, 1)
  assert.equal((await bench.get(Deployment, 'web')).status?.availableReplicas, 2)
  assert.ok(await bench.get(ServiceAccount, 'default'))
  assert.ok(await bench.get(ConfigMap, 'kube-root-ca.crt'))
  // The silent node is noticed once; that is not what this is about.
  await bench.advance(120_000)
  const before = bench.api.store.revision
  await bench.advance(1_200_000)
  assert.equal(bench.api.store.revision, before)
  // A restart finds everything as it should be.
  const stop = new AbortController()
  const again = createManager({ client, clock: bench.clock, log: silentLog, controllers: createControllers({ clusterCa: 'CA' }), signal: stop.signal })
  await bench.advance(40_000)
  assert.ok(again.idle)
  assert.equal(bench.api.store.revision, before)
  stop.abort(new Error('over'))
  await again.done
  for (const [kind, name] of [[Deployment, 'web'], [StatefulSet, 'db'], [DaemonSet, 'agent'], [Job, 'once'], [Service, 'web']] as const) await client.delete(kind, name, { ...at, propagationPolicy: 'Background' })
  await bench.settle()
  await bench.runPods()
  assert.deepEqual(await bench.names(Pod), [])
  await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } })
  await bench.settle()
  await client.delete(Namespace, 'team')
  await bench.advance(2_000)
  assert.ok(!(await client.list(Namespace)).items.some(({ metadata }) => metadata.name === 'team'))
})
