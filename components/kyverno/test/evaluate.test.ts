import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContextSource } from '../engine/context.ts'
import { mutateResource, validateResource } from '../engine/evaluate.ts'
import type { PolicyException, PolicyObject } from '../kinds/policy.ts'

const source: ContextSource = { configMap: async () => undefined, api: async () => null }
const policy = (rule: object, kind = 'ClusterPolicy', namespace?: string): PolicyObject => ({ apiVersion: 'kyverno.io/v1', kind, metadata: { name: 'p', ...(namespace === undefined ? {} : { namespace }) }, spec: { rules: [{ name: 'r', match: { any: [{ resources: { kinds: ['Pod'] } }] }, ...rule }] } } as unknown as PolicyObject)
const pod = (spec: object = {}, namespace?: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', ...(namespace === undefined ? {} : { namespace }) }, spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec } })
const verdicts = async (of: PolicyObject, object: ReturnType<typeof pod>, exceptions: readonly PolicyException[] = []): Promise<string[]> => (await validateResource(of, { object: object as never }, source, exceptions)).map(({ verdict }) => verdict)

test('a Policy is about its own namespace', async () => {
  const of = policy({ validate: { pattern: { metadata: { name: 'other' } } } }, 'Policy', 'team')
  assert.deepEqual(await verdicts(of, pod({}, 'team')), ['fail'])
  assert.deepEqual(await verdicts(of, pod({}, 'elsewhere')), [])
})

test('an exception may let through one pod security control, or one value of it', async () => {
  const of = policy({ validate: { podSecurity: { level: 'baseline' } } })
  const hostPath = (path: string) => pod({ volumes: [{ name: 'v', hostPath: { path } }] })
  const exception = { apiVersion: 'kyverno.io/v2', kind: 'PolicyException', metadata: { name: 'e' }, spec: { exceptions: [{ policyName: 'p', ruleNames: ['r'] }], match: { any: [{ resources: { kinds: ['Pod'] } }] }, podSecurity: [{ controlName: 'HostPath Volumes', restrictedField: 'spec.volumes[*].hostPath', values: ['/data'] }] } } as unknown as PolicyException
  assert.deepEqual(await verdicts(of, hostPath('/data')), ['fail'])
  assert.deepEqual(await verdicts(of, hostPath('/data'), [exception]), ['skip'])
  assert.deepEqual(await verdicts(of, hostPath('/etc'), [exception]), ['fail'])
  assert.deepEqual(await verdicts(of, pod(), [exception]), ['pass'])
})

test('a precondition whose variable is not there is an error, not an answer', async () => {
  assert.deepEqual(await verdicts(policy({ preconditions: { all: [{ key: '{{ request.object.spec.none }}', operator: 'NotEquals', value: '' }] }, validate: { pattern: {} } }), pod()), ['error'])
})

const additions: readonly (readonly [what: string, given: object, want: unknown])[] = [
  ['makes the lists', {}, [{ values: ['new'] }]], ['goes into the last element, at its end', { list: [{ values: ['a'] }, { values: ['b'] }] }, [{ values: ['a'] }, { values: ['b', 'new'] }]],
]
for (const [what, given, want] of additions) {
  test(`an addition at -1 ${what}`, async () => {
    const of = policy({ mutate: { patchesJson6902: '- { op: add, path: /spec/list/-1/values/-1, value: new }' } })
    const { object } = await mutateResource(of, { object: pod(given) as never }, source)
    assert.deepEqual((object as unknown as { spec: { list: unknown } }).spec.list, want)
  })
}

const labelled = (labels: Record<string, string>) => ({ ...pod({}, 'team'), metadata: { name: 'p', namespace: 'team', labels } })
const updates: readonly (readonly [what: string, before: Record<string, string>, more: object, want: string])[] = [
  ['that violated before', {}, {}, 'skip'], ['that did not violate before', { team: 'a' }, {}, 'fail'], ['where existing violations count', {}, { allowExistingViolations: false }, 'fail'],
]
for (const [what, before, more, want] of updates) {
  test(`an update of an object ${what}: ${want}`, async () => {
    const of = policy({ validate: { failureAction: 'Enforce', pattern: { metadata: { labels: { team: '?*' } } }, ...more } })
    const [result] = await validateResource(of, { object: labelled({ other: 'b' }) as never, oldObject: labelled(before) as never, operation: 'UPDATE' }, source)
    assert.equal(result?.verdict, want)
  })
}

test('with applyRules One the first rule that says something is the only one', async () => {
  const two = policy({ validate: { pattern: { metadata: { name: 'p' } } } })
  const second = { ...two.spec.rules[0], name: 'second' } as never
  assert.deepEqual(await verdicts({ ...two, spec: { ...two.spec, applyRules: 'One', rules: [...two.spec.rules, second] } }, pod()), ['pass'])
  assert.deepEqual(await verdicts({ ...two, spec: { ...two.spec, rules: [...two.spec.rules, second] } }, pod()), ['pass', 'pass'])
})

test('overrides of the failure action by namespace, wildcard and label', async () => {
  const of = policy({ validate: { failureAction: 'Audit', failureActionOverrides: [{ action: 'Enforce', namespaces: ['team-*'] }, { action: 'Enforce', namespaceSelector: { matchLabels: { tier: 'gold' } } }], pattern: { metadata: { name: 'x' } } } })
  const enforced = async (namespace: string, namespaceLabels = {}) => (await validateResource(of, { object: pod({}, namespace) as never, namespaceLabels }, source))[0]?.enforced
  assert.deepEqual([await enforced('team-a'), await enforced('other'), await enforced('other', { tier: 'gold' })], [true, false, true])
})
