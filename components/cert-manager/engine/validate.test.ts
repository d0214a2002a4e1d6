import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCsr, generateKey } from '@idp/pki'
import type { Certificate, CertificateRequest, ClusterIssuer } from '../kinds/cert-manager.ts'
import { validateCertificate, validateIssuer, validateRequest } from './validate.ts'

const issuerRef = { name: 'ca' }
const certificate = (spec: object): Certificate => ({ apiVersion: 'cert-manager.io/v1', kind: 'Certificate', metadata: { name: 'x' }, spec: { secretName: 's', issuerRef, dnsNames: ['a'], ...spec } })

for (const [name, spec, fault] of [
  ['a plain one', {}, undefined], ['every field within limits', { duration: '24h', renewBefore: '8h', usages: ['server auth'], privateKey: { algorithm: 'ECDSA', size: 384 }, ipAddresses: ['::1'] }, undefined],
  ['no secretName', { secretName: '' }, /^spec\.secretName: Required value/], ['no issuer', { issuerRef: { name: '' } }, /^spec\.issuerRef\.name: Required/], ['an odd kind of issuer', { issuerRef: { name: 'a', kind: 'Thing' } }, /must be one of Issuer or ClusterIssuer/],
  ['a kind of somebody else', { issuerRef: { name: 'a', kind: 'Thing', group: 'x.io' } }, undefined], ['no name at all', { dnsNames: [] }, /at least one of commonName/], ['a long common name', { commonName: 'x'.repeat(65) }, /Too long/], ['no address', { ipAddresses: ['1.2.3'] }, /^spec\.ipAddresses\[0\]/],
  ['an unknown usage', { usages: ['fly'] }, /unknown keyusage/], ['a short RSA key', { privateKey: { size: 1024 } }, /between 2048 and 8192/], ['an odd ECDSA key', { privateKey: { algorithm: 'ECDSA', size: 512 } }, /Unsupported value: 512/], ['a short life', { duration: '10m' }, /greater than 1h0m0s/],
  ['renewal beyond life', { duration: '2h', renewBefore: '3h' }, /must be greater than renewBefore/], ['two ways of renewal', { renewBefore: '1h', renewBeforePercentage: 10 }, /mutually exclusive/], ['all of the life', { renewBeforePercentage: 100 }, /strictly less than 100/],
  ['two subjects', { literalSubject: 'CN=a', commonName: 'a' }, /LiteralSubject/], ['an unreadable subject', { literalSubject: 'nonsense' }, /cannot be read/], ['keystores', { keystores: { pkcs12: { create: true } } }, /not supported by this stand-in/],
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
})
