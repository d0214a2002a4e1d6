import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultResourceFilters, isFiltered, parseResourceFilters } from '../engine/resource-filter.ts'

const filters = parseResourceFilters(`${defaultResourceFilters('kyverno')} [ConfigMap,team-?,generated-*]`)
const rows: readonly (readonly [kind: string, namespace: string | undefined, name: string, subresource: string, want: boolean])[] = [
  ['Pod', 'default', 'a', '', false], ['Pod', 'kube-system', 'a', '', true], ['Deployment', 'kube-system', 'a', 'scale', true], ['Pod', 'kyverno', 'a', '', true], ['Event', 'default', 'a', '', true],
  ['Node', undefined, 'a', '', true], ['Node', undefined, 'a', 'status', true], ['Pod', 'default', 'a', 'binding', true], ['Pod', 'default', 'a', 'exec', false],
  ['Namespace', undefined, 'kube-system', '', true], ['Namespace', undefined, 'team', '', false], ['ConfigMap', 'team-a', 'generated-1', '', true], ['ConfigMap', 'team-ab', 'generated-1', '', false],
]
for (const [kind, namespace, name, subresource, want] of rows) {
  test(`${kind} ${namespace ?? ''}/${name} ${subresource} is ${want ? 'left alone' : 'looked at'}`, () => {
    assert.equal(isFiltered(filters, { kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } }, subresource), want)
  })
}
