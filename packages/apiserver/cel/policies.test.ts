import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, CustomResourceDefinition, Deployment, isApiError, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { createClient, handlerTransport } from '@idp/client'
import { fakeClock, seededRandom, silentLog } from '@idp/kit'
import { memoryStore } from '@idp/store'
import { createApiServer } from '../create-api-server.ts'
import type { AuditEvent } from '../observe/audit.ts'
import { startTestApi, type TestApi } from '../testing.ts'

const rules = (plural: string, group = '') => ({ resourceRules: [{ apiGroups: [group], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: [plural] }] })
const rules2 = (group: string, version: string, plural: string) => ({ resourceRules: [{ apiGroups: [group], apiVersions: [version], operations: ['CREATE'], resources: [plural] }] })
const configMap = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', labels }, data })
const policy = (spec: object, name = 'p') => ({ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicy', metadata: { name }, spec: { matchConstraints: rules('configmaps'), ...spec } }) as unknown as ValidatingAdmissionPolicy
const binding = (spec: object = {}, name = 'b') => ({ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicyBinding', metadata: { name }, spec: { policyName: 'p', validationActions: ['Deny'], ...spec } }) as unknown as ValidatingAdmissionPolicyBinding

async function withPolicy(spec: object, bound: object = {}): Promise<TestApi> {
  const api = await startTestApi()
  await api.client.create(ValidatingAdmissionPolicy, policy(spec))
  await api.client.create(ValidatingAdmissionPolicyBinding, binding(bound))
  return api
}

const denial = (message: string, reason: 'Invalid' | 'Forbidden' = 'Invalid') => (error: unknown) => {
  assert.ok(isApiError(error, reason), String(error))
  assert.equal(error.message, message)
  return true
}

test('a ValidatingAdmissionPolicy denies with its message', async () => {
  await using api = await withPolicy({
    variables: [{ name: 'color', expression: "object.data.?color.orValue('none')" }],
    validations: [{ expression: "variables.color != 'red'", messageExpression: "'color is ' + variables.color" }, { expression: 'size(object.data) < 3' }],
  })
  await api.client.create(ConfigMap, configMap('ok', { color: 'blue' }))
  await assert.rejects(api.client.create(ConfigMap, configMap('bad', { color: 'red' })), denial('configmaps "bad" is forbidden: ValidatingAdmissionPolicy \'p\' with binding \'b\' denied request: color is red'))
  await assert.rejects(api.client.create(ConfigMap, configMap('big', { a: '1', b: '2', c: '3' })), denial('configmaps "big" is forbidden: ValidatingAdmissionPolicy \'p\' with binding \'b\' denied request: failed expression: size(object.data) < 3'))
})

test('failurePolicy says what a failing expression means', async () => {
  const failing = { validations: [{ expression: "object.data.missing == 'x'" }] }
  await using strict = await withPolicy(failing)
  await assert.rejects(strict.client.create(ConfigMap, configMap('a')), denial(`configmaps "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: expression 'object.data.missing == 'x'' resulted in error: no such key: missing`))
  await using lax = await withPolicy({ ...failing, failurePolicy: 'Ignore' })
  await lax.client.create(ConfigMap, configMap('a'))
})

test('matchConditions, exclusions and the binding\'s own resources narrow a policy', async () => {
  await using api = await withPolicy(
    { matchConstraints: { ...rules('configmaps'), excludeResourceRules: [{ ...rules('configmaps').resourceRules[0], resourceNames: ['free'] }] }, matchConditions: [{ name: 'c', expression: "request.name != 'spared'" }], validations: [{ expression: 'false', reason: 'Forbidden' }] },
    { matchResources: { objectSelector: { matchLabels: { watched: 'yes' } } } },
  )
  for (const name of ['free', 'spared']) await api.client.create(ConfigMap, configMap(name, {}, { watched: 'yes' }))
  await api.client.create(ConfigMap, configMap('unlabelled'))
  await assert.rejects(api.client.create(ConfigMap, configMap('caught', {}, { watched: 'yes' })), denial('configmaps "caught" is forbidden: ValidatingAdmissionPolicy \'p\' with binding \'b\' denied request: failed expression: false', 'Forbidden'))
})

test('parameters come from the objects that the binding names', async () => {
  await using api = await withPolicy({ paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, validations: [{ expression: 'size(object.data) <= int(params.data.most)' }] }, { paramRef: { name: 'limits', namespace: 'kube-system', parameterNotFoundAction: 'Deny' } })
  await assert.rejects(api.client.create(ConfigMap, configMap('early')), denial('configmaps "early" is forbidden: ValidatingAdmissionPolicy \'p\' with binding \'b\' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction'))
  await api.client.delete(ValidatingAdmissionPolicyBinding, 'b')
  await api.client.create(ConfigMap, { ...configMap('limits', { most: '1' }), metadata: { name: 'limits', namespace: 'kube-system' } })
  await api.client.create(ValidatingAdmissionPolicyBinding, binding({ paramRef: { name: 'limits', namespace: 'kube-system', parameterNotFoundAction: 'Deny' } }))
  await api.client.create(ConfigMap, configMap('one', { a: '1' }))
  await assert.rejects(api.client.create(ConfigMap, configMap('two', { a: '1', b: '2' })), /failed expression: size\(object.data\) <= int\(params.data.most\)/)
})

test('Warn tells, and the namespace and authorizer can be asked', async () => {
  await using api = await withPolicy({ validations: [{ expression: "namespaceObject.metadata.name == 'default' && !authorizer.requestResource.check('delete').allowed()", message: 'may delete' }] }, { validationActions: ['Warn'] })
  const answer = await api.client.request('/api/v1/namespaces/default/configmaps', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(configMap('a')) })
  assert.equal(answer.status, 201)
  assert.equal(answer.headers.get('warning'), `299 - "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': may delete"`)
})

test('Audit and audit annotations reach the audit log', async () => {
  const events: AuditEvent[] = []
  const store = memoryStore()
  await using server = createApiServer({ store, clock: fakeClock(), log: silentLog, random: seededRandom(), authorization: 'alwaysAllow', builtInAdmission: false, authenticate: () => ({ name: 'root', groups: [] }), audit: (event) => void events.push(event) })
  await server.started
  const client = createClient({ transport: handlerTransport(server.handler), userAgent: 'test' })
  await client.create(ValidatingAdmissionPolicy, policy({ validations: [{ expression: 'false', message: 'no' }], auditAnnotations: [{ key: 'who', valueExpression: "'it was ' + request.userInfo.username" }, { key: 'none', valueExpression: 'null' }] }))
  await client.create(ValidatingAdmissionPolicyBinding, binding({ validationActions: ['Audit'] }))
  await client.create(ConfigMap, configMap('a'))
  assert.deepEqual(events.at(-1)?.['annotations'], {
    'p/who': 'it was root', 'validation.policy.admission.k8s.io/validation_failure': '[{"message":"no","policy":"p","binding":"b","expressionIndex":0,"validationActions":["Audit"]}]',
  })
})

test('a deletion is seen with the old object', async () => {
  await using api = await withPolicy({ matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['DELETE'], resources: ['configmaps'] }] }, validations: [{ expression: "object == null && oldObject.data.?keep.orValue('') != 'yes'", message: 'is kept' }] })
  for (const name of ['kept', 'free']) await api.client.create(ConfigMap, configMap(name, { keep: name === 'kept' ? 'yes' : 'no' }))
  await api.client.delete(ConfigMap, 'free', { namespace: 'default' })
  await assert.rejects(api.client.delete(ConfigMap, 'kept', { namespace: 'default' }), /configmaps "kept" is forbidden: .*is kept/)
})

