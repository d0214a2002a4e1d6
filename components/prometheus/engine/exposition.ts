/** What a metric family says of itself. */
export interface Metadata { readonly type: string; readonly help: string; readonly unit: string }

/** One line of samples: the series as it is written, its value, its time in milliseconds when it has one. */
export interface ExposedSample { readonly series: string; readonly value: number; readonly time?: number }

export interface Exposition { readonly samples: readonly ExposedSample[]; readonly metadata: ReadonlyMap<string, Metadata>; readonly faults: readonly string[] }

/**
 * Reads Prometheus' text format 0.0.4 and the part of OpenMetrics that carries floats. Series are left as text: whoever scrapes
 * again and again knows most of them already. A line that cannot be read is a fault with its number; the rest counts.
 */
export function readExposition(text: string): Exposition {
  const samples: ExposedSample[] = []
  const metadata = new Map<string, Metadata>()
  const faults: string[] = []
  const openMetrics = text.endsWith('# EOF\n') || text.endsWith('# EOF')
  let number = 0
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('\n', start)
    const end = found < 0 ? text.length : found
    const line = text.slice(start, end)
    start = end + 1
    number++
    if (line === '' || line === '\r') continue
    if (line.startsWith('#')) {
      readComment(line, metadata)
      continue
    }
    const sample = readSample(line, openMetrics)
    if (sample === undefined) faults.push(`line ${number}: ${line.slice(0, 120)}`)
    else samples.push(sample)
  }
  return { samples, metadata, faults }
}

function readComment(line: string, metadata: Map<string, Metadata>): void {
  const [, what, name = '', rest = ''] = /^#\s+(HELP|TYPE|UNIT)\s+(\S+)\s*(.*)$/.exec(line) ?? []
  if (what === undefined) return
  const known = metadata.get(name) ?? { type: 'unknown', help: '', unit: '' }
  metadata.set(name, what === 'HELP' ? { ...known, help: rest.replace(/\\(\\|n)/g, (_, c: string) => (c === 'n' ? '\n' : '\\')) } : what === 'TYPE' ? { ...known, type: rest } : { ...known, unit: rest })
}

function readSample(line: string, openMetrics: boolean): ExposedSample | undefined {
  const brace = line.indexOf('{')
  const space = line.search(/[ \t]/)
  const end = brace >= 0 && (space < 0 || brace < space) ? endOfLabels(line, brace) : space
  if (end <= 0) return undefined
  // An exemplar follows a hash.
  const [value, time] = line.slice(end).split(' # ')[0]?.trim().split(/[ \t]+/) ?? []
  const number = value === undefined ? undefined : readValue(value)
  if (number === undefined) return undefined
  const at = time === undefined ? undefined : Number(time)
  if (at !== undefined && Number.isNaN(at)) return undefined
  return { series: line.slice(0, end), value: number, ...(at === undefined ? {} : { time: openMetrics ? Math.round(at * 1000) : at }) }
}

function endOfLabels(line: string, brace: number): number {
  let quoted = false
  for (let i = brace + 1; i < line.length; i++) {
    const char = line[i]
    if (quoted && char === '\\') i++
    else if (char === '"') quoted = !quoted
    else if (char === '}' && !quoted) return i + 1
  }
  return -1
}

const words: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, '+inf': Infinity, '-inf': -Infinity }

function readValue(text: string): number | undefined {
  const word = words[text.toLowerCase()]
  if (word !== undefined) return word
  const value = Number(text)
  return text === '' || Number.isNaN(value) ? undefined : value
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
