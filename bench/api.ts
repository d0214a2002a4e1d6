/** The API server over its durable store: writes, reads, a list of 10,000 objects, and watchers. In process (no socket) and over HTTP. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigMap, Deployment } from '@idp/api'
import { createApiServer } from '@idp/apiserver'
import { createClient, handlerTransport, networkTransport, type Client } from '@idp/client'
import { listen } from '@idp/http'
import { silentLog, systemClock, systemRandom } from '@idp/kit'
import { openStore } from '@idp/store'
import type { Bench, BenchResult } from './main.ts'

const creates = 4_000
const gets = 10_000
const listed = 10_000
const watchers = 50
const changes = 400
const parallel = 32
const deployments = 500
const namespace = 'default'
const note = 'no peer: a real API server is on no registry this machine reaches'

const configMap = (name: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels: { app: 'bench', tier: 'one' } }, data: { settings: 'x'.repeat(800) } })

const deployment = (name: string): Deployment => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace, labels: { app: name, tier: 'one' }, annotations: { 'example.com/owner': 'bench' } },
  spec: {
    replicas: 2, selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name, tier: 'one' } },
      spec: {
        serviceAccountName: 'bench',
        containers: ['main', 'proxy'].map((container) => ({
          name: container, image: `registry.example.com/${container}:1.2.3`, args: ['--one', '--two=three'], ports: [{ name: 'http', containerPort: 8080 }, { name: 'metrics', containerPort: 9090 }],
          env: Array.from({ length: 6 }, (_, i) => ({ name: `SETTING_${i}`, value: `value ${i}` })), resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
          readinessProbe: { httpGet: { path: '/ready', port: 'http' } }, volumeMounts: [{ name: 'config', mountPath: '/etc/config' }],
        })),
        volumes: [{ name: 'config', configMap: { name } }],
      },
    },
  },
})

/** What controllers do all day: apply what is there already, apply a change, report a status. */
async function writes(client: Client, way: string): Promise<BenchResult[]> {
  const result = (name: string, value: number): BenchResult => ({ name: `${name}, ${way}`, value, unit: '/s', note })
  const name = (i: number) => `${prefixOf(way)}-${i % deployments}`
  const apply = (i: number, more: Partial<Deployment['spec']> = {}) => {
    const wanted = deployment(name(i))
    return client.apply(Deployment, { ...wanted, spec: { ...wanted.spec, ...more } }, { fieldManager: 'bench', force: true })
  }
  const first = await rate(deployments, (i) => apply(i))
  const changed = await rate(2 * deployments, (i) => apply(i, { replicas: 3 + Math.trunc(i / deployments) }))
  await rate(deployments, (i) => apply(i))
  const same = await rate(2 * deployments, (i) => apply(i))
  const status = await rate(2 * deployments, (i) => client.patch(Deployment, name(i), { status: { observedGeneration: 1, replicas: i, readyReplicas: i, conditions: [{ type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: `${i}` }] } }, { namespace, type: 'merge', subresource: 'status' }))
  return [result('Deployments created by apply', first), result('applies that change one field', changed), result('applies that change nothing', same), result('status patches', status)]
}

/** Runs `count` calls, `parallel` at a time; calls a second. */
async function rate(count: number, call: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0
  const began = performance.now()
  await Promise.all(Array.from({ length: parallel }, async () => {
    while (next < count) await call(next++)
  }))
  return count / ((performance.now() - began) / 1000)
}

async function fanOut(client: Client): Promise<number> {
  const stop = new AbortController()
  const { metadata } = await client.list(ConfigMap, { namespace, limit: 1 })
  const seen = Array.from({ length: watchers }, async () => {
    let count = 0
    for await (const _event of client.watch(ConfigMap, { namespace, signal: stop.signal, resourceVersion: metadata.resourceVersion })) if (++count === changes) return
  })
  const began = performance.now()
  await rate(changes, (i) => client.create(ConfigMap, configMap(`fan-${i}`)))
  await Promise.all(seen)
  const seconds = (performance.now() - began) / 1000
  stop.abort()
  return (watchers * changes) / seconds
}

const prefixOf = (way: string): string => way.toLowerCase().replaceAll(' ', '-')

async function measure(client: Client, way: string): Promise<BenchResult[]> {
  const result = (name: string, value: number, unit: string): BenchResult => ({ name: `${name}, ${way}`, value, unit, note })
  const created = await rate(creates, (i) => client.create(ConfigMap, configMap(`${prefixOf(way)}-${i}`)))
  const got = await rate(gets, (i) => client.get(ConfigMap, `${prefixOf(way)}-${i % creates}`, { namespace }))
  const applied = await rate(1_000, (i) => client.apply(ConfigMap, { ...configMap(`${prefixOf(way)}-${i}`), data: { other: 'y' } }, { fieldManager: 'bench' }))
  return [result('durable creates', created, '/s'), result('gets', got, '/s'), result('server-side applies', applied, '/s')]
}

/** Runs the benchmark on a store in a temporary folder. */
export async function run(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'idp-bench-api-'))
  try {
    await using store = await openStore(join(folder, 'store'), { log: silentLog, random: systemRandom })
    await using server = createApiServer({ store, clock: systemClock, log: silentLog, random: systemRandom, staticTokens: [{ token: 'bench', user: { name: 'bench', groups: ['system:masters'] } }] })
    await server.started
    const inProcess = createClient({ transport: handlerTransport(server.handler), token: 'bench' })
    await using port = await listen({ port: 0, server, log: silentLog })
    using transport = networkTransport({ server: `http://127.0.0.1:${port.port}` })
    const overHttp = createClient({ transport, token: 'bench' })
    await rate(300, (i) => inProcess.create(ConfigMap, configMap(`warm-${i}`)))
    const results = [...(await measure(inProcess, 'in process')), ...(await measure(overHttp, 'over HTTP')), ...(await writes(inProcess, 'in process'))]
    const missing = listed - (await inProcess.list(ConfigMap, { namespace })).items.length
    if (missing > 0) await rate(missing, (i) => inProcess.create(ConfigMap, configMap(`fill-${i}`)))
    const began = performance.now()
    const answer = await inProcess.request(`/api/v1/namespaces/${namespace}/configmaps?limit=${listed}`)
    const bytes = (await answer.arrayBuffer()).byteLength
    results.push({ name: 'list of 10,000 as JSON, in process', value: performance.now() - began, unit: 'ms', note: `${(bytes / 1e6).toFixed(1)} MB; ${note}` })
    results.push({ name: `events delivered to ${watchers} watchers, in process`, value: await fanOut(inProcess), unit: '/s', note })
    return { bench: 'api', results }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
