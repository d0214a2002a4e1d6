import { CodedError } from '@idp/kit'
import { builtins, fn, mapOf, sprigFunctions, TemplateSet, type FunctionTable } from '@idp/lang-gotemplate'
import { compileRegex, type Labels, type Matcher } from '@idp/lang-promql'
import type { Comparison, LabelPredicate, Stage } from './ast.ts'
import { compilePattern } from './line-pattern.ts'
import { parseBytes, parseSeconds } from './units.ts'

/** One line on its way through a pipeline. `labels` is its own and may be changed. */
export interface Entry { readonly t: number; line: string; labels: Record<string, string>; /** Labels of the stream, which extracted ones must not replace. */ readonly stream: Labels }

/** Changes the entry; false drops it. */
export type Step = (entry: Entry) => boolean

/** What a stage that fails leaves in the labels, as upstream. */
function failed(entry: Entry, error: string, details: string): true {
  entry.labels['__error__'] = error
  entry.labels['__error_details__'] = details
  return true
}

/** Steps for the stages, each with its expression read once. Throws CodedError `InvalidRegex`, `InvalidPattern`, `ParseError` for templates. */
export function compileStages(stages: readonly Stage[]): Step {
  const steps = stages.map(compileStage)
  return (entry) => steps.every((step) => step(entry))
}

function compileStage(stage: Stage): Step {
  switch (stage.type) {
    case 'line': return lineFilter(stage)
    case 'filter': return predicate(stage.predicate)
    case 'json': return stage.fields.length === 0 ? jsonAll : jsonFields(stage.fields)
    case 'logfmt': return logfmt(stage)
    case 'regexp': return regexp(stage.expression)
    case 'pattern': { const match = compilePattern(stage.expression); return (entry) => { for (const [name, value] of match(entry.line) ?? []) extract(entry, name, value); return true } }
    case 'unpack': return unpack
    // oxlint-disable-next-line no-control-regex -- colours are control sequences
    case 'decolorize': return (entry) => { entry.line = entry.line.replace(/\u001b\[[0-9;]*m/g, ''); return true }
    case 'line_format': { const format = template(stage.template); return (entry) => { const text = format(entry); if (typeof text === 'string') entry.line = text; else failed(entry, 'TemplateFormatErr', text.error); return true } }
    case 'label_format': return labelFormat(stage)
    case 'drop': return (entry) => { for (const one of stage.labels) if (typeof one === 'string') delete entry.labels[one]; else if (one.matches(entry.labels[one.label] ?? '')) delete entry.labels[one.label]; return true }
    case 'keep': return (entry) => { entry.labels = Object.fromEntries(Object.entries(entry.labels).filter(([name, value]) => stage.labels.some((one) => (typeof one === 'string' ? one === name : one.label === name && one.matches(value))))); return true }
  }
}

function lineFilter({ op, patterns, ip }: Extract<Stage, { type: 'line' }>): Step {
  const negate = op.startsWith('!')
  const tests = patterns.map((pattern): ((line: string) => boolean) => {
    if (ip) { const inside = ipRange(pattern); return (line) => (line.match(/\d+\.\d+\.\d+\.\d+/g) ?? []).some(inside) }
    if (op === '|=' || op === '!=') return (line) => line.includes(pattern)
    if (op === '|>' || op === '!>') { const match = compilePattern(pattern); return (line) => match(line) !== undefined }
    const regex = compileRegex(pattern)
    return (line) => regex.test(line)
  })
  return ({ line }) => tests.some((test) => test(line)) !== negate
}

/** `1.2.3.4`, `1.2.3.0/24` or `1.2.3.4-1.2.3.9`. */
function ipRange(text: string): (ip: string) => boolean {
  const number = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const [base = '', bits] = text.split('/')
  const [from = '', to] = base.split('-')
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(from)) throw new CodedError({ code: 'InvalidPattern', message: `ip: invalid pattern ${JSON.stringify(text)}` })
  const size = bits === undefined ? 1 : 2 ** (32 - Number(bits))
  const [low, high] = to === undefined ? [Math.floor(number(from) / size) * size, Math.floor(number(from) / size) * size + size - 1] : [number(from), number(to)]
  return (ip) => number(ip) >= low && number(ip) <= high
}

const compare: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = { '==': (a, b) => a === b, '=': (a, b) => a === b, '!=': (a, b) => a !== b, '>': (a, b) => a > b, '>=': (a, b) => a >= b, '<': (a, b) => a < b, '<=': (a, b) => a <= b }
const readers = { number: (text: string): number | undefined => { const value = Number(text); return text.trim() === '' || Number.isNaN(value) ? undefined : value }, duration: parseSeconds, bytes: parseBytes }

