import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { isCoded } from '@idp/kit'
import {
  addressBytes, algorithmOf, createCa, createCsr, decodePem, encodeNameParts, exportKey, formatSubject, generateKey, issueCertificate, jwtKeyId, keyMatches,
  parseCertificate, parseCertificates, parseCsr, parseKey, publicKeyOf, readJwt, signCertificate, signedBy, signJwt, splitCertificates, verifyJwt, type KeyAlgorithm,
} from './index.ts'

const now = Date.UTC(2026, 0, 1)
const algorithms: readonly KeyAlgorithm[] = [
  { type: 'ECDSA', size: 256 }, { type: 'ECDSA', size: 384 }, { type: 'ECDSA', size: 521 }, { type: 'RSA', size: 2048 }, { type: 'RSA', size: 3072 }, { type: 'Ed25519' },
]

for (const algorithm of algorithms) {
  test(`issues with ${algorithm.type} ${'size' in algorithm ? algorithm.size : ''}, as OpenSSL reads it`, async () => {
    const ca = await createCa({ subject: { commonName: 'root', organizations: ['idp', 'Ümlaut'] }, now, days: 3650, algorithm })
    const leaf = await issueCertificate({
      ca, for: 'server', now, days: 90, algorithm, subject: { commonName: 'a.test' },
      dnsNames: ['a.test', '*.b.test'], ipAddresses: ['127.0.0.1', '::1', 'fd00::10.1.2.3'], uris: ['spiffe://x/y'], emails: ['me@a.test'],
    })
    const [root, judge] = [new X509Certificate(ca.cert), new X509Certificate(leaf.cert)]
    assert.ok(root.ca && root.verify(root.publicKey) && judge.verify(root.publicKey) && judge.checkIssued(root))
    assert.equal(judge.checkHost('x.b.test'), '*.b.test')
    assert.equal(judge.checkIP('127.0.0.1'), '127.0.0.1')
    assert.equal(judge.subjectAltName, 'DNS:a.test, DNS:*.b.test, email:me@a.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:FD00:0:0:0:0:0:A01:203, URI:spiffe://x/y')
    assert.deepEqual(judge.keyUsage, ['1.3.6.1.5.5.7.3.1'])
    assert.equal(judge.validToDate.getTime(), now + 90 * 86_400_000)
    assert.ok(judge.checkPrivateKey(parseKey(leaf.key)))

    const read = parseCertificate(leaf.cert)
    assert.equal(read.serial.toUpperCase(), judge.serialNumber)
    assert.deepEqual(algorithmOf(read.publicKey), algorithm)
    assert.deepEqual([read.dnsNames, read.ipAddresses, read.uris, read.emails], [['a.test', '*.b.test'], ['127.0.0.1', '::1', 'fd00::a01:203'], ['spiffe://x/y'], ['me@a.test']])
    assert.deepEqual(read.usages, ['digital signature', 'key encipherment', 'server auth'])
    assert.deepEqual(read.issuer.organizations?.toSorted(), ['idp', 'Ümlaut'].toSorted())
    const parent = parseCertificate(ca.cert)
    assert.ok(signedBy(read, parent) && !signedBy(parent, read) && keyMatches(read, parseKey(leaf.key)))
    assert.deepEqual([parent.isCa, parent.subjectKeyId, read.isCa], [true, read.authorityKeyId, false])
  })
}

test('a chain holds the intermediates and not the root', async () => {
  const root = await createCa({ subject: { commonName: 'root' }, now, days: 10 })
  const middle = await createCa({ subject: { commonName: 'middle' }, parent: root, maxPathLength: 0, now, days: 5 })
  const leaf = await issueCertificate({ ca: middle, for: 'both', now, days: 1, dnsNames: ['x'] })
  assert.deepEqual(parseCertificates(leaf.cert).map((certificate) => certificate.subject.commonName), [undefined, 'middle'])
  assert.equal(parseCertificate(middle.cert).maxPathLength, 0)
  assert.equal(splitCertificates(`noise\n${leaf.cert}`).length, 2)
})

