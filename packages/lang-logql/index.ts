export { parseLogql, parseLogQuery } from './parse.ts'
export { isLogQuery, logQuery, metricQuery, type LogAnswer, type LogLine, type LogQueryOptions, type LogSource, type LogStream, type NumberAnswer } from './query.ts'
export { parseBytes, parseSeconds } from './units.ts'
export type { LogqlExpr, LogQuery, MetricQuery } from './ast.ts'
