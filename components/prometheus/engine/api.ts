import { CodedError, isCoded, messageOf, rfc3339 } from '@idp/kit'
import { instantQuery, matchesAll, metricName, numberText, parseDuration, parsePromql, parseSelector, rangeQuery, type Answer, type Labels, type Matcher, type Result, type SampleSource } from '@idp/lang-promql'
import type { Database } from '@idp/tsdb'
import type { GroupState, RuleState } from './evaluate-rules.ts'
import type { Metadata } from './exposition.ts'
import type { Scraper } from './scrape.ts'

/** What the HTTP API of Prometheus tells about. */
export interface ApiState {
  readonly database: Database
  readonly now: () => number
  readonly scrapers: () => readonly { readonly pool: string; readonly scraper: Scraper }[]
  readonly dropped: () => readonly { readonly pool: string; readonly labels: ReadonlyMap<string, string> }[]
  readonly groups: () => readonly GroupState[]
  readonly alertmanagers: () => readonly string[]
  readonly config: () => string
  readonly flags: Readonly<Record<string, string>>
  readonly startedAt: number
  readonly reloadedAt: () => number
}

type Page = (query: URLSearchParams, state: ApiState, rest: string) => unknown

/** Answers `/api/v1/…`; the parameters may come in the address or in a form. Undefined: no such page. */
export async function answerApi(request: Request, state: ApiState): Promise<Response | undefined> {
  const url = new URL(request.url)
  const path = url.pathname.slice('/api/v1/'.length)
  const [name, rest] = path.startsWith('label/') && path.endsWith('/values') ? ['label/values', path.slice(6, -7)] : [path, '']
  const page = pages[name]
  if (page === undefined) return undefined
  const query = new URLSearchParams(url.search)
  if (request.method === 'POST') for (const [key, value] of new URLSearchParams(await request.text())) query.append(key, value)
  try {
    const data = page(query, state, rest)
    const { warnings = [], infos = [], ...body } = data instanceof Annotated ? { data: data.data, warnings: data.warnings, infos: data.infos } : { data }
    return Response.json({ status: 'success', ...body, ...(warnings.length === 0 ? {} : { warnings }), ...(infos.length === 0 ? {} : { infos }) })
  } catch (error) {
    const bad = isCoded(error, 'ParseError') || isCoded(error, 'BadData') || isCoded(error, 'BadRange') || isCoded(error, 'InvalidRegex')
    if (!(error instanceof CodedError)) throw error
    return Response.json({ status: 'error', errorType: bad ? 'bad_data' : 'execution', error: bad && !isCoded(error, 'ParseError') ? messageOf(error) : bad ? `invalid parameter "query": ${messageOf(error)}` : messageOf(error) }, { status: bad ? 400 : 422 })
  }
}

class Annotated {
  readonly data: unknown
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
  constructor(data: unknown, { warnings, infos }: Answer) {
    this.data = data
    this.warnings = warnings
    this.infos = infos
  }
}

const bad = (message: string): CodedError => new CodedError({ code: 'BadData', message })

/** Seconds with a fraction, or RFC 3339; as milliseconds. */
function time(query: URLSearchParams, name: string, otherwise: number | undefined): number {
  const text = query.get(name) ?? ''
  if (text === '' && otherwise !== undefined) return otherwise
  const ms = /^-?[\d.]+(e[+-]?\d+)?$/i.test(text) ? Math.round(Number(text) * 1000) : Date.parse(text)
  if (text === '' || Number.isNaN(ms)) throw bad(`invalid parameter "${name}": cannot parse ${JSON.stringify(text)} to a valid timestamp`)
  return ms
}

function duration(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? ''
  const ms = /^[\d.]+$/.test(text) ? Number(text) * 1000 : parseDuration(text)
  if (ms === undefined || Number.isNaN(ms) || text === '') throw bad(`invalid parameter "${name}": cannot parse ${JSON.stringify(text)} to a valid duration`)
  return ms
}

const required = (query: URLSearchParams, name: string): string => query.get(name) ?? (() => { throw bad(`invalid parameter "${name}": missing`) })()
const point = (at: number, value: number): [number, string] => [at / 1000, numberText(value)]

