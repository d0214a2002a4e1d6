import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryFiles } from '@idp/kit'
import { runPolicyTest } from '../engine/policy-test.ts'

const policy = (rule: string): string => `
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: { name: p }
spec:
  rules:
    - name: r
      match: { any: [{ resources: { kinds: [Pod] } }] }
${rule.split('\n').map((line) => `      ${line}`).join('\n')}
`
const pods = `
{ apiVersion: v1, kind: Pod, metadata: { name: good, namespace: team, labels: { app: a } }, spec: { containers: [{ name: c, image: 'ghcr.io/x/app:1', securityContext: { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: [ALL] }, seccompProfile: { type: RuntimeDefault } } }] } }
---
{ apiVersion: v1, kind: Pod, metadata: { name: bad }, spec: { hostNetwork: true, containers: [{ name: c, image: app:latest }, { name: d, image: 'ghcr.io/x/d:1' }] } }
---
{ apiVersion: apps/v1, kind: Deployment, metadata: { name: bad }, spec: { template: { spec: { hostNetwork: true, containers: [{ name: c, image: app:latest }] } } } }
`
const patched = '{ apiVersion: v1, kind: Pod, metadata: { name: good, namespace: team, labels: { app: a, team: core } }, spec: { containers: [{ name: c, image: "ghcr.io/x/app:1", securityContext: { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: [ALL] }, seccompProfile: { type: RuntimeDefault } } }] } }'

/** Each row: a rule, the answer for the good pod, the bad pod and (by the derived rule) the bad Deployment. */
const rows: readonly (readonly [name: string, rule: string, good: string, bad: string, deployment: string])[] = [
  ['foreach with deny', 'validate: { message: denied, foreach: [{ list: request.object.spec.containers, deny: { conditions: { any: [{ key: "{{ element.image }}", operator: NotEquals, value: "ghcr.io/*" }] } } }] }', 'pass', 'fail', 'fail'],
  ['foreach with a pattern', 'validate: { message: denied, foreach: [{ list: request.object.spec.containers, pattern: { image: "ghcr.io/*" } }] }', 'pass', 'fail', 'fail'],
  ['images variable', 'validate: { message: denied, deny: { conditions: { any: [{ key: "{{ images.containers.*.registry }}", operator: AnyNotIn, value: [ghcr.io] }] } } }', 'pass', 'fail', 'fail'],
  ['pod security baseline', 'validate: { podSecurity: { level: baseline, version: latest } }', 'pass', 'fail', 'fail'],
  ['pod security restricted', 'validate: { podSecurity: { level: restricted, version: latest } }', 'pass', 'fail', 'fail'],
  ['a precondition that fails', 'preconditions: { all: [{ key: "{{ request.object.metadata.labels.app || \'\' }}", operator: Equals, value: a }] }\nvalidate: { message: denied, pattern: { spec: { "=(hostNetwork)": false } } }', 'pass', 'skip', 'skip'],
  ['variables of the values file', 'context: [{ name: allowed, configMap: { name: c, namespace: n } }]\nvalidate: { message: denied, deny: { conditions: { all: [{ key: "{{ request.object.metadata.name }}", operator: AnyNotIn, value: "{{ allowed.data.names }}" }] } } }', 'pass', 'fail', 'pass'],
  ['labels of the namespace', 'validate: { message: denied, deny: { conditions: { all: [{ key: "{{ namespaceLabels.tier || \'\' }}", operator: NotEquals, value: gold }] } } }', 'pass', 'fail', 'fail'],
  ['CEL with variables, derived for controllers', 'validate: { cel: { variables: [{ name: c, expression: "object.spec.containers" }], expressions: [{ expression: "variables.c.all(one, one.image != \'app:latest\')" }] } }', 'pass', 'fail', 'fail'],
  ['CEL that fails to evaluate', 'validate: { cel: { expressions: [{ expression: "object.spec.none == 1" }] } }', 'fail', 'fail', 'fail'],
  ['CEL preconditions', 'celPreconditions: [{ name: never, expression: "false" }]\nvalidate: { cel: { expressions: [{ expression: "false" }] } }', 'skip', 'skip', 'skip'],
  ['a patch that adds what is missing', 'mutate: { patchStrategicMerge: { metadata: { labels: { +(app): none } } } }', 'skip', 'pass', 'pass'],
]
const values = `
policies: [{ name: p, rules: [{ name: r, values: { allowed.data.names: '["good", "other"]' } }] }]
namespaceSelector: [{ name: team, labels: { tier: gold } }]
`
for (const [name, rule, good, bad, deployment] of rows) {
  test(name, async () => {
    const results = [['Pod', 'team/good', good], ['Pod', 'bad', bad], ['Deployment', 'bad', deployment]].map(([kind, resource, result]) => `{ policy: p, rule: r, kind: ${kind}, resources: [${resource}], result: ${result} }`)
    const files = memoryFiles({ 'policy.yaml': policy(rule), 'tests/pods.yaml': pods, 'tests/values.yaml': values, 'tests/kyverno-test.yaml': `policies: [../policy.yaml]\nresources: [pods.yaml]\nvariables: values.yaml\nresults: [${results.join(', ')}]` })
    const { rows: got } = await runPolicyTest(files, 'tests/kyverno-test.yaml')
    assert.deepEqual(got.map(({ actual }) => actual), [good, bad, deployment], JSON.stringify(got))
  })
}

test('patched resources are compared with the file', async () => {
  const run = async (wanted: string): Promise<boolean | undefined> => {
    const files = memoryFiles({ 'policy.yaml': policy('mutate: { patchStrategicMerge: { metadata: { labels: { team: core } } } }'), 'pods.yaml': pods, 'patched.yaml': wanted, 'kyverno-test.yaml': 'policies: [policy.yaml]\nresources: [pods.yaml]\nresults: [{ policy: p, rule: r, kind: Pod, resources: [good], patchedResources: patched.yaml, result: pass }]' })
    return (await runPolicyTest(files, 'kyverno-test.yaml')).rows[0]?.passed
  }
  assert.equal(await run(patched), true)
  assert.equal(await run(patched.replace('core', 'other')), false)
})

test('bad input is refused by name', async () => {
  await assert.rejects(runPolicyTest(memoryFiles({ 'kyverno-test.yaml': 'policies: []' }), 'kyverno-test.yaml'), { code: 'InvalidTest' })
  await assert.rejects(runPolicyTest(memoryFiles({ 'kyverno-test.yaml': 'policies: [../outside.yaml]\nresults: []' }), 'kyverno-test.yaml'), { code: 'PathOutside' })
  await assert.rejects(runPolicyTest(memoryFiles({ 'kyverno-test.yaml': 'policies: [none.yaml]\nresults: []' }), 'kyverno-test.yaml'), { code: 'FileMissing' })
})
