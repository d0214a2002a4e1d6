import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '@idp/api'
import { systemClock as clock } from '@idp/kit'
import { startTestCluster } from '@idp/testkit'
import { applyObjects } from './apply-objects.ts'

const configMap = (name: string, value: string, annotations: Record<string, string> = {}): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', annotations }, data: { value } })
const tracked = { 'argocd.argoproj.io/tracking-id': 'bootstrap-x:/ConfigMap:default/x' }

const rows: readonly (readonly [name: string, leaveTracked: boolean, live: ConfigMap | undefined, expected: string])[] = [
  ['the first bootstrap applies what is there', false, configMap('x', 'old', tracked), 'new'],
  ['a later one leaves what Argo CD tracks', true, configMap('x', 'old', tracked), 'old'],
  ['a later one applies what nobody tracks', true, configMap('x', 'old'), 'new'],
  ['a later one creates what is missing', true, undefined, 'new'],
]
for (const [name, leaveTracked, live, expected] of rows) {
  test(name, async () => {
    await using cluster = await startTestCluster({ bare: true, clock })
    if (live !== undefined) await cluster.client.create(ConfigMap, live)
    await applyObjects(cluster.client, [configMap('x', 'new')], { clock, signal: AbortSignal.timeout(10_000), timeoutMs: 5000, leaveTracked })
    assert.equal((await cluster.client.get(ConfigMap, 'x', { namespace: 'default' })).data?.['value'], expected)
  })
}
