import assert from 'node:assert/strict'
import { test } from 'node:test'
import { informer } from '@idp/controller'
import { silentLog } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { GlobalContextEntry } from '../kinds/global-context-entry.ts'
import { createGlobalContext, type GlobalContext } from '../programs/global-context.ts'
import { startProgram } from './start-program.ts'

test('global entries hold resources and answers, with projections, and are asked again after their interval', async () => {
  let held: GlobalContext | undefined
  let [asked, dead] = [0, true]
  const program = async ({ client, clock, signal }: Container): Promise<number> => {
    if (client === undefined) return 1
    held = createGlobalContext(informer(client, GlobalContextEntry, { clock, signal }), { client, clock, signal, log: silentLog, source: { configMap: async () => undefined, api: async () => null, service: async () => { if (dead) throw new Error('refused'); return { count: ++asked } } } })
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return 0
  }
  await using running = await startProgram(program, ['kyverno-v2'])
  await running.apply(`
{ apiVersion: v1, kind: ConfigMap, metadata: { name: a, namespace: default, labels: { team: core } } }
---
apiVersion: kyverno.io/v2
kind: GlobalContextEntry
metadata: { name: maps }
spec: { kubernetesResource: { version: v1, resource: configmaps, namespace: default }, projections: [{ name: teams, jmesPath: "[].metadata.labels.team" }] }
---
apiVersion: kyverno.io/v2
kind: GlobalContextEntry
metadata: { name: service }
spec: { apiCall: { service: { url: "http://x/" }, refreshInterval: 1m, retryLimit: 0 } }
`)
  const read = (name: string): unknown => {
    try {
      return held?.read(name)
    } catch (error) {
      return error instanceof Error ? error.message : error
    }
  }
  await running.until(() => Array.isArray(read('maps.teams')))
  assert.deepEqual(read('maps.teams'), ['core'])
  assert.match(String(read('maps.none')), /no projection 'none'/)
  assert.match(String(read('nothing')), /no GlobalContextEntry/)
  await running.until(() => String(read('service')).includes('refused'))
  dead = false
  await running.api.fake.advance(61_000)
  await running.until(() => typeof read('service') === 'object')
  await running.api.fake.advance(61_000)
  await running.until(() => asked === 2)
  await running.until(async () => (await running.api.client.get(GlobalContextEntry, 'service')).status?.conditions?.[0]?.['status'] === 'True')
  await running.apply('{ apiVersion: v1, kind: ConfigMap, metadata: { name: b, namespace: default, labels: { team: data } } }')
  await running.until(() => (read('maps.teams') as unknown[]).length === 2)
})
