import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyObject, JsonObject } from '@idp/formats'
import { applyPolicies, type PolicyWorld } from '../engine/apply-policies.ts'
import { mutateCel, validateCel, type CelWorld } from '../engine/cel/cel-results.ts'
import { fileCelSource } from '../engine/cel/file-cel-source.ts'
import { fileSource } from '../engine/file-source.ts'
import { createRegistryClient } from '../engine/images/registry-client.ts'
import type { ImageTrust } from '../engine/images/verify-image.ts'
import { readValues } from '../engine/test-values.ts'
import type { CelPolicy, CelPolicySpec } from '../kinds/cel-policy.ts'
import type { PolicyObject } from '../kinds/policy.ts'
import { celImageSource } from '../programs/cel-image-source.ts'
import { memoryRegistry, newKey } from './memory-registry.ts'

const now = Date.UTC(2026, 2, 4)
const registry = memoryRegistry()
const signer = newKey('ecdsa')
const trust: ImageTrust = { now, registry: () => createRegistryClient({ fetch: registry.fetch }), secretKey: async () => '' }
const images = celImageSource(trust)
const world: CelWorld = { source: { ...fileCelSource({ objects: [], now: () => now }), ...images }, exceptions: [] }
const policy = (more: Partial<CelPolicySpec> = {}): CelPolicy => ({
  apiVersion: 'policies.kyverno.io/v1', kind: 'ImageValidatingPolicy', metadata: { name: 'signed' },
  spec: {
    matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE', 'UPDATE'] }] }, matchImageReferences: [{ glob: 'registry.test/*' }],
    attestors: [{ name: 'us', cosign: { key: { data: signer.pem }, ctlog: { insecureIgnoreTlog: true } } }] as never,
    validations: [{ expression: 'images.containers.map(image, verifyImageSignatures(image, [attestors.us])).all(e, e > 0)', message: 'not signed by us' }], ...more,
  },
})
const pod = (...names: string[]): AnyObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'shop' }, spec: { containers: names.map((image, index) => ({ name: `c${index}`, image })) } }) as unknown as AnyObject
const imagesIn = (object: AnyObject): unknown[] => ((object as unknown as { spec: { containers: JsonObject[] } }).spec.containers).map(({ image }) => image)
const pinned = async (object: AnyObject, more?: Partial<CelPolicySpec>): Promise<AnyObject> => mutateCel([policy(more)], { object, operation: 'CREATE' }, world)
const judged = async (object: AnyObject, more?: Partial<CelPolicySpec>): Promise<string[]> => (await validateCel([policy(more)], { object, operation: 'CREATE' }, world, 'admission')).map(({ verdict, message }) => `${verdict}: ${message}`)

test('an image policy puts digests behind tags, and what it then verifies has one', async () => {
  const digest = registry.push('registry.test/app', '1', {})
  const asked = pod('registry.test/app:1', 'elsewhere.test/app:1')
  assert.deepEqual(await judged(asked), ['fail: image registry.test/app:1 does not have a digest'])
  const object = await pinned(asked)
  assert.deepEqual(imagesIn(object), [`registry.test/app:1@${digest}`, 'elsewhere.test/app:1'])
  assert.deepEqual(await judged(object), ['fail: not signed by us'])
  registry.sign('registry.test/app', digest, { key: signer.key })
  assert.deepEqual(await judged(object), ['pass: success'])
  assert.equal(await pinned(object), object)
})

test('pinning can be turned off; a digest that cannot be found out refuses where the policy denies', async () => {
  const missing = pod('registry.test/none:1')
  assert.deepEqual(imagesIn(await pinned(missing, { validationConfigurations: { mutateDigest: false } })), ['registry.test/none:1'])
  await assert.rejects(pinned(missing), { code: 'MutationFailed', message: /^signed: failed to resolve digest for image registry\.test\/none:1/ })
  assert.deepEqual(imagesIn(await pinned(missing, { validationActions: ['Audit'] })), ['registry.test/none:1'])
  assert.deepEqual(await judged(pod('elsewhere.test/app:1')), ['pass: success'])
})

test('policies applied to files verify images where a registry may be asked, and are in error where none may', async () => {
  const digest = registry.push('registry.test/file', '1', {})
  const rule = { name: 'r', match: { any: [{ resources: { kinds: ['Pod'] } }] }, verifyImages: [{ imageReferences: ['registry.test/*'], attestors: [{ entries: [{ keys: { publicKeys: signer.pem, rekor: { ignoreTlog: true } } }] }] }] }
  const classic = { apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: 'signed-images' }, spec: { rules: [rule] } } as unknown as PolicyObject
  const files: PolicyWorld = {
    policies: [classic], exceptions: [], source: fileSource({ objects: [] }), values: readValues(undefined, undefined), namespaceLabels: () => ({}),
    cel: { source: world.source, exceptions: [], bindings: [], parameters: [] },
  }
  const said = async (more: Partial<PolicyWorld>, object = pod('registry.test/file:1')): Promise<unknown[]> => (await applyPolicies({ ...files, ...more }, object)).flatMap(({ rules, patched }) => rules.map(({ rule: name, type, verdict, message }) => [name, type, verdict, message, imagesIn(patched)[0]]))
  assert.deepEqual(await said({}), [['r', 'ImageVerify', 'error', 'images cannot be verified: no registry may be asked (--registry allows it)', 'registry.test/file:1']])
  assert.match(String((await said({ trust })).flat()[3]), /no signatures found/)
  registry.sign('registry.test/file', digest, { key: signer.key })
  assert.deepEqual((await said({ trust })).map((one) => (one as unknown[]).filter((_, index) => index !== 3)), [['r', 'ImageVerify', 'pass', `registry.test/file:1@${digest}`]])
  assert.deepEqual(await said({}, pod('elsewhere.test/file:1')), [])
  const cel = { policies: [policy() as unknown as PolicyObject] }
  assert.deepEqual(await said(cel), [['signed', 'ImageVerify', 'fail', 'image registry.test/file:1 does not have a digest', 'registry.test/file:1']])
  assert.deepEqual((await said({ ...cel, trust })).map((one) => (one as unknown[]).slice(1, 4)), [['Mutation', 'pass', 'mutated image digest'], ['ImageVerify', 'pass', 'success']])
})
