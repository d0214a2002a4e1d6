import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Deployment, Secret, ValidatingWebhookConfiguration } from '@idp/api'
import type { Client } from '@idp/client'
import { systemClock } from '@idp/kit'
import { parseCertificate } from '@idp/pki'
import { temporaryDirectory } from '@idp/testkit'
import { Certificate } from '../kinds/cert-manager.ts'
import { apply, blueprintObjects, install, namespace, objectsIn, startStepped, type SteppedCluster } from './in-cluster.ts'

const MINUTE = 60_000

/** Cilium and cert-manager as the platform installs them, issuers of the platform, a Gateway with the annotation, an application behind it. */
async function startPlatform(start: number): Promise<SteppedCluster> {
  const world = await startStepped({ start, components: ['cert-manager', 'cilium'], hostPorts: [{ port: 0, nodePort: 30443 }] })
  const { client } = world.cluster
  for (const name of ['gateway-api.yaml', 'gateway-api-reference-grant.yaml', 'gateway-api-tls-route.yaml']) await apply(client, await blueprintObjects(`IT/crds/${name}`))
  await install(client, 'cilium', 'kube-system', { gatewayAPI: { enabled: true }, envoy: { enabled: true } })
  await install(client, 'cert-manager', 'cert-manager', { crds: { enabled: true }, startupapicheck: { enabled: false }, config: { enableGatewayAPI: true } })
  for (const name of ['cert-manager', 'cert-manager-webhook', 'cert-manager-cainjector']) {
    await world.until(name, async () => ((await client.get(Deployment, name, { namespace: 'cert-manager' })).status?.availableReplicas ?? 0) > 0 || undefined)
  }
  await world.until('the webhook takes issuers', async () => apply(client, await blueprintObjects('IT/cert-manager/issuers.yaml')).then(() => true, () => undefined))
  await namespace(client, 'app')
  await apply(client, objectsIn(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: app, annotations: { cert-manager.io/cluster-issuer: ca-issuer, cert-manager.io/duration: 3h, cert-manager.io/private-key-algorithm: ECDSA } }
spec:
  gatewayClassName: cilium
  listeners: [{ name: https, port: 443, protocol: HTTPS, hostname: cilium-gateway-gw.app.svc.cluster.local, tls: { certificateRefs: [{ name: gw-cert }] } }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: app }
spec:
  selector: { matchLabels: { app: web } }
  template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: example.test/web, ports: [{ containerPort: 8080 }] }] } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: app }
