import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { X509Certificate } from 'node:crypto'
import { Secret } from '@idp/api'
import { algorithmOf, parseCertificate, parseCertificates, parseKey, signedBy } from '@idp/pki'
import { Certificate, CertificateRequest, ClusterIssuer } from '../kinds/cert-manager.ts'
import { startCluster, type Cluster } from './cluster.ts'

const issuers = await readFile(new URL('../../../blueprint/IT/cert-manager/issuers.yaml', import.meta.url), 'utf8')
const HOUR = 3_600_000

const dataOf = (secret: Secret, name: string): string => Buffer.from(secret.data?.[name] ?? '', 'base64').toString()
const conditionsOf = (object: { status?: { conditions?: readonly { type: string; status: string; reason?: string }[] } }): string[] => (object.status?.conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`)
const certificate = (name: string, spec: string): string => `
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: ${name}, namespace: app }
spec: { secretName: ${name}-tls, issuerRef: { name: ca-issuer, kind: ClusterIssuer }, ${spec} }
`
const secretOf = (cluster: Cluster, name: string): Promise<Secret> => cluster.api.client.get(Secret, `${name}-tls`, { namespace: 'app' })
const get = (cluster: Cluster, name: string): Promise<Certificate> => cluster.api.client.get(Certificate, name, { namespace: 'app' })

test('the issuers of the platform repository become ready, and sign', async () => {
  await using cluster = await startCluster()
  await cluster.apply(issuers)
  await cluster.settle()
  assert.deepEqual(conditionsOf(await cluster.api.client.get(ClusterIssuer, 'self-signed-issuer')), ['Ready=True IsReady'])
  assert.deepEqual(conditionsOf(await cluster.api.client.get(ClusterIssuer, 'ca-issuer')), ['Ready=True KeyPairVerified'])
  const root = parseCertificate(dataOf(await cluster.api.client.get(Secret, 'idp-demo-ca-secret', { namespace: 'cert-manager' }), 'tls.crt'))
  assert.ok(root.isCa && signedBy(root, root) && root.subject.commonName === 'idp-demo-ca')
  assert.deepEqual([algorithmOf(root.publicKey), (root.notAfter - root.notBefore) / HOUR], [{ type: 'ECDSA', size: 256 }, 87_600])

  await cluster.apply(certificate('web', `dnsNames: [web.test, '*.web.test'], ipAddresses: [10.0.0.1], uris: ['spiffe://x'], subject: { organizations: [idp] }, duration: 24h`))
  await cluster.settle()
  const web = await get(cluster, 'web')
  assert.deepEqual(conditionsOf(web), ['Ready=True Ready'])
  const secret = await secretOf(cluster, 'web')
  const leaf = parseCertificate(dataOf(secret, 'tls.crt'))
  assert.ok(signedBy(leaf, root) && dataOf(secret, 'ca.crt') === root.pem)
  assert.equal(parseCertificates(dataOf(secret, 'tls.crt')).length, 1)
  assert.equal(new X509Certificate(leaf.pem).checkHost('a.web.test'), '*.web.test')
  assert.match(dataOf(secret, 'tls.key'), /^-----BEGIN RSA PRIVATE KEY-----/)
  assert.deepEqual([secret.type, secret.metadata.annotations?.['cert-manager.io/alt-names'], secret.metadata.annotations?.['cert-manager.io/issuer-name'], secret.metadata.labels?.['controller.cert-manager.io/fao']], ['kubernetes.io/tls', 'web.test,*.web.test', 'ca-issuer', 'true'])
  assert.deepEqual([web.status?.revision, web.status?.nextPrivateKeySecretName], [1, undefined])
  assert.equal(Date.parse(web.status?.renewalTime ?? '') - Date.parse(web.status?.notBefore ?? ''), 16 * HOUR)
  const requests = (await cluster.api.client.list(CertificateRequest, { namespace: 'app' })).items
  assert.deepEqual(requests.map((request) => [request.metadata.name, ...conditionsOf(request)]), [['web-1', 'Approved=True cert-manager.io', 'Ready=True Issued']])
  assert.deepEqual((await cluster.events('web')).map((event) => event.replace(/"web-[a-z0-9]{5}"/, '"web-?"')).sort(), [
    'Normal Generated Stored new private key in temporary Secret resource "web-?"', 'Normal Issuing Issuing certificate as Secret does not exist',
    'Normal Issuing The certificate has been successfully issued', 'Normal Requested Created new CertificateRequest resource "web-1"',
  ])
  assert.deepEqual((await cluster.api.client.list(Secret, { namespace: 'app' })).items.map(({ metadata }) => metadata.name), ['web-tls'])
})

test('renews at two thirds of the life, with a new key unless told otherwise', async () => {
  await using cluster = await startCluster()
  await cluster.apply(issuers)
  await cluster.apply(certificate('always', 'dnsNames: [a], duration: 24h, privateKey: { algorithm: ECDSA }'))
  await cluster.apply(certificate('never', 'dnsNames: [a], duration: 24h, renewBefore: 1h, privateKey: { algorithm: ECDSA, rotationPolicy: Never }'))
  await cluster.settle()
  const before = { always: await secretOf(cluster, 'always'), never: await secretOf(cluster, 'never') }
  await cluster.api.fake.advance(15.9 * HOUR)
  await cluster.settle()
  assert.equal((await get(cluster, 'always')).status?.revision, 1)
  await cluster.api.fake.advance(0.2 * HOUR)
  await cluster.settle()
  assert.deepEqual([(await get(cluster, 'always')).status?.revision, (await get(cluster, 'never')).status?.revision], [2, 1])
  await cluster.api.fake.advance(7 * HOUR)
  await cluster.settle()
  assert.equal((await get(cluster, 'never')).status?.revision, 2)
  const after = { always: await secretOf(cluster, 'always'), never: await secretOf(cluster, 'never') }
  assert.notEqual(after.always.data?.['tls.key'], before.always.data?.['tls.key'])
  assert.equal(after.never.data?.['tls.key'], before.never.data?.['tls.key'])
  assert.notEqual(after.never.data?.['tls.crt'], before.never.data?.['tls.crt'])
  assert.deepEqual((await cluster.api.client.list(CertificateRequest, { namespace: 'app' })).items.map(({ metadata }) => metadata.name).sort(), ['always-2', 'never-2'])
})

for (const [name, first, then, changed] of [
  ['another name', 'dnsNames: [a]', 'dnsNames: [a, b]', true], ['another issuer', 'dnsNames: [a]', 'dnsNames: [a], issuerRef: { name: self-signed-issuer, kind: ClusterIssuer }', true],
  ['another algorithm', 'dnsNames: [a]', 'dnsNames: [a], privateKey: { algorithm: Ed25519, encoding: PKCS8 }', true], ['a longer key', 'dnsNames: [a]', 'dnsNames: [a], privateKey: { algorithm: ECDSA, size: 384 }', true],
  ['a usage', 'dnsNames: [a]', 'dnsNames: [a], usages: [client auth]', true], ['a longer life', 'dnsNames: [a]', 'dnsNames: [a], duration: 48h', true],
  ['names in another order', 'dnsNames: [a, b]', 'dnsNames: [b, a]', false], ['an earlier renewal', 'dnsNames: [a]', 'dnsNames: [a], renewBefore: 2h', false],
] as const) {
  test(`${changed ? 'issues anew' : 'does not issue anew'} for ${name}`, async () => {
    await using cluster = await startCluster()
    await cluster.apply(issuers)
    // Elliptic keys: RSA's take most of a test's time to make.
    const withKey = (spec: string): string => (spec.includes('privateKey') ? spec : `${spec}, privateKey: { algorithm: ECDSA }`)
    await cluster.apply(certificate('x', withKey(first)))
    await cluster.settle()
    await cluster.apply(certificate('x', withKey(then)).replace(/issuerRef: \{ name: ca-issuer, kind: ClusterIssuer \}, (?=.*issuerRef)/, ''))
    await cluster.settle()
    const now = await get(cluster, 'x')
    assert.deepEqual([now.status?.revision, ...conditionsOf(now)], [changed ? 2 : 1, 'Ready=True Ready'])
  })
}

test('a Secret that is deleted or damaged is replaced; template and formats are kept', async () => {
  await using cluster = await startCluster()
  await cluster.apply(issuers)
  await cluster.apply(certificate('x', 'dnsNames: [a], privateKey: { algorithm: ECDSA }, secretTemplate: { labels: { team: one }, annotations: { note: hi } }, additionalOutputFormats: [{ type: CombinedPEM }, { type: DER }]'))
  await cluster.settle()
  const secret = await secretOf(cluster, 'x')
  assert.deepEqual([secret.metadata.labels?.['team'], secret.metadata.annotations?.['note'], dataOf(secret, 'tls-combined.pem')], ['one', 'hi', `${dataOf(secret, 'tls.key')}\n${dataOf(secret, 'tls.crt')}`])
  assert.ok((secret.data?.['key.der'] ?? '').length > 100)
  await cluster.api.client.delete(Secret, 'x-tls', { namespace: 'app' })
  await cluster.settle()
  assert.equal((await get(cluster, 'x')).status?.revision, 2)
  const other = parseKey(dataOf(await secretOf(cluster, 'x'), 'tls.key'))
  assert.ok(other)
  await cluster.api.client.patch(Secret, 'x-tls', { data: { 'tls.crt': Buffer.from('nonsense').toString('base64') } }, { type: 'merge', namespace: 'app' })
  await cluster.settle()
  assert.deepEqual([(await get(cluster, 'x')).status?.revision, ...conditionsOf(await get(cluster, 'x'))], [3, 'Ready=True Ready'])
})

test('waits for an issuer that is missing or not ready, and says so', async () => {
  await using cluster = await startCluster()
  await cluster.apply(certificate('x', 'dnsNames: [a], privateKey: { algorithm: ECDSA }'))
  await cluster.settle()
  assert.deepEqual(conditionsOf(await get(cluster, 'x')), ['Issuing=True DoesNotExist', 'Ready=False DoesNotExist'])
  const [request] = (await cluster.api.client.list(CertificateRequest, { namespace: 'app' })).items
  assert.equal(request?.status?.conditions?.find(({ type }) => type === 'Ready')?.message, 'Referenced "ClusterIssuer" not found: clusterissuer.cert-manager.io "ca-issuer" not found')
  await cluster.apply(issuers)
  await cluster.settle()
  assert.deepEqual(conditionsOf(await get(cluster, 'x')), ['Ready=True Ready'])
})

test('a denied request fails the issuance, which is tried again an hour later', async () => {
  await using cluster = await startCluster()
  await cluster.apply(issuers.replaceAll('group: cert-manager.io', ''))
  await cluster.apply(certificate('x', 'dnsNames: [a], issuerRef: { name: nobody, kind: Thing, group: other.io }').replace('issuerRef: { name: ca-issuer, kind: ClusterIssuer }, ', ''))
  await cluster.settle()
  const deny = () => cluster.api.client.patch(CertificateRequest, 'x-1', { status: { conditions: [{ type: 'Ready', status: 'False', reason: 'Failed', message: 'no', lastTransitionTime: '2026-01-01T00:00:00Z' }] } }, { type: 'merge', subresource: 'status', namespace: 'app' })
  await deny()
  await cluster.settle()
  const failed = await get(cluster, 'x')
  assert.deepEqual([failed.status?.failedIssuanceAttempts, ...conditionsOf(failed)], [1, 'Issuing=False Failed', 'Ready=False DoesNotExist'])
  await cluster.api.fake.advance(0.9 * HOUR)
  await cluster.settle()
  assert.deepEqual(conditionsOf(await get(cluster, 'x'))[0], 'Issuing=False Failed')
  await cluster.api.fake.advance(0.2 * HOUR)
  await cluster.settle()
  assert.deepEqual(conditionsOf(await get(cluster, 'x'))[0], 'Issuing=True DoesNotExist')
})

test('the Gateway of the platform repository gets its certificate by its annotation', async () => {
  await using cluster = await startCluster({ gateways: true })
  await cluster.apply(issuers)
  await cluster.apply((await readFile(new URL('../../../blueprint/IT/gateway/gateway.yaml', import.meta.url), 'utf8')).replace('kube-system', 'app'))
  await cluster.settle()
  const made = await get(cluster, 'idp-wildcard-cert')
  assert.deepEqual(made.spec.dnsNames, ['*.127-0-0-1.nip.io', '*.idp.localhost'])
  assert.deepEqual([made.metadata.ownerReferences?.[0]?.kind, made.spec.secretName, conditionsOf(made)], ['Gateway', 'idp-wildcard-cert', ['Ready=True Ready']])
  assert.ok((await cluster.events('idp-gateway')).includes('Normal CreateCertificate Successfully created Certificate "idp-wildcard-cert"'))
})

test('an Ingress gets its certificate by its annotation, with the fields that annotations set', async () => {
  await using cluster = await startCluster()
  await cluster.apply(issuers)
  await cluster.apply(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web, namespace: app, annotations: { cert-manager.io/cluster-issuer: ca-issuer, cert-manager.io/duration: 48h, cert-manager.io/private-key-algorithm: ECDSA, cert-manager.io/common-name: web } }
spec:
  tls: [{ hosts: [web.test, 10.0.0.1], secretName: web-tls }]
  defaultBackend: { service: { name: web, port: { number: 80 } } }
`)
  await cluster.settle()
  const made = await get(cluster, 'web-tls')
  assert.deepEqual([made.spec.dnsNames, made.spec.ipAddresses, made.spec.duration, made.spec.commonName, conditionsOf(made)], [['web.test'], ['10.0.0.1'], '48h', 'web', ['Ready=True Ready']])
})

