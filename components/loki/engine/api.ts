import { CodedError, isCoded, messageOf } from '@idp/kit'
import { isLogQuery, logQuery, metricQuery, parseLogql, parseLogQuery, parseSeconds, type LogStream } from '@idp/lang-logql'
import { numberText, parseSelector, type Labels } from '@idp/lang-promql'
import type { LogStore } from './log-store.ts'
import { millisecondsOf, nanosecondsOf, readJsonPush, readProtobufPush, unsnappy, type PushedStream } from './push.ts'

export interface LokiState {
  readonly store: LogStore
  readonly now: () => number
  /** Takes pushed lines: stores them and keeps them. */
  readonly take: (streams: readonly PushedStream[]) => void
  readonly config: string
  readonly startedAt: number
}

/** Lines of one query at most, and the largest push, in bytes. */
const maxLines = 5000
const maxPush = 16 * 2 ** 20
const hour = 3_600_000

type Page = (query: URLSearchParams, state: LokiState, rest: string) => unknown

const bad = (message: string): CodedError => new CodedError({ code: 'BadRequest', message })

/** Answers `/loki/api/v1/…`. Undefined: no such page. */
export async function answerLoki(request: Request, state: LokiState): Promise<Response | undefined> {
  const url = new URL(request.url)
  const path = url.pathname.replace(/^\/loki\/api\/v1\//, '')
  try {
    if (path === 'push') return await push(request, state)
    const [name, rest] = path.startsWith('label/') && path.endsWith('/values') ? ['label/values', path.slice(6, -7)] : [path, '']
    const page = pages[name]
    if (page === undefined) return undefined
    const query = new URLSearchParams(url.search)
    if (request.method === 'POST') for (const [key, value] of new URLSearchParams(await request.text())) query.append(key, value)
    return Response.json(page(query, state, decodeURIComponent(rest)))
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return new Response(`${messageOf(error)}\n`, { status: isCoded(error, 'TooManyLines') ? 429 : 400, headers: { 'content-type': 'text/plain; charset=utf-8' } })
  }
}

async function push(request: Request, { take }: LokiState): Promise<Response> {
  if (request.method !== 'POST') return new Response('method not allowed\n', { status: 405 })
  const type = request.headers.get('content-type') ?? 'application/json'
  const body = await bodyOf(request)
  if (body.length > maxPush) throw bad(`the push is larger than ${maxPush} bytes`)
  if (type.includes('protobuf')) take(readProtobufPush(unsnappy(body, maxPush)))
  else {
    let parsed: unknown
    try {
      parsed = JSON.parse(new TextDecoder().decode(body))
    } catch (error) {
      throw new CodedError({ code: 'BadPush', message: `couldn't parse push request: ${messageOf(error)}`, cause: error })
    }
    take(readJsonPush(parsed))
  }
  return new Response(null, { status: 204 })
}

async function bodyOf(request: Request): Promise<Uint8Array> {
  const encoding = request.headers.get('content-encoding') ?? ''
  const body = encoding === 'gzip' || encoding === 'deflate' ? request.body?.pipeThrough(new DecompressionStream(encoding)) : request.body
  return body === null || body === undefined ? new Uint8Array() : new Uint8Array(await new Response(body as ReadableStream).arrayBuffer())
}

/** Nanoseconds, seconds with a fraction, or RFC 3339; as milliseconds. */
function time(query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name)
  if (text === null || text === '') return otherwise
  const ms = /^\d{15,}$/.test(text) ? millisecondsOf(text) : /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text)
  if (Number.isNaN(ms)) throw bad(`could not parse '${name}' parameter: ${text}`)
  return ms
}

function range(query: URLSearchParams, now: number): { start: number; end: number } {
  const end = time(query, 'end', now + 1)
  const since = query.get('since') === null ? hour : (parseSeconds(query.get('since') ?? '') ?? NaN) * 1000
  const start = time(query, 'start', end - since)
  if (Number.isNaN(start) || end < start) throw bad('end timestamp must not be before or equal to start time')
  return { start, end }
}

const limitOf = (query: URLSearchParams): number => {
  const limit = Number(query.get('limit') ?? 100)
  if (!Number.isInteger(limit) || limit <= 0) throw bad('limit must be a positive value')
  if (limit > maxLines) throw bad(`max entries limit per query exceeded, limit > max_entries_limit_per_query (${limit} > ${maxLines})`)
  return limit
}
const directionOf = (query: URLSearchParams): 'forward' | 'backward' => ((query.get('direction') ?? 'backward').toLowerCase() === 'forward' ? 'forward' : 'backward')

const streamData = ({ labels, lines }: LogStream) => ({ stream: labels, values: lines.map(({ t, line }) => [nanosecondsOf(t), line]) })
const success = (resultType: string, result: unknown, lines = 0): unknown => ({ status: 'success', data: { resultType, result, stats: { summary: { totalLinesProcessed: lines, totalEntriesReturned: Array.isArray(result) ? result.length : 0 } } } })

