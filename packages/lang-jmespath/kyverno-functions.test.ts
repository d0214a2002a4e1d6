import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '@idp/formats'
import { seededRandom } from '@idp/kit'
import { jmesPath } from './jmespath.ts'

const clock = { now: () => Date.UTC(2024, 1, 29, 12, 0, 0) }
const rows: readonly (readonly [expression: string, want: Json])[] = [
  ["compare('a', 'b')", -1], ["equal_fold('Go', 'gO')", true], ["replace('aaa', 'a', 'b', `2`)", 'bba'], ["replace('aaa', 'a', 'b', `-1`)", 'bbb'], ["replace_all('aXa', 'a', 'b')", 'bXb'],
  ["to_upper('a')", 'A'], ["to_lower('A')", 'a'], ["trim('--a--', '-')", 'a'], ["trim_prefix('v1', 'v')", '1'], ["split('a,b', ',')", ['a', 'b']], ["truncate('abcdef', `3`)", 'abc'],
  ["regex_match('^a+$', 'aaa')", true], ["regex_match('^[1-7]$', `1`)", true], ["regex_replace_all('([a-z])1', 'a1b1', '$1')", 'ab'], ["regex_replace_all_literal('a', 'aXa', '$1')", '$1X$1'],
  ["pattern_match('prod-*', 'prod-web')", true], ["label_match(`{\"app\":\"a\"}`, `{\"app\":\"a\",\"b\":\"c\"}`)", true], ["to_boolean('True')", true],
  ["add('1Gi', '1Gi')", '2Gi'], ['add(`1`, `2`)', 3], ["subtract('2Gi', '1Gi')", '1Gi'], ["multiply('100Mi', `2`)", '200Mi'], ["divide('4Gi', '2Gi')", 2], ['modulo(`7`, `4`)', 3], ["sum(['1Gi', '1Gi'])", '2Gi'], ['sum(`[1, 2, 3]`)', 6], ['round(`3.14159`, `2`)', 3.14],
  ["base64_decode('aGk=')", 'hi'], ["base64_encode('hi')", 'aGk='], ["path_canonicalize('/a//b')", '/a/b'],
  ["semver_compare('1.2.3', '>=1.2.0')", true], ["semver_compare('1.2.3', '>1.0.0 <1.2.0')", false], ["semver_compare('4.1.3', '>=5.0.0 || <=4.2.0')", true], ["semver_compare('1.0.0-rc.1', '<1.0.0')", true],
  ["parse_json('{\"a\":1}')", { a: 1 }], ["parse_yaml('a: [1, x]')", { a: [1, 'x'] }], ["lookup(`[\"a\",\"b\"]`, `1`)", 'b'], ["lookup(`{\"k\":\"v\"}`, 'k')", 'v'],
  ["items(`{\"b\":1,\"a\":2}`, 'key', 'value')", [{ key: 'a', value: 2 }, { key: 'b', value: 1 }]], ["object_from_lists(['a','b'], `[1,2]`)", { a: 1, b: 2 }],
  ["time_since('', '2024-02-28T12:00:00Z', '')", '24h0m0s'], ["time_since('', '2024-02-29T12:00:00Z', '2024-02-29T12:30:10Z')", '30m10s'], ['time_now_utc()', '2024-02-29T12:00:00Z'],
  ["time_add('2024-02-29T23:00:00+02:00', '1h30m')", '2024-03-01T00:30:00+02:00'], ["time_parse('2006-01-02', '2024-02-29')", '2024-02-29T00:00:00Z'], ["time_parse('02 Jan 06 15:04 -0700', '29 Feb 24 10:00 +0100')", '2024-02-29T10:00:00+01:00'],
  ["time_to_cron('2024-02-29T12:30:00Z')", '30 12 29 2 4'], ["time_utc('2024-02-29T23:00:00+02:00')", '2024-02-29T21:00:00Z'], ["time_diff('2024-02-29T10:00:00Z', '2024-02-29T08:00:00Z')", '-2h0m0s'],
  ["time_before('2024-02-28T00:00:00Z', '2024-02-29T00:00:00Z')", true], ["time_after('2024-02-28T00:00:00Z', '2024-02-29T00:00:00Z')", false], ["time_between('2024-02-28T00:00:00Z', '2024-02-27T00:00:00Z', '2024-02-29T00:00:00Z')", true],
  ["time_truncate('2024-02-29T12:34:56Z', '1h')", '2024-02-29T12:00:00Z'],
  ["image_normalize('nginx')", 'docker.io/nginx:latest'], ["image_normalize('ghcr.io/a/b:1')", 'ghcr.io/a/b:1'], ["is_external_url('http://127.0.0.1/')", false], ["is_external_url('https://example.org')", true],
  ["sha256('a') | length(@)", 64], ["sha1('a') | length(@)", 40], ["md5('a') | length(@)", 32], ["length(random('[a-z0-9]{8}'))", 8], ["regex_match('^(ab|cd)-[0-9]{2}$', random('(ab|cd)-\\d{2}'))", true],
]
for (const [expression, want] of rows) test(expression, () => assert.deepEqual(jmesPath(expression).evaluate({}, { clock, random: seededRandom(7) }), want))

const refused: readonly string[] = ["time_parse('2006-01-02', 'yesterday')", "time_add('2024-02-29T12:00:00Z', '1 week')", "random('[a-z')", "image_normalize('UPPER CASE')", "nosuch('a')"]
for (const expression of refused) test(`refused: ${expression}`, () => assert.throws(() => jmesPath(expression).evaluate({}, { clock }), { code: 'ExpressionFailed' }))
