import type { QueryTimes } from './ast.ts'
import type { Labels } from './labels.ts'
import type { Matcher } from './matcher.ts'

/**
 * The value that says "this series ended here". Prometheus uses a NaN with a payload of its own, which JavaScript does not keep apart from
 * other NaNs; this is a number that no measurement yields.
 */
export const staleMarker = -1.7976931348623155e308

/** Samples of one series in the order of time; `t` in milliseconds. */
export interface Series { readonly labels: Labels; readonly t: ArrayLike<number>; readonly v: ArrayLike<number> }

/** Where samples come from: all series whose labels match, with their samples in `start <= t <= end`. */
export interface SampleSource { select(matchers: readonly Matcher[], start: number, end: number): readonly Series[] }

/** One series of a result: a value for every step where `has` is 1. */
export interface Row { readonly labels: Labels; readonly values: Float64Array; readonly has: Uint8Array }

export type Value =
  | { readonly type: 'scalar'; readonly values: Float64Array }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'vector'; readonly rows: readonly Row[] }

/** Samples of a window: `t[from..to)`, taken in `(start, end]`. */
export interface Window {
  readonly t: ArrayLike<number>
  readonly v: ArrayLike<number>
  from: number
  to: number
  start: number
  end: number
  /** The moment of the evaluation, where an `offset` makes it differ from `end`. */
  at?: number
}

/** A range vector: for each series, the window of every step. */
export interface RangeVector {
  readonly series: readonly Series[]
  /** `start` and `end` of the window of a step, milliseconds. */
  readonly bounds: (step: number) => readonly [start: number, end: number]
  /** The name that decides whether a rate makes sense. */
  readonly named: string
}

export interface Evaluation {
  readonly source: SampleSource
  readonly query: QueryTimes
  /** The moments at which the expression is evaluated, milliseconds. */
  readonly times: Float64Array
  /** How far back an instant selector looks, milliseconds. */
  readonly lookback: number
  /** Counts samples and stops a query that takes too many. */
  readonly spend: (samples: number) => void
  readonly annotate: (level: 'warning' | 'info', message: string) => void
}

export function emptyRow(labels: Labels, steps: number): Row {
  return { labels, values: new Float64Array(steps), has: new Uint8Array(steps) }
}

/** The same values under another label set. */
export const relabeled = (row: Row, labels: Labels): Row => ({ labels, values: row.values, has: row.has })
