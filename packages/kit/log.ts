import type { Clock } from './clock.ts'
import { rfc3339Micro } from './clock.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>

/** Structured log of one component. Never pass secret values as fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A log that adds `fields` to every line. */
  with(fields: LogFields): Log
}

/** JSON lines `{"ts","level","msg",…fields}` handed to `write` one at a time, newline included. */
export function jsonLog(clock: Clock, write: (line: string) => void, level: LogLevel = 'info', base: LogFields = {}): Log {
  const levels: LogLevel[] = ['debug', 'info', 'warn', 'error']
  const emit = (at: LogLevel) => (msg: string, fields?: LogFields) => {
    if (levels.indexOf(at) < levels.indexOf(level)) return
    write(`${JSON.stringify({ ts: rfc3339Micro(clock.now()), level: at, msg, ...base, ...fields }, errorsAsText)}\n`)
  }
  return {
    debug: emit('debug'), info: emit('info'), warn: emit('warn'), error: emit('error'),
    with: (fields) => jsonLog(clock, write, level, { ...base, ...fields }),
  }
}

/** Discards everything. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silentLog }

function errorsAsText(_key: string, value: unknown): unknown {
  if (value instanceof Error) return value.message
  return typeof value === 'bigint' ? value.toString() : value
}
