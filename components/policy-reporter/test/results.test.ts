import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resultsPage } from '../engine/page.ts'
import { resultMetrics, resultRows, selectRows } from '../engine/results.ts'

const rows = resultRows([
  { metadata: { name: 'u1', namespace: 'shop' }, scope: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' }, results: [{ policy: 'labels', rule: 'r', result: 'fail', severity: 'low', message: 'no <b>owner</b>' }, { policy: 'limits', rule: 'r', result: 'pass' }] },
  { metadata: { name: 'u2' }, scope: { apiVersion: 'v1', kind: 'Namespace', name: 'shop' }, results: [{ policy: 'labels', rule: 'n', result: 'pass' }] },
])

for (const [query, count] of [['', 3], ['status=fail', 1], ['status=pass', 2], ['namespaces=shop&policies=labels', 1], ['namespaces=none', 0]] as const) {
  test(`?${query} selects ${count}`, () => assert.equal(selectRows(rows, new URLSearchParams(query)).count, count))
}
test('one page of a size', () => assert.equal(selectRows(rows, new URLSearchParams('offset=2&page=2')).items.length, 1))
test('metrics carry upstream names', () => assert.match(resultMetrics(rows), /policy_report_result\{namespace="shop",kind="Deployment",name="web",policy="labels",.*status="fail"/))
test('a message cannot become markup', () => assert.ok(!resultsPage(rows, { advice: new Map(), query: new URLSearchParams() }).includes('<b>owner</b>')))
