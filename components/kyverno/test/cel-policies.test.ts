import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, isApiError, MutatingWebhookConfiguration, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { autogenConfigs } from '../engine/cel/autogen-cel.ts'
import { admissionController } from '../programs/admission-controller.ts'
import { reportsController } from '../programs/reports-controller.ts'
import type { CelPolicy } from '../kinds/cel-policy.ts'
import { PolicyReportKind } from '../kinds/policy.ts'
import { startProgram } from './start-program.ts'

const match = 'matchConstraints: { resourceRules: [{ apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps] }] }'
const policies = `
apiVersion: policies.kyverno.io/v1beta1
kind: ValidatingPolicy
metadata: { name: sized, annotations: { policies.kyverno.io/severity: high } }
spec:
  validationActions: [Deny]
  ${match}
  variables: [{ name: keys, expression: "has(object.data) ? size(object.data) : 0" }]
  validations: [{ expression: variables.keys < 3, messageExpression: "'holds ' + string(variables.keys) + ' keys'" }]
---
apiVersion: policies.kyverno.io/v1beta1
kind: ValidatingPolicy
metadata: { name: known }
spec:
  validationActions: [Warn, Audit]
  ${match}
  validations: [{ expression: "resource.Get('v1', 'configmaps', 'default', 'allowed').data.names.split(',').exists(n, n == object.metadata.name)", message: not on the list }]
---
apiVersion: policies.kyverno.io/v1beta1
kind: MutatingPolicy
metadata: { name: labelled }
spec:
  ${match}
  mutations:
    - { patchType: ApplyConfiguration, applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'team': 'core'}}}" } }
    - { patchType: JSONPatch, jsonPatch: { expression: "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'c'}]" } }
---
apiVersion: policies.kyverno.io/v1beta1
kind: PolicyException
metadata: { name: big, namespace: default }
spec:
  policyRefs: [{ kind: ValidatingPolicy, name: sized }]
  matchConditions: [{ name: big, expression: object.metadata.name == 'big' }]
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: allowed, namespace: default }, data: { names: "small,listed" } }
`
const crds = ['kyverno', 'kyverno-v2', 'policies', 'wgpolicyk8s', 'reports']
const configMap = (name: string, keys: number): AnyObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, 'v'])) })

