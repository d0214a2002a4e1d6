import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'
import { seededRandom } from '@idp/kit'
import { createCa, createCsr, encodeJks, encodeNameConstraints, encodePkcs12, encodePkcs12Trust, extension, extensionOids, generateKey, informationExtensions, issueCertificate, parseCertificate, parseCsr, parseKey, publicKeyOf, signCertificate, type KeyPair, type Pkcs12Profile } from './index.ts'
import { encryptRc2 } from './rc2.ts'

const now = Date.UTC(2026, 0, 1)
const password = 'secret ö'
const openssl = spawnSync('openssl', ['version']).status === 0

async function pair(): Promise<{ ca: KeyPair; leaf: KeyPair; certificates: Buffer[]; key: ReturnType<typeof parseKey> }> {
  const ca = await createCa({ subject: { commonName: 'root' }, now, days: 3650 })
  const leaf = await issueCertificate({ ca, for: 'server', now, days: 90, dnsNames: ['a.test'], subject: { commonName: 'leaf' } })
  return { ca, leaf, certificates: [parseCertificate(leaf.cert).der, parseCertificate(ca.cert).der], key: parseKey(leaf.key) }
}

test('RC2 as RFC 2268 §5 has it', () => {
  for (const [key, bits, plain, cipher] of [
    ['0000000000000000', 63, '0000000000000000', 'ebb773f993278eff'], ['ffffffffffffffff', 64, 'ffffffffffffffff', '278b27e42e2f0d49'], ['3000000000000000', 64, '1000000000000001', '30649edf9be7d2c2'],
    ['88', 64, '0000000000000000', '61a8a244adacccf0'], ['88bca90e90875a', 64, '0000000000000000', '6ccf4308974c267f'], ['88bca90e90875a7f0f79c384627bafb2', 64, '0000000000000000', '1a807d272bbe5db1'],
    ['88bca90e90875a7f0f79c384627bafb2', 128, '0000000000000000', '2269552ab0f85ca6'], ['88bca90e90875a7f0f79c384627bafb216f80a6f85920584c42fceb0be255daf1e', 129, '0000000000000000', '5b78d3a43dfff1f1'],
  ] as const) assert.equal(encryptRc2(Buffer.from(key, 'hex'), Buffer.alloc(8), Buffer.from(plain, 'hex'), bits).subarray(0, 8).toString('hex'), cipher, key)
})

for (const profile of ['Modern2023', 'LegacyDES', 'LegacyRC2'] satisfies Pkcs12Profile[]) {
  test(`PKCS #12, ${profile}`, async () => {
    const { leaf, certificates, key } = await pair()
    const pfx = encodePkcs12({ key, certificates }, { password, profile, random: seededRandom(1) })
    assert.deepEqual(pfx, encodePkcs12({ key, certificates }, { password, profile, random: seededRandom(1) }), 'the same for the same random numbers')
    // OpenSSL inside Node reads all but RC2.
    if (profile !== 'LegacyRC2') {
      assert.ok(createSecureContext({ pfx, passphrase: password }))
      assert.throws(() => createSecureContext({ pfx, passphrase: 'wrong' }), /mac verify failure/)
    }
    if (!openssl) return
    const legacy = profile === 'Modern2023' ? [] : ['-legacy']
    const text = execFileSync('openssl', ['pkcs12', ...legacy, '-nodes', '-passin', `pass:${password}`], { input: pfx, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] })
    assert.equal(text.match(/BEGIN CERTIFICATE/g)?.length, 2)
    assert.ok(text.includes(parseCertificate(leaf.cert).pem.trim()))
    assert.ok(publicKeyOf(parseKey(text.slice(text.indexOf('-----BEGIN PRIVATE')))).equals(publicKeyOf(key)))
    const trust = encodePkcs12Trust([{ name: 'ca', certificate: certificates[1] ?? Buffer.alloc(0) }], { password, profile })
    assert.match(execFileSync('openssl', ['pkcs12', ...legacy, '-nokeys', '-passin', `pass:${password}`], { input: trust, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] }), /friendlyName: ca[\s\S]*CN = root/)
  })
}

test('JKS: magic, entries, digest, and a key that only its password opens', async () => {
  const { certificates, key } = await pair()
  const jks = encodeJks([{ name: 'Certificate', key, certificates }, { name: 'ca', certificate: certificates[1] ?? Buffer.alloc(0) }], { password, date: now, random: seededRandom(1) })
  assert.deepEqual([jks.readUInt32BE(0), jks.readUInt32BE(4), jks.readUInt32BE(8), jks.readUInt32BE(12)], [0xfeedfeed, 2, 2, 1])
  assert.equal(jks.subarray(18, 18 + jks.readUInt16BE(16)).toString(), 'certificate')
  const secret = Buffer.from(password, 'utf16le').swap16()
  assert.ok(createHash('sha1').update(secret).update('Mighty Aphrodite').update(jks.subarray(0, -20)).digest().equals(jks.subarray(-20)))
  assert.equal(jks.includes(key.export({ type: 'pkcs8', format: 'der' })), false)
  for (const certificate of certificates) assert.ok(jks.includes(certificate))
})

test('name constraints, other names and pointers, as OpenSSL prints them', async () => {
  const key = await generateKey()
  const constraints = extension(extensionOids.nameConstraints, true, encodeNameConstraints({ permitted: { dnsDomains: ['test'], ipRanges: ['10.1.2.3/8', 'fd00::/16'] }, excluded: { emailAddresses: ['x@y'], uriDomains: ['.z'] } }))
  const csr = parseCsr(createCsr({ key, dnsNames: ['a'], otherNames: [{ oid: '1.3.6.1.4.1.311.20.2.3', utf8: 'me@upn' }], extensions: [constraints] }))
  assert.deepEqual(csr.otherNames, [{ oid: '1.3.6.1.4.1.311.20.2.3', utf8: 'me@upn' }])
  assert.deepEqual(csr.nameConstraints, constraints)
  const pem = signCertificate({
    publicKey: csr.publicKey, dnsNames: csr.dnsNames, otherNames: csr.otherNames, notBefore: now, notAfter: now + 1e9,
    extensions: [csr.nameConstraints ?? Buffer.alloc(0), ...informationExtensions({ crl: ['http://c/l'], issuer: ['http://i/s'], ocsp: ['http://o/c'] })],
  }, { key })
  if (!openssl) return
  const text = execFileSync('openssl', ['x509', '-noout', '-text'], { input: pem, encoding: 'utf8' })
  for (const part of [/Name Constraints: critical/, /DNS:test/, /IP:10.0.0.0\/255.0.0.0/, /IP:FD00:0/i, /Excluded:\s+email:x@y\s+URI:\.z/, /othername: UPN::?me@upn/, /URI:http:\/\/c\/l/, /CA Issuers - URI:http:\/\/i\/s/, /OCSP - URI:http:\/\/o\/c/]) assert.match(text, part)
})
