import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, Deployment, Pod } from '@idp/api'
import { silentLog } from '@idp/kit'
import { webhookRules, type RuleType } from '../engine/webhook-rules.ts'
import type { PolicyObject } from '../kinds/policy.ts'
import { admissionHandler } from '../programs/admission-server.ts'

const policy = (rule: object, spec: object = {}, name = 'p'): PolicyObject => ({ apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name, annotations: { 'pod-policies.kyverno.io/autogen-controllers': 'none' } }, spec: { ...spec, rules: [{ name: 'r', ...rule }] } } as unknown as PolicyObject)
const match = (...kinds: string[]) => ({ any: [{ resources: { kinds } }] })
const rows: readonly (readonly [what: string, rule: object, type: RuleType, want: readonly string[]])[] = [
  ['a pattern', { match: match('Pod'), validate: { pattern: {} } }, 'validate', ['v1 pods CREATE,UPDATE']],
  ['a mutation', { match: match('Pod'), mutate: { patchStrategicMerge: {} } }, 'validate', []],
  ['a mutation', { match: match('Pod'), mutate: { patchStrategicMerge: {} } }, 'mutate', ['v1 pods CREATE,UPDATE']],
  ['a mutation of existing objects', { match: match('ConfigMap'), mutate: { targets: [], patchStrategicMerge: {} } }, 'validate', ['v1 configmaps CREATE,UPDATE']],
  ['a rule about deletions', { match: { any: [{ resources: { kinds: ['Pod', 'ConfigMap'], operations: ['DELETE'] } }] }, validate: { deny: {} } }, 'validate', ['v1 configmaps,pods DELETE']],
  ['a precondition about deletions', { match: match('Pod'), preconditions: { all: [{ key: '{{ request.operation }}', operator: 'Equals', value: 'DELETE' }] }, validate: { deny: {} } }, 'validate', ['v1 pods CREATE,UPDATE,DELETE']],
  ['commands in pods', { match: match('PodExecOptions'), validate: { deny: {} } }, 'validate', ['v1 pods/exec CREATE,UPDATE,CONNECT']],
  ['a subresource', { match: match('Deployment/scale'), validate: { deny: {} } }, 'validate', ['apps/v1 deployments/scale CREATE,UPDATE,CONNECT']],
  ['images', { match: match('Pod'), verifyImages: [{}] }, 'mutate', ['v1 pods CREATE,UPDATE']],
  ['kinds that nobody serves', { match: match('Unknown'), validate: { pattern: {} } }, 'validate', []],
]
for (const [what, rule, type, want] of rows) {
  test(`${what}, asked to ${type}: ${want.join('; ') || 'nothing'}`, () => {
    const rules = webhookRules([policy(rule)], type, [Pod, ConfigMap, Deployment])
    assert.deepEqual(rules.map(({ apiGroups: [group], apiVersions: [version], resources, operations }) => `${group === '' ? '' : `${group}/`}${version} ${resources.join()} ${operations.join()}`), want)
  })
}

const denies = { match: match('Pod'), validate: { failureAction: 'Enforce', deny: {} } }
const conditions = { webhookConfiguration: { matchConditions: [{ name: 'c', expression: 'true' }] } }
const policies = [policy(denies, {}, 'plain'), policy(denies, { failurePolicy: 'Ignore' }, 'lenient'), policy(denies, conditions, 'conditional')]
for (const [path, want] of [['/validate/fail', ['plain']], ['/validate/ignore', ['lenient']], ['/validate/fail/finegrained/conditional', ['conditional']], ['/validate/fail/finegrained/plain', []]] as const) {
  test(`${path} asks ${want.join() || 'nobody'}`, async () => {
    const asked: string[] = []
    const handler = admissionHandler({ log: silentLog, source: { configMap: async () => undefined, api: async () => null }, policies: () => policies, exceptions: () => [], namespaceLabels: () => ({}), decided: ({ policy: name }) => asked.push(name) })
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', namespace: 'default' } }
    await handler(new Request(`http://kyverno${path}`, { method: 'POST', body: JSON.stringify({ request: { uid: '1', operation: 'CREATE', namespace: 'default', object, oldObject: null, kind: { group: '', version: 'v1', kind: 'Pod' } } }) }), undefined as never)
    assert.deepEqual(asked, want)
  })
}