test('a policy that does not compile is refused with every place', async () => {
  await using api = await startTestApi()
  await assert.rejects(api.client.create(ValidatingAdmissionPolicy, policy({ validations: [{ expression: 'object.x + ' }, { expression: 'params.x == 1' }, { expression: '1' }] })), (error) => {
    assert.ok(isApiError(error, 'Invalid'))
    for (const part of ['spec.validations[0].expression: Invalid value: "object.x + ": compilation failed: ERROR: <input>:1:12: Syntax error', "undeclared reference to 'params' (in container '')", 'must evaluate to bool but got int']) assert.ok(error.message.includes(part), error.message)
    return true
  })
})

test('a policy that cannot be right for the kinds it names says so in its status', async () => {
  await using api = await startTestApi()
  const made = await api.client.create(ValidatingAdmissionPolicy, policy({ matchConstraints: rules2('apps', 'v1', 'deployments'), validations: [{ expression: 'object.spec.replicas < 5 && object.spec.template.spec.containers.all(c, c.image != "")' }, { expression: 'object.spec.replica < 5' }] }))
  assert.deepEqual(made.status?.typeChecking?.expressionWarnings, [{ fieldRef: 'spec.validations[1].expression', warning: "apps/v1, Kind=Deployment: compilation failed: ERROR: <input>:1:12: undefined field 'replica'\n | object.spec.replica < 5\n | ...........^\n" }])
  const mended = await api.client.update(ValidatingAdmissionPolicy, { ...made, spec: { ...made.spec, validations: [{ expression: 'object.spec.replicas < 5' }] } })
  assert.deepEqual([mended.status?.typeChecking, mended.status?.observedGeneration, mended.metadata.generation], [{}, 2, 2])
})

