import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '@idp/api'
import { dueAt } from '../engine/time-to-live.ts'
import { ClusterCleanupPolicy } from '../kinds/cleanup-policy.ts'
import { cleanupController } from '../programs/cleanup-controller.ts'
import { startProgram, type RunningProgram } from './start-program.ts'

const names = async ({ api }: RunningProgram): Promise<string[]> => (await api.client.list(ConfigMap, { namespace: 'default' })).items.map(({ metadata }) => metadata.name ?? '').filter((name) => name !== 'kube-root-ca.crt').sort()
const map = (name: string, metadata = '', data = ''): string => `---\n{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name}, namespace: default${metadata} }, data: { ${data} } }\n`

test('a cleanup policy deletes what it names at its times, and nothing else', async () => {
  await using running = await startProgram(cleanupController, ['kyverno-v2'], [map('old', ', labels: { stage: temporary }', 'keep: "no"'), map('kept', ', labels: { stage: temporary }', 'keep: "yes"'), map('other')].join(''))
  await running.apply(`
apiVersion: kyverno.io/v2
kind: ClusterCleanupPolicy
metadata: { name: temporary }
spec:
  schedule: "*/1 * * * *"
  match: { any: [{ resources: { kinds: [ConfigMap], selector: { matchLabels: { stage: temporary } } } }] }
  conditions: { all: [{ key: "{{ target.data.keep }}", operator: NotEquals, value: "yes" }] }
`)
  await running.api.fake.advance(1_000)
  assert.deepEqual(await names(running), ['kept', 'old', 'other'])
  await running.api.fake.advance(60_000)
  await running.until(async () => (await names(running)).length === 2)
  assert.deepEqual(await names(running), ['kept', 'other'])
  await running.until(async () => (await running.api.client.get(ClusterCleanupPolicy, 'temporary')).status?.lastExecutionTime !== undefined)
  await running.apply(map('old', ', labels: { stage: temporary }', 'keep: "no"'))
  await running.api.fake.advance(61_000)
  await running.until(async () => (await names(running)).length === 2)
  assert.match(await (await running.ports.get(8000)?.(new Request('http://x/metrics'), undefined as never))?.text() ?? '', /kyverno_cleanup_controller_deletedobjects_total\{[^}]*policy_name="temporary"[^}]*\} 2/)
})

test('objects with a time to live go when it is over', async () => {
  await using running = await startProgram(cleanupController, ['kyverno-v2'], [map('minute', ', labels: { cleanup.kyverno.io/ttl: 1m }'), map('day', ', labels: { cleanup.kyverno.io/ttl: 1d }'), map('nonsense', ', labels: { cleanup.kyverno.io/ttl: soon }')].join(''))
  await running.api.fake.advance(30_000)
  assert.deepEqual(await names(running), ['day', 'minute', 'nonsense'])
  await running.api.fake.advance(35_000)
  await running.until(async () => (await names(running)).length === 2)
  assert.deepEqual(await names(running), ['day', 'nonsense'])
})

const created = '2024-01-01T00:00:00Z'
const ages: readonly (readonly [label: string, want: string | undefined])[] = [['90s', '2024-01-01T00:01:30.000Z'], ['1h30m', '2024-01-01T01:30:00.000Z'], ['2d', '2024-01-03T00:00:00.000Z'], ['2024-02-03', '2024-02-03T00:00:00.000Z'], ['2024-02-03T040506Z', '2024-02-03T04:05:06.000Z'], ['tomorrow', undefined]]
for (const [label, want] of ages) {
  test(`time to live ${label}: ${want ?? 'none'}`, () => {
    const due = dueAt({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', creationTimestamp: created, labels: { 'cleanup.kyverno.io/ttl': label } } })
    assert.equal(due === undefined ? undefined : new Date(due).toISOString(), want)
  })
}
