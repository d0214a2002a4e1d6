import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCa, parseCertificate, parseCsr, parseKey, signCertificate } from '@idp/pki'
import type { FetchOptions } from '@idp/sandbox'
import { Certificate, Issuer } from '../kinds/cert-manager.ts'
import { startCluster, type Cluster } from './cluster.ts'

const at = { namespace: 'app' }
const now = Date.UTC(2026, 0, 1)
const root = await createCa({ subject: { commonName: 'vault root' }, now, days: 1000 })
const middle = await createCa({ subject: { commonName: 'vault intermediate' }, parent: root, now, days: 500 })

interface Seen { readonly path: string; readonly options: FetchOptions; readonly body: Record<string, unknown> }

/** What of Vault's API an issuer uses: health, a login, `sign`. */
async function start(health = 200): Promise<{ readonly cluster: Cluster; readonly seen: Seen[]; answer: { health: number; sign: number } } & AsyncDisposable> {
  const seen: Seen[] = []
  const answer = { health, sign: 200 }
  const cluster = await startCluster({ fetch: (url, options = {}) => {
    const { pathname } = new URL(url)
    const body = (typeof options.body === 'string' ? JSON.parse(options.body) : {}) as Record<string, unknown>
    seen.push({ path: pathname, options, body })
    if (pathname === '/v1/sys/health') return Promise.resolve(new Response(null, { status: answer.health }))
    if (pathname.endsWith('/login')) return Promise.resolve(Response.json({ auth: { client_token: `token of ${pathname}` } }))
    if (answer.sign !== 200) return Promise.resolve(Response.json({ errors: ['no such role'] }, { status: answer.sign }))
    const csr = parseCsr(String(body['csr']))
    const certificate = signCertificate({ publicKey: csr.publicKey, dnsNames: csr.dnsNames, notBefore: now, notAfter: now + 1e9 }, { key: parseKey(middle.key), certificate: parseCertificate(middle.cert) })
    return Promise.resolve(Response.json({ data: { certificate, issuing_ca: middle.cert, ca_chain: [middle.cert, root.cert] } }))
  } })
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'vault', namespace: 'app' }, stringData: { 'token': ' t ', 'tls.crt': 'CERT', 'tls.key': 'KEY', 'ca.crt': 'BUNDLE', jwt: 'j' } }))
  return { cluster, seen, answer, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() }
}

const issuer = (auth: object, more: object = {}): string => JSON.stringify({ apiVersion: 'cert-manager.io/v1', kind: 'Issuer', metadata: { name: 'vault', namespace: 'app' }, spec: { vault: { server: 'https://vault.test:8200', path: 'pki_int/sign/web', auth, ...more } } })
const certificate = JSON.stringify({ apiVersion: 'cert-manager.io/v1', kind: 'Certificate', metadata: { name: 'web', namespace: 'app' }, spec: { secretName: 'web', dnsNames: ['web.test'], duration: '2h', issuerRef: { name: 'vault' }, privateKey: { algorithm: 'ECDSA' } } })
const conditionOf = async ({ api: { client } }: Cluster) => (await client.get(Issuer, 'vault', at)).status?.conditions?.[0]

for (const [name, auth, login] of [
  ['a token', { tokenSecretRef: { name: 'vault', key: 'token' } }, undefined],
  ['a client certificate', { clientCertificate: { name: 'web', secretName: 'vault', mountPath: '/v1/auth/certs' } }, { path: '/v1/auth/certs/login', body: { name: 'web' }, clientIdentity: { cert: 'CERT', key: 'KEY' } }],
  ['a token of Kubernetes in a Secret', { kubernetes: { role: 'web', mountPath: '/v1/auth/k8s', secretRef: { name: 'vault', key: 'jwt' } } }, { path: '/v1/auth/k8s/login', body: { role: 'web', jwt: 'j' }, clientIdentity: undefined }],
] as const) {
  test(`logs in with ${name}, and sends what Vault needs to sign`, async () => {
    await using world = await start()
    await world.cluster.apply(issuer(auth, { namespace: 'team', caBundleSecretRef: { name: 'vault' } }))
    await world.cluster.apply(certificate)
    await world.cluster.settle()
    assert.deepEqual([(await conditionOf(world.cluster))?.status, (await conditionOf(world.cluster))?.reason, (await conditionOf(world.cluster))?.message], ['True', 'VaultVerified', 'Vault verified'])
    const made = await world.cluster.api.client.get(Certificate, 'web', at)
    assert.equal(made.status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
    const logged = world.seen.find(({ path }) => path.endsWith('/login'))
    assert.deepEqual(logged === undefined ? undefined : { path: logged.path, body: logged.body, clientIdentity: logged.options.clientIdentity }, login)
    const signed = world.seen.find(({ path }) => path === '/v1/pki_int/sign/web')
    const headers = new Headers(signed?.options.headers)
    assert.deepEqual([headers.get('x-vault-token'), headers.get('x-vault-namespace'), signed?.options.ca], [login === undefined ? 't' : `token of ${login.path}`, 'team', 'BUNDLE'])
    assert.deepEqual([signed?.body['alt_names'], signed?.body['ttl'], signed?.body['exclude_cn_from_sans']], ['web.test', '2h0m0s', 'true'])
    assert.ok(world.seen.every(({ options }) => options.ca === 'BUNDLE'))
  })
}

for (const [name, auth, more, message] of [
  ['without a way to log in', {}, {}, /^Vault tokenSecretRef, appRole, clientCertificate, or kubernetes is required$/],
  ['with two ways', { tokenSecretRef: { name: 'vault' }, kubernetes: { role: 'x', serviceAccountRef: { name: 'y' } } }, {}, /^Multiple auth methods cannot be set/],
  ['whose Secret is missing', { tokenSecretRef: { name: 'nobody' } }, {}, /^Failed to initialize Vault client: secrets "nobody" not found$/],
  ['with a server name', { tokenSecretRef: { name: 'vault' } }, { serverName: 'x' }, /serverName is not supported by this stand-in/],
] as const) {
  test(`an issuer ${name} says so`, async () => {
    await using world = await start()
    await world.cluster.apply(issuer(auth, more))
    await world.cluster.settle()
    const condition = await conditionOf(world.cluster)
    assert.deepEqual([condition?.status, condition?.reason], ['False', 'VaultError'])
    assert.match(condition?.message ?? '', message)
  })
}

test('a sealed Vault is waited for; a Vault that fails is asked again', async () => {
  await using world = await start(503)
  await world.cluster.apply(issuer({ tokenSecretRef: { name: 'vault' } }))
  await world.cluster.apply(certificate)
  await world.cluster.settle()
  assert.equal((await conditionOf(world.cluster))?.message, 'Failed to verify Vault is initialized and unsealed: Vault is sealed')
  Object.assign(world.answer, { health: 200, sign: 500 })
  await world.cluster.api.fake.advance(400_000)
  await world.cluster.settle()
  assert.equal((await conditionOf(world.cluster))?.status, 'True')
  world.answer.sign = 200
  await world.cluster.api.fake.advance(400_000)
  await world.cluster.settle()
  assert.equal((await world.cluster.api.client.get(Certificate, 'web', at)).status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
})