test('CEL policies at admission: refused with the words of the policy, mutated, excepted, warned of; webhooks and status follow', async () => {
  await using program = await startProgram(admissionController, crds, policies)
  const { api, ports } = program
  const review = async (path: string, object: AnyObject): Promise<{ allowed: boolean; status?: { message: string }; patch?: string; warnings?: string[] }> => {
    const request = { uid: '1', operation: 'CREATE', namespace: 'default', name: object.metadata.name, object, oldObject: null, kind: { group: '', version: 'v1', kind: object.kind }, userInfo: { username: 'someone', groups: [] } }
    const answer = await ports.get(9443)?.(new Request(`https://kyverno${path}`, { method: 'POST', body: JSON.stringify({ request }) }), {} as never)
    assert.ok(answer !== undefined)
    return ((await answer.json()) as { response: never }).response
  }
  await program.until(async () => (await api.client.list(MutatingWebhookConfiguration, {})).items.some(({ webhooks }) => JSON.stringify(webhooks ?? []).includes('configmaps')))
  const refused = await review('/validate/fail', configMap('large', 3))
  assert.equal(refused.allowed, false)
  assert.match(refused.status?.message ?? '', /resource ConfigMap\/default\/large was blocked due to the following policies \n\nsized:\n {2}sized: 'holds 3 keys'/)
  assert.equal((await review('/validate/fail', configMap('big', 3))).allowed, true)
  assert.deepEqual((await review('/validate/fail', configMap('unlisted', 1))).warnings, ['policy known: not on the list'])
  assert.equal((await review('/validate/fail', configMap('listed', 1))).warnings, undefined)
  const { patch = '' } = await review('/mutate/fail', configMap('small', 1))
  assert.deepEqual(JSON.parse(Buffer.from(patch, 'base64').toString()), [{ op: 'replace', path: '/metadata', value: { name: 'small', namespace: 'default', labels: { team: 'core', 'a/b': 'c' } } }])
  const validating = (await api.client.list(ValidatingWebhookConfiguration, {})).items.flatMap(({ webhooks }) => webhooks ?? []).find(({ name }) => name === 'validate.kyverno.svc-fail')
  assert.deepEqual(validating?.rules, [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'], scope: '*' }])

  const kind = await api.client.kindOf('policies.kyverno.io/v1beta1', 'ValidatingPolicy')
  const ready = async (): Promise<boolean> => ((await api.client.get(kind, 'sized')) as { status?: { conditionStatus?: { ready?: boolean } } }).status?.conditionStatus?.ready === true
  await program.until(ready)
  const conditions = ((await api.client.get(kind, 'sized')) as unknown as CelPolicy).status?.conditionStatus?.conditions ?? []
  assert.deepEqual(conditions.map(({ type, status, message }) => `${String(type)} ${String(status)} ${String(message)}`), ['WebhookConfigured True Webhook configured.', 'RBACPermissionsGranted True Policy is ready for reporting.'])
  const broken = { apiVersion: 'policies.kyverno.io/v1beta1', kind: 'ValidatingPolicy', metadata: { name: 'broken' }, spec: { validations: [{ expression: 'objct.metadata.name == 1' }] } } as unknown as AnyObject
  const answer = await review('/policyvalidate', broken)
  assert.equal(answer.allowed, false)
  assert.match(answer.status?.message ?? '', /spec\.validations\[0\]\.expression: Invalid value: .*undeclared reference to 'objct'/s)
})

test('a policy that asks for it becomes an admission policy of Kubernetes with its binding; exceptions become conditions; both go when it no longer asks', async () => {
  const own = (enabled: boolean): string => `{ apiVersion: policies.kyverno.io/v1beta1, kind: ValidatingPolicy, metadata: { name: own }, spec: { autogen: { validatingAdmissionPolicy: { enabled: ${enabled} } }, validationActions: [Warn], ${match}, validations: [{ expression: "object.metadata.name != 'bad'" }] } }`
  await using program = await startProgram(admissionController, crds, `${own(true)}\n---\n{ apiVersion: policies.kyverno.io/v1beta1, kind: PolicyException, metadata: { name: free, namespace: default }, spec: { policyRefs: [{ kind: ValidatingPolicy, name: own }], matchConditions: [{ name: free, expression: object.metadata.name == 'free' }] } }`)
  const { api } = program
  const policies = async () => (await api.client.list(ValidatingAdmissionPolicy, {})).items
  await program.until(async () => (await policies()).length === 1)
  const [made] = await policies()
  assert.equal(made?.metadata.name, 'vpol-own')
  assert.deepEqual(made?.spec.matchConditions?.map(({ expression }) => expression), ["!(object.metadata.name == 'free')"])
  const [binding] = (await api.client.list(ValidatingAdmissionPolicyBinding, {})).items
  assert.deepEqual([binding?.spec?.policyName, binding?.spec?.validationActions], ['vpol-own', ['Warn']])
  await program.apply(own(false))
  await program.until(async () => (await policies()).length === 0 && (await api.client.list(ValidatingAdmissionPolicyBinding, {})).items.length === 0)
})

test('CEL policies in background scans: a report per resource, again when a policy changes', async () => {
  await using program = await startProgram(reportsController, crds, `${policies}---\n{ apiVersion: v1, kind: ConfigMap, metadata: { name: large, namespace: default }, data: { a: b, c: d, e: f } }`)
  const { api } = program
  const { metadata: { uid = '' } } = await api.client.get(ConfigMap, 'large', { namespace: 'default' })
  const results = async () => {
    try {
      return (await api.client.get(PolicyReportKind, uid, { namespace: 'default' })).results ?? []
    } catch (error) {
      if (isApiError(error, 'NotFound')) return []
      throw error
    }
  }
  await program.until(async () => (await results()).length === 2)
  const [known, sized] = await results()
  assert.deepEqual([known?.policy, known?.result, known?.source], ['known', 'fail', 'KyvernoValidatingPolicy'])
  assert.deepEqual([sized?.policy, sized?.result, sized?.message, sized?.severity], ['sized', 'fail', 'holds 3 keys', 'high'])
  const kind = await api.client.kindOf('policies.kyverno.io/v1beta1', 'ValidatingPolicy')
  await api.client.patch(kind, 'sized', { spec: { validations: [{ expression: 'variables.keys < 9' }] } } as never, { type: 'merge' })
  await program.until(async () => (await results()).some(({ policy, result }) => policy === 'sized' && result === 'pass'))
})

test('what is derived for pod controllers stands in the status', () => {
  const spec = { matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }] }, validations: [{ expression: 'object.spec.hostNetwork != true' }] }
  const configs = autogenConfigs({ ...spec, autogen: { podControllers: { controllers: ['deployments', 'cronjobs'] } } }, 'Validating') as unknown as Record<string, { targets: unknown; spec: { validations: unknown } }>
  assert.deepEqual(configs['cronjobs']?.targets, [{ group: 'batch', version: 'v1', resource: 'cronjobs', kind: 'CronJob' }])
  assert.deepEqual(configs['defaults']?.targets, [{ group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment' }])
  assert.deepEqual(configs['defaults']?.spec.validations, [{ expression: 'object.spec.template.spec.hostNetwork != true' }])
  assert.deepEqual(autogenConfigs(spec, 'Deleting'), {})
})
