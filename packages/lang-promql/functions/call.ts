import { CodedError } from '@idp/kit'
import type { Call, Expr } from '../ast.ts'
import { metricName, withoutName, type Labels } from '../labels.ts'
import { selectInstant, selectRange, selectSubquery } from '../select.ts'
import { emptyRow, relabeled, type Evaluation, type RangeVector, type Row, type Value, type Window } from '../value.ts'
import { dateFunctions } from './dates.ts'
import { histogramFraction, histogramQuantile } from './histogram.ts'
import { mathFunctions } from './math.ts'
import { keepsName, windowFunctions, type WindowFunction } from './over-time.ts'
import { labelJoin, labelReplace, unique } from './relabel.ts'

type Evaluate = (expr: Expr, evaluation: Evaluation) => Value

/** The arguments of a call, evaluated when they are asked for. */
interface Arguments {
  readonly evaluation: Evaluation
  readonly exprs: readonly Expr[]
  readonly rows: (index: number) => readonly Row[]
  readonly scalars: (index: number) => Float64Array
  readonly text: (index: number) => string
}

/** Throws CodedError `Unsupported` for functions of native histograms. */
export function evaluateCall(call: Call, evaluation: Evaluation, evaluate: Evaluate): Value {
  const window = windowFunctions[call.name]
  if (window !== undefined) return overTime(call, window, evaluation, evaluate)
  if (call.name === 'absent_over_time') return vector(absentOverTime(call, evaluation, evaluate))
  const at = (index: number): Value | undefined => { const arg = call.args[index]; return arg === undefined ? undefined : evaluate(arg, evaluation) }
  const args: Arguments = {
    evaluation, exprs: call.args,
    rows: (index) => { const value = at(index); return value?.type === 'vector' ? value.rows : [] },
    scalars: (index) => { const value = at(index); return value?.type === 'scalar' ? value.values : new Float64Array(evaluation.times.length).fill(NaN) },
    text: (index) => { const value = at(index); return value?.type === 'string' ? value.value : '' },
  }
  const math = mathFunctions[call.name]
  if (math !== undefined) return vector(mapped(args.rows(0), math))
  const date = dateFunctions[call.name]
  if (date !== undefined) return vector(mapped(call.args.length === 0 ? [clockRow(evaluation)] : args.rows(0), date))
  const other = functions[call.name]
  if (other === undefined) throw new CodedError({ code: 'Unsupported', message: `function ${call.name} is not supported` })
  return other(args)
}

const vector = (rows: readonly Row[]): Value => ({ type: 'vector', rows })

function mapped(rows: readonly Row[], compute: (value: number, step: number) => number): readonly Row[] {
  return unique(rows.map((row) => ({ ...relabeled(row, withoutName(row.labels)), values: row.values.map(compute) })))
}

function clockRow({ times }: Evaluation): Row {
  return { labels: {}, values: times.map((ms) => ms / 1000), has: new Uint8Array(times.length).fill(1) }
}

function rangeOf(expr: Expr | undefined, evaluation: Evaluation, evaluate: Evaluate): RangeVector {
  if (expr?.type === 'paren') return rangeOf(expr.of, evaluation, evaluate)
  if (expr?.type === 'subquery') return selectSubquery(expr, evaluation, (inner) => evaluate(expr.of, inner))
  if (expr?.type !== 'selector') throw new CodedError({ code: 'BadExpression', message: 'expected a range vector' })
  return selectRange(expr, evaluation)
}

/** Functions of counters; a name that does not look like one is worth a word. */
const counterFunctions = new Set(['rate', 'increase', 'irate'])

function overTime(call: Call, compute: WindowFunction, evaluation: Evaluation, evaluate: Evaluate): Value {
  const { times } = evaluation
  const place = call.args.findIndex((arg) => isRange(arg))
  const range = rangeOf(call.args[place], evaluation, evaluate)
  const scalars = call.args.filter((_, index) => index !== place).map((arg) => { const value = evaluate(arg, evaluation); return value.type === 'scalar' ? value.values : new Float64Array(times.length) })
  checkParameters(call.name, scalars, evaluation)
  if (counterFunctions.has(call.name) && range.named !== '' && !/_(total|sum|count|bucket)$/.test(range.named)) {
    if (range.series.some(({ t }) => t.length > 1)) evaluation.annotate('info', `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${JSON.stringify(range.named)}`)
  }
  const rows: Row[] = []
  for (const series of range.series) {
    const row = emptyRow(keepsName.has(call.name) ? series.labels : withoutName(series.labels), times.length)
    const window: Window = { t: series.t, v: series.v, from: 0, to: 0, start: 0, end: 0 }
    let found = false
    for (let step = 0; step < times.length; step++) {
      slide(window, range.bounds(step))
      if (window.from === window.to) continue
      evaluation.spend(window.to - window.from)
      window.at = times[step] ?? window.end
      const value = compute(window, scalars.map((values) => values[step] ?? NaN))
      if (value === undefined) continue
      row.values[step] = value
      row.has[step] = 1
      found = true
    }
    if (found) rows.push(row)
  }
  return vector(unique(rows))
}

