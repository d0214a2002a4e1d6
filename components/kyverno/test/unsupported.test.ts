import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unsupportedFeatures } from '../engine/evaluate.ts'
import type { Rule } from '../kinds/policy.ts'

const rows: readonly (readonly [rule: Partial<Rule>, want: readonly string[]])[] = [
  [{ validate: { pattern: {} } }, []],
  [{ validate: { foreach: [] } }, []],
  [{ validate: { podSecurity: { level: 'baseline' } } }, []],
  [{ generate: { kind: 'ConfigMap' } }, []],
  [{ validate: { cel: {} } }, []],
  [{ validate: { manifests: {} } }, []],
  [{ validate: { assert: {} } }, ['rules[0].validate.assert']],
  [{ mutate: { targets: [] } }, []],
  [{ verifyImages: [] }, []],
  [{ validate: {}, context: [{ name: 'a', variable: { value: 1 } }, { name: 'b', imageRegistry: { reference: 'x' } }, { name: 'c', apiCall: { service: { url: 'x' } } }] }, []],
]
for (const [rule, want] of rows) {
  test(`unsupported in ${JSON.stringify(rule)}: ${want.join(', ') || 'nothing'}`, () => {
    assert.deepEqual(unsupportedFeatures({ apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: 'p' }, spec: { rules: [{ name: 'r', match: {}, ...rule }] } }), want)
  })
}
