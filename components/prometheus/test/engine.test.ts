import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock, isCoded } from '@idp/kit'
import { matcher, parsePromql, instantQuery } from '@idp/lang-promql'
import { createDatabase } from '@idp/tsdb'
import { dueAlerts } from '../engine/alert-messages.ts'
import { expandAlert } from '../engine/alert-template.ts'
import { readConfig } from '../engine/config.ts'
import { discover, type ClusterObjects } from '../engine/discover.ts'
import { evaluateGroup, newGroup, type RuleContext } from '../engine/evaluate-rules.ts'
import { readSeries } from '../engine/exposition.ts'
import { createPageReader } from '../engine/page-reader.ts'
import { compilePattern, isSimple } from '../engine/pattern.ts'
import { compileRelabel, relabel, type RelabelFields } from '../engine/relabel.ts'
import { readRules } from '../engine/rule-file.ts'
import { createScraper } from '../engine/scrape.ts'
import { targetsOf } from '../engine/target.ts'

const relabelRows: readonly (readonly [name: string, labels: Record<string, string>, rule: RelabelFields, expected: Record<string, string> | undefined])[] = [
  ['replace', { a: 'x-1' }, { source_labels: ['a'], regex: '(.*)-(.*)', target_label: 'b', replacement: '$2/${1}' }, { a: 'x-1', b: '1/x' }],
  ['replace without a match', { a: 'x' }, { source_labels: ['a'], regex: 'y', target_label: 'b' }, { a: 'x' }],
  ['replace with nothing', { a: 'x', b: 'y' }, { target_label: 'b', replacement: '' }, { a: 'x' }],
  ['several sources', { a: 'x', b: 'y' }, { source_labels: ['a', 'b'], separator: '.', target_label: 'c' }, { a: 'x', b: 'y', c: 'x.y' }],
  ['keep', { a: 'x' }, { source_labels: ['a'], regex: 'x|z', action: 'keep' }, { a: 'x' }], ['keep drops', { a: 'y' }, { source_labels: ['a'], regex: 'x', action: 'keep' }, undefined],
  ['drop', { a: 'x' }, { source_labels: ['a'], regex: 'x', action: 'drop' }, undefined],
  ['labelmap', { __meta_x: '1', y: '2' }, { regex: '__meta_(.+)', action: 'labelmap' }, { __meta_x: '1', y: '2', x: '1' }],
  ['labeldrop', { ab: '1', c: '2' }, { regex: 'a.*', action: 'labeldrop' }, { c: '2' }], ['labelkeep', { ab: '1', c: '2' }, { regex: 'a.*', action: 'labelkeep' }, { ab: '1' }],
  ['lowercase', { a: 'XY' }, { source_labels: ['a'], target_label: 'a', action: 'lowercase' }, { a: 'xy' }], ['keepequal', { a: '1', b: '2' }, { source_labels: ['a'], target_label: 'b', action: 'keepequal' }, undefined],
]
for (const [name, labels, rule, expected] of relabelRows) {
  test(`relabel: ${name}`, () => { const left = relabel(new Map(Object.entries(labels)), [compileRelabel(rule, 'test')]); assert.deepEqual(left === undefined ? undefined : Object.fromEntries(left), expected) })
}

const patternRows: readonly (readonly [regex: string, simple: boolean, text: string, groups: string[] | undefined])[] = [
  ['(.*)', true, 'a\nb', ['a\nb', 'a\nb']], ['([^:]+)(?::\\d+)?', true, 'host:80', ['host:80', 'host']], ['(a|bc)_d;(0\\.5|1)(\\.0)?', true, 'bc_d;1', ['bc_d;1', 'bc', '1', '']],
  ['(a|bc)_d;(0\\.5|1)(\\.0)?', true, 'bc_d;0x5', undefined], ['__meta_(.+)', true, '__meta_x', ['__meta_x', 'x']], ['[a-z]+-([0-9]+)', true, 'web-12', ['web-12', '12']], ['a|b', true, 'ab', undefined],
  ['(a+)+', false, 'aaa', ['aaa', 'aaa']], ['.*.*.*', false, 'x', ['x']], ['(?i)UP', false, 'up', ['up']], ['(?P<x>u)p', false, 'up', ['up', 'u']], ['a{2}', false, 'aa', ['aa']], ['^up$', false, 'up', ['up']], ['a*?', false, 'a', ['a']], ['\\w', true, 'a', ['a']], ['\\s', false, ' ', [' ']], ['', true, '', ['']],
]
for (const [regex, simple, text, groups] of patternRows) {
  test(`pattern ${regex} on ${JSON.stringify(text)}`, () => {
    const match = compilePattern(regex).match(text)
    assert.deepEqual([isSimple(regex), match === undefined ? undefined : (groups ?? []).map((_, i) => match(i)), compilePattern(regex).matches(text)], [simple, groups, groups !== undefined])
  })
}

