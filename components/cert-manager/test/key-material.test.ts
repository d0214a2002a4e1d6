import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'
import { CertificateSigningRequest, Secret } from '@idp/api'
import { createCsr, extensionOids, generateKey, parseCertificate, parseCertificates, parseCsr, parseKey, keyMatches, signedBy } from '@idp/pki'
import { Certificate, CertificateRequest } from '../kinds/cert-manager.ts'
import { startCluster, type Cluster } from './cluster.ts'

const issuers = await readFile(new URL('../../../blueprint/IT/cert-manager/issuers.yaml', import.meta.url), 'utf8')
const openssl = spawnSync('openssl', ['version']).status === 0
const at = { namespace: 'app' }
const certificate = (spec: object, name = 'x'): string => JSON.stringify({ apiVersion: 'cert-manager.io/v1', kind: 'Certificate', metadata: { name, namespace: 'app' }, spec: { secretName: `${name}-tls`, issuerRef: { name: 'ca-issuer', kind: 'ClusterIssuer' }, dnsNames: ['a.test'], privateKey: { algorithm: 'ECDSA' }, ...spec } })
const bytes = (secret: Secret, key: string): Buffer => Buffer.from(secret.data?.[key] ?? '', 'base64')
const secretOf = (cluster: Cluster, name = 'x'): Promise<Secret> => cluster.api.client.get(Secret, `${name}-tls`, at)
const revision = async (cluster: Cluster): Promise<number | undefined> => (await cluster.api.client.get(Certificate, 'x', at)).status?.revision

for (const [algorithm, size, encoding, label, signatureAlgorithm] of [
  ['RSA', 2048, 'PKCS1', 'RSA PRIVATE KEY', 'SHA512WithRSA'], ['RSA', 3072, 'PKCS8', 'PRIVATE KEY', undefined], ['ECDSA', 256, 'PKCS1', 'EC PRIVATE KEY', 'ECDSAWithSHA384'], ['ECDSA', 384, 'PKCS8', 'PRIVATE KEY', undefined],
  ['ECDSA', 521, 'PKCS8', 'PRIVATE KEY', undefined], ['Ed25519', undefined, 'PKCS8', 'PRIVATE KEY', undefined],
] as const) {
  test(`a key of ${algorithm} ${size ?? ''} in ${encoding}, with every usage asked for`, async () => {
    await using cluster = await startCluster()
    await cluster.apply(issuers)
    await cluster.apply(certificate({ usages: ['client auth', 'digital signature', 'code signing'], privateKey: { algorithm, encoding, ...(size === undefined ? {} : { size }) }, ...(signatureAlgorithm === undefined ? {} : { signatureAlgorithm }) }))
    await cluster.settle()
    const secret = await secretOf(cluster)
    const leaf = parseCertificate(bytes(secret, 'tls.crt').toString())
    assert.ok(keyMatches(leaf, parseKey(bytes(secret, 'tls.key').toString())))
    assert.equal(/-----BEGIN ([A-Z ]+)-----/.exec(bytes(secret, 'tls.key').toString())?.[1], label)
    assert.deepEqual(leaf.usages, ['digital signature', 'client auth', 'code signing'])
    const [request] = (await cluster.api.client.list(CertificateRequest, at)).items
    const pem = Buffer.from(String(request?.spec.request), 'base64').toString()
    assert.ok(parseCsr(pem))
    if (openssl && signatureAlgorithm !== undefined) assert.match(execFileSync('openssl', ['req', '-noout', '-text'], { input: pem, encoding: 'utf8' }), algorithm === 'RSA' ? /sha512WithRSA/ : /ecdsa-with-SHA384/)
  })
}

test('key stores follow certificate and password, and stay as they are otherwise', async () => {
  await using cluster = await startCluster()
  await cluster.apply(issuers)
  await cluster.apply(certificate({ keystores: { jks: { create: true, alias: 'Mine', passwordSecretRef: { name: 'pass', key: 'word' } }, pkcs12: { create: true, profile: 'Modern2023', password: 'open' } } }))
  await cluster.settle()
  assert.ok((await cluster.events('x')).some((event) => /Warning SecretMissing Failed to create JKS keystore.*secrets "pass" not found/.test(event)))
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pass', namespace: 'app' }, stringData: { word: 'first' } }))
  await cluster.settle()
  const first = await secretOf(cluster)
  assert.deepEqual(Object.keys(first.data ?? {}).sort(), ['ca.crt', 'keystore.jks', 'keystore.p12', 'tls.crt', 'tls.key', 'truststore.jks', 'truststore.p12'])
  assert.ok(createSecureContext({ pfx: bytes(first, 'keystore.p12'), passphrase: 'open' }))
  assert.deepEqual([bytes(first, 'keystore.jks').readUInt32BE(0), bytes(first, 'keystore.jks').includes('mine'), bytes(first, 'truststore.jks').readUInt32BE(8)], [0xfeedfeed, true, 1])
  if (openssl) assert.match(execFileSync('openssl', ['pkcs12', '-nodes', '-passin', 'pass:open'], { input: bytes(first, 'keystore.p12'), encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] }), /CN = idp-demo-ca[\s\S]*BEGIN PRIVATE KEY/)
  const { resourceVersion } = first.metadata
  await cluster.api.fake.advance(60_000)
  await cluster.settle()
  assert.equal((await secretOf(cluster)).metadata.resourceVersion, resourceVersion, 'nothing is written anew')
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pass', namespace: 'app' }, stringData: { word: 'second' } }))
  await cluster.settle()
  const second = await secretOf(cluster)
  assert.notEqual(second.data?.['keystore.jks'], first.data?.['keystore.jks'])
  assert.deepEqual([second.data?.['tls.key'], second.data?.['keystore.p12'], await revision(cluster)], [first.data?.['tls.key'], first.data?.['keystore.p12'], 1])
})

