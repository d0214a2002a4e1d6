/** What a metric family says of itself. */
export interface Metadata { readonly type: string; readonly help: string; readonly unit: string }

/*
 * The lines of Prometheus' text format 0.0.4 and of the part of OpenMetrics that carries floats. Whoever scrapes again and again knows
 * most series already, so a line's series is cut out as text first, and read only when it is new.
 */

/** Notes what a comment says of its family. */
export function readComment(line: string, metadata: Map<string, Metadata>): void {
  const [, what, name = '', rest = ''] = /^#\s+(HELP|TYPE|UNIT)\s+(\S+)\s*(.*)$/.exec(line) ?? []
  if (what === undefined) return
  const known = metadata.get(name) ?? { type: 'unknown', help: '', unit: '' }
  metadata.set(name, what === 'HELP' ? { ...known, help: rest.replace(/\\(\\|n)/g, (_, c: string) => (c === 'n' ? '\n' : '\\')) } : what === 'TYPE' ? { ...known, type: rest } : { ...known, unit: rest })
}

/** A comment as a whole, or the series that a line begins with; undefined when there is none. */
export function textOf(page: string, start: number, end: number): string | undefined {
  if (page[start] === '#') return page.slice(start, end)
  for (let i = start; i < end; i++) {
    const code = page.charCodeAt(i)
    if (code === space || code === tab) return i === start ? undefined : page.slice(start, i)
    if (code !== openingBrace) continue
    const close = endOfLabels(page, i, end)
    return close < 0 ? undefined : page.slice(start, close)
  }
  return undefined
}

const [tab, newline, carriageReturn, space, quote, openingBrace, closingBrace, backslash] = [9, 10, 13, 32, 34, 123, 125, 92]

function endOfLabels(page: string, brace: number, end: number): number {
  let quoted = false
  for (let i = brace + 1; i < end; i++) {
    const code = page.charCodeAt(i)
    if (quoted && code === backslash) i++
    else if (code === quote) quoted = !quoted
    else if (code === closingBrace && !quoted) return i + 1
  }
  return -1
}

/** The value that stands between `start` and `end`, with its time in milliseconds where there is one; undefined when it cannot be read. */
export function readSample(page: string, start: number, end: number, openMetrics: boolean): number | { readonly value: number; readonly time: number } | undefined {
  const [from, to] = tokenAt(page, start, end)
  const value = readValue(page.slice(from, to))
  if (value === undefined || to >= end) return value
  const [timeFrom, timeTo] = tokenAt(page, to, end)
  // An exemplar follows a hash.
  if (timeFrom === timeTo || page[timeFrom] === '#') return value
  const time = Number(page.slice(timeFrom, timeTo))
  return Number.isNaN(time) ? undefined : { value, time: openMetrics ? Math.round(time * 1000) : time }
}

function tokenAt(page: string, start: number, end: number): readonly [from: number, to: number] {
  const blank = (at: number): boolean => { const code = page.charCodeAt(at); return code === space || code === tab || code === carriageReturn || code === newline }
  let from = start
  while (from < end && blank(from)) from++
  let to = from
  while (to < end && !blank(to)) to++
  return [from, to]
}

const words: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, '+inf': Infinity, '-inf': -Infinity }

function readValue(text: string): number | undefined {
  const value = text === '' ? NaN : Number(text)
  return Number.isNaN(value) ? words[text.toLowerCase()] : value
}

/** `name{a="b"}` as labels; undefined when it is not well formed. */
export function readSeries(text: string): Map<string, string> | undefined {
  const brace = text.indexOf('{')
  const labels = new Map<string, string>()
  const name = brace < 0 ? text : text.slice(0, brace)
  if (name !== '') labels.set('__name__', name)
  if (brace < 0) return labels
  const pair = /\s*(?:"((?:[^"\\]|\\.)*)"|([a-zA-Z_][a-zA-Z0-9_.:]*))\s*(?:=\s*"((?:[^"\\]|\\.)*)")?\s*(,|\}$)/y
  pair.lastIndex = brace + 1
  if (/^\s*\}$/.test(text.slice(brace + 1))) return labels
  while (pair.lastIndex < text.length) {
    const at = pair.lastIndex
    const found = pair.exec(text)
    if (found === null) return /^\s*\}$/.test(text.slice(at)) ? labels : undefined
    const [, quoted, plain, value] = found
    if (value === undefined) labels.set('__name__', unescape(quoted ?? plain ?? ''))
    else labels.set(quoted === undefined ? plain ?? '' : unescape(quoted), unescape(value))
  }
  return labels
}

function unescape(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c)) : text
}
