import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cleanupProblems, policyProblems } from '../engine/check-policy.ts'
import type { CleanupPolicyObject } from '../kinds/cleanup-policy.ts'
import type { PolicyObject } from '../kinds/policy.ts'

const policy = (...rules: object[]): PolicyObject => ({ apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: 'p' }, spec: { rules: rules.map((rule, index) => ({ name: `r${index}`, match: { any: [{ resources: { kinds: ['Pod'] } }] }, ...rule })) } } as unknown as PolicyObject)

const withConditions = (expression: string): PolicyObject => {
  const made = policy({ validate: { pattern: {} } })
  return { ...made, spec: { ...made.spec, webhookConfiguration: { matchConditions: [{ name: 'c', expression }] } } }
}

const rows: readonly (readonly [what: string, policy: PolicyObject, want: RegExp | undefined])[] = [
  ['a good policy', policy({ validate: { pattern: { metadata: { name: '{{ request.name }}' } } } }), undefined],
  ['no rules', policy(), /spec\.rules: at least one/],
  ['two rules of one name', policy({ name: 'a', validate: { pattern: {} } }, { name: 'a', validate: { pattern: {} } }), /rules\[1\]\.name: duplicate/],
  ['a rule that does two things', policy({ validate: { pattern: {} }, mutate: { patchStrategicMerge: {} } }), /rules\[0\]: a rule has exactly one/],
  ['an expression that does not parse', policy({ validate: { deny: { conditions: { any: [{ key: '{{ request.object.spec[ }}', operator: 'Equals', value: 1 }] } } } }), /rules\[0\]\.validate\.deny\.conditions\.any\[0\]\.key: JMESPath/],
  ['an operator that is none', policy({ preconditions: { all: [{ key: 'a', operator: 'Resembles', value: 'b' }] }, validate: { pattern: {} } }), /rules\[0\]\.preconditions\.all\[0\]\.operator: 'Resembles'/],
  ['a list that does not parse', policy({ validate: { foreach: [{ list: 'request.object.spec.containers[', pattern: {} }] } }), /rules\[0\]\.validate\.foreach\[0\]\.list/],
  ['a regular expression that RE2 has not', policy({ validate: { deny: { conditions: { any: [{ key: "{{ regex_match('(?=a)b', 'x') }}", operator: 'Equals', value: true }] } } } }), /not RE2's/],
  ['CEL that does not compile', policy({ validate: { cel: { expressions: [{ expression: 'object.spec.' }] } } }), /rules\[0\]\.validate\.cel\.expressions\[0\]\.expression/],
  ['CEL that names nothing', policy({ validate: { cel: { expressions: [{ expression: 'objekt.spec' }] } } }), /undeclared reference to 'objekt'/],
  ['CEL preconditions without CEL', policy({ celPreconditions: [{ name: 'a', expression: 'true' }], validate: { pattern: {} } }), /celPreconditions/],
  ['a context expression', policy({ context: [{ name: 'a', apiCall: { urlPath: '/x', jmesPath: 'items[' } }], validate: { pattern: {} } }), /rules\[0\]\.context\[0\]\.apiCall\.jmesPath/],
  ['match conditions', withConditions("request.operation == 'CREATE' && object.metadata.name != 'x'"), undefined],
  ['match conditions that do not compile', withConditions('object.metadata.'), /spec\.webhookConfiguration\.matchConditions\[0\]\.expression/],
  ['match conditions that are no condition', withConditions("'yes'"), /must evaluate to bool/],
  ['nesting without end', policy({ validate: { pattern: Array.from({ length: 80 }).reduce<object>((inner) => ({ a: inner }), {}) } }), /nested more than/],
]
for (const [what, given, want] of rows) {
  test(`a policy with ${what} is ${want === undefined ? 'accepted' : 'refused by path'}`, () => {
    const problems = policyProblems(given).join('; ')
    if (want === undefined) assert.equal(problems, '')
    else assert.match(problems, want)
  })
}

test('a cleanup policy with a schedule that is none is refused', () => {
  assert.match(cleanupProblems({ spec: { schedule: 'now and then', match: {} } } as unknown as CleanupPolicyObject).join(), /spec\.schedule/)
  assert.deepEqual(cleanupProblems({ spec: { schedule: '*/5 * * * *', match: {} } } as unknown as CleanupPolicyObject), [])
})