function predicate(one: LabelPredicate): Step {
  switch (one.type) {
    case 'text': return ({ labels }) => matches(one.matcher, labels)
    case 'and': { const [left, right] = [predicate(one.left), predicate(one.right)]; return (entry) => left(entry) && right(entry) }
    case 'or': { const [left, right] = [predicate(one.left), predicate(one.right)]; return (entry) => left(entry) || right(entry) }
    case 'ip': { const inside = ipRange(one.range); return ({ labels }) => { const ip = labels[one.label]; return ip !== undefined && inside(ip) !== one.negate } }
    case 'number': return (entry) => {
      const text = entry.labels[one.label]
      if (text === undefined) return false
      const value = readers[one.unit](text)
      if (value === undefined) return failed(entry, 'LabelFilterErr', `cannot read ${JSON.stringify(text)} of label ${one.label} as a ${one.unit}`)
      return compare[one.op](value, one.value)
    }
  }
}

const matches = ({ label, matches: wanted }: Matcher, labels: Labels): boolean => wanted(labels[label] ?? '')

/** Adds an extracted label; one that the stream has already gets `_extracted`. */
function extract(entry: Entry, name: string, value: string): void {
  const label = name.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(\d)/, '_$1')
  if (label === '') return
  const to = label in entry.stream ? `${label}_extracted` : label
  // What an earlier parser found stays.
  if (!(to in entry.labels)) entry.labels[to] = value
}

function parsedJson(entry: Entry): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(entry.line)
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>
    failed(entry, 'JSONParserErr', 'Value looks like object, but can\'t find closing \'}\' symbol')
  } catch (error) {
    failed(entry, 'JSONParserErr', error instanceof Error ? error.message : String(error))
  }
  return undefined
}

const scalar = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : value === null || value === undefined ? '' : JSON.stringify(value))

function jsonAll(entry: Entry): boolean {
  const add = (object: Readonly<Record<string, unknown>>, prefix: string): void => {
    for (const [key, value] of Object.entries(object)) {
      if (Array.isArray(value)) continue
      if (value !== null && typeof value === 'object') add(value as Readonly<Record<string, unknown>>, `${prefix}${key}_`)
      else extract(entry, `${prefix}${key}`, scalar(value))
    }
  }
  const object = parsedJson(entry)
  if (object !== undefined) add(object, '')
  return true
}

