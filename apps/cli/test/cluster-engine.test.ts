import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Deployment } from '@idp/api'
import { createClient, networkTransport, readKubeconfig, type Client } from '@idp/client'
import { temporaryDirectory } from '@idp/testkit'
import { startChartRepository, type ChartRepository } from './chart-repository.ts'
import { freePort, idp } from './idp-process.ts'

/** A cluster that `idp up` did not start: a bare embedded one stands in for it, and a repository on this machine for upstream's. Tests build on one another. */
let data: Awaited<ReturnType<typeof temporaryDirectory>>
let charts: ChartRepository
let remote: readonly string[]
let flags: readonly string[]
let ports: { https: number; http: number }
let kubeconfig: string
let client: Client

before(async () => {
  data = await temporaryDirectory()
  charts = await startChartRepository()
  ports = { https: await freePort(), http: await freePort() }
  remote = ['--name', 'remote', '--data-dir', join(data.path, 'remote')]
  flags = ['--name', 'platform', '--data-dir', join(data.path, 'platform')]
  const said = await idp(['cluster', 'up', ...remote, '--https-port', String(ports.https), '--http-port', String(ports.http)])
  assert.equal(said.code, 0, said.out + said.err)
  kubeconfig = join(data.path, 'remote', 'remote', 'engine', 'kubeconfig')
  client = createClient({ transport: networkTransport(readKubeconfig(await readFile(kubeconfig, 'utf8'), kubeconfig).network) })
})
after(async () => {
  await idp(['destroy', '--yes', ...remote])
  await charts[Symbol.asyncDispose]()
  await data[Symbol.asyncDispose]()
})

const upFlags = () => ['--engine', 'kubeconfig', '--context', 'idp-remote', '--kubeconfig', kubeconfig, '--gateway-address', '127.0.0.1', '--https-port', String(ports.https), '--http-port', String(ports.http), '--timeout', '90']

test('a context that is not there is refused with those that are, and nothing is left behind', async () => {
  const said = await idp(['up', ...flags, '--engine', 'kubeconfig', '--context', 'other', '--kubeconfig', kubeconfig])
  assert.equal(said.code, 1)
  assert.match(said.err, /ContextMissing: .*'other'[\s\S]*idp-remote/)
  assert.deepEqual(await readdir(join(data.path, 'platform')).catch(() => []), [])
})

test('a chart that is not what the index promises stops the start before anything is applied of it', async () => {
  const [path = ''] = [...charts.files.keys()].filter((file) => file.startsWith('/cilium-'))
  const archive = charts.files.get(path) ?? new Uint8Array()
  charts.files.set(path, new Uint8Array([...archive.subarray(0, -1), 0xff]))
  const said = await idp(['up', ...flags, ...upFlags(), '--charts', charts.url])
  charts.files.set(path, archive)
  assert.equal(said.code, 1)
  assert.match(said.err, /chart 'cilium' 1\.18\.2: the archive has digest/)
})

test('idp up brings every Application of a kubeconfig context to Synced and Healthy, with charts over HTTP', async () => {
  const began = performance.now()
  const said = await idp(['up', ...flags, ...upFlags(), '--charts', charts.url, '--output', 'json'])
  assert.equal(said.code, 0, said.out + said.err)
  const summary = JSON.parse(said.out.trim().split('\n').at(-1) ?? '') as { applications: string[] }
  assert.ok(summary.applications.length >= 11, said.out)
  assert.ok(charts.asked.some((path) => path.startsWith('/argo-cd-')) && charts.asked.some((path) => path.startsWith('/vault-')), charts.asked.join(' '))
  console.log(`# up after ${((performance.now() - began) / 1000).toFixed(2)} s; ${charts.asked.length} requests for charts`)
})

test('what is kept of the context can be read by its owner only, and the other commands use it', async () => {
  const copy = join(data.path, 'platform', 'platform', 'engine', 'kubeconfig')
  assert.equal((await stat(copy)).mode & 0o777, 0o600)
  const status = await idp(['status', ...flags])
  assert.equal(status.code, 0, status.out + status.err)
  assert.match(status.out, /kubeconfig engine/)
  const verified = await idp(['verify', ...flags, '--diagram', '14', '--output', 'json'])
  assert.ok(!/"verdict":"failed"/.test(verified.out), verified.out + verified.err)
  assert.match((await idp(['secret', 'argocd', ...flags])).out, /admin/)
  assert.match((await idp(['open', 'argocd', '--print', ...flags])).out, /^https:\/\/argocd\.idp\.localhost/)
})

test('the second start needs neither flags nor network: engine, context and charts are remembered', async () => {
  await charts[Symbol.asyncDispose]()
  const said = await idp(['up', ...flags, '--timeout', '90'])
  assert.equal(said.code, 0, said.out + said.err)
  const other = await idp(['up', ...flags, '--engine', 'embedded'])
  assert.match(other.err, /EngineDiffers/)
})

test('a cluster with another Argo CD is refused before anything is changed', async () => {
  const labels = { 'app.kubernetes.io/part-of': 'argocd' }
  await client.create(Deployment, {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'argocd-server', namespace: 'default', labels },
    spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'argocd', image: 'quay.io/argoproj/argocd:v2.0.0' }] } } },
  }, { fieldManager: 'helm' })
  const said = await idp(['up', ...flags])
  assert.equal(said.code, 1)
  assert.match(said.err, /ArgoCdPresent: another Argo CD runs in namespace default/)
  await client.delete(Deployment, 'argocd-server', { namespace: 'default' })
})

test('down has nothing to stop; destroy removes only what idp kept', async () => {
  const down = await idp(['down', ...flags])
  assert.equal(down.code, 0)
  assert.match(down.out, /nothing to stop/)
  const destroyed = await idp(['destroy', '--yes', ...flags])
  assert.equal(destroyed.code, 0)
  assert.match(destroyed.out, /stay as they are/)
  assert.ok(!existsSync(join(data.path, 'platform', 'platform')))
  assert.ok((await client.list(Deployment, { namespace: 'argocd' })).items.length > 0)
})