test('a CA that is replaced takes its certificates along, those of its sub-CAs too, and they stay ready', async () => {
  await using cluster = await startCluster()
  await cluster.apply(issuers)
  await cluster.apply(certificate('web', 'dnsNames: [a], privateKey: { algorithm: ECDSA }') + '---' + certificate('sub', 'isCA: true, commonName: sub, privateKey: { algorithm: ECDSA }') + `---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: { name: sub, namespace: app, annotations: { idp.dev/reissue-on-ca-change: 'true' } }
spec: { ca: { secretName: sub-tls } }
---` + certificate('leaf', 'dnsNames: [b], privateKey: { algorithm: ECDSA }').replace('name: ca-issuer, kind: ClusterIssuer', 'name: sub'))
  await cluster.settle()
  const root = async (): Promise<string> => dataOf(await cluster.api.client.get(Secret, 'idp-demo-ca-secret', { namespace: 'cert-manager' }), 'tls.crt')
  const before = { root: await root(), web: await secretOf(cluster, 'web') }
  await cluster.api.client.delete(Secret, 'idp-demo-ca-secret', { namespace: 'cert-manager' })
  await cluster.settle()
  const after = { root: await root(), web: await secretOf(cluster, 'web'), sub: await secretOf(cluster, 'sub'), leaf: await secretOf(cluster, 'leaf') }
  assert.notEqual(after.root, before.root)
  assert.notEqual(after.web.data?.['tls.key'], before.web.data?.['tls.key'])
  const [web, sub, leaf] = [after.web, after.sub, after.leaf].map((secret) => parseCertificate(dataOf(secret, 'tls.crt')))
  const authority = parseCertificate(after.root)
  assert.ok(web !== undefined && sub !== undefined && leaf !== undefined && signedBy(web, authority) && signedBy(sub, authority) && signedBy(leaf, sub))
  assert.deepEqual([dataOf(after.web, 'ca.crt'), dataOf(after.sub, 'ca.crt')], [after.root, after.root])
  for (const name of ['web', 'sub', 'leaf']) assert.deepEqual([(await get(cluster, name)).status?.revision, ...conditionsOf(await get(cluster, name))], [2, 'Ready=True Ready'], name)
  assert.ok((await cluster.events('web')).includes('Normal Issuing Issuing certificate as the CA of its issuer was replaced'))
})

