import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, isApiError, MutatingWebhookConfiguration, Namespace, ValidatingWebhookConfiguration } from '@idp/api'
import type { AdmissionResponse } from './admission-review.ts'
import type { CallService } from './call-webhook.ts'
import { startTestApi, type TestApi } from '../testing.ts'

interface Review { request: { uid: string; operation: string; name: string; namespace: string; dryRun: boolean; object: ConfigMap | null; oldObject: ConfigMap | null; userInfo: { username: string } } }

const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE' as const, 'UPDATE' as const, 'DELETE' as const], resources: ['configmaps'] }
const hook = (more: object = {}) => ({ name: 'check.example.com', admissionReviewVersions: ['v1'], sideEffects: 'None' as const, clientConfig: { service: { namespace: 'hooks', name: 'hook', path: '/check' } }, rules: [rule], ...more })
const configMap = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', labels }, data })

/** An API whose webhooks answer as told; `seen` collects what they were asked. */
async function start(answer: (review: Review) => AdmissionResponse | Error): Promise<TestApi & { seen: Review['request'][]; targets: string[] }> {
  const seen: Review['request'][] = []
  const targets: string[] = []
  const callService: CallService = async (target, request) => {
    const review = JSON.parse(String(request.body)) as Review
    seen.push(review.request)
    targets.push(JSON.stringify(target))
    const response = answer(review)
    if (response instanceof Error) throw response
    return Response.json({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: { uid: review.request.uid, ...response } })
  }
  return Object.assign(await startTestApi({ callService }), { seen, targets })
}
const validating = (more: object = {}): ValidatingWebhookConfiguration => ({ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration', metadata: { name: 'v' }, webhooks: [hook(more)] })
const mutating = (more: object = {}): MutatingWebhookConfiguration => ({ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration', metadata: { name: 'm' }, webhooks: [hook(more)] })
const patch = (operations: object[]) => ({ allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') })

test('a refusal is told in upstream\'s words', async () => {
  await using api = await start(() => ({ allowed: false, status: { code: 403, message: 'no red here', reason: 'Forbidden' } }))
  await api.client.create(ValidatingWebhookConfiguration, validating())
  await assert.rejects(api.client.create(ConfigMap, configMap('a')), (error) => isApiError(error, 'Forbidden') && error.code === 403 && error.message === 'admission webhook "check.example.com" denied the request: no red here')
  assert.deepEqual([api.seen[0]?.operation, api.seen[0]?.name, api.seen[0]?.namespace, api.seen[0]?.oldObject, api.seen[0]?.userInfo.username], ['CREATE', 'a', 'default', null, 'system:admin'])
  assert.equal(api.targets[0], '{"service":{"namespace":"hooks","name":"hook","port":443,"path":"/check"}}')
})

test('a patch is applied before the object is validated and stored', async () => {
  await using api = await start(() => patch([{ op: 'add', path: '/data/added', value: 'yes' }]))
  await api.client.create(MutatingWebhookConfiguration, mutating())
  assert.deepEqual((await api.client.create(ConfigMap, configMap('a', { x: '1' }))).data, { x: '1', added: 'yes' })
  assert.deepEqual((await api.client.apply(ConfigMap, configMap('b', { x: '1' }), { fieldManager: 'me' })).data, { x: '1', added: 'yes' })
})

test('a failing webhook stops the write, unless its policy is Ignore', async () => {
  await using api = await start(() => new Error('no endpoints available for service "hook"'))
  await api.client.create(ValidatingWebhookConfiguration, validating({ failurePolicy: 'Fail', timeoutSeconds: 5 }))
  await assert.rejects(api.client.create(ConfigMap, configMap('a')), (error) => isApiError(error, 'InternalError')
    && error.message === 'Internal error occurred: failed calling webhook "check.example.com": failed to call webhook: Post "https://hook.hooks.svc:443/check?timeout=5s": no endpoints available for service "hook"')
  await api.client.update(ValidatingWebhookConfiguration, { ...validating({ failurePolicy: 'Ignore' }) })
  await api.client.create(ConfigMap, configMap('a'))
})

test('selectors and rules decide who is asked', async () => {
  await using api = await start(() => ({ allowed: true }))
  await api.client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'watched', labels: { watch: 'yes' } } })
  await api.client.create(ValidatingWebhookConfiguration, validating({ namespaceSelector: { matchLabels: { watch: 'yes' } }, objectSelector: { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] } }))
  await api.client.create(ConfigMap, configMap('a'))
  assert.equal(api.seen.length, 0)
  const inWatched = (name: string, labels: Record<string, string> = {}): ConfigMap => ({ ...configMap(name), metadata: { name, namespace: 'watched', labels } })
  await api.client.create(ConfigMap, inWatched('a', { skip: 'me' }))
  assert.equal(api.seen.length, 0)
  await api.client.create(ConfigMap, inWatched('b'))
  await api.client.delete(ConfigMap, 'b', { namespace: 'watched' })
  assert.deepEqual(api.seen.map(({ operation, oldObject }) => [operation, oldObject?.metadata.name]), [['CREATE', undefined], ['DELETE', 'b']])
})

test('dry run is told, warnings reach the caller', async () => {
  await using api = await start(() => ({ allowed: true, warnings: ['careful'] }))
  await api.client.create(ValidatingWebhookConfiguration, validating())
  await api.client.create(ConfigMap, configMap('a'), { dryRun: true })
  assert.deepEqual([api.seen[0]?.dryRun, (await api.client.list(ConfigMap, { namespace: 'default' })).items.length], [true, 0])
  const answer = await api.client.request('/api/v1/namespaces/default/configmaps', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(configMap('a')) })
  assert.equal(answer.headers.get('warning'), '299 - "careful"')
})

test('webhooks cannot lock out their own configuration', async () => {
  await using api = await start(() => ({ allowed: false }))
  await api.client.create(ValidatingWebhookConfiguration, validating({ rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }] }))
  await api.client.delete(ValidatingWebhookConfiguration, 'v')
})

test('matchConditions decide in CEL; one that does not compile is refused', async () => {
  await using api = await start(() => ({ allowed: true }))
  await assert.rejects(api.client.create(ValidatingWebhookConfiguration, validating({ matchConditions: [{ name: 'x', expression: 'object.x +' }] })), (error) => isApiError(error, 'Invalid') && error.message.includes('webhooks[0].matchConditions[0].expression: Invalid value: "object.x +": compilation failed: ERROR: <input>:1:11: Syntax error'))
  await api.client.create(ValidatingWebhookConfiguration, validating({ matchConditions: [{ name: 'x', expression: "object.metadata.name != 'a' && request.userInfo.username.startsWith('system:')" }] }))
  await api.client.create(ConfigMap, configMap('a'))
  assert.equal(api.seen.length, 0)
  await api.client.create(ConfigMap, configMap('b'))
  assert.equal(api.seen.length, 1)
})
