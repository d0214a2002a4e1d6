import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deliveries } from '../engine/payloads.ts'
import { resultsPage } from '../engine/page.ts'
import { resultRows } from '../engine/results.ts'
import { isWanted } from '../engine/target-filter.ts'
import { readTargets, withSecret, type Target } from '../engine/target-config.ts'

const [row] = resultRows([{ metadata: { name: 'u1', namespace: 'shop' }, scope: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop', uid: 'uid-1' }, results: [{ policy: 'limits', rule: 'memory', result: 'fail', severity: 'high', category: 'Resources', message: 'set a limit', source: 'kyverno', scored: true, timestamp: { seconds: 1_700_000_000 } }] }])
if (row === undefined) throw new Error('one row')
const only = (yaml: string): Target => {
  const [first] = readTargets(yaml, 'config.yaml')
  assert.ok(first)
  return first
}

test('targets: settings flat or under config, channels inherit, empty ones are none, unknown types refused', () => {
  const targets = readTargets('target: { webhook: { config: { webhook: "http://a" }, minimumSeverity: high, customFields: { cluster: demo }, channels: [{ config: { webhook: "http://b" }, sources: [kyverno] }] }, loki: { host: "" }, slack: { secretRef: chat } }', 'config.yaml')
  assert.deepEqual(targets.map(({ name, url, minimumSeverity, sources }) => [name, url, minimumSeverity, sources?.length]), [['webhook', 'http://a', 'high', 0], ['webhook-1', 'http://b', 'high', 1], ['slack', '', '', 0]])
  assert.equal(withSecret(targets[2] as Target, { webhook: 'http://secret', channel: 'ops' }).url, 'http://secret')
  assert.throws(() => readTargets('target: { s3: { host: x } }', 'config.yaml'), { code: 'InvalidConfig' })
})

for (const [name, filter, wanted] of [
  ['no filter', {}, true], ['minimum severity below', { minimumSeverity: 'medium' }, true], ['minimum severity above', { minimumSeverity: 'critical' }, false], ['sources', { sources: ['trivy'] }, false],
  ['namespaces by wildcard', { filter: { namespaces: { include: ['sh*'] } } }, true], ['namespaces excluded', { filter: { namespaces: { exclude: ['shop'] } } }, false], ['policies', { filter: { policies: { include: ['other'] } } }, false], ['status', { filter: { status: { exclude: ['fail'] } } }, false],
] as const) test(`filter: ${name}`, () => assert.equal(isWanted(row, filter), wanted))

test('a webhook gets one result as JSON, with custom fields and headers', () => {
  const [sent] = deliveries(only('target: { webhook: { webhook: "http://a", customFields: { cluster: demo }, headers: { x-a: b } } }'), [row], 0)
  assert.deepEqual(sent?.body, { message: 'set a limit', policy: 'limits', rule: 'memory', priority: '', status: 'fail', severity: 'high', category: 'Resources', scored: true, properties: { cluster: 'demo' }, resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop', uid: 'uid-1' }, creationTimestamp: '2023-11-14T22:13:20Z', source: 'kyverno' })
  assert.equal(sent?.headers['x-a'], 'b')
})
test('Loki gets a batch of streams', () => {
  const [sent] = deliveries(only('target: { loki: { host: "http://loki:3100/", username: u, password: p, customFields: { a.b: c/d } } }'), [row, row], 0)
  assert.equal(sent?.url, 'http://loki:3100/loki/api/v1/push')
  assert.equal(sent?.headers['authorization'], 'Basic dTpw')
  const { streams } = (sent?.body ?? {}) as unknown as { streams: { stream: Record<string, string>; values: string[][] }[] }
  assert.equal(streams.length, 2)
  assert.deepEqual(streams[0], { stream: { status: 'fail', policy: 'limits', createdBy: 'policy-reporter', rule: 'memory', category: 'Resources', severity: 'high', source: 'kyverno', apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop', a_b: 'cd' }, values: [['1700000000000000000', '[HIGH] set a limit']] })
})
test('Slack gets an attachment in the colour of the severity', () => {
  const [sent] = deliveries(only('target: { slack: { webhook: "http://a", channel: ops } }'), [row], 0)
  const { channel, attachments } = (sent?.body ?? {}) as unknown as { channel: string; attachments: { color: string; blocks: unknown[] }[] }
  assert.deepEqual([channel, attachments[0]?.color], ['ops', '#b80707'])
  assert.match(JSON.stringify(attachments[0]?.blocks), /\*Message\*\\nset a limit/)
})

test('the page: what to do about a policy, filters, nothing that is markup', () => {
  const advice = new Map([['limits', { title: 'Containers have <limits>', description: 'Set resources.limits.memory.' }]])
  const page = (query: string): string => resultsPage([row], { advice, query: new URLSearchParams(query) })
  assert.match(page(''), /Containers have &lt;limits&gt;.*Set resources\.limits\.memory\..*Deployment web/s)
  assert.match(page('namespace=other'), /Nothing to mend here/)
  assert.match(page('severity=critical'), /Nothing to mend here/)
  assert.match(page('policy=limits&status=all&namespace=shop'), /set a limit/)
})
