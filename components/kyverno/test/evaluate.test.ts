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