const mutatingKind = (plural: string) => `/apis/admissionregistration.k8s.io/v1beta1/${plural}`

async function mutate(api: TestApi, mutations: object[], spec: object = {}): Promise<void> {
  const post = async (plural: string, body: object) => {
    const answer = await api.client.request(mutatingKind(plural), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    assert.equal(answer.status, 201, await answer.text())
  }
  await post('mutatingadmissionpolicies', { apiVersion: 'admissionregistration.k8s.io/v1beta1', kind: 'MutatingAdmissionPolicy', metadata: { name: 'm' }, spec: { matchConstraints: rules('*', '*'), mutations, ...spec } })
  await post('mutatingadmissionpolicybindings', { apiVersion: 'admissionregistration.k8s.io/v1beta1', kind: 'MutatingAdmissionPolicyBinding', metadata: { name: 'mb' }, spec: { policyName: 'm' } })
}

test('a MutatingAdmissionPolicy applies a configuration and a JSON patch', async () => {
  await using api = await startTestApi()
  await mutate(api, [
    { patchType: 'ApplyConfiguration', applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'team': variables.team}}}" } },
    { patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('x/y'), value: object.metadata.labels['team'] + '.2'}]" } },
  ], { variables: [{ name: 'team', expression: "object.metadata.name + '-team'" }] })
  const made = await api.client.create(ConfigMap, configMap('a', {}, { mine: '1' }))
  assert.deepEqual(made.metadata.labels, { mine: '1', team: 'a-team', 'x/y': 'a-team.2' })
})

test('a sidecar is merged into the containers by name', async () => {
  await using api = await startTestApi()
  await mutate(api, [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'mesh', image: 'mesh:1'}]}}}}" } }], { matchConstraints: rules('deployments', 'apps') })
  const made = await api.client.create(Deployment, {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } } },
  })
  assert.deepEqual(made.spec.template.spec?.containers.map(({ name }) => name).sort(), ['mesh', 'web'])
})

test('a mutation that fails refuses the object, unless it is to be ignored', async () => {
  const wrong = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: "Object{metadata: Object.spec{labels: {'a': 'b'}}}" } }]
  await using strict = await startTestApi()
  await mutate(strict, wrong)
  await assert.rejects(strict.client.create(ConfigMap, configMap('a')), /policy 'm' with binding 'mb' denied request: type mismatch: unexpected type name "Object.spec", expected "Object.metadata", which matches field name path from root Object type/)
  await using lax = await startTestApi()
  await mutate(lax, wrong, { failurePolicy: 'Ignore' })
  assert.deepEqual((await lax.client.create(ConfigMap, configMap('a'))).metadata.labels, {})
})

const widgets = (schema: object): CustomResourceDefinition => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' },
  spec: { group: 'example.com', scope: 'Namespaced', names: { kind: 'Widget', plural: 'widgets' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: schema } } } }] },
}) as unknown as CustomResourceDefinition

