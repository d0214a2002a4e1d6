import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ConfigMap, Namespace } from '@idp/api'
import { startTestApi } from '@idp/apiserver'
import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import { silentLog } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { backgroundController } from '../programs/background-controller.ts'

const policy = `
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: { name: defaults }
spec:
  rules:
    - name: settings
      match: { any: [{ resources: { kinds: [Namespace], selector: { matchLabels: { team: a } } } }] }
      generate:
        apiVersion: v1
        kind: ConfigMap
        name: settings
        namespace: "{{ request.object.metadata.name }}"
        synchronize: true
        data: { data: { owner: "{{ request.object.metadata.labels.team }}" } }
    - name: copied
      match: { any: [{ resources: { kinds: [Namespace], selector: { matchLabels: { team: a } } } }] }
      generate: { apiVersion: v1, kind: ConfigMap, name: copied, namespace: "{{ request.object.metadata.name }}", clone: { name: source, namespace: default } }
`

test('generate rules make what is missing, keep it with synchronize, and leave other namespaces alone', async () => {
  await using api = await startTestApi()
  const apply = async (yaml: string): Promise<void> => {
    for (const { value } of parseYamlDocuments(yaml)) {
      const object = value as unknown as AnyObject
      await api.client.apply(await api.client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'test', force: true })
    }
  }
  await apply(await readFile(new URL('../chart/templates/crds/kyverno.yaml', import.meta.url), 'utf8'))
  await api.fake.advance(1000)
  const stop = new AbortController()
  const container = { client: api.client, clock: api.fake, log: silentLog, signal: stop.signal, pod: { name: 'background', namespace: 'kyverno-system' }, net: { listen: async () => ({ [Symbol.asyncDispose]: async () => undefined }) } } as unknown as Container
  const running = backgroundController(container)
  const get = async (name: string, namespace: string): Promise<ConfigMap | undefined> => (await api.client.list(ConfigMap, { namespace })).items.find(({ metadata }) => metadata.name === name)
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    for (let i = 0; i < 400; i++) {
      if (await holds()) return
      await api.fake.advance(50)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.fail('it did not come about')
  }
  await apply('{ apiVersion: v1, kind: ConfigMap, metadata: { name: source, namespace: default }, data: { a: b } }')
  await apply(policy)
  await api.fake.advance(2000)
  await apply('{ apiVersion: v1, kind: Namespace, metadata: { name: ours, labels: { team: a } } }')
  await apply('{ apiVersion: v1, kind: Namespace, metadata: { name: theirs } }')
  await until(async () => (await get('settings', 'ours')) !== undefined && (await get('copied', 'ours')) !== undefined)
  assert.deepEqual((await get('settings', 'ours'))?.data, { owner: 'a' })
  assert.deepEqual((await get('copied', 'ours'))?.data, { a: 'b' })
  assert.equal(await get('settings', 'theirs'), undefined)

  await api.client.patch(ConfigMap, 'settings', { data: { owner: 'someone else' } }, { namespace: 'ours', type: 'merge' })
  await until(async () => (await get('settings', 'ours'))?.data?.['owner'] === 'a')
  await api.client.delete(ConfigMap, 'settings', { namespace: 'ours' })
  await until(async () => (await get('settings', 'ours')) !== undefined)
  assert.equal((await api.client.get(Namespace, 'theirs')).metadata.name, 'theirs')
  stop.abort()
  await running
})
