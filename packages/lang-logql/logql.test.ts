import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded } from '@idp/kit'
import { labelsText, matchesAll } from '@idp/lang-promql'
import { parseLogql } from './parse.ts'
import { isLogQuery, logQuery, metricQuery, type LogSource } from './query.ts'

const stream = (labels: Record<string, string>, ...lines: string[]) => ({ labels, lines: lines.map((line, index) => ({ t: index * 60_000, line })) })
const streams = [
  stream({ app: 'shop', pod: 'a' }, '{"level":"info","took":"1.5s","size":"2KiB","user":{"name":"ann"}}', '{"level":"error","took":"250ms","size":"10","user":{"name":"bob"}}', 'not json'),
  stream({ app: 'web', pod: 'b' }, 'level=warn msg="slow page" status=503 ip=10.0.0.7', 'level=info msg=ok status=200 ip=192.168.1.1', '\u001b[31mGET\u001b[0m /cart 200'),
]
const source: LogSource = { select: (matchers, start, end) => streams.filter(({ labels }) => matchesAll(labels, matchers)).map(({ labels, lines }) => ({ labels, lines: lines.filter(({ t }) => t >= start && t < end) })) }

function ask(query: string): unknown {
  const expr = parseLogql(query)
  if (isLogQuery(expr)) return logQuery(expr, source, { start: 0, end: 1e9, limit: 100, direction: 'forward' }).streams.flatMap(({ lines }) => lines.map(({ line }) => line))
  const answer = metricQuery(expr, source, Float64Array.of(150_000))
  return answer.type === 'scalar' ? answer.values[0] : Object.fromEntries(answer.rows.map(({ labels, values }) => [labelsText(labels), Number((values[0] ?? NaN).toPrecision(6))]))
}
const labelsOf = (query: string): unknown => { const expr = parseLogql(query); return isLogQuery(expr) ? logQuery(expr, source, { start: 0, end: 1e9, limit: 1, direction: 'forward' }).streams[0]?.labels : undefined }

const lines: readonly (readonly [query: string, expected: readonly string[]])[] = [
  ['{app="web"} |= "slow"', [streams[1]?.lines[0]?.line ?? '']], ['{app="web"} != "level" | decolorize', ['GET /cart 200']], ['{app="web"} |= "slow" or "ok" | logfmt | line_format "{{.status}}"', ['503', '200']],
  ['{app="web"} |~ "status=(5|6)" | logfmt | line_format "{{.msg | ToUpper}} {{.level | trunc 1}}"', ['SLOW PAGE w']], ['{app="web"} !~ "level|GET"', []],
  ['{app="shop"} | json | took > 1s | line_format "{{.user_name}}"', ['ann']], ['{app="shop"} | json | __error__="" and size >= 1KiB | line_format "{{.size}}"', ['2KiB']], ['{app="shop"} | json n="user.name" | level="" | line_format "{{.n}}"', ['ann', 'bob', '']],
  ['{app="shop"} | json | __error__="JSONParserErr"', ['not json']], ['{app="web"} | logfmt | status >= 500 or status < 100 | line_format "{{.ip}}"', ['10.0.0.7']], ['{app="web"} | logfmt | ip = ip("10.0.0.0/8") | line_format "{{.ip}}"', ['10.0.0.7']],
  ['{app="web"} |= ip("192.168.0.0/16") | logfmt | line_format "{{.msg}}"', ['ok']], ['{app="web"} |= "GET" | decolorize | pattern "<method> <path> <_>" | line_format "{{.method}}{{.path}}"', ['GET/cart']],
  ['{app="web"} |= "GET" | decolorize | regexp "/(?P<page>\\\\w+)" | line_format "{{.page}}"', ['cart']], ['{app="web"} |= "ok" | logfmt | label_format state=msg, code="{{.status}}!" | line_format "{{.state}} {{.code}}"', ['ok 200!']],
  ['{app="web"} |> "level=<_> msg=ok <_>" | logfmt | line_format "{{.level}}"', ['info']],
]
for (const [query, expected] of lines) test(query, () => assert.deepEqual(ask(query), expected))

test('labels: extracted ones do not replace those of the stream; drop and keep', () => {
  assert.deepEqual(labelsOf('{app="web"} |= "slow" | logfmt | label_format app2=level | drop ip, status, msg'), { app: 'web', pod: 'b', app2: 'warn' })
  assert.deepEqual(labelsOf('{app="web"} |= "slow" | logfmt | keep level'), { level: 'warn' })
  assert.deepEqual(labelsOf('{app="web"} |= "GET" | decolorize | pattern "<pod> <_> <_>" | keep pod, pod_extracted'), { pod: 'b', pod_extracted: 'GET' })
})

const numbers: readonly (readonly [query: string, expected: unknown])[] = [
  ['count_over_time({app="web"}[5m])', { '{app="web", pod="b"}': 3 }], ['sum(count_over_time({app=~".+"}[5m]))', { '{}': 6 }], ['rate({app="web"} |= "level" [2m])', { '{app="web", pod="b"}': 0.00833333 }],
  ['sum by (level) (count_over_time({app="web"} | logfmt | level!="" [5m]))', { '{level="warn"}': 1, '{level="info"}': 1 }], ['bytes_over_time({app="shop"} |= "not" [5m])', { '{app="shop", pod="a"}': 8 }],
  ['max_over_time({app="shop"} | json | __error__="" | keep took | unwrap duration(took) [5m])', { '{}': 1.5 }], ['sum_over_time({app="shop"} | json | __error__="" | keep size | unwrap bytes(size) [5m])', { '{}': 2058 }],
  ['quantile_over_time(0.5, {app="web"} | logfmt | status!="" | unwrap status [5m]) by (app)', { '{app="web"}': 351.5 }], ['sum(count_over_time({app="web"}[5m])) / sum(count_over_time({app=~".+"}[5m]))', { '{}': 0.5 }],
  ['topk(1, count_over_time({app=~".+"}[2m]))', { '{app="shop", pod="a"}': 2 }], ['absent_over_time({app="none"}[5m])', { '{app="none"}': 1 }], ['sum(count_over_time({app="web"}[5m])) > 5', {}], ['1 + 2 * 3', 7], ['vector(4)', { '{}': 4 }],
  ['label_replace(sum by (app) (count_over_time({app="web"}[5m])), "x", "$1!", "app", "(.)eb")', { '{app="web", x="w!"}': 3 }],
]
for (const [query, expected] of numbers) test(query, () => assert.deepEqual(ask(query), expected))

const refused: readonly (readonly [query: string, code: string, message: RegExp])[] = [
  ['{app="web"', 'ParseError', /^parse error at line 1, col 11/], ['{}', 'ParseError', /unexpected "}"/], ['{app=~".*"}', 'ParseError', /at least one/], ['{app="web"} |~ "("', 'InvalidRegex', /error parsing regexp/],
  ['sum_over_time({app="web"}[5m])', 'ParseError', /without unwrap/], ['{app="web"} | pattern "<a><b>"', 'InvalidPattern', /consecutive capture/], ['count_over_time({app="shop"} | json [5m])', 'PipelineError', /JSONParserErr/], ['{app="web"} | line_format "{{"', 'ParseError', /invalid template/],
]
for (const [query, code, message] of refused) test(`refused: ${query}`, () => assert.throws(() => ask(query), (error) => isCoded(error, code) && message.test(error.message)))