test('an Ingress with tls-acme gets the default issuer; bad annotations are told and change nothing', async () => {
  await using cluster = await startCluster()
  await cluster.apply(issuers)
  const ingress = (name: string, annotations: string): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name}, namespace: app, annotations: { ${annotations} } }
spec: { tls: [{ hosts: [a.test], secretName: ${name}-tls }], defaultBackend: { service: { name: web, port: { number: 80 } } } }
`
  await cluster.apply(ingress('auto', "kubernetes.io/tls-acme: 'true', cert-manager.io/alt-names: b.test, acme.cert-manager.io/http01-edit-in-place: 'true'"))
  await cluster.apply(ingress('bad', 'cert-manager.io/cluster-issuer: ca-issuer, cert-manager.io/duration: soon'))
  await cluster.settle()
  const made = await get(cluster, 'auto-tls')
  assert.deepEqual([made.spec.issuerRef.name, made.spec.dnsNames, made.metadata.annotations?.['acme.cert-manager.io/http01-override-ingress-name']], ['ca-issuer', ['a.test', 'b.test'], 'auto'])
  const [request] = (await cluster.api.client.list(CertificateRequest, { namespace: 'app' })).items
  assert.equal(request?.metadata.annotations?.['acme.cert-manager.io/http01-override-ingress-name'], 'auto')
  assert.deepEqual(await cluster.events('bad'), ['Warning BadConfig invalid ingress annotation "cert-manager.io/duration": time: invalid duration "soon"'])
  assert.deepEqual((await cluster.api.client.list(Certificate, { namespace: 'app' })).items.map(({ metadata }) => metadata.name), ['auto-tls'])
})
