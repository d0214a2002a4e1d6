import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { digestHex, ExecError, fromBase64, sprigFunctions, TemplateSet, toBase64 } from './core.ts'

test('digests are those of the standard', () => {
  for (const length of [0, 1, 3, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255)
    for (const algorithm of ['sha1', 'sha256', 'sha512'] as const) assert.equal(digestHex(algorithm, bytes), createHash(algorithm).update(bytes).digest('hex'), `${algorithm} of ${length} bytes`)
    assert.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'))
    assert.deepEqual(fromBase64(toBase64(bytes)), bytes)
  }
})

test('without a host, what needs cryptography refuses by name and all else works', () => {
  const set = new TemplateSet(sprigFunctions({ random: (count) => new Uint8Array(count), now: () => 0 }))
  set.parse('t', '{{ "a" | sha256sum | trunc 8 }} {{ "a" | b64enc | b64dec }}')
  assert.equal(set.execute('t', {}, { now: () => 0 }), 'ca978112 a')
  set.parse('c', '{{ genCA "x" 1 }}')
  assert.throws(() => set.execute('c', {}, { now: () => 0 }), (error) => error instanceof ExecError && /genCA needs cryptography, which this host does not give/.test(error.message))
})