test('the text format: comments, labels with escapes, times, exemplars, what cannot be read', () => {
  const reader = createPageReader((series) => series)
  const text = '# HELP up Whether it \\\\ is.\n# TYPE up gauge\nup 1\nhttp{path="/a\\"}b",code="200"} 3e2 1700000000000\nx{le="+Inf"} +Inf # {id="1"} 2\r\n'
  const page = reader.read(text)
  assert.deepEqual([page.of, page.values, page.times, page.samples], [['up', 'http{path="/a\\"}b",code="200"}', 'x{le="+Inf"}'], [1, 300, Infinity], [undefined, 1_700_000_000_000, undefined], 3])
  assert.deepEqual(page.metadata.get('up'), { type: 'gauge', help: 'Whether it \\ is.', unit: '' })
  for (const bad of ['bad line here', 'up', 'up{', 'up one']) assert.throws(() => reader.read(`up 1\n${bad}\n`), (error) => isCoded(error, 'InvalidExposition') && error.message === `cannot read line 2: ${bad}`)
  assert.equal(reader.read(text).changed, false)
  assert.deepEqual(Object.fromEntries(readSeries('http{path="/a\\"}b", code="200",}') ?? []), { __name__: 'http', path: '/a"}b', code: '200' })
  assert.equal(readSeries('x{a=b}'), undefined)
})

test('a page is read against the one before: only new series are asked for, whatever the order', () => {
  const asked: string[] = []
  const reader = createPageReader((series) => { asked.push(series); return series === 'no' ? null : series })
  const rows: readonly (readonly [page: string, of: string[], values: number[], asked: string[], changed: boolean])[] = [
    ['a 1\nno 2\nb{x="1"} 3\n', ['a', 'b{x="1"}'], [1, 3], ['a', 'no', 'b{x="1"}'], true],
    ['a 4\nno 5\nb{x="1"} 6', ['a', 'b{x="1"}'], [4, 6], [], false],
    ['b{x="1"} 7\na 8\n', ['b{x="1"}', 'a'], [7, 8], [], true],
    ['b{x="1"} 1\nb{x="2"} 2\naa 3\na 4\n', ['b{x="1"}', 'b{x="2"}', 'aa', 'a'], [1, 2, 3, 4], ['b{x="2"}', 'aa'], true],
    ['b{x="1"} 1\n', ['b{x="1"}'], [1], [], true],
    ['', [], [], [], true],
  ]
  for (const [page, of, values, wanted, changed] of rows) {
    const read = reader.read(page)
    assert.deepEqual([read.of, read.values, asked.splice(0), read.changed], [of, values, wanted, changed], page)
  }
})

const configRows: readonly (readonly [text: string, message: RegExp])[] = [
  ['scrape_configs: [{ job_name: a, ec2_sd_configs: [] }]', /field ec2_sd_configs is not supported/], ['scrape_configs: [{ job_name: a }, { job_name: a }]', /multiple scrape configs with job name "a"/],
  ['scrape_configs: [{ job_name: a, scrape_interval: soon }]', /not a valid duration/], ['scrape_configs: [{ job_name: a, scrape_interval: 5s, scrape_timeout: 6s }]', /timeout greater than scrape interval/],
  ['scrape_configs: [{ job_name: a, relabel_configs: [{ regex: "(", action: keep }] }]', /cannot read regex/], ['remote_write: []', /field remote_write is not supported/], ['[]', /expected a mapping/],
]
for (const [text, message] of configRows) test(`configuration refused: ${text}`, () => assert.throws(() => readConfig(text, 'prometheus.yml'), (error) => isCoded(error, 'InvalidConfig') && message.test(error.message)))