async function write(api: TestApi, spec: object, name = 'w'): Promise<string> {
  const old = await api.client.request(`/apis/example.com/v1/namespaces/default/widgets/${name}`, {})
  const body: AnyObject = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name, namespace: 'default' }, spec } as AnyObject
  if (old.status === 200) body.metadata.resourceVersion = ((await old.json()) as AnyObject).metadata.resourceVersion ?? ''
  const answer = await api.client.request(`/apis/example.com/v1/namespaces/default/widgets${old.status === 200 ? `/${name}` : ''}`, { method: old.status === 200 ? 'PUT' : 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return answer.status < 300 ? 'ok' : ((await answer.json()) as { message: string }).message
}

test('rules of a CRD hold for its objects, transition rules on update', async () => {
  await using api = await startTestApi()
  await api.client.create(CustomResourceDefinition, widgets({
    type: 'object', 'x-kubernetes-validations': [{ rule: 'self.min <= self.max', messageExpression: "'min %d is above max %d'.format([self.min, self.max])", fieldPath: '.min' }],
    properties: {
      min: { type: 'integer' }, max: { type: 'integer' }, name: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'is immutable', reason: 'FieldValueForbidden' }] },
      until: { type: 'string', format: 'date-time' },
      parts: { type: 'array', maxItems: 10, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['id'], items: { type: 'object', required: ['id'], properties: { id: { type: 'string' }, n: { type: 'integer' } }, 'x-kubernetes-validations': [{ rule: 'self.n >= oldSelf.n', message: 'may only grow' }] } },
    },
  }))
  assert.equal(await write(api, { min: 2, max: 1 }), 'Widget.example.com "w" is invalid: spec.min: Invalid value: min 2 is above max 1')
  assert.equal(await write(api, { min: 1, max: 2, name: 'a', parts: [{ id: 'x', n: 1 }, { id: 'y', n: 5 }] }), 'ok')
  assert.equal(await write(api, { min: 1, max: 3, name: 'b' }), 'Widget.example.com "w" is invalid: spec.name: Forbidden: is immutable')
  assert.equal(await write(api, { min: 1, max: 3, name: 'a', parts: [{ id: 'y', n: 4 }, { id: 'x', n: 2 }] }), 'Widget.example.com "w" is invalid: spec.parts[0]: Invalid value: may only grow')
  assert.equal(await write(api, { min: 1, max: 3, name: 'a', parts: [{ id: 'y', n: 5 }, { id: 'z', n: 0 }] }), 'ok')
})

const refused: readonly (readonly [string, object, string])[] = [
  ['does not compile', { type: 'object', 'x-kubernetes-validations': [{ rule: 'self.x > 1' }] }, "spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: {\"Rule\":\"self.x > 1\",\"Message\":\"\",\"MessageExpression\":\"\",\"Reason\":null,\"FieldPath\":\"\",\"OptionalOldSelf\":null}: compilation failed: ERROR: <input>:1:5: undefined field 'x'"],
  ['is no bool', { type: 'object', properties: { x: { type: 'integer' } }, 'x-kubernetes-validations': [{ rule: 'self.x + 1' }] }, 'cel expression must evaluate to a bool'],
  ['costs too much', { type: 'array', items: { type: 'string' }, 'x-kubernetes-validations': [{ rule: 'self.all(a, self.all(b, a != b))' }] }, 'estimated rule cost exceeds budget by factor of more than 100x'],
  ['uses oldSelf where items cannot be told apart', { type: 'array', maxItems: 3, items: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self >= oldSelf' }] } }, 'oldSelf cannot be used on the uncorrelatable portion of the schema within spec.versions[0].schema.openAPIV3Schema.properties[spec]'],
  ['does not hold for a default', { type: 'object', properties: { n: { type: 'integer', default: 0, 'x-kubernetes-validations': [{ rule: 'self > 0' }] } } }, 'properties[spec].properties[n].default: Invalid value: 0: failed rule: self > 0'],
  ['names a field that is not there', { type: 'object', 'x-kubernetes-validations': [{ rule: 'true', fieldPath: '.nope' }] }, 'x-kubernetes-validations[0].fieldPath: Invalid value: ".nope": must be a valid path'],
]
for (const [name, schema, message] of refused) {
  test(`a CRD is refused whose rule ${name}`, async () => {
    await using api = await startTestApi()
    await assert.rejects(api.client.create(CustomResourceDefinition, widgets(schema)), (error) => {
      assert.ok(isApiError(error, 'Invalid'))
      assert.ok(error.message.includes(message), error.message)
      return true
    })
  })
}
