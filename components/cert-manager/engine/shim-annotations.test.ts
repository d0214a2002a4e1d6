import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded } from '@idp/kit'
import { annotationsFrom, issuerFrom, specFrom } from './shim-annotations.ts'

const none = { name: '', kind: 'Issuer', group: 'cert-manager.io' }
const of = (annotations: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(annotations).map(([name, value]) => [name.includes('/') ? name : `cert-manager.io/${name}`, value]))

test('every annotation sets its field', () => {
  assert.deepEqual(specFrom(of({
    'common-name': 'a', 'alt-names': 'x.test,y.test', 'ip-sans': '10.0.0.1, ::1', 'uri-sans': 'spiffe://a', 'email-sans': 'a@b', duration: '48h', 'renew-before': '12h', 'renew-before-percentage': '30', usages: 'server auth, client auth', 'revision-history-limit': '3',
    'private-key-algorithm': 'ECDSA', 'private-key-encoding': 'PKCS8', 'private-key-size': '384', 'private-key-rotation-policy': 'Never',
    'subject-organizations': 'one,"two, three",four\\, five', 'subject-organizationalunits': 'u', 'subject-countries': 'DE', 'subject-provinces': 'p', 'subject-localities': 'l', 'subject-postalcodes': '1', 'subject-streetaddresses': 's', 'subject-serialnumber': '42',
    'secret-template': '{"labels":{"a":"b"},"annotations":{"c":"d"}}',
  })), {
    commonName: 'a', dnsNames: ['x.test', 'y.test'], ipAddresses: ['10.0.0.1', '::1'], uris: ['spiffe://a'], emailAddresses: ['a@b'], duration: '48h', renewBefore: '12h', renewBeforePercentage: 30, usages: ['server auth', 'client auth'], revisionHistoryLimit: 3,
    privateKey: { algorithm: 'ECDSA', encoding: 'PKCS8', size: 384, rotationPolicy: 'Never' },
    subject: { organizations: ['one', 'two, three', 'four, five'], organizationalUnits: ['u'], countries: ['DE'], provinces: ['p'], localities: ['l'], postalCodes: ['1'], streetAddresses: ['s'], serialNumber: '42' },
    secretTemplate: { labels: { a: 'b' }, annotations: { c: 'd' } },
  })
  assert.deepEqual(specFrom({}), {})
})

for (const [name, value, why] of [
  ['common-name', 'x'.repeat(65), /64 bytes/], ['ip-sans', 'a.test', /not a valid IP/], ['email-sans', 'A <a@b>', /not a valid email/], ['duration', 'long', /invalid duration/], ['duration', '5m', /greater than or equal to 1h0m0s/], ['renew-before', '1m', /5m0s/],
  ['renew-before-percentage', 'x', /invalid syntax/], ['usages', 'fly', /invalid key usage name "fly"/], ['revision-history-limit', '0', /positive number/], ['private-key-algorithm', 'DSA', /invalid private key algorithm/], ['private-key-encoding', 'DER', /encoding/],
  ['private-key-size', '100', /for RSA algorithm/], ['private-key-rotation-policy', 'Sometimes', /rotation policy/], ['secret-template', '{', /error parsing/], ['secret-template', '{"data":{}}', /unknown field "data"/], ['secret-template', '{"annotations":{"cert-manager.io/x":""}}', /must not have/],
] as const) {
  test(`refuses ${name}: ${value.slice(0, 20)}`, () => assert.throws(() => specFrom(of({ [name]: value })), (error) => isCoded(error, 'InvalidAnnotation') && why.test(error.message)))
}

test('which issuer is meant', () => {
  assert.equal(issuerFrom({}, none), undefined)
  assert.deepEqual(issuerFrom(of({ 'cluster-issuer': 'a' }), none), { name: 'a', kind: 'ClusterIssuer', group: 'cert-manager.io' })
  assert.deepEqual(issuerFrom(of({ issuer: 'a' }), none), { name: 'a', kind: 'Issuer', group: 'cert-manager.io' })
  assert.deepEqual(issuerFrom(of({ issuer: 'a', 'issuer-kind': 'Thing', 'issuer-group': 'x.io' }), none), { name: 'a', kind: 'Thing', group: 'x.io' })
  assert.deepEqual(issuerFrom({ 'kubernetes.io/tls-acme': 'true' }, { name: 'd', kind: 'ClusterIssuer', group: 'cert-manager.io' }), { name: 'd', kind: 'ClusterIssuer', group: 'cert-manager.io' })
  assert.throws(() => issuerFrom({ 'kubernetes.io/tls-acme': 'true' }, none), /failed to determine issuer name/)
  assert.throws(() => issuerFrom(of({ issuer: 'a', 'cluster-issuer': 'b' }), none), /bad annotations: both "cert-manager.io\/cluster-issuer" and "cert-manager.io\/issuer" may not be set/)
  assert.deepEqual(annotationsFrom({ 'acme.cert-manager.io/http01-edit-in-place': 'true', 'acme.cert-manager.io/http01-ingress-class': 'n' }, 'web'), { 'acme.cert-manager.io/http01-override-ingress-name': 'web', 'cert-manager.io/issue-temporary-certificate': 'true', 'acme.cert-manager.io/http01-override-ingress-class': 'n' })
})
