import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCsr, generateKey } from '@idp/pki'
import type { Certificate, CertificateRequest, ClusterIssuer } from '../kinds/cert-manager.ts'
import { validateCertificate, validateRequest } from './validate.ts'
import { validateIssuer } from './validate-issuer.ts'

const issuerRef = { name: 'ca' }
const certificate = (spec: object): Certificate => ({ apiVersion: 'cert-manager.io/v1', kind: 'Certificate', metadata: { name: 'x' }, spec: { secretName: 's', issuerRef, dnsNames: ['a'], ...spec } })

for (const [name, spec, fault] of [
  ['a plain one', {}, undefined], ['every field within limits', { duration: '24h', renewBefore: '8h', usages: ['server auth'], privateKey: { algorithm: 'ECDSA', size: 384 }, ipAddresses: ['::1'] }, undefined],
  ['no secretName', { secretName: '' }, /^spec\.secretName: Required value/], ['no issuer', { issuerRef: { name: '' } }, /^spec\.issuerRef\.name: Required/], ['an odd kind of issuer', { issuerRef: { name: 'a', kind: 'Thing' } }, /must be one of Issuer or ClusterIssuer/],
  ['a kind of somebody else', { issuerRef: { name: 'a', kind: 'Thing', group: 'x.io' } }, undefined], ['no name at all', { dnsNames: [] }, /at least one of commonName/], ['a long common name', { commonName: 'x'.repeat(65) }, /Too long/], ['no address', { ipAddresses: ['1.2.3'] }, /^spec\.ipAddresses\[0\]/],
  ['an unknown usage', { usages: ['fly'] }, /unknown keyusage/], ['a short RSA key', { privateKey: { size: 1024 } }, /between 2048 and 8192/], ['an odd ECDSA key', { privateKey: { algorithm: 'ECDSA', size: 512 } }, /Unsupported value: 512/], ['a short life', { duration: '10m' }, /greater than 1h0m0s/],
  ['renewal beyond life', { duration: '2h', renewBefore: '3h' }, /must be greater than renewBefore/], ['two ways of renewal', { renewBefore: '1h', renewBeforePercentage: 10 }, /mutually exclusive/], ['all of the life', { renewBeforePercentage: 100 }, /strictly less than 100/],
  ['two subjects', { literalSubject: 'CN=a', commonName: 'a' }, /LiteralSubject/], ['an unreadable subject', { literalSubject: 'nonsense' }, /cannot be read/], ['key stores', { keystores: { pkcs12: { create: true, password: 'x', profile: 'Modern2023' }, jks: { create: true, passwordSecretRef: { name: 'p' } } } }, undefined], ['a key store without password', { keystores: { pkcs12: { create: true } } }, /^spec\.keystores\.pkcs12\.passwordSecretRef: Required/],
  ['a key store with two passwords', { keystores: { jks: { create: true, password: 'x', passwordSecretRef: { name: 'p' } } } }, /^spec\.keystores\.jks: Forbidden/], ['one format twice', { additionalOutputFormats: [{ type: 'DER' }, { type: 'DER' }] }, /additionalOutputFormats\[1\]\.type: Duplicate/],
  ['constraints of a leaf', { nameConstraints: { permitted: { dnsDomains: ['a'] } } }, /isCA should be true/], ['constraints without any', { isCA: true, nameConstraints: { critical: true } }, /either permitted or excluded/], ['a constraint that is no range', { isCA: true, nameConstraints: { excluded: { ipRanges: ['10.0.0.0/40'] } } }, /excluded\.ipRanges\[0\].*invalid CIDR/],
  ['an other name', { otherNames: [{ oid: '1.2.3', utf8Value: 'x' }] }, undefined], ['an other name without its type', { otherNames: [{ oid: 'x', utf8Value: '' }] }, /otherNames\[0\]\.oid.*invalid oid syntax, *spec\.otherNames\[0\]\.utf8Value|invalid oid/],
  ['a signature that the key cannot make', { signatureAlgorithm: 'ECDSAWithSHA256' }, /for key algorithm RSA the allowed/], ['an annotation of cert-manager in the template', { secretTemplate: { annotations: { 'cert-manager.io/x': 'y' } } }, /annotations are not allowed/],
] as const) {
  test(`Certificate: ${name}`, () => {
    const faults = validateCertificate(certificate(spec))
    if (fault === undefined) assert.deepEqual(faults, [])
    else assert.match(faults.join('\n'), fault)
  })
}

test('CertificateRequest: the request, changes, verdicts', async () => {
  const csr = Buffer.from(createCsr({ key: await generateKey(), dnsNames: ['a'] })).toString('base64')
  const request = (spec: object, conditions: { type: string; status: string }[] = []): CertificateRequest => ({ apiVersion: 'cert-manager.io/v1', kind: 'CertificateRequest', metadata: { name: 'x' }, spec: { issuerRef, request: csr, ...spec }, status: { conditions } })
  assert.deepEqual(validateRequest(request({}), undefined), [])
  assert.match(validateRequest(request({ request: 'aGk=' }), undefined).join(), /failed to decode csr/)
  assert.match(validateRequest(request({ isCA: true }), request({})).join(), /cannot change spec/)
  assert.match(validateRequest(request({}), request({}, [{ type: 'Approved', status: 'True' }])).join(), /may not be modified once set/)
  assert.match(validateRequest(request({}, [{ type: 'Approved', status: 'True' }, { type: 'Denied', status: 'True' }]), request({})).join(), /cannot coexist/)
})

test('Issuer: exactly one type', () => {
  const issuer = (spec: object): ClusterIssuer => ({ apiVersion: 'cert-manager.io/v1', kind: 'ClusterIssuer', metadata: { name: 'x' }, spec })
  assert.deepEqual(validateIssuer(issuer({ selfSigned: {} })), [])
  assert.match(validateIssuer(issuer({})).join(), /at least one issuer/)
  assert.match(validateIssuer(issuer({ selfSigned: {}, ca: { secretName: 'a' } })).join(), /may not specify more than one/)
  assert.match(validateIssuer(issuer({ ca: { secretName: '' } })).join(), /spec\.ca\.secretName: Required/)
  const acme = (spec: object): ClusterIssuer => issuer({ acme: { server: 'https://x', privateKeySecretRef: { name: 'k' }, ...spec } })
  for (const [spec, fault] of [
    [{}, /^$/], [{ solvers: [{ http01: { gatewayHTTPRoute: {} } }] }, /^$/], [{ server: '' }, /acme server URL is a required/], [{ privateKeySecretRef: { name: '' } }, /private key secret name/], [{ solvers: [{}] }, /solvers\[0\]: Required value: no solver type/],
    [{ solvers: [{ http01: {} }] }, /no HTTP01 solver type/], [{ solvers: [{ http01: { ingress: { class: 'a', name: 'b' } } }] }, /only one of 'ingressClassName'/], [{ solvers: [{ http01: { ingress: { serviceType: 'LoadBalancer' } } }] }, /must be empty, "ClusterIP" or "NodePort"/],
    [{ caBundle: 'eA==', skipTLSVerify: true }, /mutually exclusive/], [{ externalAccountBinding: { keyID: '', keySecretRef: { name: 'x' } } }, /keyID field is required.*secret key is required/],
  ] as const) assert.match(validateIssuer(acme(spec)).join(), fault)
  assert.match(validateIssuer(issuer({ vault: { server: '', path: 'p', auth: {} } })).join(), /spec\.vault\.server: Required/)
  assert.match(validateIssuer(issuer({ vault: { server: 's', path: 'p', auth: {}, caBundle: 'eA==' } })).join(), /didn't contain any valid/)
})
