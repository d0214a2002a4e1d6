import { resolvePlainScalar } from './yaml-scalar.ts'

/** Where a string stands. */
export interface StringPlace {
  /** Column of continuation lines: folded lines and the lines of a block. */
  readonly continuation: number
  /** Column where the separating blank before the string goes. */
  readonly column: number
  /** As the key of a `key: value` line: one line, no block, never empty. */
  readonly simpleKey?: boolean
}

const WIDTH = 80
const PLAIN_WORD = /^[A-Za-z/][A-Za-z0-9_./:-]*$/
const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/

/** True for the great mass of strings, which need no quotes and no folding: a quick test before {@link formatYamlString}. */
export function isPlainWord(text: string): boolean {
  if (!PLAIN_WORD.test(text) || text.charCodeAt(text.length - 1) === 58) return false
  return text.length > 5 || isPlainText(text)
}

/** True when a reader takes the bare text for text. `<<` counts, as in go-yaml v2: only as a key is it more. */
function isPlainText(text: string): boolean {
  const resolved = resolvePlainScalar(text, 'kubernetes')
  return resolved === undefined || resolved.tag === 'merge'
}

/** Writes text in the style go-yaml v2 chooses: literal block, plain, single quotes or double quotes, in this order of preference. */
export function formatYamlString(text: string, place: StringPlace): string {
  const allowed = analyse(text)
  if (text.includes('\n')) {
    return allowed.block && place.simpleKey !== true ? writeLiteral(text, place) : writeDouble(text, place)
  }
  const plain = isPlainText(text) && !BASE_60.test(text)
  if (!plain) return writeDouble(text, place)
  if (allowed.plain && !(text === '' && place.simpleKey === true)) return writePlain(text, place)
  return allowed.single ? writeSingle(text, place) : writeDouble(text, place)
}

interface Allowed { readonly plain: boolean; readonly single: boolean; readonly block: boolean }

const isBreak = (c: string | undefined): boolean => c === '\n' || c === '\r' || c === '\u0085' || c === '\u2028' || c === '\u2029'
const isBlankOrEnd = (c: string | undefined): boolean => c === undefined || c === ' ' || c === '\t' || isBreak(c)
const UNPRINTABLE = /[^\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/
const ANYWHERE_FIRST = '#,[]{}&*!|>\'"%@`'

/** Which styles can carry the text, by YAML's rules as libyaml applies them. Surrogates count as unprintable, as there. */
function analyse(text: string): Allowed {
  if (text === '') return { plain: true, single: true, block: false }
  let indicators = text.startsWith('---') || text.startsWith('...')
  let [breaks, edge, trailingSpace, spaceBreak, breakSpace] = [false, false, false, false, false]
  const special = UNPRINTABLE.test(text)
  let previousSpace = false
  let previousBreak = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i)
    const next = text.charAt(i + 1) === '' ? undefined : text.charAt(i + 1)
    if (i === 0 ? ANYWHERE_FIRST.includes(c) || ('?:-'.includes(c) && isBlankOrEnd(next)) : isIndicatorInside(c, next, text.charAt(i - 1))) indicators = true
    const last = i === text.length - 1
    if (c === ' ') {
      if (i === 0 || last) edge = true
      if (last) trailingSpace = true
      if (previousBreak) breakSpace = true
      previousSpace = true
      previousBreak = false
    } else if (isBreak(c)) {
      breaks = true
      if (i === 0 || last) edge = true
      if (previousSpace) spaceBreak = true
      previousSpace = false
      previousBreak = true
    } else {
      previousSpace = false
      previousBreak = false
    }
  }
  const none = spaceBreak || special
  return { plain: !none && !edge && !breaks && !indicators && !breakSpace, single: !none && !breakSpace, block: !none && !trailingSpace }
}

function isIndicatorInside(c: string, next: string | undefined, previous: string): boolean {
  return (c === ':' && isBlankOrEnd(next)) || (c === '#' && isBlankOrEnd(previous))
}

/** Folds at blanks that are not beside another one, once past the width. */
function writePlain(text: string, place: StringPlace): string {
  if (place.column + text.length <= WIDTH || place.simpleKey === true) return text
  return fold(text, place, place.column + 1, false)
}

function writeSingle(text: string, place: StringPlace): string {
  const quoted = text.includes("'") ? text.replaceAll("'", "''") : text
  if ((place.column + quoted.length <= WIDTH && !LINE_SEPARATOR.test(text)) || place.simpleKey === true) return `'${quoted}'`
  return `'${fold(quoted, place, place.column + 2, true)}'`
}

const LINE_SEPARATOR = /[\u2028\u2029]/

function fold(text: string, place: StringPlace, start: number, inside: boolean): string {
  const pad = `\n${' '.repeat(place.continuation)}`
  let out = ''
  let column = start
  let spaces = false
  let breaks = false
  let i = 0
  for (const c of text) {
    const at = i
    i += c.length
    if (isBreak(c)) {
      out += c
      column = 0
      breaks = true
      continue
    }
    if (breaks && c !== ' ') {
      out += pad.slice(1)
      column = place.continuation
    }
    breaks = false
    if (c === ' ') {
      const edge = inside && (at === 0 || i === text.length)
      if (!spaces && column > WIDTH && !edge && text.charAt(i) !== ' ') {
        out += pad
        column = place.continuation
      } else {
        out += c
        column++
      }
      spaces = true
    } else {
      out += c
      column++
      spaces = false
    }
  }
  return out
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0', '\x07': '\\a', '\b': '\\b', '\t': '\\t', '\n': '\\n', '\v': '\\v', '\f': '\\f', '\r': '\\r', '\x1b': '\\e', '"': '\\"', '\\': '\\\\',
  '\u0085': '\\N', '\u2028': '\\L', '\u2029': '\\P',
}

function escape(c: string): string {
  const known = ESCAPES[c]
  if (known !== undefined) return known
  const code = c.codePointAt(0) ?? 0
  const hex = code.toString(16).toUpperCase()
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

function writeDouble(text: string, place: StringPlace): string {
  const pad = `\n${' '.repeat(place.continuation)}`
  let out = '"'
  let column = place.column + 2
  let spaces = false
  let i = 0
  for (const c of text) {
    const at = i
    i += c.length
    if (c === '"' || c === '\\' || isBreak(c) || UNPRINTABLE.test(c)) {
      const escaped = escape(c)
      out += escaped
      column += escaped.length
      spaces = false
    } else if (c === ' ') {
      if (place.simpleKey !== true && !spaces && column > WIDTH && at > 0 && i < text.length) {
        out += text.charAt(i) === ' ' ? `${pad}\\` : pad
        column = place.continuation + (text.charAt(i) === ' ' ? 1 : 0)
      } else {
        out += c
        column++
      }
      spaces = true
    } else {
      out += c
      column++
      spaces = false
    }
  }
  return `${out}"`
}

function writeLiteral(text: string, place: StringPlace): string {
  const first = text.charAt(0)
  const hint = first === ' ' || isBreak(first) ? '2' : ''
  const body = text.split('\n')
  let chomp = ''
  if (!isBreak(text.at(-1))) chomp = '-'
  else if (text.length === 1 || isBreak(text.at(-2))) chomp = '+'
  if (text.endsWith('\n')) body.pop()
  const pad = ' '.repeat(place.continuation)
  return `|${hint}${chomp}\n${body.map((line) => (line === '' ? '' : (LINE_SEPARATOR.test(line.charAt(0)) ? '' : pad) + line.replace(/([\u2028\u2029]+)(?=.)/g, `$1${pad}`))).join('\n')}`
}