function queryRange(query: URLSearchParams, { store, now }: LokiState): unknown {
  const { start, end } = range(query, now())
  const expr = parseLogql(query.get('query') ?? '')
  if (isLogQuery(expr)) {
    const answer = logQuery(expr, store, { start, end, limit: limitOf(query), direction: directionOf(query) })
    return success('streams', answer.streams.map(streamData), answer.lines)
  }
  const given = query.get('step')
  const step = given === null || given === '' ? Math.max(1000, Math.ceil((end - start) / 250_000) * 1000) : /^[\d.]+$/.test(given) ? Number(given) * 1000 : (parseSeconds(given) ?? NaN) * 1000
  if (!(step > 0)) throw bad(`cannot parse step ${JSON.stringify(given)}`)
  if ((end - start) / step > 11_000) throw bad('exceeded maximum resolution of 11,000 points per time series')
  const times = Float64Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, index) => start + index * step)
  const answer = metricQuery(expr, store, times)
  const rows = answer.type === 'vector' ? answer.rows : [{ labels: {}, values: answer.values, has: new Uint8Array(times.length).fill(1) }]
  return success('matrix', rows.map(({ labels, values, has }) => ({ metric: labels, values: Array.from(times).flatMap((at, index) => (has[index] === 1 ? [[at / 1000, numberText(values[index] ?? NaN)]] : [])) })))
}

function instant(query: URLSearchParams, { store, now }: LokiState): unknown {
  const at = time(query, 'time', now())
  const expr = parseLogql(query.get('query') ?? '')
  if (isLogQuery(expr)) {
    const answer = logQuery(expr, store, { start: at - hour, end: at + 1, limit: limitOf(query), direction: directionOf(query) })
    return success('streams', answer.streams.map(streamData), answer.lines)
  }
  const answer = metricQuery(expr, store, Float64Array.of(at))
  if (answer.type === 'scalar') return success('scalar', [at / 1000, numberText(answer.values[0] ?? NaN)])
  return success('vector', answer.rows.flatMap(({ labels, values, has }) => (has[0] === 1 ? [{ metric: labels, value: [at / 1000, numberText(values[0] ?? NaN)] }] : [])))
}

const selectors = (query: URLSearchParams): readonly ReturnType<typeof parseSelector>[] => [...query.getAll('match[]'), ...query.getAll('match')].map((text) => parseSelector(text))
const wide = (query: URLSearchParams, now: number) => (query.has('start') || query.has('since') ? range(query, now) : { start: now - 6 * hour, end: now + 1 })
const selectorOf = (query: URLSearchParams) => { const text = query.get('query') ?? ''; return text === '' || text === '{}' ? [] : parseLogQuery(text).matchers }

const pages: Readonly<Record<string, Page>> = {
  query_range: queryRange,
  query: instant,
  labels: (query, { store, now }) => { const { start, end } = wide(query, now()); return { status: 'success', data: store.labelNames(start, end) } },
  label: (query, { store, now }) => { const { start, end } = wide(query, now()); return { status: 'success', data: store.labelNames(start, end) } },
  'label/values': (query, { store, now }, name) => {
    const { start, end } = wide(query, now())
    const matchers = selectorOf(query)
    return { status: 'success', data: matchers.length === 0 ? store.labelValues(name, start, end) : [...new Set(store.streams(matchers, start, end).flatMap((labels) => labels[name] ?? []))].sort() }
  },
  series: (query, { store, now }) => {
    const { start, end } = wide(query, now())
    const sets = selectors(query)
    const found: Labels[] = sets.length === 0 ? [...store.streams([], start, end)] : sets.flatMap((matchers) => [...store.streams(matchers, start, end)])
    return { status: 'success', data: [...new Set(found)] }
  },
  'index/stats': (query, { store, now }) => { const { start, end } = wide(query, now()); return store.stats(selectorOf(query), start, end) },
  'index/volume': (query, { store, now }) => {
    const { start, end } = wide(query, now())
    const names = (query.get('targetLabels') ?? '').split(',').filter((name) => name !== '')
    const sums = new Map<string, { metric: Labels; bytes: number }>()
    for (const { labels, bytes } of store.volume(selectorOf(query), start, end)) {
      const metric = names.length === 0 ? labels : Object.fromEntries(names.flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]])))
      const key = JSON.stringify(metric)
      const sum = sums.get(key) ?? { metric, bytes: 0 }
      sum.bytes += bytes
      sums.set(key, sum)
    }
    return success('vector', [...sums.values()].sort((a, b) => b.bytes - a.bytes).slice(0, Number(query.get('limit') ?? 100)).map(({ metric, bytes }) => ({ metric, value: [end / 1000, String(bytes)] })))
  },
  format_query: (query) => { parseLogql(query.get('query') ?? ''); return { status: 'success', data: query.get('query') } },
  'status/buildinfo': () => ({ version: '3.5.5', revision: 'idp', branch: 'idp', buildUser: 'idp', buildDate: '', goVersion: '' }),
}
