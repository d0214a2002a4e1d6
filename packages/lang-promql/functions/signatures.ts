import type { ValueType } from '../ast.ts'

export interface Signature {
  readonly args: readonly ValueType[]
  /** How many of the last arguments may be left out. */
  readonly optional?: number
  /** The last argument may be repeated. */
  readonly variadic?: boolean
  readonly returns: ValueType
}

const of = (returns: ValueType, args: readonly ValueType[], more: Omit<Signature, 'args' | 'returns'> = {}): Signature => ({ args, returns, ...more })
const each = (names: string, signature: Signature): Record<string, Signature> => Object.fromEntries(names.split(' ').map((name) => [name, signature]))

/** What every function of PromQL takes and gives. */
export const signatures: Readonly<Record<string, Signature>> = {
  ...each('abs ceil floor exp sqrt ln log2 log10 sgn deg rad sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh', of('vector', ['vector'])),
  ...each('absent sort sort_desc timestamp histogram_count histogram_sum histogram_avg histogram_stddev histogram_stdvar', of('vector', ['vector'])),
  ...each('year month day_of_month day_of_week day_of_year days_in_month hour minute', of('vector', ['vector'], { optional: 1 })),
  ...each('rate increase delta irate idelta deriv changes resets absent_over_time', of('vector', ['matrix'])),
  ...each('avg_over_time min_over_time max_over_time sum_over_time count_over_time stddev_over_time stdvar_over_time last_over_time first_over_time present_over_time mad_over_time', of('vector', ['matrix'])),
  ...each('ts_of_first_over_time ts_of_last_over_time ts_of_min_over_time ts_of_max_over_time', of('vector', ['matrix'])),
  ...each('time pi', of('scalar', [])),
  ...each('start end range step', of('scalar', [])),
  scalar: of('scalar', ['vector']),
  vector: of('vector', ['scalar']),
  round: of('vector', ['vector', 'scalar'], { optional: 1 }),
  clamp: of('vector', ['vector', 'scalar', 'scalar']),
  clamp_min: of('vector', ['vector', 'scalar']),
  clamp_max: of('vector', ['vector', 'scalar']),
  predict_linear: of('vector', ['matrix', 'scalar']),
  quantile_over_time: of('vector', ['scalar', 'matrix']),
  double_exponential_smoothing: of('vector', ['matrix', 'scalar', 'scalar']),
  histogram_quantile: of('vector', ['scalar', 'vector']),
  histogram_fraction: of('vector', ['scalar', 'scalar', 'vector']),
  label_replace: of('vector', ['vector', 'string', 'string', 'string', 'string']),
  label_join: of('vector', ['vector', 'string', 'string', 'string'], { optional: 1, variadic: true }),
  sort_by_label: of('vector', ['vector', 'string'], { variadic: true }),
  sort_by_label_desc: of('vector', ['vector', 'string'], { variadic: true }),
  info: of('vector', ['vector', 'vector'], { optional: 1 }),
}
