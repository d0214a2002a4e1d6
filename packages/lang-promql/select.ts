import { CodedError } from '@idp/kit'
import type { QueryTimes, Selector, Shift, Subquery } from './ast.ts'
import { metricName } from './labels.ts'
import { emptyRow, staleMarker, type Evaluation, type RangeVector, type Row, type Series, type Value } from './value.ts'

/** The moment a selector looks at, at each step. */
export function lookedAt({ at, offset }: Shift, times: Float64Array, query: QueryTimes): (step: number) => number {
  const back = offset?.(query) ?? 0
  if (at === undefined) return (step) => (times[step] ?? NaN) - back
  const fixed = (typeof at.at === 'number' ? at.at : query[at.at]) - back
  return () => fixed
}

function extent(moment: (step: number) => number, steps: number): readonly [number, number] {
  return [Math.min(moment(0), moment(steps - 1)), Math.max(moment(0), moment(steps - 1))]
}

/** The first index whose time is after `time`. */
function after(t: ArrayLike<number>, time: number, low = 0): number {
  let high = t.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((t[middle] ?? Infinity) <= time) low = middle + 1
    else high = middle
  }
  return low
}

/** The one place that refuses modifiers of selectors which are not supported. */
function refuseBounds({ bounds }: Selector): void {
  if (bounds !== undefined) throw new CodedError({ code: 'Unsupported', message: `the ${bounds} modifier is experimental and not supported` })
}

/** The newest sample of each series at each step, not older than the look-back and not ended by a stale marker. */
export function selectInstant(selector: Selector, evaluation: Evaluation, pick: (t: number, v: number) => number = (_, v) => v): readonly Row[] {
  refuseBounds(selector)
  const { times, query, lookback, source } = evaluation
  const moment = lookedAt(selector, times, query)
  const [first, last] = extent(moment, times.length)
  const rows: Row[] = []
  for (const { labels, t, v } of source.select(selector.matchers, first - lookback + 1, last)) {
    const row = emptyRow(labels, times.length)
    let found = false
    let index = 0
    for (let step = 0; step < times.length; step++) {
      const now = moment(step)
      // Steps go forward, so the search continues where it was.
      index = after(t, now, step > 0 && moment(step - 1) <= now ? index : 0)
      const at = t[index - 1]
      const value = v[index - 1]
      if (at === undefined || value === undefined || at <= now - lookback || value === staleMarker) continue
      row.values[step] = pick(at, value)
      row.has[step] = 1
      found = true
    }
    if (found) rows.push(row)
    evaluation.spend(times.length)
  }
  return rows
}

/** The samples of a range selector, stale markers left out; windows are `(start, end]`. */
export function selectRange(selector: Selector, evaluation: Evaluation): RangeVector {
  refuseBounds(selector)
  const { times, query, source } = evaluation
  const moment = lookedAt(selector, times, query)
  const range = selector.range?.(query) ?? 0
  const [first, last] = extent(moment, times.length)
  const series = source.select(selector.matchers, first - range + 1, last).map(withoutStale)
  return { series, bounds: (step) => [moment(step) - range, moment(step)], named: selector.matchers.find(({ label, op }) => label === metricName && op === '=')?.value ?? '' }
}

function withoutStale(series: Series): Series {
  const { labels, t, v } = series
  let stale = false
  for (let i = 0; i < v.length && !stale; i++) stale = v[i] === staleMarker
  if (!stale) return series
  const kept = Array.from(v).flatMap((value, index) => (value === staleMarker ? [] : [index]))
  return { labels, t: kept.map((index) => t[index] ?? NaN), v: kept.map((index) => v[index] ?? NaN) }
}

/** Steps of a subquery without a resolution of its own: Prometheus' default evaluation interval. */
const defaultStep = 60_000

/** Evaluates the inner expression at every multiple of the resolution that a window covers. */
export function selectSubquery(subquery: Subquery, evaluation: Evaluation, evaluate: (evaluation: Evaluation) => Value): RangeVector {
  const { times, query } = evaluation
  const moment = lookedAt(subquery, times, query)
  const range = subquery.range(query)
  const step = subquery.step?.(query) ?? defaultStep
  const [first, last] = extent(moment, times.length)
  let start = step * Math.floor((first - range) / step)
  if (start <= first - range) start += step
  const count = Math.max(0, Math.floor((last - start) / step) + 1)
  evaluation.spend(count)
  const inner = Float64Array.from({ length: count }, (_, index) => start + index * step)
  const value: Value = count === 0 ? { type: 'vector', rows: [] } : evaluate({ ...evaluation, times: inner, query: { start, end: last, step } })
  const series = value.type !== 'vector' ? [] : value.rows.map(({ labels, values, has }) => {
    const there = Array.from(has).flatMap((one, index) => (one === 1 ? [index] : []))
    return { labels, t: there.map((index) => inner[index] ?? NaN), v: there.map((index) => values[index] ?? NaN) }
  })
  return { series, bounds: (one) => [moment(one) - range, moment(one)], named: series[0]?.labels[metricName] ?? '' }
}