const meta = (name: string, more: object = {}) => ({ name, namespace: 'shop', ...more })
const cluster = {
  nodes: () => [], endpoints: () => [], ingresses: () => [],
  pods: () => [{ apiVersion: 'v1', kind: 'Pod', metadata: meta('web-1', { labels: { app: 'web' } }), spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'web:1', ports: [{ name: 'http', containerPort: 8080 }] }] }, status: { podIP: '10.0.0.5', phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }],
  services: () => [{ apiVersion: 'v1', kind: 'Service', metadata: meta('web', { labels: { 'app.kubernetes.io/name': 'web' } }), spec: { ports: [{ name: 'http', port: 80 }] } }],
  slices: () => [{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: meta('web-x', { labels: { 'kubernetes.io/service-name': 'web' } }), addressType: 'IPv4', ports: [{ name: 'http', port: 8080 }], endpoints: [{ addresses: ['10.0.0.5'], conditions: { ready: true }, targetRef: { kind: 'Pod', name: 'web-1', namespace: 'shop' } }] }],
} as unknown as ClusterObjects

test('an endpoint becomes a target with the labels of its Service and pod', () => {
  const [found] = discover('endpointslice', cluster, [])
  const wanted = { __address__: '10.0.0.5:8080', __meta_kubernetes_service_name: 'web', __meta_kubernetes_service_label_app_kubernetes_io_name: 'web', __meta_kubernetes_pod_name: 'web-1', __meta_kubernetes_pod_label_app: 'web', __meta_kubernetes_pod_container_name: 'main', __meta_kubernetes_endpointslice_port_name: 'http', __meta_kubernetes_namespace: 'shop' }
  for (const [name, value] of Object.entries(wanted)) assert.equal(found?.get(name), value, name)
  assert.deepEqual(discover('pod', cluster, ['other']), [])
  const [scrape] = readConfig('scrape_configs: [{ job_name: j, params: { x: [z] }, kubernetes_sd_configs: [{ role: endpointslice }], relabel_configs: [{ source_labels: [__meta_kubernetes_pod_name], target_label: pod }] }]', 'c').scrapes
  assert.ok(scrape !== undefined && found !== undefined)
  const [target] = targetsOf(scrape, [found]).active
  assert.deepEqual([target?.url, Object.fromEntries(target?.labels ?? [])], ['http://10.0.0.5:8080/metrics?x=z', { job: 'j', pod: 'web-1', instance: '10.0.0.5:8080' }])
})

test('scraping: samples with the target\'s labels, vanished series end, a failing target is down', async () => {
  const clock = fakeClock()
  const database = createDatabase()
  const [config] = readConfig('scrape_configs: [{ job_name: j, static_configs: [{ targets: ["h:1"] }], metric_relabel_configs: [{ source_labels: [__name__], regex: secret, action: drop }] }]', 'c').scrapes
  assert.ok(config !== undefined)
  const [target] = targetsOf(config, [new Map([['__address__', 'h:1']])]).active
  assert.ok(target !== undefined)
  const pages = ['a{job="own"} 1\nb 2\nsecret 3\n', 'a{job="own"} 4\n']
  const scraper = createScraper({ target, config, clock, appender: { database }, fetch: async () => { const page = pages.shift(); return page === undefined ? new Response('no', { status: 500, statusText: 'Internal Server Error' }) : new Response(page) } })
  const now = (query: string) => { const { result } = instantQuery(parsePromql(query), database, clock.now()); return result.type === 'vector' ? result.samples.map(({ labels, value }) => [labels, value]) : [] }
  await scraper.scrape()
  assert.deepEqual(now('a'), [[{ __name__: 'a', exported_job: 'own', job: 'j', instance: 'h:1' }, 1]])
  assert.deepEqual([now('b').length, now('secret').length, now('up')[0]?.[1], now('scrape_samples_scraped')[0]?.[1], now('scrape_samples_post_metric_relabeling')[0]?.[1]], [1, 0, 1, 3, 2])
  await clock.advance(60_000)
  await scraper.scrape()
  assert.deepEqual([now('a')[0]?.[1], now('b').length], [4, 0])
  await clock.advance(60_000)
  await scraper.scrape()
  assert.deepEqual([now('up')[0]?.[1], now('a').length, scraper.outcome.lastError], [0, 0, 'server returned HTTP status 500 Internal Server Error'])
})

