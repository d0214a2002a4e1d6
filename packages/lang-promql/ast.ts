import type { Matcher } from './matcher.ts'

/** Known when a query runs: its resolution, which duration expressions may ask for. Milliseconds. */
export interface QueryTimes { readonly start: number; readonly end: number; readonly step: number }

/** Milliseconds, or what gives them. */
export type Duration = (times: QueryTimes) => number

export type At = { readonly at: 'start' | 'end' } | { readonly at: number }

/** Where in time a selector looks: `@` and `offset`. */
export interface Shift { readonly offset?: Duration; readonly at?: At }

export type ValueType = 'scalar' | 'string' | 'vector' | 'matrix'

export interface Selector extends Shift {
  readonly type: 'selector'
  readonly matchers: readonly Matcher[]
  /** Present: a range vector of this length. */
  readonly range?: Duration
  readonly bounds?: 'anchored' | 'smoothed'
}
export interface Subquery extends Shift { readonly type: 'subquery'; readonly of: Expr; readonly range: Duration; readonly step?: Duration }
export interface Call { readonly type: 'call'; readonly name: string; readonly args: readonly Expr[] }
export interface Aggregate { readonly type: 'aggregate'; readonly op: string; readonly of: Expr; readonly param?: Expr; readonly labels: readonly string[]; readonly without: boolean }
export interface Matching {
  /** `on`: only these labels; `ignoring`: all but these. */
  readonly on: boolean
  readonly labels: readonly string[]
  readonly group?: 'left' | 'right'
  readonly include: readonly string[]
}
export interface Binary {
  readonly type: 'binary'
  readonly op: string
  readonly left: Expr
  readonly right: Expr
  readonly bool: boolean
  readonly matching: Matching
  /** What a missing partner counts as. */
  readonly fill: { readonly left?: number; readonly right?: number }
}

/** A query as a tree. Durations are in milliseconds, numbers as written. */
export type Expr =
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'paren'; readonly of: Expr }
  | { readonly type: 'negate'; readonly of: Expr }
  | Selector | Subquery | Call | Aggregate | Binary
