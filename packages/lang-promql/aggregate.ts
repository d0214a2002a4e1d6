import { CodedError } from '@idp/kit'
import type { Aggregate } from './ast.ts'
import { addTo, mean, sumOf, type Sum } from './kahan.ts'
import { labelsKey, metricName, omitLabels, pickLabels, withLabel, type Labels } from './labels.ts'
import { numberText } from './number-text.ts'
import { quantile } from './quantile.ts'
import { emptyRow, type Evaluation, type Row, type Value } from './value.ts'

interface Group { readonly labels: Labels; readonly rows: Row[] }

/** Throws CodedError `BadParameter`. */
export function evaluateAggregate(expr: Aggregate, rows: readonly Row[], param: Value | undefined, { times, annotate }: Evaluation): readonly Row[] {
  const groups = [...grouped(expr, rows).values()]
  const steps = times.length
  const scalar = param?.type === 'scalar' ? param.values : undefined
  if (expr.op === 'quantile') for (const q of scalar ?? []) if (!(q >= 0 && q <= 1)) annotate('warning', `quantile value should be between 0 and 1, got ${q}`)
  if (expr.op === 'count_values') return groups.flatMap((group) => countValues(group, param?.type === 'string' ? param.value : '', steps))
  const choose = choices[expr.op]
  if (choose !== undefined) return groups.flatMap(({ rows: all }) => chosen(all, choose, checkedParameters(scalar, expr.op), steps))
  const fold = folds[expr.op]
  if (fold === undefined) throw new CodedError({ code: 'Unsupported', message: `unknown aggregation ${expr.op}` })
  return groups.map(({ labels, rows: all }) => {
    const row = emptyRow(labels, steps)
    for (let step = 0; step < steps; step++) {
      const values: number[] = []
      for (const one of all) if (one.has[step] === 1) values.push(one.values[step] ?? NaN)
      if (values.length === 0) continue
      row.values[step] = fold(values, scalar?.[step] ?? NaN)
      row.has[step] = 1
    }
    return row
  }).filter((row) => row.has.includes(1))
}

function grouped({ labels, without }: Aggregate, rows: readonly Row[]): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const row of rows) {
    const of = without ? omitLabels(row.labels, [...labels, metricName]) : pickLabels(row.labels, labels)
    const key = labelsKey(of)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { labels: of, rows: [row] })
    else group.rows.push(row)
  }
  return groups
}

function variance(values: readonly number[]): number {
  const [average, aux]: [Sum, Sum] = [{ total: 0, lost: 0 }, { total: 0, lost: 0 }]
  for (const [index, value] of values.entries()) {
    const delta = value - sumOf(average)
    addTo(average, delta / (index + 1))
    addTo(aux, delta * (value - sumOf(average)))
  }
  return sumOf(aux) / values.length
}

const folds: Readonly<Record<string, (values: number[], param: number) => number>> = {
  sum: (values) => { const sum: Sum = { total: 0, lost: 0 }; for (const value of values) addTo(sum, value); return sumOf(sum) },
  avg: (values) => mean((index) => values[index] ?? NaN, values.length),
  min: (values) => values.reduce((a, b) => (b < a || Number.isNaN(a) ? b : a)),
  max: (values) => values.reduce((a, b) => (b > a || Number.isNaN(a) ? b : a)),
  count: (values) => values.length,
  group: () => 1,
  stdvar: variance,
  stddev: (values) => Math.sqrt(variance(values)),
  quantile: (values, q) => quantile(q, values),
}

type Choice = (rows: readonly Row[], step: number, param: number) => readonly Row[]

/** NaN is the worst of all, for the largest as for the smallest. */
const best = (better: (a: number, b: number) => number): Choice => (rows, step, count) => {
  const at = (row: Row): number => row.values[step] ?? NaN
  return [...rows].sort((a, b) => (Number.isNaN(at(a)) ? (Number.isNaN(at(b)) ? 0 : 1) : Number.isNaN(at(b)) ? -1 : better(at(a), at(b)))).slice(0, count)
}

const choices: Readonly<Record<string, Choice>> = {
  topk: best((a, b) => b - a),
  bottomk: best((a, b) => a - b),
  limitk: (rows, _, count) => rows.slice(0, count),
  limit_ratio: (rows, _, ratio) => rows.filter((row) => (ratio >= 0 ? hashShare(row.labels) < ratio : hashShare(row.labels) >= 1 + ratio)),
}

/** A share between 0 and 1 that depends on the labels alone (FNV-1a, then mixed). */
function hashShare(labels: Labels): number {
  let hash = 0x811c9dc5
  for (const char of labelsKey(labels)) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}

function checkedParameters(values: Float64Array | undefined, op: string): Float64Array {
  for (const value of values ?? []) {
    if (Number.isNaN(value)) throw new CodedError({ code: 'BadParameter', message: op === 'limit_ratio' ? 'Ratio value is NaN' : 'Parameter value is NaN' })
    if (op !== 'limit_ratio' && Math.abs(value) > Number.MAX_SAFE_INTEGER) throw new CodedError({ code: 'BadParameter', message: `Scalar value ${value} ${value > 0 ? 'overflows' : 'underflows'} int64` })
  }
  return values ?? new Float64Array()
}

/** Keeps rows as they are, with values only at the steps where they were chosen. */
function chosen(rows: readonly Row[], choose: Choice, params: Float64Array, steps: number): Row[] {
  const kept = new Map<Row, Row>()
  for (let step = 0; step < steps; step++) {
    const there = rows.filter((row) => row.has[step] === 1)
    const param = params[step] ?? NaN
    const whole = Number.isInteger(param) || choose === choices['limit_ratio'] ? param : Math.trunc(param)
    if (whole < 1 && choose !== choices['limit_ratio']) continue
    for (const row of choose(there, step, whole)) {
      const copy = kept.get(row) ?? emptyRow(row.labels, steps)
      copy.values[step] = row.values[step] ?? NaN
      copy.has[step] = 1
      kept.set(row, copy)
    }
  }
  return [...kept.values()]
}

function countValues({ labels, rows }: Group, label: string, steps: number): Row[] {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) throw new CodedError({ code: 'BadParameter', message: `invalid label name ${JSON.stringify(label)}` })
  const found = new Map<string, Row>()
  for (let step = 0; step < steps; step++) {
    for (const row of rows) {
      if (row.has[step] !== 1) continue
      const text = numberText(row.values[step] ?? NaN)
      const counted = found.get(text) ?? emptyRow(withLabel(labels, label, text), steps)
      counted.values[step] = (counted.values[step] ?? 0) + 1
      counted.has[step] = 1
      found.set(text, counted)
    }
  }
  return [...found.values()]
}
