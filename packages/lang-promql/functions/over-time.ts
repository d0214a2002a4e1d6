import { addTo, mean, sumOf, type Sum } from '../kahan.ts'
import { quantile } from '../quantile.ts'
import type { Window } from '../value.ts'

/** One value of a window that has samples; undefined when there is none. `args` are the scalars of the call at this step. */
export type WindowFunction = (window: Window, args: readonly number[]) => number | undefined

const at = (list: ArrayLike<number>, index: number): number => list[index] ?? NaN

function average({ v, from, to }: Window): number {
  return mean((index) => at(v, from + index), to - from)
}

/** Welford's algorithm, with what rounding lost carried along. */
function variance({ v, from, to }: Window): number {
  const [average, aux]: [Sum, Sum] = [{ total: 0, lost: 0 }, { total: 0, lost: 0 }]
  for (let i = from; i < to; i++) {
    const delta = at(v, i) - sumOf(average)
    addTo(average, delta / (i - from + 1))
    addTo(aux, delta * (at(v, i) - sumOf(average)))
  }
  return sumOf(aux) / (to - from)
}

const extreme = (better: (a: number, b: number) => boolean) => ({ v, from, to }: Window): number => {
  let best = from
  for (let i = from + 1; i < to; i++) if (better(at(v, i), at(v, best)) || Number.isNaN(at(v, best))) best = i
  return best
}
const least = extreme((a, b) => a < b)
const most = extreme((a, b) => a > b)
const leastLate = extreme((a, b) => a <= b)
const mostLate = extreme((a, b) => a >= b)

function sum({ v, from, to }: Window): number {
  const total: Sum = { total: 0, lost: 0 }
  for (let i = from; i < to; i++) addTo(total, at(v, i))
  return sumOf(total)
}

function changes({ v, from, to }: Window): number {
  let count = 0
  for (let i = from + 1; i < to; i++) if (at(v, i) !== at(v, i - 1) && !(Number.isNaN(at(v, i)) && Number.isNaN(at(v, i - 1)))) count++
  return count
}

function resets({ v, from, to }: Window): number {
  let count = 0
  for (let i = from + 1; i < to; i++) if (at(v, i) < at(v, i - 1)) count++
  return count
}

function values({ v, from, to }: Window): number[] {
  return Array.from({ length: to - from }, (_, index) => at(v, from + index))
}

/**
 * The change over the window, extrapolated to its ends as Prometheus does: to the end itself when a sample is near,
 * half a sample's distance otherwise, and never below a counter's zero.
 */
function extrapolated(window: Window, counter: boolean, perSecond: boolean): number | undefined {
  const { t, v, from, to, start, end } = window
  if (to - from < 2) return undefined
  const [first, last] = [at(v, from), at(v, to - 1)]
  let change = last - first
  if (counter) for (let i = from + 1; i < to; i++) if (at(v, i) < at(v, i - 1)) change += at(v, i - 1)
  let toStart = (at(t, from) - start) / 1000
  let toEnd = (end - at(t, to - 1)) / 1000
  const sampled = (at(t, to - 1) - at(t, from)) / 1000
  const between = sampled / (to - from - 1)
  const near = between * 1.1
  if (toStart >= near) toStart = between / 2
  if (counter && change > 0 && first >= 0) toStart = Math.min(toStart, sampled * (first / change))
  if (toEnd >= near) toEnd = between / 2
  const factor = (sampled + toStart + toEnd) / sampled
  return change * (perSecond ? factor / ((end - start) / 1000) : factor)
}

function lastTwo({ t, v, from, to }: Window, perSecond: boolean): number | undefined {
  if (to - from < 2) return undefined
  const [before, now] = [at(v, to - 2), at(v, to - 1)]
  const change = perSecond && now < before ? now : now - before
  const ms = at(t, to - 1) - at(t, to - 2)
  if (ms === 0) return undefined
  return perSecond ? change / (ms / 1000) : change
}

/** Slope (per second) and value at `at` of the line that fits best. */
function regression({ t, v, from, to }: Window, origin: number): { slope: number; intercept: number } {
  const [x, y, xy, xx]: [Sum, Sum, Sum, Sum] = [{ total: 0, lost: 0 }, { total: 0, lost: 0 }, { total: 0, lost: 0 }, { total: 0, lost: 0 }]
  let constant = true
  const first = at(v, from)
  for (let i = from; i < to; i++) {
    if (constant && i > from && at(v, i) !== first) constant = false
    const seconds = (at(t, i) - origin) / 1000
    addTo(x, seconds)
    addTo(y, at(v, i))
    addTo(xy, seconds * at(v, i))
    addTo(xx, seconds * seconds)
  }
  if (constant) return Number.isFinite(first) ? { slope: 0, intercept: first } : { slope: NaN, intercept: NaN }
  const n = to - from
  const slope = (sumOf(xy) - (sumOf(x) * sumOf(y)) / n) / (sumOf(xx) - (sumOf(x) * sumOf(x)) / n)
  return { slope, intercept: sumOf(y) / n - (slope * sumOf(x)) / n }
}

function smoothed({ v, from, to }: Window, smoothing: number, trend: number): number | undefined {
  if (to - from < 2) return undefined
  let before = 0
  let level = at(v, from)
  let slope = at(v, from + 1) - level
  for (let i = from + 1; i < to; i++) {
    const x = smoothing * at(v, i)
    if (i > from + 1) slope = trend * (level - before) + (1 - trend) * slope
    const y = (1 - smoothing) * (level + slope)
    before = level
    level = x + y
  }
  return level
}

/** Functions of one range vector. */
export const windowFunctions: Readonly<Record<string, WindowFunction>> = {
  rate: (window) => extrapolated(window, true, true),
  increase: (window) => extrapolated(window, true, false),
  delta: (window) => extrapolated(window, false, false),
  irate: (window) => lastTwo(window, true),
  idelta: (window) => lastTwo(window, false),
  avg_over_time: average,
  sum_over_time: sum,
  min_over_time: (window) => at(window.v, least(window)),
  max_over_time: (window) => at(window.v, most(window)),
  count_over_time: ({ from, to }) => to - from,
  present_over_time: () => 1,
  last_over_time: ({ v, to }) => at(v, to - 1),
  first_over_time: ({ v, from }) => at(v, from),
  ts_of_first_over_time: ({ t, from }) => at(t, from) / 1000,
  ts_of_last_over_time: ({ t, to }) => at(t, to - 1) / 1000,
  ts_of_min_over_time: (window) => at(window.t, leastLate(window)) / 1000,
  ts_of_max_over_time: (window) => at(window.t, mostLate(window)) / 1000,
  stdvar_over_time: variance,
  stddev_over_time: (window) => Math.sqrt(variance(window)),
  quantile_over_time: (window, [q = NaN]) => quantile(q, values(window)),
  mad_over_time: (window) => {
    const middle = quantile(0.5, values(window))
    return quantile(0.5, values(window).map((value) => Math.abs(value - middle)))
  },
  changes,
  resets,
  deriv: (window) => (window.to - window.from < 2 ? undefined : regression(window, at(window.t, window.from)).slope),
  predict_linear: (window, [ahead = NaN]) => {
    if (window.to - window.from < 2) return undefined
    const { slope, intercept } = regression(window, window.at ?? window.end)
    return slope * ahead + intercept
  },
  double_exponential_smoothing: (window, [smoothing = NaN, trend = NaN]) => smoothed(window, smoothing, trend),
}

/** Those that give a sample of the series as it is, and so keep its name. */
export const keepsName = new Set(['last_over_time', 'first_over_time'])
