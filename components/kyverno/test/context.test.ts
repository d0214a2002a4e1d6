import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '@idp/formats'
import { fakeClock } from '@idp/kit'
import type { ContextSource, ServiceCall } from '../engine/context.ts'
import { validateResource } from '../engine/evaluate.ts'
import { limitSource } from '../engine/limited-source.ts'
import type { ContextEntry, PolicyObject } from '../kinds/policy.ts'

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'nginx' }] } }
const nobody: ContextSource = { configMap: async () => undefined, api: async () => { throw new Error('nobody answers') } }
const policy = (entry: object, key = '{{ held }}'): PolicyObject => ({ apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: 'p' }, spec: { rules: [{ name: 'r', match: { any: [{ resources: { kinds: ['Pod'] } }] }, context: [{ name: 'held', ...entry } as ContextEntry], validate: { message: '{{ held }}', deny: { conditions: { any: [{ key, operator: 'NotEquals', value: 'good' }] } } } }] } })
const calls: ServiceCall[] = []
const answering = (answer: Json): ContextSource => ({ ...nobody, service: async (call) => { calls.push(call); return answer }, api: async () => answer, imageData: async () => answer, globalEntry: () => answer })

const rows: readonly (readonly [what: string, entry: object, source: ContextSource, verdict: string, message: RegExp])[] = [
  ['a service call', { apiCall: { method: 'POST', data: [{ key: 'name', value: '{{ request.name }}' }], service: { url: 'https://x/{{ request.namespace }}', headers: [{ key: 'a', value: 'b' }] }, jmesPath: 'state' } }, answering({ state: 'good' }), 'pass', /passed/],
  ['an API call that fails', { apiCall: { urlPath: '/x' } }, nobody, 'error', /nobody answers/],
  ['an API call that fails and has a default', { apiCall: { urlPath: '/x', default: 'good' } }, nobody, 'pass', /passed/],
  ['image data', { imageRegistry: { reference: 'nginx', jmesPath: 'configData.user' } }, answering({ configData: { user: 'good' } }), 'pass', /passed/],
  ['image data without a registry', { imageRegistry: { reference: 'nginx' } }, nobody, 'error', /no registry to ask/],
  ['a global entry', { globalReference: { name: 'all', jmesPath: 'a' } }, answering({ a: 'bad' }), 'fail', /bad/],
  ['a global entry where there are none', { globalReference: { name: 'all' } }, nobody, 'error', /no global context entries/],
]
for (const [what, entry, source, verdict, message] of rows) {
  test(`${what}: ${verdict}`, async () => {
    const [result] = await validateResource(policy(entry), { object: pod }, source)
    assert.equal(result?.verdict, verdict, result?.message)
    assert.match(result?.message ?? '', message)
  })
}

test('a service gets method, headers and data with their variables', () => {
  assert.deepEqual(calls[0], { url: 'https://x/default', method: 'POST', headers: { a: 'b' }, body: { name: 'p' } })
})

test('a service that does not answer fails its rule when the time of the request is over, and rules after it at once', async () => {
  const clock = fakeClock()
  const source = limitSource({ ...nobody, service: () => new Promise(() => undefined) }, { clock, ms: 9_000 })
  const dead = policy({ apiCall: { service: { url: 'http://dead/' } } })
  const after = { ...dead, spec: { rules: [...dead.spec.rules, { name: 'after', match: dead.spec.rules[0]?.match ?? {}, validate: { pattern: {} } }] } }
  const results = validateResource(after, { object: pod }, source)
  await clock.advance(9_000)
  assert.deepEqual((await results).map(({ verdict, message }) => `${verdict}: ${message}`), ['error: http://dead/ did not answer within the time that the request has', 'error: the time that the request has is over'])
})

test('variables that name each other come to an end', async () => {
  const looping = { ...pod, metadata: { ...pod.metadata, labels: { a: '{{ request.object.metadata.labels.a }}' } } }
  const [result] = await validateResource(policy({ variable: { value: '{{ request.object.metadata.labels.a }}' } }), { object: looping }, nobody)
  assert.equal(result?.verdict, 'error')
  assert.match(result?.message ?? '', /expand more than/)
})

test('data that nobody names, or that preconditions rule out, is not asked for', async () => {
  const asked: string[] = []
  const source: ContextSource = { ...nobody, configMap: async (name) => { asked.push(name); return { data: { value: name } } } }
  const entry = (name: string, configMap: string): ContextEntry => ({ name, configMap: { name: configMap, namespace: 'default' } })
  const of = (early: string): PolicyObject => ({ apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: 'p' }, spec: { rules: [{
    name: 'r', match: { any: [{ resources: { kinds: ['Pod'] } }] }, context: [entry('first', 'first'), entry('unused', 'unused'), entry('base', 'base'), entry('late', '{{ base.data.value }}-of')],
    preconditions: { all: [{ key: '{{ first.data.value }}', operator: 'Equals', value: early }] }, validate: { deny: { conditions: { any: [{ key: '{{ late.data.value }}', operator: 'NotEquals', value: 'base-of' }] } } },
  }] } })
  assert.equal((await validateResource(of('other'), { object: pod }, source))[0]?.verdict, 'skip')
  assert.deepEqual(asked.splice(0), ['first'])
  assert.equal((await validateResource(of('first'), { object: pod }, source))[0]?.verdict, 'pass')
  assert.deepEqual(asked, ['first', 'base', 'base-of'])
})
