import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kind } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { validateCel } from '../engine/cel/cel-results.ts'
import { celWebhookRules } from '../engine/cel/cel-webhook-rules.ts'
import { fileCelSource } from '../engine/cel/file-cel-source.ts'
import type { CelPolicy } from '../kinds/cel-policy.ts'

const policy = (resources: string[], expression: string): CelPolicy => ({
  apiVersion: 'policies.kyverno.io/v1', kind: 'ValidatingPolicy', metadata: { name: 'p' },
  spec: { matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], resources, operations: ['*'] }] }, validations: [{ expression, message: 'no' }] },
})
const served = [['', 'v1', 'Pod', 'pods'], ['', 'v1', 'Service', 'services']].map(([group, version, kind, plural]) => ({ group, version, kind, plural, namespaced: true }) as unknown as Kind)
const source = fileCelSource({ objects: [], now: () => 0 })
const asked = { resource: { group: '', version: 'v1', resource: 'pods' }, subresource: 'exec', name: 'web', uid: 'u1', dryRun: true }
const judged = async (one: CelPolicy, subresource: string): Promise<string[]> => {
  const object = { apiVersion: 'v1', kind: 'PodExecOptions', command: ['sh'], metadata: { namespace: 'shop' } } as unknown as AnyObject
  return (await validateCel([one], { object, operation: 'CONNECT', asked: { ...asked, subresource } }, { source, exceptions: [] }, 'admission')).map(({ verdict }) => verdict)
}

test('webhooks ask for the subresources that policies name', () => {
  const rules = (...resources: string[]): unknown => celWebhookRules([policy(resources, 'true')], 'validate', served).map((one) => `${one.resources.join()} ${one.operations.join()}`)
  assert.deepEqual(rules('pods/exec', 'services'), ['pods/exec,services CONNECT,CREATE,DELETE,UPDATE'])
  assert.deepEqual(rules('*/scale'), ['pods/scale,services/scale CONNECT,CREATE,DELETE,UPDATE'])
})

test('a policy about a subresource is about nothing else, and sees what the request is about', async () => {
  const precise = policy(['pods/exec'], "request.subResource == 'exec' && request.name == 'web' && request.dryRun && request.resource.resource == 'pods' && object.command[0] == 'sh'")
  assert.deepEqual(await judged(precise, 'exec'), ['pass'])
  assert.deepEqual(await judged(precise, 'attach'), [])
  assert.deepEqual(await judged(policy(['pods'], 'false'), 'exec'), [])
  assert.deepEqual(await judged(policy(['pods/*'], 'false'), 'exec'), ['fail'])
})
