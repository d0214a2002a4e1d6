import { CodedError } from '@idp/kit'
import { evaluateAggregate, evaluateBinary, labelReplace, labelsKey, omitLabels, pickLabels, windowFunctions, type Evaluation, type Labels, type Matcher, type Row, type Value } from '@idp/lang-promql'
import type { LogqlExpr, LogQuery, MetricQuery, RangeAggregation } from './ast.ts'
import { compileStages, type Entry } from './pipeline.ts'
import { parseBytes, parseSeconds } from './units.ts'

/** A line with its time in milliseconds (with a fraction, to the microsecond). */
export interface LogLine { readonly t: number; readonly line: string; /** Structured metadata. */ readonly metadata?: Labels }
export interface LogStream { readonly labels: Labels; readonly lines: readonly LogLine[] }

/** Where lines come from: streams whose labels match, with lines in `start <= t < end`, in the order of time. */
export interface LogSource { select(matchers: readonly Matcher[], start: number, end: number): readonly LogStream[] }

export interface LogAnswer { readonly streams: readonly LogStream[]; /** Lines that were looked at. */ readonly lines: number }

export interface LogQueryOptions { readonly start: number; readonly end: number; readonly limit: number; readonly direction: 'forward' | 'backward' }

/** Runs a query of logs: the newest (or oldest) lines up to the limit, by the labels they end up with. */
export function logQuery({ matchers, stages }: LogQuery, source: LogSource, { start, end, limit, direction }: LogQueryOptions): LogAnswer {
  const step = compileStages(stages)
  const sign = direction === 'forward' ? 1 : -1
  const all: Entry[] = []
  let lines = 0
  for (const stream of source.select(matchers, start, end)) {
    for (const line of stream.lines) {
      lines++
      const entry = entryOf(stream.labels, line)
      if (step(entry)) all.push(entry)
    }
  }
  const taken = all.sort((a, b) => sign * (a.t - b.t)).slice(0, limit)
  const streams = new Map<string, { labels: Labels; lines: LogLine[] }>()
  for (const { t, line, labels } of taken) {
    const key = labelsKey(labels)
    const stream = streams.get(key) ?? { labels, lines: [] }
    stream.lines.push({ t, line })
    streams.set(key, stream)
  }
  return { streams: [...streams.values()], lines }
}

const entryOf = (stream: Labels, { t, line, metadata }: LogLine): Entry => ({ t, line, labels: { ...stream, ...metadata }, stream })

export type NumberAnswer = { readonly type: 'scalar'; readonly values: Float64Array } | { readonly type: 'vector'; readonly rows: readonly Row[] }

/** Runs a query of numbers at the given moments (milliseconds). Throws CodedErrors of PromQL's operators, `PipelineError` for lines that a stage failed on. */
export function metricQuery(expr: MetricQuery, source: LogSource, times: Float64Array): NumberAnswer {
  const evaluation: Evaluation = { source: { select: () => [] }, query: { start: times[0] ?? 0, end: times.at(-1) ?? 0, step: (times[1] ?? 0) - (times[0] ?? 0) }, times, lookback: 0, spend: () => {}, annotate: () => {} }
  const value = evaluate(expr, source, evaluation)
  if (value.type === 'string') throw new CodedError({ code: 'BadExpression', message: 'a metric query gives no text' })
  return value
}

export const isLogQuery = (expr: LogqlExpr): expr is LogQuery => expr.type === 'log'

const vector = (rows: readonly Row[]): Value => ({ type: 'vector', rows })
const constant = (value: number, { times }: Evaluation): Float64Array => new Float64Array(times.length).fill(value)

function evaluate(expr: MetricQuery, source: LogSource, evaluation: Evaluation): Value {
  switch (expr.type) {
    case 'number': return { type: 'scalar', values: constant(expr.value, evaluation) }
    case 'vector': return vector([{ labels: {}, values: constant(expr.value, evaluation), has: new Uint8Array(evaluation.times.length).fill(1) }])
    case 'range': return vector(overTime(expr, source, evaluation))
    case 'label_replace': { const of = evaluate(expr.of, source, evaluation); return of.type === 'vector' ? vector(labelReplace(of.rows, expr.args)) : of }
    case 'aggregate': {
      const of = evaluate(expr.of, source, evaluation)
      if (of.type !== 'vector') return of
      if (expr.op === 'sort' || expr.op === 'sort_desc') return vector([...of.rows].sort((a, b) => (expr.op === 'sort' ? 1 : -1) * ((a.values[0] ?? 0) - (b.values[0] ?? 0))))
      const param: Value | undefined = expr.param === undefined ? undefined : { type: 'scalar', values: constant(expr.param, evaluation) }
      return vector(evaluateAggregate({ type: 'aggregate', op: expr.op, of: { type: 'number', value: 0 }, labels: expr.grouping.labels, without: expr.grouping.without }, of.rows, param, evaluation))
    }
    case 'binary': {
      const [left, right] = [evaluate(expr.left, source, evaluation), evaluate(expr.right, source, evaluation)]
      const matching = { on: expr.on, labels: expr.labels, include: expr.include, ...(expr.group === undefined ? {} : { group: expr.group }) }
      // A comparison of two numbers is what `bool` makes it: there is nothing to filter.
      const bool = expr.bool || (left.type === 'scalar' && right.type === 'scalar')
      return evaluateBinary({ type: 'binary', op: expr.op, left: { type: 'number', value: 0 }, right: { type: 'number', value: 0 }, bool, matching, fill: {} }, left, right, evaluation.times.length)
    }
  }
}