test('dates after 2049 and names without common name', async () => {
  const key = await generateKey()
  const pem = signCertificate({ publicKey: publicKeyOf(key), notBefore: now, notAfter: Date.UTC(2060, 1, 2), dnsNames: ['a'] }, { key })
  assert.equal(new X509Certificate(pem).validToDate.getUTCFullYear(), 2060)
  assert.equal(parseCertificate(pem).notAfter, Date.UTC(2060, 1, 2))
})

test('formats and encodes names', () => {
  assert.equal(formatSubject({ commonName: 'a,b', organizations: ['x', 'y'], countries: ['DE'] }), 'CN=a\\,b,O=y,O=x,C=DE')
  assert.equal(encodeNameParts([['CN', 'x'], ['DC', 'y'], ['1.2.3', 'z']])?.length, 44)
  assert.equal(encodeNameParts([['NOPE', 'x']]), undefined)
  assert.equal(addressBytes('1:2::').toString('hex'), '00010002000000000000000000000000')
})

test('requests: create, read, refuse what is changed', async () => {
  for (const algorithm of algorithms) {
    const key = await generateKey(algorithm)
    const pem = createCsr({ key, subject: { commonName: 'x', organizations: ['o'] }, dnsNames: ['a.test'], ipAddresses: ['10.0.0.1'], uris: ['spiffe://a'], usages: ['server auth', 'digital signature'], isCa: true })
    const csr = parseCsr(pem)
    assert.deepEqual([csr.subject, csr.dnsNames, csr.ipAddresses, csr.uris, csr.isCa], [{ commonName: 'x', organizations: ['o'] }, ['a.test'], ['10.0.0.1'], ['spiffe://a'], true])
    assert.deepEqual(csr.usages, ['digital signature', 'server auth'])
    assert.ok(csr.publicKey.equals(publicKeyOf(key)))
    const der = decodePem(pem)[0]?.der ?? Buffer.alloc(0)
    der[20] = (der[20] ?? 0) ^ 1
    assert.throws(() => parseCsr(`-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`), (error) => isCoded(error, 'InvalidCsr'))
  }
})

test('refuses what is no certificate, key or PEM', () => {
  for (const [text, code] of [['', 'InvalidCertificate'], ['-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----', 'InvalidCertificate'], ['-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----', 'InvalidPem'], ['x\n-----BEGIN CERTIFICATE-----\n', 'InvalidPem']] as const) {
    assert.throws(() => parseCertificate(text), (error) => isCoded(error, code), text)
  }
  assert.throws(() => parseKey('no'), (error) => isCoded(error, 'InvalidKey'))
})

test('exports keys in both forms', async () => {
  for (const [algorithm, old] of [[{ type: 'RSA' }, 'RSA PRIVATE KEY'], [{ type: 'ECDSA' }, 'EC PRIVATE KEY'], [{ type: 'Ed25519' }, 'PRIVATE KEY']] as const) {
    const key = await generateKey(algorithm)
    assert.match(exportKey(key), /BEGIN PRIVATE KEY/)
    assert.match(exportKey(key, 'PKCS1'), new RegExp(`BEGIN ${old}`))
    assert.ok(publicKeyOf(parseKey(exportKey(key, 'PKCS1'))).equals(publicKeyOf(key)))
  }
  await assert.rejects(generateKey({ type: 'RSA', size: 1024 }), (error) => isCoded(error, 'InvalidKeySize'))
})

test('tokens: sign, verify, refuse', async () => {
  for (const algorithm of [{ type: 'RSA' }, { type: 'ECDSA' }] as const) {
    const key = await generateKey(algorithm)
    const token = signJwt({ sub: 'system:serviceaccount:a:b' }, key)
    const keys = new Map([[jwtKeyId(key), publicKeyOf(key)]])
    assert.deepEqual(verifyJwt(token, keys).claims, { sub: 'system:serviceaccount:a:b' })
    assert.deepEqual(readJwt(token).header, { alg: algorithm.type === 'RSA' ? 'RS256' : 'ES256', kid: jwtKeyId(key) })
    const [head, , signature] = token.split('.')
    const other = Buffer.from('{"sub":"root"}').toString('base64url')
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${other}.x`
    for (const bad of [`${head}.${other}.${signature}`, none, 'a.b', 'a.b.c', '', signJwt({}, key, 'unknown')]) assert.throws(() => verifyJwt(bad, keys), (error) => isCoded(error, 'InvalidToken'), bad)
  }
})
