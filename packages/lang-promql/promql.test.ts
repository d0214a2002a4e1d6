import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded } from '@idp/kit'
import { labelsText, type Labels } from './labels.ts'
import { matchesAll } from './matcher.ts'
import { parsePromql } from './parse.ts'
import { instantQuery, rangeQuery } from './query.ts'
import { staleMarker, type SampleSource, type Series } from './value.ts'

const minute = 60_000
/** One sample a minute, from minute 0. */
const series = (labels: Labels, ...values: number[]): Series => ({ labels, t: values.map((_, index) => index * minute), v: values })
const requests = (pod: string, code: string, ...values: number[]): Series => series({ __name__: 'requests_total', pod, code }, ...values)
const data = [
  requests('a', '200', 0, 60, 120, 180, 240, 300), requests('a', '500', 0, 6, 12, 18, 24, 30), requests('b', '200', 0, 120, 240, 0, 120, 240),
  series({ __name__: 'up', pod: 'a' }, 1, 1, 1, 1, 1, 1), series({ __name__: 'up', pod: 'b' }, 1, 1, 0, 0, 1, staleMarker),
  series({ __name__: 'owner', pod: 'a', team: 'red' }, 1, 1, 1, 1, 1, 1),
  ...[['0.1', 10], ['1', 30], ['+Inf', 40]].map(([le, count]) => series({ __name__: 'seconds_bucket', le: String(le) }, ...Array.from({ length: 6 }, (_, i) => Number(count) * i))),
]
const source: SampleSource = { select: (matchers, start, end) => data.filter(({ labels }) => matchesAll(labels, matchers)).map(({ labels, t, v }) => {
  const wanted = Array.from(t).flatMap((at, index) => (at >= start && at <= end ? [index] : []))
  return { labels, t: wanted.map((index) => t[index] ?? NaN), v: wanted.map((index) => v[index] ?? NaN) }
}) }

function at5(query: string): unknown {
  const { result } = instantQuery(parsePromql(query), source, 5 * minute)
  if (result.type === 'vector') return Object.fromEntries(result.samples.map(({ labels, value }) => [labelsText(labels), Number(value.toPrecision(6))]))
  return result.type === 'matrix' ? Object.fromEntries(result.series.map(({ labels, points }) => [labelsText(labels), points.map(([, value]) => value)])) : result.value
}

const rows: readonly (readonly [query: string, expected: unknown])[] = [
  ['1 + 2 * 3 ^ 2', 19], ['-2 ^ 2', -4], ['2 ^ 3 ^ 2', 512], ['7 % 4 - 1', 2], ['1m30s', 90], ['0x1F', 31], ['"text"', 'text'], ['3 > bool 2', 1],
  ['requests_total{code="500"}', { 'requests_total{code="500", pod="a"}': 30 }],
  ['requests_total{code!~"2..", pod=~"a|c"}', { 'requests_total{code="500", pod="a"}': 30 }],
  ['up', { 'up{pod="a"}': 1 }],
  ['up offset 1m', { 'up{pod="a"}': 1, 'up{pod="b"}': 1 }],
  ['up @ 120 == 0', { 'up{pod="b"}': 0 }],
  ['rate(requests_total{pod="a"}[4m])', { '{code="200", pod="a"}': 1, '{code="500", pod="a"}': 0.1 }],
  ['increase(requests_total{pod="b"}[5m])', { '{code="200", pod="b"}': 450 }],
  ['sum by (pod) (requests_total)', { '{pod="a"}': 330, '{pod="b"}': 240 }],
  ['sum without (pod, code) (requests_total)', { '{}': 570 }],
  ['topk(1, requests_total)', { 'requests_total{code="200", pod="a"}': 300 }],
  ['count_values("v", up @ 60)', { '{v="1"}': 2 }],
  ['quantile(0.5, requests_total)', { '{}': 240 }],
  ['requests_total{code="500"} / on(pod) requests_total{code="200"}', { '{pod="a"}': 0.1 }],
  ['sum by (pod) (requests_total) * on(pod) group_left(team) owner', { '{pod="a", team="red"}': 330 }],
  ['requests_total and on(pod) owner', { 'requests_total{code="200", pod="a"}': 300, 'requests_total{code="500", pod="a"}': 30 }],
  ['requests_total unless on(pod) owner', { 'requests_total{code="200", pod="b"}': 240 }],
  ['histogram_quantile(0.5, seconds_bucket)', { '{}': 0.55 }],
  ['max_over_time(sum(up)[5m:1m])', { '{}': 2 }],
  ['1 + sum(up)[5m:1m] @ 300', undefined],
  ['count_over_time(up[3m])', { '{pod="a"}': 3, '{pod="b"}': 2 }],
  ['absent(nothing{job="x"})', { '{job="x"}': 1 }],
  ['label_replace(up, "short", "$1", "pod", "(.).*")', { 'up{pod="a", short="a"}': 1 }],
  ['label_join(up, "both", "-", "pod", "pod")', { 'up{both="a-a", pod="a"}': 1 }],
  ['scalar(owner) + 1', 2], ['vector(3)', { '{}': 3 }], ['time()', 300], ['round(vector(2.55), 0.5)', { '{}': 2.5 }], ['clamp(vector(9), 1, 5)', { '{}': 5 }],
  ['day_of_week(vector(0))', { '{}': 4 }], ['requests_total{code="500"}[2m]', { 'requests_total{code="500", pod="a"}': [24, 30] }],
]
for (const [query, expected] of rows) {
  test(query, () => (expected === undefined ? assert.throws(() => at5(query), (e) => isCoded(e, 'ParseError')) : assert.deepEqual(at5(query), expected)))
}

const refused: readonly (readonly [query: string, code: string, message: RegExp])[] = [
  ['sum(', 'ParseError', /^1:5: parse error: unexpected end of input/],
  ['rate(up)', 'ParseError', /expected type range vector in call to function "rate", got instant vector/],
  ['{}', 'ParseError', /at least one non-empty matcher/],
  ['nope(up)', 'ParseError', /unexpected|unknown function/],
  ['up{pod=~"("}', 'InvalidRegex', /error parsing regexp/],
  ['requests_total + on(pod) owner', 'BadMatching', /many-to-one matching must be explicit/],
  ['owner + on() requests_total', 'BadMatching', /found duplicate series for the match group \{\} on the right hand-side/],
  ['label_replace(requests_total, "pod", "x", "pod", ".*")', 'DuplicateSeries', /same labelset/],
]
for (const [query, code, message] of refused) {
  test(`refused: ${query}`, () => assert.throws(() => at5(query), (e) => isCoded(e, code) && message.test(e.message)))
}

test('a range query gives every step its value; a query that looks at too much is stopped', () => {
  const range = { start: 0, end: 5 * minute, step: minute }
  const { result } = rangeQuery(parsePromql('sum(up)'), source, range)
  assert.deepEqual(result.type === 'matrix' && result.series[0]?.points.map(([, value]) => value), [2, 2, 1, 1, 2, 1])
  assert.throws(() => rangeQuery(parsePromql('sum_over_time(up[5m])'), source, range, { maxSamples: 10 }), (e) => isCoded(e, 'TooManySamples'))
  assert.throws(() => rangeQuery(parsePromql('up'), source, { ...range, step: 0 }), (e) => isCoded(e, 'BadRange'))
})