function jsonFields(fields: readonly { readonly label: string; readonly path: string }[]): Step {
  const paths = fields.map(({ label, path }) => ({ label, steps: [...path.matchAll(/\[\s*"((?:[^"\\]|\\.)*)"\s*\]|\[\s*(\d+)\s*\]|([^.[\]]+)/g)].map(([, quoted, index, name]) => quoted ?? (index === undefined ? name ?? '' : Number(index))) }))
  return (entry) => {
    const object = parsedJson(entry)
    if (object === undefined) return true
    for (const { label, steps } of paths) extract(entry, label, scalar(steps.reduce<unknown>((value, step) => (value !== null && typeof value === 'object' ? (value as Record<string | number, unknown>)[step] : undefined), object)))
    return true
  }
}

/** `a=b c="d e" f`. */
export function readLogfmt(line: string): [string, string][] {
  const pairs: [string, string][] = []
  for (const [, key = '', quoted, plain] of line.matchAll(/([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?/g)) {
    pairs.push([key, quoted === undefined ? plain ?? '' : quoted.replace(/\\(.)/g, (_, char: string) => ({ n: '\n', t: '\t', r: '\r' })[char] ?? char)])
  }
  return pairs
}

function logfmt({ fields, strict, keepEmpty }: Extract<Stage, { type: 'json' | 'logfmt' }>): Step {
  return (entry) => {
    const pairs = readLogfmt(entry.line)
    if (strict && /(^|\s)="|=\s*=|"[^"]*$/.test(entry.line.replace(/"(?:[^"\\]|\\.)*"/g, '""'))) return failed(entry, 'LogfmtParserErr', 'logfmt syntax error')
    if (fields.length === 0) for (const [key, value] of pairs) { if (value !== '' || keepEmpty) extract(entry, key, value) }
    else for (const { label, path } of fields) extract(entry, label, pairs.find(([key]) => key === path)?.[1] ?? '')
    return true
  }
}

function regexp(expression: string): Step {
  const pattern = compileRegex(expression)
  const names = Object.entries(pattern.namedGroups())
  if (names.length === 0) throw new CodedError({ code: 'InvalidPattern', message: 'at least one named capture must be supplied' })
  return (entry) => {
    const match = pattern.matcher(entry.line)
    if (match.find()) for (const [name, index] of names) extract(entry, name, match.group(index) ?? '')
    return true
  }
}

function unpack(entry: Entry): boolean {
  const object = parsedJson(entry)
  if (object === undefined) return true
  for (const [key, value] of Object.entries(object)) if (key !== '_entry' && typeof value === 'string') extract(entry, key, value)
  if (typeof object['_entry'] === 'string') entry.line = object['_entry']
  return true
}

function labelFormat({ labels }: Extract<Stage, { type: 'label_format' }>): Step {
  const formats = labels.map((one) => ('from' in one ? one : { to: one.to, format: template(one.template) }))
  return (entry) => {
    for (const one of formats) {
      if ('from' in one) {
        const value = entry.labels[one.from]
        if (value === undefined) continue
        entry.labels[one.to] = value
        delete entry.labels[one.from]
        continue
      }
      const text = one.format(entry)
      if (typeof text !== 'string') failed(entry, 'TemplateFormatErr', text.error)
      else if (text === '') delete entry.labels[one.to]
      else entry.labels[one.to] = text
    }
    return true
  }
}

let functions: FunctionTable | undefined

/** Sprig's functions that read neither time nor chance, and Loki's own. */
function templateFunctions(): FunctionTable {
  if (functions !== undefined) return functions
  const impure = new Set(['now', 'date', 'ago', 'env', 'expandenv', 'randAlpha', 'randAlphaNum', 'randNumeric', 'randAscii', 'randBytes', 'randInt', 'uuidv4', 'shuffle'])
  const sprig = [...sprigFunctions({ random: (count) => new Uint8Array(count), now: () => 0 })].filter(([name]) => !impure.has(name) && !/^(gen|derive|encrypt|decrypt|bcrypt|htpasswd|getHostByName)/.test(name))
  functions = new Map([
    ...builtins, ...sprig,
    ['ToLower', fn('string', (text: string) => text.toLowerCase())], ['ToUpper', fn('string', (text: string) => text.toUpperCase())],
    ['Replace', fn('string string string int', (text: string, from: string, to: string, count: number) => { let left = count < 0 ? Infinity : count; return text.replaceAll(from, (whole) => (left-- > 0 ? to : whole)) })],
    ['TrimSpace', fn('string', (text: string) => text.trim())], ['Trim', fn('string string', (text: string, cut: string) => trim(text, cut, true, true))], ['TrimLeft', fn('string string', (text: string, cut: string) => trim(text, cut, true, false))], ['TrimRight', fn('string string', (text: string, cut: string) => trim(text, cut, false, true))],
    ['TrimPrefix', fn('string string', (text: string, prefix: string) => (text.startsWith(prefix) ? text.slice(prefix.length) : text))], ['TrimSuffix', fn('string string', (text: string, suffix: string) => (suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text))],
    ['alignLeft', fn('int string', (width: number, text: string) => text.slice(0, width).padEnd(width))], ['alignRight', fn('int string', (width: number, text: string) => text.slice(-width).padStart(width))],
    ['bytes', fn('string', (text: string) => parseBytes(text) ?? 0)], ['duration', fn('string', (text: string) => parseSeconds(text) ?? 0)], ['duration_seconds', fn('string', (text: string) => parseSeconds(text) ?? 0)],
    ['regexReplaceAll', fn('string string string', (regex: string, text: string, to: string) => compileRegex(regex).matcher(text).replaceAll(to))],
  ])
  return functions
}

function trim(text: string, cut: string, left: boolean, right: boolean): string {
  let [from, to] = [0, text.length]
  while (left && from < to && cut.includes(text[from] ?? '')) from++
  while (right && to > from && cut.includes(text[to - 1] ?? '')) to--
  return text.slice(from, to)
}

function template(text: string): (entry: Entry) => string | { error: string } {
  let current: Entry | undefined
  const set = new TemplateSet(new Map([...templateFunctions(), ['__line__', fn('', () => current?.line ?? '')], ['__timestamp__', fn('', () => (current?.t ?? 0) / 1000)]]))
  try {
    set.parse('line', text)
  } catch (error) {
    throw new CodedError({ code: 'ParseError', message: `parse error : invalid template: ${error instanceof Error ? error.message : String(error)}`, cause: error })
  }
  return (entry) => {
    current = entry
    try {
      return set.execute('line', mapOf(Object.entries(entry.labels)), { now: () => entry.t, missingKey: 'zero' }).replaceAll('<no value>', '')
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) }
    }
  }
}
