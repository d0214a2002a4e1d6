import { formatYaml } from '@idp/formats'
import type { JsonObject } from '@idp/formats'
import { CliError } from './cli-error.ts'
import type { Words } from './words.ts'

type Values = Readonly<Record<string, unknown>>

/** `-field`: one value, raw. `-format`: `table` (the default), `json` or `yaml`. */
export function print({ flags }: Words, whole: unknown, table: () => string, fields?: Values): string {
  const field = flags.get('field')
  if (field !== undefined) {
    const found = fields?.[field]
    if (found === undefined) throw new CliError(`Field ${JSON.stringify(field)} not present in secret`)
    return plain(found)
  }
  const format = flags.get('format') ?? 'table'
  if (format === 'json') return `${JSON.stringify(whole, null, 2)}\n`
  if (format === 'yaml') return formatYaml(whole as JsonObject)
  if (format === 'table') return table()
  throw new CliError(`Invalid output format: ${format}`)
}

const plain = (value: unknown): string => (typeof value === 'string' ? value : value === null || value === undefined ? 'n/a' : Array.isArray(value) ? `[${value.map(plain).join(' ')}]` : typeof value === 'object' ? `map[${Object.entries(value).map(([key, each]) => `${key}:${plain(each)}`).join(' ')}]` : String(value))

/** Two columns under headings, keys in order. */
export function keyValues(values: Values, sorted = true): string {
  const keys = sorted ? Object.keys(values).sort() : Object.keys(values)
  return columns(['Key', 'Value'], keys.map((key) => [key, plain(values[key])]))
}

export function columns(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, index) => Math.max(heading.length, ...rows.map((row) => row[index]?.length ?? 0)))
  const line = (row: readonly string[]): string => row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd((widths[index] ?? 0) + 4))).join('')
  return `${[line(headings), line(headings.map((heading) => '-'.repeat(heading.length))), ...rows.map(line)].join('\n')}\n`
}

/** A title between equals signs, as wide as the table below it is at least. */
export function section(title: string, table: string): string {
  const width = Math.max(...table.split('\n').slice(0, 2).map((each) => each.length))
  const side = '='.repeat(Math.max(2, Math.ceil((width - title.length - 2) / 2)))
  return `${side} ${title} ${side}\n${table}`
}

export const lines = (names: readonly string[]): string => columns(['Keys'], names.map((name) => [name]))