function isRange(expr: Expr): boolean {
  return expr.type === 'paren' ? isRange(expr.of) : expr.type === 'subquery' || (expr.type === 'selector' && expr.range !== undefined)
}

/** Moves a window to `(start, end]`, from where it was. */
function slide(window: Window, [start, end]: readonly [number, number]): void {
  const { t } = window
  if (start < window.start || end < window.end) window.from = window.to = 0
  while (window.from < t.length && (t[window.from] ?? Infinity) <= start) window.from++
  window.to = Math.max(window.to, window.from)
  while (window.to < t.length && (t[window.to] ?? Infinity) <= end) window.to++
  window.start = start
  window.end = end
}

function checkParameters(name: string, scalars: readonly Float64Array[], { annotate }: Evaluation): void {
  if (name === 'quantile_over_time') for (const q of new Set(scalars[0])) if (!(q >= 0 && q <= 1)) annotate('warning', `quantile value should be between 0 and 1, got ${q}`)
  if (name !== 'double_exponential_smoothing') return
  for (const [index, what] of ['smoothing', 'trend'].entries()) {
    const bad = scalars[index]?.find((value) => !(value > 0 && value < 1))
    if (bad !== undefined) throw new CodedError({ code: 'BadParameter', message: `invalid ${what} factor. Expected: 0 < ${index === 0 ? 'sf' : 'tf'} < 1, got: ${bad}` })
  }
}

/** Labels that an absent series would have: those its selector names with `=`. */
function labelsOfAbsent(expr: Expr | undefined): Labels {
  if (expr?.type === 'paren') return labelsOfAbsent(expr.of)
  if (expr?.type !== 'selector') return {}
  const labels: Record<string, string> = {}
  const twice = new Set<string>()
  for (const { label, op, value } of expr.matchers) {
    if (label === metricName) continue
    if (op !== '=' || label in labels) twice.add(label)
    else labels[label] = value
  }
  return Object.fromEntries(Object.entries(labels).filter(([label, value]) => !twice.has(label) && value !== ''))
}

function absence(labels: Labels, present: readonly Uint8Array[], steps: number): readonly Row[] {
  const row = emptyRow(labels, steps)
  for (let step = 0; step < steps; step++) {
    if (present.some((has) => has[step] === 1)) continue
    row.values[step] = 1
    row.has[step] = 1
  }
  return row.has.includes(1) ? [row] : []
}

function absentOverTime(call: Call, evaluation: Evaluation, evaluate: Evaluate): readonly Row[] {
  const range = rangeOf(call.args[0], evaluation, evaluate)
  const steps = evaluation.times.length
  const present = range.series.map(({ t, v }) => {
    const window: Window = { t, v, from: 0, to: 0, start: 0, end: 0 }
    return Uint8Array.from({ length: steps }, (_, step) => { slide(window, range.bounds(step)); return window.from < window.to ? 1 : 0 })
  })
  return absence(labelsOfAbsent(call.args[0]), present, steps)
}

function clamped(args: Arguments, least: Float64Array | undefined, most: Float64Array | undefined): Value {
  const rows = args.rows(0)
  // An empty interval holds nothing.
  const empty = (step: number): boolean => (least?.[step] ?? -Infinity) > (most?.[step] ?? Infinity)
  const isNaNAt = (step: number): boolean => Number.isNaN(least?.[step] ?? 0) || Number.isNaN(most?.[step] ?? 0)
  const kept = rows.map((row) => ({ ...row, has: row.has.map((one, step) => (empty(step) ? 0 : one)) })).filter(({ has }) => has.includes(1))
  return vector(mapped(kept, (value, step) => (isNaNAt(step) ? NaN : Math.max(least?.[step] ?? -Infinity, Math.min(most?.[step] ?? Infinity, value)))))
}

function rounded(args: Arguments): Value {
  const nearest = args.exprs.length > 1 ? args.scalars(1) : undefined
  return vector(mapped(args.rows(0), (value, step) => {
    // By the inverse, as upstream does: 0.1 is not exact, 10 is.
    const inverse = 1 / (nearest?.[step] ?? 1)
    return Math.floor(value * inverse + 0.5) / inverse
  }))
}

function toScalar(rows: readonly Row[], steps: number): Value {
  return { type: 'scalar', values: Float64Array.from({ length: steps }, (_, step) => {
    const there = rows.filter((row) => row.has[step] === 1)
    return there.length === 1 ? there[0]?.values[step] ?? NaN : NaN
  }) }
}

