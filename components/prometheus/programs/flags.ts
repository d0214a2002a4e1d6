import { parseDuration } from '@idp/lang-promql'

/** `--name=value` and `--name value`; `--no-name` and `--name` alone are `false` and `true`. */
export function readFlags(args: readonly string[]): ReadonlyMap<string, string> {
  const flags = new Map<string, string>()
  for (let i = 0; i < args.length; i++) {
    const [, name = '', value] = /^--?([^=]+)(?:=(.*))?$/s.exec(args[i] ?? '') ?? []
    if (name === '') continue
    const next = args[i + 1]
    if (value !== undefined) flags.set(name, value)
    else if (next !== undefined && !next.startsWith('-')) { flags.set(name, next); i++ }
    else flags.set(name.replace(/^no-/, ''), name.startsWith('no-') ? 'false' : 'true')
  }
  return flags
}

/** The port of `:9090` or `0.0.0.0:9090`. */
export function portOf(address: string | undefined, otherwise: number): number {
  const port = Number(address?.split(':').at(-1))
  return Number.isInteger(port) && port > 0 ? port : otherwise
}

/** Milliseconds of a duration flag. */
export function durationOf(text: string | undefined, otherwise: number): number {
  return (text === undefined ? undefined : parseDuration(text)) ?? otherwise
}
