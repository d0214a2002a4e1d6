import { parseDuration, parseNumber, parseSelector, staleMarker, type Labels, metricName } from '@idp/lang-promql'

/** The promqltest scripts of Prometheus (`promql/promqltest`): what is loaded, and what queries must give. */
export type Command =
  | { readonly type: 'clear' }
  | { readonly type: 'load'; readonly step: number; readonly series: readonly Expected[] }
  | { readonly type: 'eval'; readonly line: number; readonly query: string; readonly at?: number; readonly range?: { readonly start: number; readonly end: number; readonly step: number }; readonly expect: Expectations; readonly rows: readonly Expected[]; readonly scalar?: number }

export interface Expectations { fail: boolean; failText?: (message: string) => boolean; warn?: boolean; info?: boolean; ordered: boolean; text?: string; matrix?: { start: number; step: number } }

/** Values by position; undefined is a gap. `histograms`: some value is a native histogram, which is not supported. */
export interface Expected { readonly labels: Labels; readonly values: readonly (number | undefined)[]; readonly histograms: boolean }

const evalLine = /^eval(_fail|_warn|_info|_ordered)?\s+(?:instant(?:\s+at\s+(\S+))?|range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+))\s+(.*)$/s

export function readScript(text: string): Command[] {
  const commands: Command[] = []
  const lines = text.split('\n')
  for (let index = 0; index < lines.length; index++) {
    const line = (lines[index] ?? '').trim()
    if (line === '' || line.startsWith('#')) continue
    const block: string[] = []
    const at = index + 1
    while (index + 1 < lines.length) {
      const next = lines[index + 1] ?? ''
      if (/^\s*#/.test(next)) { index++; continue }
      if (!/^\s+\S/.test(next)) break
      block.push(next.trim())
      index++
    }
    if (line === 'clear') commands.push({ type: 'clear' })
    else if (line.startsWith('load')) commands.push({ type: 'load', step: ms(line.split(/\s+/)[1] ?? ''), series: block.filter((row) => !row.startsWith('@')).map(readSeries) })
    else if (line.startsWith('eval')) commands.push(readEval(line, block, at))
    else throw new Error(`line ${at}: unknown command ${line}`)
  }
  return commands
}

function ms(text: string): number {
  const duration = parseDuration(text)
  if (duration !== undefined) return duration
  return Math.round((parseNumber(text) ?? NaN) * 1000)
}

function readEval(line: string, block: readonly string[], at: number): Command {
  const [, mode, instant, from, to, step, query = ''] = evalLine.exec(line) ?? []
  const expect: Expectations = { fail: mode === '_fail', ordered: mode === '_ordered', ...(mode === '_warn' ? { warn: true } : {}), ...(mode === '_info' ? { info: true } : {}) }
  const rows: Expected[] = []
  let scalar: number | undefined
  for (const row of block) {
    if (row.startsWith('expect ')) readExpectation(row.slice(7).trim(), expect)
    else if (row.startsWith('expected_fail')) expect.fail = true
    else if (parseNumber(row) !== undefined) scalar = parseNumber(row)
    else rows.push(readSeries(row))
  }
  const when = from === undefined ? { at: instant === undefined ? 0 : ms(instant) } : { range: { start: ms(from), end: ms(to ?? ''), step: ms(step ?? '') } }
  return { type: 'eval', line: at, query, ...when, expect, rows, ...(scalar === undefined ? {} : { scalar }) }
}

function readExpectation(text: string, expect: Expectations): void {
  const detail = /(msg|regex):\s*(.*)$/s.exec(text)
  if (text.startsWith('fail')) {
    expect.fail = true
    const [, how, wanted = ''] = detail ?? []
    if (how === 'msg') expect.failText = (message) => message === wanted
    if (how === 'regex') expect.failText = (message) => new RegExp(wanted).test(message)
  } else if (text.startsWith('warn')) expect.warn = true
  else if (text.startsWith('no_warn')) expect.warn = false
  else if (text.startsWith('info')) expect.info = true
  else if (text.startsWith('no_info')) expect.info = false
  else if (text === 'ordered') expect.ordered = true
  else if (text.startsWith('string')) expect.text = unquote(text.slice(6).trim())
  else if (text.startsWith('range vector')) {
    const [, start = '0', step = '1m'] = /from\s+(\S+)\s+to\s+\S+\s+step\s+(\S+)/.exec(text) ?? []
    expect.matrix = { start: ms(start), step: ms(step) }
  }
}

const unquote = (text: string): string => (text.startsWith('`') ? text.slice(1, -1) : (JSON.parse(text.startsWith("'") ? `"${text.slice(1, -1)}"` : text) as string))

/** `name{a="b"} 1+2x3 _ 4`. */
export function readSeries(row: string): Expected {
  const end = endOfSelector(row)
  const selector = row.slice(0, end)
  const labels: Record<string, string> = {}
  if (selector !== '{}') for (const { label, value } of parseSelector(selector.includes('{') || selector !== '' ? selector : '{}')) labels[label] = value
  if (labels[metricName] === '') delete labels[metricName]
  const [values, histograms] = readValues(row.slice(end).trim())
  return { labels, values, histograms }
}

function endOfSelector(row: string): number {
  let quote = ''
  let depth = 0
  for (let i = 0; i < row.length; i++) {
    const char = row[i] ?? ''
    if (quote !== '') {
      if (char === '\\' && quote !== '`') i++
      else if (char === quote) quote = ''
    } else if (char === '"' || char === "'" || char === '`') quote = char
    else if (char === '{') depth++
    else if (char === '}') depth--
    else if (depth === 0 && /\s/.test(char)) {
      // A space may stand between the name and its braces.
      if (/^\s*\{(?!\{)/.test(row.slice(i)) && !row.slice(0, i).includes('{')) continue
      return i
    }
  }
  return row.length
}

function readValues(text: string): [(number | undefined)[], boolean] {
  const values: (number | undefined)[] = []
  const withoutHistograms = text.replace(/\{\{[^}]*\}\}([+-]\{\{[^}]*\}\})?(x\d+)?/g, (_, __: string | undefined, times: string | undefined) => `_${times ?? ''}`)
  for (const word of withoutHistograms.split(/\s+/).filter((one) => one !== '')) {
    const gap = /^_(?:x(\d+))?$/.exec(word)
    const stale = /^stale(?:x(\d+))?$/.exec(word)
    const series = /^([+-]?(?:Inf|NaN|[\d.]+(?:e[+-]?\d+)?|0x[\da-f]+))(?:([+-])((?:Inf|NaN|[\d.]+(?:e[+-]?\d+)?)))?x(\d+)$/i.exec(word)
    if (gap !== null) values.push(...Array.from({ length: Number(gap[1] ?? 1) }, () => undefined))
    else if (stale !== null) values.push(...Array.from({ length: Number(stale[1] ?? 1) }, () => staleMarker))
    else if (series !== null) {
      const [, first = '', sign, change, times = '0'] = series
      const delta = change === undefined ? 0 : (parseNumber(change) ?? NaN) * (sign === '-' ? -1 : 1)
      let value = parseNumber(first) ?? NaN
      for (let i = 0; i <= Number(times); i++) { values.push(value); value += delta }
    } else {
      const value = parseNumber(word)
      if (value === undefined) throw new Error(`cannot read value ${JSON.stringify(word)}`)
      values.push(value)
    }
  }
  return [values, text.includes('{{')]
}