/** Orders rows by their value at the first step; only instant queries keep the order. NaN comes last. */
function sorted(rows: readonly Row[], sign: 1 | -1): Value {
  const at = (row: Row): number => row.values[0] ?? NaN
  return vector([...rows].sort((a, b) => (Number.isNaN(at(a)) ? (Number.isNaN(at(b)) ? 0 : 1) : Number.isNaN(at(b)) ? -1 : sign * (at(a) - at(b)))))
}

function sortedByLabel({ rows, exprs, text }: Arguments, sign: 1 | -1): Value {
  const names = exprs.slice(1).map((_, index) => text(index + 1))
  const all = [...rows(0)]
  const keys = new Map(all.map((row) => [row, Object.keys(row.labels).sort().map((name) => `${name}\0${row.labels[name]}`).join('\0')]))
  return vector(all.sort((a, b) => {
    for (const name of names) {
      const order = natural(a.labels[name] ?? '', b.labels[name] ?? '')
      if (order !== 0) return sign * order
    }
    return sign * ((keys.get(a) ?? '') < (keys.get(b) ?? '') ? -1 : 1)
  }))
}

/** Digits compare as numbers: `cpu2` before `cpu10`. */
function natural(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.match(/\d+|\D+/g) ?? [])
  for (let i = 0; i < Math.min(left?.length ?? 0, right?.length ?? 0); i++) {
    const [x = '', y = ''] = [left?.[i], right?.[i]]
    if (x === y) continue
    return /^\d/.test(x) && /^\d/.test(y) && Number(x) !== Number(y) ? Number(x) - Number(y) : x < y ? -1 : 1
  }
  return (left?.length ?? 0) - (right?.length ?? 0)
}

function timestamps({ exprs, evaluation, rows }: Arguments): Value {
  const [of] = exprs
  const inner = of?.type === 'paren' ? of.of : of
  // Of a bare selector it is the time of the sample, of anything else that of the evaluation.
  if (inner?.type === 'selector') return vector(selectInstant(inner, evaluation, (t) => t / 1000).map((row) => relabeled(row, withoutName(row.labels))))
  return vector(mapped(rows(0), (_, step) => (evaluation.times[step] ?? NaN) / 1000))
}

const constant = (evaluation: Evaluation, value: number): Value => ({ type: 'scalar', values: new Float64Array(evaluation.times.length).fill(value) })
/** Native histograms are the only thing these look at; there are none here. */
const ofNativeHistograms = (): Value => vector([])

const functions: Readonly<Record<string, (args: Arguments) => Value>> = {
  time: ({ evaluation }) => ({ type: 'scalar', values: evaluation.times.map((ms) => ms / 1000) }),
  pi: ({ evaluation }) => constant(evaluation, Math.PI),
  start: ({ evaluation }) => constant(evaluation, evaluation.query.start / 1000),
  end: ({ evaluation }) => constant(evaluation, evaluation.query.end / 1000),
  range: ({ evaluation }) => constant(evaluation, (evaluation.query.end - evaluation.query.start) / 1000),
  step: ({ evaluation }) => constant(evaluation, evaluation.query.step / 1000),
  scalar: ({ rows, evaluation }) => toScalar(rows(0), evaluation.times.length),
  vector: ({ scalars, evaluation }) => vector([{ labels: {}, values: scalars(0), has: new Uint8Array(evaluation.times.length).fill(1) }]),
  absent: ({ rows, exprs, evaluation }) => vector(absence(labelsOfAbsent(exprs[0]), rows(0).map(({ has }) => has), evaluation.times.length)),
  round: rounded,
  clamp: (args) => clamped(args, args.scalars(1), args.scalars(2)),
  clamp_min: (args) => clamped(args, args.scalars(1), undefined),
  clamp_max: (args) => clamped(args, undefined, args.scalars(1)),
  sort: ({ rows }) => sorted(rows(0), 1),
  sort_desc: ({ rows }) => sorted(rows(0), -1),
  sort_by_label: (args) => sortedByLabel(args, 1),
  sort_by_label_desc: (args) => sortedByLabel(args, -1),
  timestamp: timestamps,
  label_replace: ({ rows, text }) => vector(labelReplace(rows(0), [1, 2, 3, 4].map(text))),
  label_join: ({ rows, text, exprs }) => vector(labelJoin(rows(0), exprs.slice(1).map((_, index) => text(index + 1)))),
  histogram_quantile: ({ scalars, rows, evaluation }) => vector(histogramQuantile(scalars(0), rows(1), evaluation)),
  histogram_fraction: ({ scalars, rows, evaluation }) => vector(histogramFraction(scalars(0), scalars(1), rows(2), evaluation)),
  histogram_count: ofNativeHistograms, histogram_sum: ofNativeHistograms, histogram_avg: ofNativeHistograms, histogram_stddev: ofNativeHistograms, histogram_stdvar: ofNativeHistograms,
}