function resultData(result: Result): unknown {
  switch (result.type) {
    case 'scalar': return { resultType: 'scalar', result: point(result.at, result.value) }
    case 'string': return { resultType: 'string', result: [result.at / 1000, result.value] }
    case 'vector': return { resultType: 'vector', result: result.samples.map(({ labels, at, value }) => ({ metric: labels, value: point(at, value) })) }
    case 'matrix': return { resultType: 'matrix', result: result.series.map(({ labels, points }) => ({ metric: labels, values: points.map(([at, value]) => point(at, value)) })) }
  }
}

function matchSets(query: URLSearchParams, needed: boolean): readonly (readonly Matcher[])[] {
  const sets = query.getAll('match[]').map((text) => parseSelector(text))
  if (needed && sets.length === 0) throw bad('no match[] parameter provided')
  return sets
}

function found(query: URLSearchParams, { database }: ApiState, needed: boolean): readonly Labels[] {
  const [start, end] = [time(query, 'start', -8.64e15), time(query, 'end', 8.64e15)]
  const sets = matchSets(query, needed)
  const all = sets.length === 0 ? database.find([], start, end) : sets.flatMap((matchers) => [...database.find(matchers, start, end)])
  return [...new Set(all)]
}

const limited = <T>(query: URLSearchParams, list: readonly T[]): readonly T[] => { const limit = Number(query.get('limit') ?? 0); return limit > 0 ? list.slice(0, limit) : list }

const pages: Readonly<Record<string, Page>> = {
  query(query, { database, now }) {
    const answer = instantQuery(parsePromql(required(query, 'query')), database, time(query, 'time', now()))
    return new Annotated(resultData(answer.result), answer)
  },
  query_range(query, { database }) {
    const [start, end, step] = [time(query, 'start', undefined), time(query, 'end', undefined), duration(query, 'step')]
    const answer = rangeQuery(parsePromql(required(query, 'query')), database, { start, end, step })
    return new Annotated(resultData(answer.result), answer)
  },
  format_query: (query) => { const text = required(query, 'query'); parsePromql(text); return text },
  series: (query, state) => limited(query, found(query, state, true)),
  labels: (query, state) => limited(query, query.has('match[]') ? [...new Set(found(query, state, false).flatMap((labels) => Object.keys(labels)))].sort() : state.database.labelNames()),
  'label/values': (query, state, name) => limited(query, query.has('match[]') ? [...new Set(found(query, state, false).flatMap((labels) => labels[name] ?? []))].sort() : state.database.labelValues(name)),
  query_exemplars: () => [],
  targets: targetsPage,
  scrape_pools: (_, { scrapers }) => ({ scrapePools: [...new Set(scrapers().map(({ pool }) => pool))].sort() }),
  rules: (query, { groups }) => {
    const type = query.get('type')
    const wanted = (rule: RuleState): boolean => (type === null || (type === 'alert') === (rule.rule.type === 'alerting'))
    return { groups: groups().map(({ group, rules, lastEvaluation, seconds }) => ({ name: group.name, file: group.file, interval: group.interval / 1000, limit: 0, rules: rules.filter(wanted).map(ruleData), evaluationTime: seconds, lastEvaluation: stamp(lastEvaluation) })) }
  },
  alerts: (_, { groups }) => ({ alerts: groups().flatMap(({ rules }) => rules.flatMap(alertsOf)) }),
  alertmanagers: (_, { alertmanagers }) => ({ activeAlertmanagers: alertmanagers().map((url) => ({ url })), droppedAlertmanagers: [] }),
  metadata: (query, { scrapers }) => {
    const wanted = query.get('metric')
    const all = new Map<string, Metadata>()
    for (const { scraper } of scrapers()) for (const [name, one] of scraper.metadata) if (wanted === null || wanted === name) all.set(name, one)
    return Object.fromEntries(limited(query, [...all]).map(([name, one]) => [name, [one]]))
  },
  'targets/metadata': (query, { scrapers }) => {
    const wanted = query.get('metric')
    const matchers = query.get('match_target') === null ? [] : parseSelector(query.get('match_target') ?? '')
    return scrapers().filter(({ scraper }) => matchesAll(Object.fromEntries(scraper.target.labels), matchers))
      .flatMap(({ scraper }) => [...scraper.metadata].filter(([name]) => wanted === null || name === wanted).map(([metric, one]) => ({ target: Object.fromEntries(scraper.target.labels), metric, ...one })))
  },
  'status/buildinfo': () => ({ version: '3.5.0', revision: 'idp', branch: 'idp', buildUser: 'idp', buildDate: '', goVersion: '' }),
  'status/config': (_, { config }) => ({ yaml: config() }),
  'status/flags': (_, { flags }) => flags,
  'status/runtimeinfo': (_, { startedAt, reloadedAt, database }) => ({ startTime: stamp(startedAt), CWD: '/prometheus', reloadConfigSuccess: true, lastConfigTime: stamp(reloadedAt()), corruptionCount: 0, storageRetention: '', timeSeriesCount: database.stats().series }),
  'status/tsdb': (_, { database }) => {
    const { series, chunks, first, last } = database.stats()
    const perName = database.labelValues(metricName).map((name) => ({ name, value: database.find([{ label: metricName, op: '=', value: name, matches: (text) => text === name }], -8.64e15, 8.64e15).length }))
    return { headStats: { numSeries: series, numLabelPairs: database.labelNames().reduce((sum, name) => sum + database.labelValues(name).length, 0), chunkCount: chunks, minTime: first ?? 0, maxTime: last ?? 0 }, seriesCountByMetricName: perName.sort((a, b) => b.value - a.value).slice(0, 10) }
  },
}

