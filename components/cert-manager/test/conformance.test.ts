import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '@idp/api'
import { keyMatches, parseCertificate, parseKey, signedBy, type Certificate as X509 } from '@idp/pki'
import { Certificate, CertificateRequest } from '../kinds/cert-manager.ts'
import { requestTemplate, usagesOf } from '../engine/certificate-spec.ts'
import { startCluster, type Cluster } from './cluster.ts'
import { install, startStepped } from './in-cluster.ts'

// The cases of upstream's conformance suite (test/e2e/suite/conformance), by what they are called there; all data is our own.

interface Case { readonly name: string; readonly spec: object; readonly check?: (leaf: X509) => void }
const upn = '1.3.6.1.4.1.311.20.2.3'
const cases: readonly Case[] = [
  { name: 'basic, defaulted certificate for a single distinct DNS Name', spec: { dnsNames: ['one.test'] } },
  { name: 'CA certificate with the CA basicConstraint set', spec: { isCA: true, dnsNames: ['ca.test'] }, check: (leaf) => assert.ok(leaf.isCa) },
  { name: 'ECDSA, defaulted certificate for a single distinct DNS Name', spec: { privateKey: { algorithm: 'ECDSA' }, dnsNames: ['ec.test'] } },
  { name: 'Ed25519, defaulted certificate for a single distinct DNS Name', spec: { privateKey: { algorithm: 'Ed25519' }, dnsNames: ['ed.test'] } },
  { name: 'basic, defaulted certificate for a single Common Name', spec: { commonName: 'only-common' } },
  { name: 'a couple valid otherName SAN values set as well as an emailAddress', spec: { commonName: 'people', emailAddresses: ['me@people.test'], otherNames: [{ oid: upn, utf8Value: 'a@people.test' }, { oid: upn, utf8Value: 'b@people.test' }] }, check: (leaf) => assert.deepEqual(leaf.otherNames.map(({ utf8 }) => utf8).sort(), ['a@people.test', 'b@people.test']) },
  { name: 'a single distinct DNS Name with a literal subject', spec: { literalSubject: 'CN=*.lit.test,OU=Deep,OU=Deeper,O=Top.', dnsNames: ['*.lit.test'] }, check: (leaf) => assert.ok(leaf.rawSubject.equals(Buffer.from(requestTemplate({ secretName: '', issuerRef: { name: '' }, literalSubject: 'CN=*.lit.test,OU=Deep,OU=Deeper,O=Top.' }).rawSubject ?? []))) },
  { name: 'ECDSA, defaulted certificate for a single Common Name', spec: { privateKey: { algorithm: 'ECDSA' }, commonName: 'ec-common' } },
  { name: 'Ed25519, defaulted certificate for a single Common Name', spec: { privateKey: { algorithm: 'Ed25519' }, commonName: 'ed-common' } },
  { name: 'an IP Address', spec: { ipAddresses: ['192.0.2.1'] } },
  { name: 'a DNS Name and IP Address', spec: { ipAddresses: ['192.0.2.1'], dnsNames: ['ip.test'] } },
  { name: 'a Common Name and IP Address', spec: { ipAddresses: ['192.0.2.1'], commonName: 'ip-common' } },
  { name: 'an Email Address', spec: { emailAddresses: ['me@mail.test'] } },
  { name: 'a Common Name and URI SAN', spec: { uris: ['spiffe://cluster/ns/a/sa/b'], commonName: 'uri-common' } },
  { name: '2 distinct DNS Names with one copied to the Common Name', spec: { commonName: 'first.test', dnsNames: ['first.test', 'second.test'] } },
  { name: 'a distinct DNS Name and another distinct Common Name', spec: { commonName: 'another.test', dnsNames: ['distinct.test'] } },
  { name: 'a DNS Name and sets a duration', spec: { dnsNames: ['long.test'], duration: '896h' }, check: (leaf) => assert.equal(leaf.notAfter - leaf.notBefore, 896 * 3_600_000) },
  { name: 'a wildcard DNS Name', spec: { dnsNames: ['*.wild.test'] } },
  { name: 'includes only a URISANs name', spec: { uris: ['spiffe://cluster/ns/a/sa/c'] } },
  { name: 'includes arbitrary key usages', spec: { dnsNames: ['use.test'], usages: ['signing', 'data encipherment', 'server auth', 'client auth'] }, check: (leaf) => assert.deepEqual(leaf.usages, ['digital signature', 'data encipherment', 'server auth', 'client auth']) },
  { name: 'a long domain', spec: { dnsNames: [`${'l'.repeat(63)}.test`] } },
  { name: 'a wildcard DNS Name and its apex DNS Name', spec: { dnsNames: ['*.apex.test', 'apex.test'] } },
]

const at = { namespace: 'app' }
const apply = (cluster: Cluster, name: string, spec: object): Promise<void> => cluster.apply(JSON.stringify({ apiVersion: 'cert-manager.io/v1', kind: 'Certificate', metadata: { name, namespace: 'app' }, spec: { secretName: name, issuerRef: { name: 'issuer' }, ...spec } }))
const ca = `
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: { name: root, namespace: app }
spec: { selfSigned: {} }
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: root, namespace: app }
spec: { secretName: root, isCA: true, commonName: root, privateKey: { algorithm: ECDSA }, issuerRef: { name: root } }
---
`
const issuers = { selfSigned: `${ca}{ apiVersion: cert-manager.io/v1, kind: Issuer, metadata: { name: issuer, namespace: app }, spec: { selfSigned: {} } }`, ca: `${ca}{ apiVersion: cert-manager.io/v1, kind: Issuer, metadata: { name: issuer, namespace: app }, spec: { ca: { secretName: root } } }` }

