import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unsupportedFeatures } from '../engine/evaluate.ts'
import type { Rule } from '../kinds/policy.ts'

const attested = (entry: object, more: object = {}): Partial<Rule> => ({ verifyImages: [{ attestors: [{ entries: [entry] }], ...more }] })
const rows: readonly (readonly [rule: Partial<Rule>, want: readonly string[]])[] = [
  [{ validate: { pattern: {} } }, []],
  [{ validate: { cel: {} } }, []],
  [{ validate: { assert: {} } }, []],
  [{ validate: { manifests: { attestors: [] } } }, []],
  [{ mutate: { targets: [] } }, []],
  [attested({ keys: { publicKeys: 'x' } }), []],
  [attested({ keys: { kms: 'awskms:///x' } }), ['rules[0].verifyImages[0].attestors[0].entries[0].keys.kms']],
  [attested({ keyless: { issuer: 'x' } }), ['rules[0].verifyImages[0].attestors[0].entries[0].keyless without ctlog.ignoreSCT']],
  [attested({ keyless: { issuer: 'x', ctlog: { ignoreSCT: true } } }), []],
  [attested({}, { type: 'Notary', cosignOCI11: true }), ['rules[0].verifyImages[0].type: Notary', 'rules[0].verifyImages[0].cosignOCI11']],
  [{ validate: { manifests: { repository: 'x' } } }, ['rules[0].validate.manifests.repository']],
]
for (const [rule, want] of rows) {
  test(`unsupported in ${JSON.stringify(rule)}: ${want.join(', ') || 'nothing'}`, () => {
    assert.deepEqual(unsupportedFeatures({ apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: 'p' }, spec: { rules: [{ name: 'r', match: {}, ...rule }] } }), want)
  })
}