/** Go's zero time stands for "never". */
const stamp = (ms: number): string => (ms === 0 ? '0001-01-01T00:00:00Z' : rfc3339(ms))

function targetsPage(query: URLSearchParams, { scrapers, dropped }: ApiState): unknown {
  const state = query.get('state') ?? 'any'
  const pool = query.get('scrapePool')
  const activeTargets = state === 'dropped' ? [] : scrapers().filter((one) => pool === null || one.pool === pool).map(({ pool: scrapePool, scraper: { target, outcome } }) => ({
    discoveredLabels: Object.fromEntries(target.discovered), labels: Object.fromEntries(target.labels), scrapePool, scrapeUrl: target.url, globalUrl: target.url,
    lastError: outcome.lastError, lastScrape: stamp(outcome.lastScrape), lastScrapeDuration: outcome.duration, health: outcome.health, scrapeInterval: `${target.interval / 1000}s`, scrapeTimeout: `${target.timeout / 1000}s`,
  }))
  const gone = dropped()
  return { activeTargets, droppedTargets: state === 'active' ? [] : gone.map(({ labels }) => ({ discoveredLabels: Object.fromEntries(labels) })), droppedTargetCounts: Object.fromEntries([...new Set(gone.map((one) => one.pool))].map((name) => [name, gone.filter((one) => one.pool === name).length])) }
}

function alertsOf({ alerts }: RuleState): unknown[] {
  return [...alerts.values()].filter(({ state }) => state !== 'inactive').map(({ labels, annotations, state, activeAt, value }) => ({ labels, annotations, state, activeAt: rfc3339(activeAt), value: value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2') }))
}

function ruleData(state: RuleState): unknown {
  const { rule, health, lastError, lastEvaluation, seconds } = state
  const shared = { query: rule.query, labels: rule.labels, health, ...(lastError === '' ? {} : { lastError }), evaluationTime: seconds, lastEvaluation: stamp(lastEvaluation) }
  if (rule.type === 'recording') return { name: rule.record, type: 'recording', ...shared }
  const alerts = alertsOf(state)
  const states = [...state.alerts.values()].map((alert) => alert.state)
  return { name: rule.alert, type: 'alerting', state: states.includes('firing') ? 'firing' : states.includes('pending') ? 'pending' : 'inactive', duration: rule.for / 1000, keepFiringFor: rule.keepFiringFor / 1000, annotations: rule.annotations, alerts, ...shared }
}

/** `/federate`: the newest samples of what matches, in the text format. */
export function federate(query: URLSearchParams, source: SampleSource, now: number): string {
  const lines: string[] = []
  for (const matchers of matchSets(query, true)) {
    for (const { labels, t, v } of source.select(matchers, now - 300_000, now)) {
      const pairs = Object.entries(labels).filter(([name]) => name !== metricName).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      lines.push(`${labels[metricName] ?? ''}{${pairs.join(',')}} ${numberText(v[v.length - 1] ?? NaN)} ${t[t.length - 1] ?? 0}\n`)
    }
  }
  return lines.join('')
}
