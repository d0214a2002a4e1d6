import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCa, decodePem, encodePkcs12, issueCertificate, parseKey } from '@idp/pki'
import { readPkcs12 } from './read-pkcs12.ts'

const now = Date.UTC(2026, 0, 1)
const ca = await createCa({ subject: { commonName: 'test' }, now, days: 1 })
const leaf = await issueCertificate({ ca, for: 'server', now, days: 1, dnsNames: ['x'] })
const certificates = [leaf.cert, ca.cert].map((pem) => decodePem(pem)[0]?.der ?? Buffer.alloc(0))
const file = (profile: 'Modern2023' | 'LegacyDES' | 'LegacyRC2', password: string): Buffer => encodePkcs12({ key: parseKey(leaf.key), certificates }, { password, profile })

for (const profile of ['Modern2023', 'LegacyDES'] as const) {
  for (const password of ['', 'pässword']) {
    test(`${profile} with password ${JSON.stringify(password)}: key and certificates come out as they went in`, () => {
      const { key, certificates: found } = readPkcs12(file(profile, password), password)
      assert.ok(parseKey(key ?? '').equals(parseKey(leaf.key)))
      assert.deepEqual(found.map((pem) => decodePem(pem)[0]?.der), certificates)
      assert.throws(() => readPkcs12(file(profile, password), 'wrong'), /password incorrect/)
    })
  }
}

test('what is none, is cut off, or is sealed in another way is an error', () => {
  assert.throws(() => readPkcs12(Buffer.from('no file'), ''), /no PKCS #12 file/)
  assert.throws(() => readPkcs12(Buffer.alloc(0), ''), /no PKCS #12 file/)
  assert.throws(() => readPkcs12(file('LegacyRC2', 'p'), 'p'), /not supported by this stand-in/)
  const whole = file('Modern2023', 'p')
  for (const length of [1, 5, 40, whole.length - 1]) assert.throws(() => readPkcs12(whole.subarray(0, length), 'p'), /PKCS #12|password/)
})