spec: { selector: { app: web }, ports: [{ port: 8080 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: app }
spec: { parentRefs: [{ name: gw }], rules: [{ backendRefs: [{ name: web, port: 8080 }] }] }
`))
  return world
}

const secretText = async (client: Client, name: string, inside: string, key: string): Promise<string | undefined> => {
  const { items } = await client.list(Secret, { namespace: inside, fieldSelector: `metadata.name=${name}` })
  const value = items[0]?.data?.[key]
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString()
}
const host = 'cilium-gateway-gw.app.svc.cluster.local'
const url = `https://${host}/`

interface Load { readonly answers: ReadonlyMap<string, number>; stop(): Promise<void> }

/** Asks again and again, and counts what comes. */
function load(get: () => Promise<string>): Load {
  const answers = new Map<string, number>()
  let loading = true
  const done = (async () => {
    while (loading) {
      const answer = await get().catch((error: unknown) => String(error))
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
    }
  })()
  return { answers, stop: () => { loading = false; return done } }
}

async function assertServed(world: SteppedCluster, { answers, stop }: Load): Promise<void> {
  await world.until('the last answer', () => stop().then(() => true))
  assert.deepEqual([...answers.keys()], ['200 true'])
  assert.ok((answers.get('200 true') ?? 0) > 20, `${answers.get('200 true')} requests`)
}

/** The root is lost: a new one is made, what it vouches for follows, and nothing that is served fails. */
async function replaceCa(world: SteppedCluster, old: string): Promise<void> {
  const { cluster: { client, net }, until } = world
  await client.create(ValidatingWebhookConfiguration, { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration', metadata: { name: 'app', annotations: { 'cert-manager.io/inject-ca-from': 'app/gw-cert' } }, webhooks: [{ name: 'a.test.io', rules: [], admissionReviewVersions: ['v1'], sideEffects: 'None', clientConfig: { service: { name: 'web', namespace: 'app' } } }] })
  const bundle = async (): Promise<string> => Buffer.from((await client.get(ValidatingWebhookConfiguration, 'app')).webhooks?.[0]?.clientConfig.caBundle ?? '', 'base64').toString()
  await until('the bundle of the webhook', async () => (await bundle()) === old || undefined)
  const get = (options: object): Promise<string> => net.fetch(url, options).then(async (response) => `${response.status} ${(await response.text()).length > 0}`)
  const answers = load(() => get({ insecure: true }))
  await client.delete(Secret, 'idp-demo-ca-secret', { namespace: 'cert-manager' })
  const fresh = await until('another CA', () => secretText(client, 'idp-demo-ca-secret', 'cert-manager', 'ca.crt'))
  assert.notEqual(fresh, old)
  await until('the gateway serves under the new CA', () => get({ ca: fresh }).then((answer) => answer === '200 true' || undefined, () => undefined))
  await assert.rejects(get({ ca: old }))
  await until('the webhook trusts the new CA', async () => (await bundle()) === fresh || undefined)
  await until('everything is ready', async () => (await client.list(Certificate)).items.every(({ status }) => status?.conditions?.every(({ type, status: is }) => type === 'Ready' && is === 'True')) || undefined)
  await world.pass(3_000)
  await assertServed(world, answers)
}

/** `curl --cacert` and `openssl s_client`, where they are installed, see the certificate that was renewed. */
async function byRealClients({ ca, port, serial }: { readonly ca: string; readonly port: number; readonly serial: string }): Promise<void> {
  await using directory = await temporaryDirectory()
  const file = join(directory.path, 'ca.crt')
  await writeFile(file, ca)
  if (await runs('curl', ['--version'])) {
    const { stdout } = await run('curl', ['--silent', '--show-error', '--max-time', '20', '--cacert', file, '--resolve', `${host}:${port}:127.0.0.1`, '--write-out', ' %{http_code}', `https://${host}:${port}/`])
    assert.match(stdout, / 200$/)
    await assert.rejects(run('curl', ['--silent', '--show-error', '--max-time', '20', '--resolve', `${host}:${port}:127.0.0.1`, `https://${host}:${port}/`]), /certificate/)
  }
  if (!await runs('openssl', ['version'])) return
  const { stdout } = await run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', host, '-verify_hostname', host, '-verify_return_error', '-CAfile', file])
  assert.match(stdout, /Verify return code: 0 \(ok\)/)
  const { stdout: shown } = await run('openssl', ['x509', '-noout', '-serial', '-in', await kept(join(directory.path, 'leaf.crt'), stdout.slice(stdout.indexOf('-----BEGIN'), stdout.indexOf('-----END') + 25))])
  assert.equal(shown.trim().toLowerCase().replace(/^serial=0*/, ''), serial)
}

const runs = (program: string, args: readonly string[]): Promise<boolean> => run(program, args).then(() => true, () => false)

async function run(program: string, args: readonly string[]): Promise<{ stdout: string }> {
  const running = promisify(execFile)(program, args, { encoding: 'utf8', timeout: 30_000 })
  running.child.stdin?.end()
  return running
}

async function kept(file: string, text: string): Promise<string> {
  await writeFile(file, `${text}\n`)
  return file
}

test('a Gateway with the annotation gets its certificate, serves it, and renews it at two thirds of its life without a failed request; a CA that is replaced takes it along', async () => {
  // OpenSSL checks with the machine's clock: it stands within the lives of both certificates.
  await using world = await startPlatform(systemClock.now() - 150 * MINUTE)
  const { cluster: { client, net }, clock } = world
  const ca = await world.until('the CA', () => secretText(client, 'idp-demo-ca-secret', 'cert-manager', 'ca.crt'))
  const first = await world.until('the certificate', () => secretText(client, 'gw-cert', 'app', 'tls.crt'))
  const get = (): Promise<string> => net.fetch(url, { ca }).then(async (response) => `${response.status} ${(await response.text()).length > 0}`)
  await world.until('the first answer', () => get().then((answer) => answer === '200 true' || undefined, () => undefined))

  const { notBefore, notAfter } = parseCertificate(first)
  await world.sleepOver(notBefore + (notAfter - notBefore) * 2 / 3 - clock.now() - 5_000)
  await world.until('an answer after the leap', () => get().then((answer) => answer === '200 true' || undefined, () => undefined))
  assert.equal(await secretText(client, 'gw-cert', 'app', 'tls.crt'), first, 'not before its time')

  const answers = load(() => get())
  const second = await world.until('another certificate', async () => {
    const found = await secretText(client, 'gw-cert', 'app', 'tls.crt')
    return found === first ? undefined : found
  })
  const { status } = await world.until('the status of the renewal', async () => {
    const found = await client.get(Certificate, 'gw-cert', { namespace: 'app' })
    return found.status?.revision === 2 ? found : undefined
  })
  assert.ok(Math.abs(clock.now() - (notBefore + (notAfter - notBefore) * 2 / 3)) < MINUTE / 4, 'at two thirds of its life')
  assert.equal(Date.parse(status?.notAfter ?? ''), parseCertificate(second).notAfter)
  await world.pass(5_000)
  await assertServed(world, answers)
  const metrics = await (await net.fetch('http://cert-manager.cert-manager.svc.cluster.local:9402/metrics')).text()
  assert.match(metrics, /^certmanager_certificate_ready_status\{condition="True",issuer_group="cert-manager.io",issuer_kind="ClusterIssuer",issuer_name="ca-issuer",name="gw-cert",namespace="app"\} 1$/m)
  assert.ok(metrics.includes(`name="gw-cert",namespace="app"} ${parseCertificate(second).notAfter / 1000}`) && /certmanager_controller_sync_call_count\{controller="cert-manager-certificates-issuing"\} \d+/.test(metrics))
  await byRealClients({ ca, port: world.cluster.hostPorts[0] ?? 0, serial: parseCertificate(second).serial })
  await replaceCa(world, ca)
})