test('name constraints, other names and pointers get into what is signed; a change issues anew', async () => {
  await using cluster = await startCluster()
  await cluster.apply(issuers)
  await cluster.api.client.patch(await cluster.api.client.kindOf('cert-manager.io/v1', 'ClusterIssuer'), 'ca-issuer', { spec: { ca: { crlDistributionPoints: ['http://crl.test/l'], ocspServers: ['http://ocsp.test'] } } }, { type: 'merge' })
  const spec = { isCA: true, commonName: 'sub', otherNames: [{ oid: '1.3.6.1.4.1.311.20.2.3', utf8Value: 'me@upn' }], nameConstraints: { critical: true, permitted: { dnsDomains: ['test'], ipRanges: ['10.0.0.0/8'] } } }
  await cluster.apply(certificate(spec))
  await cluster.settle()
  const leaf = parseCertificate(bytes(await secretOf(cluster), 'tls.crt').toString())
  assert.deepEqual([leaf.isCa, leaf.otherNames, leaf.usages.includes('cert sign')], [true, [{ oid: '1.3.6.1.4.1.311.20.2.3', utf8: 'me@upn' }], true])
  assert.ok(leaf.nameConstraints?.includes(Buffer.from('test')))
  assert.match(new X509Certificate(leaf.pem).infoAccess ?? '', /OCSP - URI:http:\/\/ocsp.test/)
  assert.ok(leaf.der.includes('http://crl.test/l') && extensionOids.nameConstraints.length > 0)
  assert.equal(await revision(cluster), 1)
  await cluster.apply(certificate({ ...spec, nameConstraints: { critical: true, excluded: { dnsDomains: ['bad'] } } }))
  await cluster.settle()
  assert.equal(await revision(cluster), 2)
})

for (const [approved, signerName, want] of [
  [true, 'clusterissuers.cert-manager.io/ca-issuer', 'signed'], [false, 'clusterissuers.cert-manager.io/ca-issuer', 'untouched'], [true, 'clusterissuers.cert-manager.io/nobody', 'untouched'], [true, 'issuers.cert-manager.io/app.own', 'signed'],
] as const) {
  test(`a CertificateSigningRequest for ${signerName}, ${approved ? '' : 'not '}approved, is ${want}`, async () => {
    await using cluster = await startCluster({ signingRequests: true })
    await cluster.apply(`${issuers}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: { name: own, namespace: app }
spec: { ca: { secretName: sub-tls } }
---
${certificate({ isCA: true, commonName: 'sub' }, 'sub')}
`)
    const key = await generateKey()
    const { client } = cluster.api
    await client.create(CertificateSigningRequest, { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'x' }, spec: { signerName, request: Buffer.from(createCsr({ key, dnsNames: ['csr.test'] })).toString('base64'), usages: ['server auth', 'digital signature'], expirationSeconds: 3600 } } as unknown as CertificateSigningRequest)
    if (approved) await client.patch(CertificateSigningRequest, 'x', { status: { conditions: [{ type: 'Approved', status: 'True', reason: 'test' }] } }, { type: 'merge', subresource: 'approval' })
    await cluster.settle()
    const { status } = await client.get(CertificateSigningRequest, 'x')
    assert.equal(status?.certificate === undefined ? 'untouched' : 'signed', want)
    if (status?.certificate === undefined) return
    const chain = parseCertificates(Buffer.from(String(status.certificate), 'base64').toString())
    assert.deepEqual([chain[0]?.dnsNames, ((chain[0]?.notAfter ?? 0) - (chain[0]?.notBefore ?? 0)) / 1000, chain[0]?.usages], [['csr.test'], 3600, ['digital signature', 'server auth']])
    if (signerName.startsWith('issuers')) assert.ok(chain[1] !== undefined && signedBy(chain[0] as never, chain[1]))
  })
}
