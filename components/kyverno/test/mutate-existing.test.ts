import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '@idp/api'
import { silentLog } from '@idp/kit'
import { updateRequestFor } from '../engine/update-request.ts'
import type { PolicyObject, Rule } from '../kinds/policy.ts'
import { UpdateRequestKind } from '../kinds/update-request.ts'
import { admissionHandler } from '../programs/admission-server.ts'
import { backgroundController } from '../programs/background-controller.ts'
import { startProgram } from './start-program.ts'

const map = (name: string, labels: string): string => `---\n{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name}, namespace: default, labels: { ${labels} } }, data: { owner: nobody } }\n`
const policy = (extra = ''): string => `
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: { name: spread }
spec:
  ${extra}
  rules:
    - name: owner
      match: { any: [{ resources: { kinds: [ConfigMap], names: [trigger] } }] }
      mutate:
        targets: [{ apiVersion: v1, kind: ConfigMap, namespace: "{{ request.object.metadata.namespace }}", name: "*", selector: { matchLabels: { follows: "yes" } }, preconditions: { all: [{ key: "{{ target.metadata.labels.skip || 'no' }}", operator: Equals, value: "no" }] } }]
        patchStrategicMerge: { data: { owner: "{{ request.object.data.owner }} of {{ target.metadata.name }}" } }
`

test('an update request changes the existing objects that the rule names, and is gone', async () => {
  await using running = await startProgram(backgroundController, ['kyverno', 'kyverno-v2'], [map('a', 'follows: "yes"'), map('b', 'follows: "yes", skip: "yes"'), map('c', 'follows: "no"'), '---\n{ apiVersion: v1, kind: Namespace, metadata: { name: kyverno-system } }\n---', policy()].join(''))
  const { client } = running.api
  const owner = async (name: string): Promise<string | undefined> => (await client.get(ConfigMap, name, { namespace: 'default' })).data?.['owner']
  await running.api.fake.advance(1_000)
  const held = await client.get(await client.kindOf('kyverno.io/v1', 'ClusterPolicy'), 'spread') as unknown as PolicyObject
  await client.create(UpdateRequestKind, updateRequestFor(held, 'owner', { operation: 'CREATE', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'trigger', namespace: 'default' }, data: { owner: 'core' } } }, 'kyverno-system'))
  await running.until(async () => (await owner('a')) === 'core of a')
  assert.deepEqual([await owner('b'), await owner('c')], ['nobody', 'nobody'])
  await running.until(async () => (await client.list(UpdateRequestKind)).items.length === 0)
})

test('with mutateExistingOnPolicyUpdate the triggers that are there count', async () => {
  await using running = await startProgram(backgroundController, ['kyverno', 'kyverno-v2'], [map('a', 'follows: "yes"'), map('trigger', ''), '---\n{ apiVersion: v1, kind: Namespace, metadata: { name: kyverno-system } }\n'].join(''))
  await running.api.fake.advance(1_000)
  await running.apply(policy('mutateExistingOnPolicyUpdate: true'))
  await running.until(async () => (await running.api.client.get(ConfigMap, 'a', { namespace: 'default' })).data?.['owner'] === 'nobody of a')
})

const spread = { apiVersion: 'kyverno.io/v1', kind: 'ClusterPolicy', metadata: { name: 'spread' }, spec: { rules: [{ name: 'owner', match: { any: [{ resources: { kinds: ['ConfigMap'] } }] }, mutate: { targets: [{ apiVersion: 'v1', kind: 'ConfigMap' }], patchStrategicMerge: {} } }] } } as unknown as PolicyObject
const left: readonly (readonly [what: string, request: object, want: readonly string[]])[] = [
  ['a request', {}, ['owner']], ['a dry run', { dryRun: true }, []], ['the background controller itself', { userInfo: { username: 'system:serviceaccount:kyverno:kyverno-background-controller' } }, []],
]
for (const [what, given, want] of left) {
  test(`${what} leaves work: ${want.join(', ') || 'none'}`, async () => {
    const found: Rule[] = []
    const policies = [spread]
    const handler = admissionHandler({ log: silentLog, source: { configMap: async () => undefined, api: async () => null }, policies: () => policies, exceptions: () => [], namespaceLabels: () => ({}), decided: () => undefined, leave: (_policy, rule) => found.push(rule) })
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'default' } }
    const body = JSON.stringify({ request: { uid: '1', operation: 'CREATE', namespace: 'default', object, oldObject: null, kind: { group: '', version: 'v1', kind: 'ConfigMap' }, ...given } })
    await handler(new Request('http://kyverno/validate/fail', { method: 'POST', body }), undefined as never)
    assert.deepEqual(found.map(({ name }) => name), want)
  })
}
