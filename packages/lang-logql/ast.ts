import type { Matcher } from '@idp/lang-promql'

export type LineMatch = '|=' | '!=' | '|~' | '!~' | '|>' | '!>'

export type LabelPredicate =
  | { readonly type: 'text'; readonly matcher: Matcher }
  | { readonly type: 'number'; readonly label: string; readonly op: Comparison; readonly value: number; readonly unit: 'number' | 'duration' | 'bytes' }
  | { readonly type: 'ip'; readonly label: string; readonly negate: boolean; readonly range: string }
  | { readonly type: 'and' | 'or'; readonly left: LabelPredicate; readonly right: LabelPredicate }

export type Comparison = '==' | '=' | '!=' | '>' | '>=' | '<' | '<='

/** One step of a pipeline. Durations in seconds, sizes in bytes. */
export type Stage =
  | { readonly type: 'line'; readonly op: LineMatch; readonly patterns: readonly string[]; readonly ip: boolean }
  | { readonly type: 'filter'; readonly predicate: LabelPredicate }
  | { readonly type: 'json' | 'logfmt'; readonly fields: readonly { readonly label: string; readonly path: string }[]; readonly strict: boolean; readonly keepEmpty: boolean }
  | { readonly type: 'regexp' | 'pattern'; readonly expression: string }
  | { readonly type: 'unpack' | 'decolorize' }
  | { readonly type: 'line_format'; readonly template: string }
  | { readonly type: 'label_format'; readonly labels: readonly ({ readonly to: string; readonly from: string } | { readonly to: string; readonly template: string })[] }
  | { readonly type: 'drop' | 'keep'; readonly labels: readonly (string | Matcher)[] }

export interface LogQuery { readonly type: 'log'; readonly matchers: readonly Matcher[]; readonly stages: readonly Stage[] }

export interface Unwrap { readonly label: string; readonly convert: 'number' | 'duration' | 'bytes'; /** Filters after the unwrapping. */ readonly filters: readonly Stage[] }

export interface Grouping { readonly labels: readonly string[]; readonly without: boolean }

/** Milliseconds for `range` and `offset`. */
export interface RangeAggregation { readonly type: 'range'; readonly op: string; readonly query: LogQuery; readonly range: number; readonly offset: number; readonly unwrap?: Unwrap; readonly param?: number; readonly grouping?: Grouping }

export type MetricQuery =
  | RangeAggregation
  | { readonly type: 'aggregate'; readonly op: string; readonly of: MetricQuery; readonly param?: number; readonly grouping: Grouping }
  | { readonly type: 'binary'; readonly op: string; readonly left: MetricQuery; readonly right: MetricQuery; readonly bool: boolean; readonly on: boolean; readonly labels: readonly string[]; readonly group?: 'left' | 'right'; readonly include: readonly string[] }
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'vector'; readonly value: number }
  | { readonly type: 'label_replace'; readonly of: MetricQuery; readonly args: readonly string[] }

export type LogqlExpr = LogQuery | MetricQuery
