import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyObject } from '@idp/formats'
import { fileSource } from '../engine/file-source.ts'
import { createRegistryClient } from '../engine/images/registry-client.ts'
import type { ImageTrust } from '../engine/images/verify-image.ts'
import { checkImagesRule, verifiedAnnotation, verifyImagesRule } from '../engine/images/verify-images-rule.ts'
import type { PolicyObject, Rule } from '../kinds/policy.ts'
import { memoryRegistry, newKey } from './memory-registry.ts'

const registry = memoryRegistry()
const signer = newKey('ecdsa')
const trust: ImageTrust = { now: 0, registry: () => createRegistryClient({ fetch: registry.fetch }), secretKey: async () => '' }
const source = fileSource({ objects: [] })
const rule = (asked: object): Rule => ({ name: 'r', match: { any: [{ resources: { kinds: ['Pod'] } }] }, verifyImages: [{ imageReferences: ['registry.test/*'], ...asked }] }) as unknown as Rule
const policy = (one: Rule): PolicyObject => ({ apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: 'p' }, spec: { rules: [one] } })
const pod = (image: string, annotations: Record<string, string> = {}): AnyObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'shop', annotations }, spec: { containers: [{ name: 'c', image }] } }) as unknown as AnyObject
const verified = (asked: object, object: AnyObject) => verifyImagesRule(policy(rule(asked)), rule(asked), { object, operation: 'CREATE' }, { source, trust })
const checked = async (asked: object, object: AnyObject): Promise<string | undefined> => (await checkImagesRule(policy(rule(asked)), rule(asked), { object }, { source }))?.message
const catchAll = { verifyDigest: false, mutateDigest: false }

test('a rule without attestors asks that another rule has verified the images, and verifies none itself', async () => {
  const digest = registry.push('registry.test/app', '1', {})
  const asked = pod('registry.test/app:1')
  assert.equal(await verified(catchAll, asked), undefined)
  assert.match(await checked(catchAll, asked) ?? '', /unverified image/)
  const pinned = await verified({}, asked)
  assert.equal(pinned?.result.message, `mutated image digest: registry.test/app:1@${digest}`)
  assert.match(await checked({}, pinned?.object ?? asked) ?? '', /unverified image/)
  registry.sign('registry.test/app', digest, { key: signer.key })
  const signed = await verified({ attestors: [{ entries: [{ keys: { publicKeys: signer.pem, rekor: { ignoreTlog: true } } }] }] }, asked)
  assert.equal(await checked(catchAll, signed?.object ?? asked), 'image verified')
})

test('a note that a request brings along is taken away, also where nothing is to be verified', async () => {
  const forged = pod('registry.test/app:1', { [verifiedAnnotation]: JSON.stringify({ 'registry.test/app:1': 'pass' }) })
  const { object } = (await verified(catchAll, forged)) ?? { object: forged }
  assert.equal(object.metadata.annotations?.[verifiedAnnotation], undefined)
  assert.match(await checked(catchAll, object) ?? '', /unverified image/)
})

test('images are found where a rule says that a kind names them', async () => {
  const digest = registry.push('registry.test/task', '1', {})
  const asked = { attestors: [{ entries: [{ keys: { publicKeys: signer.pem, rekor: { ignoreTlog: true } } }] }] }
  const task = { apiVersion: 'tekton.dev/v1', kind: 'Task', metadata: { name: 't', namespace: 'shop' }, spec: { steps: [{ name: 'a', image: 'registry.test/task:1' }, { name: 'b' }], source: { url: 'docker://registry.test/task:1' } } } as unknown as AnyObject
  const extracting = (extractor: object): Rule => ({ ...rule(asked), match: { any: [{ resources: { kinds: ['Task'] } }] }, imageExtractors: { Task: [extractor] } }) as unknown as Rule
  const run = (one: Rule) => verifyImagesRule(policy(one), one, { object: task, operation: 'CREATE' }, { source, trust })
  const steps = extracting({ path: '/spec/steps/*', value: 'image', key: 'name' })
  assert.equal((await run(steps))?.result.verdict, 'fail')
  registry.sign('registry.test/task', digest, { key: signer.key })
  const made = ((await run(steps))?.object ?? task) as unknown as { spec: { steps: { image?: string }[]; source: { url: string } } }
  assert.equal(made.spec.steps[0]?.image, `registry.test/task:1@${digest}`)
  const prefixed = await run(extracting({ path: '/spec/source/url', jmesPath: "trim_prefix(@, 'docker://')" }))
  assert.equal(prefixed?.result.verdict, 'pass', prefixed?.result.message)
  assert.equal(((prefixed?.object ?? task) as unknown as typeof made).spec.source.url, 'docker://registry.test/task:1')
})