test('rules: recording, an alert that waits, fires, is told, and ends', () => {
  const database = createDatabase()
  const put: RuleContext['put'] = (series, t, v) => void database.append(series, t, v)
  const context: RuleContext = { source: database, database, put, externalLabels: {}, externalUrl: 'http://prom' }
  const [group] = readRules('groups: [{ name: g, interval: 1m, rules: [{ record: "job:load", expr: "sum by (job) (load)" }, { alert: High, expr: "job:load > 10", for: 2m, labels: { severity: page }, annotations: { summary: "{{ $labels.job }} has {{ $value | humanize }}" } }] }]', 'r.yaml', 60_000)
  assert.ok(group !== undefined)
  const state = newGroup(group)
  const step = (minute: number, load: number): string => {
    put(database.series({ __name__: 'load', job: 'j', pod: 'a' }), minute * 60_000, load)
    evaluateGroup(state, minute * 60_000, () => 0, context)
    return [...(state.rules[1]?.alerts.values() ?? [])].map((alert) => alert.state).join()
  }
  const due = (minute: number) => dueAlerts(state, { now: minute * 60_000, externalLabels: { cluster: 'c' }, externalUrl: 'http://prom', rules: [] })
  assert.deepEqual([step(1, 5), step(2, 1500), step(3, 1500)], ['', 'pending', 'pending'])
  assert.deepEqual(due(3), [])
  assert.equal(step(4, 1500), 'firing')
  assert.deepEqual(due(4).map(({ labels, annotations, startsAt }) => ({ labels, annotations, startsAt })), [{ labels: { cluster: 'c', alertname: 'High', job: 'j', severity: 'page' }, annotations: { summary: 'j has 1.5k' }, startsAt: '1970-01-01T00:04:00Z' }])
  assert.deepEqual(due(4), [])
  assert.equal(step(5, 1), 'inactive')
  assert.equal(due(5)[0]?.endsAt, '1970-01-01T00:05:00Z')
  assert.equal(database.find([matcher('__name__', '=', 'ALERTS')], 0, 1e9).length, 2)
})

const refusedRules: readonly (readonly [text: string, message: RegExp])[] = [
  ['groups: [{ name: g, rules: [{ expr: up }] }]', /one of 'record' or 'alert' must be set/], ['groups: [{ name: g, rules: [{ record: x, expr: "sum(" }] }]', /could not parse expression: 1:5/],
  ['groups: [{ name: g }, { name: g }]', /is repeated in the same file/], ['groups: [{ name: g, rules: [{ record: x, expr: up, for: 1m }] }]', /invalid field 'for' in recording rule/],
]
for (const [text, message] of refusedRules) test(`rules refused: ${text}`, () => assert.throws(() => readRules(text, 'r.yaml', 60_000), (error) => isCoded(error, 'InvalidRules') && message.test(error.message)))

const templates: readonly (readonly [text: string, expected: string])[] = [
  ['{{ $value | humanizePercentage }}', '1234%'], ['{{ 3725 | humanizeDuration }}', '1h 2m 5s'], ['{{ 1536 | humanize1024 }}', '1.5ki'], ['{{ .Labels.job | toUpper }}', 'J'], ['{{ with query "up" }}{{ . | first | value }}{{ end }}', '7'], ['{{ nope }}', '<error expanding template: '],
]
for (const [text, expected] of templates) test(`alert text ${text}`, () => assert.ok(expandAlert(text, { labels: { job: 'j' }, externalLabels: {}, externalUrl: '', value: 12.34 }, () => [{ labels: {}, value: 7 }], () => 0).startsWith(expected)))
