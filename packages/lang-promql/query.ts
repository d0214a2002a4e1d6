import { CodedError } from '@idp/kit'
import type { Expr } from './ast.ts'
import { evaluate } from './evaluate.ts'
import { unique } from './functions/relabel.ts'
import type { Labels } from './labels.ts'
import { selectRange, selectSubquery } from './select.ts'
import type { Evaluation, SampleSource } from './value.ts'

/** `[seconds, value]` pairs keep milliseconds; values are numbers, formatted by who prints them. */
export type Result =
  | { readonly type: 'scalar'; readonly at: number; readonly value: number }
  | { readonly type: 'string'; readonly at: number; readonly value: string }
  | { readonly type: 'vector'; readonly samples: readonly { readonly labels: Labels; readonly at: number; readonly value: number }[] }
  | { readonly type: 'matrix'; readonly series: readonly { readonly labels: Labels; readonly points: readonly (readonly [at: number, value: number])[] }[] }

export interface Answer { readonly result: Result; readonly warnings: readonly string[]; readonly infos: readonly string[] }

export interface QueryLimits {
  /** How far back an instant selector looks, milliseconds; 5 minutes by default. */
  readonly lookback?: number
  /** Samples one query may look at; 50 million by default, as upstream. */
  readonly maxSamples?: number
}

/** Evaluates at one moment (milliseconds). Throws CodedError: `TooManySamples`, `BadMatching`, `DuplicateSeries`, `BadParameter`, `Unsupported`. */
export function instantQuery(expr: Expr, source: SampleSource, at: number, limits: QueryLimits = {}): Answer {
  const { evaluation, warnings, infos } = start(source, { start: at, end: at, step: 0 }, limits)
  const range = rangeAt(expr, evaluation)
  if (range !== undefined) return { result: range, warnings: [...warnings], infos: [...infos] }
  const value = evaluate(expr, evaluation)
  const result: Result = value.type === 'scalar' ? { type: 'scalar', at, value: value.values[0] ?? NaN }
    : value.type === 'string' ? { type: 'string', at, value: value.value }
    : { type: 'vector', samples: unique(value.rows).flatMap(({ labels, values, has }) => (has[0] === 1 ? [{ labels, at, value: values[0] ?? NaN }] : [])) }
  return { result, warnings: [...warnings], infos: [...infos] }
}

/** Evaluates from `start` to `end` at every `step` (milliseconds); the result is a matrix. Throws as `instantQuery`, and CodedError `BadRange`. */
export function rangeQuery(expr: Expr, source: SampleSource, range: { readonly start: number; readonly end: number; readonly step: number }, limits: QueryLimits = {}): Answer {
  if (!(range.step > 0)) throw new CodedError({ code: 'BadRange', message: 'zero or negative query resolution step widths are not accepted. Try a positive integer' })
  if (range.end < range.start) throw new CodedError({ code: 'BadRange', message: 'end timestamp must not be before start time' })
  if ((range.end - range.start) / range.step > 11_000) throw new CodedError({ code: 'BadRange', message: 'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)' })
  const { evaluation, warnings, infos } = start(source, range, limits)
  const value = evaluate(expr, evaluation)
  if (value.type === 'string') throw new CodedError({ code: 'BadExpression', message: 'invalid expression type "string" for range query, must be Scalar or instant Vector' })
  const { times } = evaluation
  const rows = value.type === 'scalar' ? [{ labels: {}, values: value.values, has: new Uint8Array(times.length).fill(1) }] : unique(value.rows)
  const series = rows.map(({ labels, values, has }) => ({ labels, points: Array.from(times).flatMap((at, step) => (has[step] === 1 ? [[at, values[step] ?? NaN] as const] : [])) }))
  return { result: { type: 'matrix', series: series.filter(({ points }) => points.length > 0) }, warnings: [...warnings], infos: [...infos] }
}

function start(source: SampleSource, query: { start: number; end: number; step: number }, { lookback = 300_000, maxSamples = 50_000_000 }: QueryLimits): { evaluation: Evaluation; warnings: Set<string>; infos: Set<string> } {
  const [warnings, infos] = [new Set<string>(), new Set<string>()]
  let spent = 0
  const count = query.step === 0 ? 1 : Math.floor((query.end - query.start) / query.step) + 1
  const evaluation: Evaluation = {
    source, query, lookback, times: Float64Array.from({ length: count }, (_, index) => query.start + index * query.step),
    spend: (samples) => {
      spent += samples
      if (spent > maxSamples) throw new CodedError({ code: 'TooManySamples', message: 'query processing would load too many samples into memory in query execution' })
    },
    annotate: (level, message) => void (level === 'warning' ? warnings : infos).add(message),
  }
  return { evaluation, warnings, infos }
}

/** A range selector alone gives its samples as they are. */
function rangeAt(expr: Expr, evaluation: Evaluation): Result | undefined {
  if (expr.type === 'paren') return rangeAt(expr.of, evaluation)
  const vector = expr.type === 'selector' && expr.range !== undefined ? selectRange(expr, evaluation)
    : expr.type === 'subquery' ? selectSubquery(expr, evaluation, (inner) => evaluate(expr.of, inner)) : undefined
  if (vector === undefined) return undefined
  const [from, to] = vector.bounds(0)
  const series = vector.series.map(({ labels, t, v }) => ({ labels, points: Array.from(t).flatMap((at, index) => (at > from && at <= to ? [[at, v[index] ?? NaN] as const] : [])) }))
  return { type: 'matrix', series: series.filter(({ points }) => points.length > 0) }
}