for (const type of ['selfSigned', 'ca'] as const) {
  test(`conformance with issuer type ${type}: ${cases.length} certificates`, async () => {
    await using cluster = await startCluster()
    const { client } = cluster.api
    await cluster.apply(issuers[type])
    // The defaulted key, RSA, once for each kind of issuer: making them takes longer than all the rest.
    for (const [i, { spec }] of cases.entries()) await apply(cluster, `case-${i}`, i < 2 ? spec : { privateKey: { algorithm: 'ECDSA' }, ...spec })
    await cluster.settle()
    const root = parseCertificate(Buffer.from((await client.get(Secret, 'root', at)).data?.['tls.crt'] ?? '', 'base64').toString())
    for (const [i, { name, check }] of cases.entries()) {
      const certificate = await client.get(Certificate, `case-${i}`, at)
      assertIssued(name, certificate, await client.get(Secret, `case-${i}`, at), type === 'ca' ? root : undefined, check)
    }
  })
}

function assertIssued(name: string, certificate: Certificate, secret: Secret, root: X509 | undefined, check: Case['check']): void {
  const { spec, status, metadata } = certificate
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  assert.deepEqual([ready?.status, ready?.observedGeneration], ['True', metadata.generation], name)
  const text = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString()
  const leaf = parseCertificate(text('tls.crt'))
  const wanted = requestTemplate(spec)
  assert.ok(keyMatches(leaf, parseKey(text('tls.key'))), name)
  assert.deepEqual([leaf.dnsNames, leaf.ipAddresses, leaf.uris, leaf.emails], [wanted.dnsNames, wanted.ipAddresses, wanted.uris, wanted.emails], name)
  assert.deepEqual([leaf.isCa, leaf.subject.commonName], [spec.isCA === true, spec.literalSubject === undefined ? spec.commonName : '*.lit.test'], name)
  assert.deepEqual(new Set(leaf.usages), new Set(usagesOf(spec).map((usage) => (usage === 'signing' ? 'digital signature' : usage))), name)
  assert.ok(signedBy(leaf, root ?? leaf) && text('ca.crt') === (root ?? leaf).pem, name)
  const annotations = secret.metadata.annotations ?? {}
  assert.deepEqual([annotations['cert-manager.io/certificate-name'], annotations['cert-manager.io/issuer-name'], annotations['cert-manager.io/issuer-kind'], annotations['cert-manager.io/alt-names']], [metadata.name, 'issuer', 'Issuer', leaf.dnsNames.join(',')], name)
  assert.deepEqual([Date.parse(status?.notAfter ?? ''), secret.metadata.labels?.['controller.cert-manager.io/fao'], secret.type], [leaf.notAfter, 'true', 'kubernetes.io/tls'], name)
  check?.(leaf)
}

test('conformance: another certificate with the same private key when certificate and request are deleted; an update with a new DNS name', async () => {
  await using cluster = await startCluster()
  const { client } = cluster.api
  await cluster.apply(issuers.ca)
  await apply(cluster, 'x', { dnsNames: ['a.test'], privateKey: { algorithm: 'ECDSA', rotationPolicy: 'Never' } })
  await cluster.settle()
  const before = await client.get(Secret, 'x', at)
  await client.delete(CertificateRequest, 'x-1', at)
  await client.patch(Secret, 'x', { data: { 'tls.crt': '' } }, { type: 'merge', namespace: 'app' })
  await cluster.settle()
  const after = await client.get(Secret, 'x', at)
  assert.equal(after.data?.['tls.key'], before.data?.['tls.key'])
  assert.ok(after.data?.['tls.crt'] !== undefined && after.data['tls.crt'] !== before.data?.['tls.crt'])
  await apply(cluster, 'x', { dnsNames: ['a.test', 'b.test'], privateKey: { algorithm: 'ECDSA', rotationPolicy: 'Never' } })
  await cluster.settle()
  const updated = parseCertificate(Buffer.from((await client.get(Secret, 'x', at)).data?.['tls.crt'] ?? '', 'base64').toString())
  assert.deepEqual(updated.dnsNames, ['a.test', 'b.test'])
})

const [reading, writing] = [['get', 'list', 'watch'], ['create', 'delete', 'deletecollection', 'patch', 'update']] as const
test('conformance: what view, edit and admin may do with certificates, requests and issuers (72)', async () => {
  await using world = await startStepped({ components: [] })
  const { client } = world.cluster
  await install(client, 'cert-manager', 'cert-manager', { crds: { enabled: true }, startupapicheck: { enabled: false } })
  const allowed = async (role: string, verb: string, resource: string): Promise<boolean> => {
    const response = await client.request('/apis/authorization.k8s.io/v1/subjectaccessreviews', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: { user: role, resourceAttributes: { namespace: 'default', group: 'cert-manager.io', resource, verb } } }) })
    return ((await response.json()) as { status: { allowed: boolean } }).status.allowed
  }
  const roles = ['view', 'edit', 'admin']
  for (const role of roles) await client.create(await client.kindOf('rbac.authorization.k8s.io/v1', 'RoleBinding'), { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name: role, namespace: 'default' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: role }] })
  await world.until('the roles are aggregated', async () => await allowed('admin', 'create', 'certificates') || undefined, 30)
  let checked = 0
  for (const role of roles) for (const resource of ['certificates', 'certificaterequests', 'issuers']) for (const verb of [...reading, ...writing]) {
    assert.equal(await allowed(role, verb, resource), role !== 'view' || (reading as readonly string[]).includes(verb), `${role} ${verb} ${resource}`)
    checked++
  }
  assert.equal(checked, 72)
})