interface Samples { readonly labels: Labels; readonly t: number[]; readonly v: number[] }

const converters = { number: (text: string): number | undefined => { const value = Number(text); return text === '' || Number.isNaN(value) ? undefined : value }, duration: parseSeconds, bytes: parseBytes }

/** What each line counts for, by the labels it ends up with. */
function samplesOf({ query, unwrap, op, grouping }: RangeAggregation, source: LogSource, start: number, end: number): Map<string, Samples> {
  const step = compileStages(query.stages)
  const after = compileStages(unwrap?.filters ?? [])
  const series = new Map<string, Samples>()
  const bytes = op === 'bytes_rate' || op === 'bytes_over_time'
  for (const stream of source.select(query.matchers, start, end)) {
    for (const line of stream.lines) {
      const entry = entryOf(stream.labels, line)
      if (!step(entry)) continue
      let value = bytes ? Buffer.byteLength(entry.line) : 1
      if (unwrap !== undefined) {
        const text = entry.labels[unwrap.label]
        if (text === undefined) continue
        const converted = converters[unwrap.convert](text)
        if (converted === undefined) entry.labels['__error__'] = 'SampleExtractionErr'
        delete entry.labels[unwrap.label]
        value = converted ?? 0
        if (!after(entry)) continue
      }
      const error = entry.labels['__error__']
      if (error !== undefined && error !== '') throw new CodedError({ code: 'PipelineError', message: `pipeline error: '${error}' for series: '${JSON.stringify(stream.labels)}'.\nUse a label filter to intentionally skip this error. (e.g | __error__!="${error}").` })
      const labels = grouping === undefined ? entry.labels : grouping.without ? omitLabels(entry.labels, grouping.labels) : pickLabels(entry.labels, grouping.labels)
      const key = labelsKey(labels)
      const one = series.get(key) ?? { labels: { ...labels }, t: [], v: [] }
      one.t.push(entry.t)
      one.v.push(value)
      series.set(key, one)
    }
  }
  for (const [key, { labels, t, v }] of series) {
    const order = t.map((_, index) => index).sort((a, b) => (t[a] ?? 0) - (t[b] ?? 0))
    series.set(key, { labels, t: order.map((index) => t[index] ?? 0), v: order.map((index) => v[index] ?? 0) })
  }
  return series
}

function overTime(expr: RangeAggregation, source: LogSource, { times }: Evaluation): Row[] {
  const { op, range, offset, unwrap, param = NaN } = expr
  const [first, last] = [(times[0] ?? 0) - offset, (times.at(-1) ?? 0) - offset]
  const series = samplesOf(expr, source, first - range, last + 0.001)
  const compute = rangeFunction(op, range, unwrap !== undefined)
  const rows = [...series.values()].map(({ labels, t, v }) => {
    const row: Row = { labels, values: new Float64Array(times.length), has: new Uint8Array(times.length) }
    let [from, to] = [0, 0]
    for (let step = 0; step < times.length; step++) {
      const end = (times[step] ?? 0) - offset
      while (from < t.length && (t[from] ?? 0) <= end - range) from++
      to = Math.max(to, from)
      while (to < t.length && (t[to] ?? 0) <= end) to++
      if (from === to) continue
      const value = compute({ t, v, from, to, start: end - range, end }, [param])
      if (value === undefined) continue
      row.values[step] = value
      row.has[step] = 1
    }
    return row
  })
  if (op !== 'absent_over_time') return rows.filter(({ has }) => has.includes(1))
  const absent = Uint8Array.from(times, (_, step) => (rows.some(({ has }) => has[step] === 1) ? 0 : 1))
  const labels = Object.fromEntries(expr.query.matchers.filter(({ op: equal }) => equal === '=').map(({ label, value }) => [label, value]))
  return absent.includes(1) ? [{ labels, values: new Float64Array(times.length).fill(1), has: absent }] : []
}

type RangeFunction = (typeof windowFunctions)[string]

function rangeFunction(op: string, rangeMs: number, unwrapped: boolean): RangeFunction {
  const sum = windowFunctions['sum_over_time']
  switch (op) {
    case 'rate': case 'bytes_rate': return (window, args) => { const total = sum?.(window, args); return total === undefined ? undefined : total / (rangeMs / 1000) }
    case 'bytes_over_time': return (window, args) => sum?.(window, args)
    case 'rate_counter': return windowFunctions['rate'] ?? (() => undefined)
    case 'count_over_time': case 'absent_over_time': return ({ from, to }) => to - from
    default: {
      const found = unwrapped ? windowFunctions[op] : undefined
      if (found === undefined) throw new CodedError({ code: 'Unsupported', message: `range aggregation ${op} is not supported` })
      return found
    }
  }
}
