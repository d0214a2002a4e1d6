import { resolvePlainScalar, type Json, type JsonObject } from '@idp/formats'
import { readFlow } from './plain-yaml-flow.ts'

/** Thrown, and caught here, where a text is not plain enough. */
export const notPlain: unique symbol = Symbol('not plain')

const TAB = 9
const SPACE = 32
const QUOTE = 34
const HASH = 35
const APOSTROPHE = 39
const DASH = 45
const COLON = 58
/** What a plain scalar here does not begin with: indicators of YAML, and a few that are only allowed before something. */
const indicators = new Set('?:,[]{}#&*!|>\'"%@`\t'.split('').map((sign) => sign.charCodeAt(0)))
const mostDepth = 100
const longestKey = 1000
// What ends a line, does not show, is space to JavaScript but not to YAML, or may not be there at all.
// eslint-disable-next-line no-control-regex
const strange = /[\x00-\x08\x0b-\x1f\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff\ufffe\uffff]/
const marker = /^(?:---|\.\.\.)(?:[ \t]|$)/m
const header = /^[|>]([+-]?)[ ]*(?: #.*)?$/

/**
 * Reads one document in the plain style in which most of YAML is written, in one pass: block mappings and sequences, scalars, literal blocks, flow
 * collections. Undefined for anything else (anchors, tags, …) and for what may be wrong: then the whole of YAML has to
 * be read. Where it answers, the answer is that of `parseYaml` with `duplicateKeys: 'last'`.
 */
export function readPlainYaml(text: string): { readonly value: Json } | undefined {
  if (strange.test(text) || !text.isWellFormed()) return undefined
  let from = 0
  if (text.startsWith('---\n')) from = 4
  const found = marker.exec(from === 0 ? text : text.slice(from))
  if (found !== null) return undefined
  try {
    return { value: new PlainReader(text, from).document() }
  } catch (error) {
    if (error === notPlain) return undefined
    throw error
  }
}

/** A scalar without quotes. */
export function plainScalar(text: string): Json {
  const resolved = resolvePlainScalar(text, 'kubernetes')
  if (resolved === undefined) return text
  if (resolved.tag === 'merge' || (typeof resolved.value === 'number' && !Number.isFinite(resolved.value))) throw notPlain
  return resolved.value
}

/** Where the scalar in quotes that begins at `from` ends: behind the closing quote. One line only. */
export function quotedEnd(text: string, from: number, limit: number): number {
  const quote = text[from] as string
  let end = text.indexOf(quote, from + 1)
  if (quote === '"') {
    // A quote behind an odd number of backslashes is part of the text.
    while (end >= 0 && end < limit && text.charCodeAt(end - 1) === 92) {
      let slashes = end - 1
      while (slashes > from && text.charCodeAt(slashes) === 92) slashes--
      if ((end - 1 - slashes) % 2 === 0) break
      end = text.indexOf(quote, end + 1)
    }
  } else while (end >= 0 && end < limit && text.charCodeAt(end + 1) === APOSTROPHE) end = text.indexOf(quote, end + 2)
  if (end < 0 || end >= limit) throw notPlain
  return end + 1
}

/** The text of a scalar with its quotes. */
export function unquoted(quoted: string): string {
  const inner = quoted.slice(1, -1)
  if (quoted.charCodeAt(0) === APOSTROPHE) return inner.includes('\'') ? inner.replaceAll('\'\'', '\'') : inner
  if (!inner.includes('\\')) return inner
  // These escapes mean the same in JSON.
  if (inner.includes('\t') || /\\(?:[^"\\/bfnrtu]|u(?![0-9a-fA-F]{4})|u[dD][89a-fA-F])/.test(inner.replaceAll('\\\\', ''))) throw notPlain
  return JSON.parse(quoted) as string
}

class PlainReader {
  private readonly text: string
  /** The line at hand: where its content begins and ends, and its indentation; -1 behind the last. What follows `- ` counts as a line of its own. */
  private from = 0
  private end = 0
  private indent = 0
  private after: number
  private depth = 0

  constructor(text: string, from: number) {
    this.text = text
    this.after = from
  }

  document(): Json {
    this.next()
    if (this.indent < 0) return null
    const value = this.node(-1)
    if (this.indent >= 0) throw notPlain
    return value
  }

  /** Goes to the next line that holds more than space and a comment. */
  private next(): void {
    const { text } = this
    for (;;) {
      const start = this.after
      if (start >= text.length) {
        this.indent = -1
        return
      }
      let end = text.indexOf('\n', start)
      if (end < 0) end = text.length
      this.after = end + 1
      let at = start
      while (text.charCodeAt(at) === SPACE) at++
      if (at >= end) continue
      const first = text.charCodeAt(at)
      if (first === HASH) continue
      if (first === TAB) throw notPlain
      this.from = at
      this.end = end
      this.indent = at - start
      return
    }
  }

  /** The node that begins with the line at hand, below a collection at column `parent`. */
  private node(parent: number): Json {
    if (++this.depth > mostDepth) throw notPlain
    const value = this.isItem() ? this.sequence(this.indent) : this.keyEnd() >= 0 ? this.mapping(this.indent) : this.scalar(this.from, parent)
    this.depth--
    return value
  }

  private isItem(): boolean {
    return this.text.charCodeAt(this.from) === DASH && (this.from + 1 === this.end || this.text.charCodeAt(this.from + 1) === SPACE)
  }

  /** Where the colon behind the key of this line is; -1 when there is none. */
  private keyEnd(): number {
    const { text, from, end } = this
    const first = text.charCodeAt(from)
    if (first === QUOTE || first === APOSTROPHE) {
      const colon = quotedEnd(text, from, end)
      return text.charCodeAt(colon) === COLON && this.endsKey(colon) ? colon : -1
    }
    let colon = text.indexOf(':', from)
    while (colon >= 0 && colon < end && !this.endsKey(colon)) colon = text.indexOf(':', colon + 1)
    if (colon < 0 || colon >= end) return -1
    // The colon may be inside a comment, or a flow collection.
    if (indicators.has(first) || (first === DASH && text.charCodeAt(from + 1) === SPACE)) return first === 91 || first === 123 || first === 124 || first === 62 ? -1 : refuse()
    return colon
  }

  private endsKey(colon: number): boolean {
    return colon + 1 >= this.end || this.text.charCodeAt(colon + 1) === SPACE
  }

  private mapping(column: number): JsonObject {
    const map: JsonObject = {}
    do {
      const colon = this.keyEnd()
      if (colon < 0) throw notPlain
      const key = this.key(colon)
      // As parseYaml puts them: the last of equal keys at the place of the first.
      map[key] = this.member(colon + 1, column)
    } while (this.indent === column)
    if (this.indent > column) throw notPlain
    return map
  }

  private key(colon: number): string {
    const { text, from } = this
    if (colon - from > longestKey) throw notPlain
    const first = text.charCodeAt(from)
    if (first === QUOTE || first === APOSTROPHE) {
      const key = unquoted(text.slice(from, colon))
      return key === '__proto__' ? refuse() : key
    }
    let end = colon
    while (text.charCodeAt(end - 1) === SPACE) end--
    const key = text.slice(from, end)
    if (first === DASH || key.includes(' #') || key.includes('\t') || key === '__proto__') throw notPlain
    const value = plainScalar(key)
    return value === null ? refuse() : String(value)
  }

  /** The value behind a key, up to and with the lines that belong to it. */
  private member(at: number, column: number): Json {
    const start = this.content(at)
    if (start >= 0) return this.scalar(start, column)
    this.next()
    if (this.indent > column) return this.node(column)
    return this.indent === column && this.isItem() ? this.items(column) : null
  }

  /** The first character from `at` on that is neither space nor comment; -1 when the line holds no more. */
  private content(at: number): number {
    const { text, end } = this
    let start = at
    while (start < end && text.charCodeAt(start) === SPACE) start++
    if (start >= end || text.charCodeAt(start) === HASH) return -1
    return start
  }

  private sequence(column: number): Json[] {
    const items = this.items(column)
    if (this.indent === column) throw notPlain
    return items
  }

  /** Items at a column; what follows there may be the next key of the mapping they are in. */
  private items(column: number): Json[] {
    if (++this.depth > mostDepth) throw notPlain
    const items: Json[] = []
    do items.push(this.item(column))
    while (this.indent === column && this.isItem())
    if (this.indent > column) throw notPlain
    this.depth--
    return items
  }

  private item(column: number): Json {
    const start = this.content(this.from + 1)
    if (start < 0) {
      this.next()
      return this.indent > column ? this.node(column) : null
    }
    this.indent = column + start - this.from
    this.from = start
    return this.node(column)
  }

  /** A scalar or a flow collection that begins at `from`, inside a collection at column `parent`; the line at hand is then the one behind it. */
  private scalar(from: number, parent: number): Json {
    const { text, end } = this
    const first = text.charCodeAt(from)
    if (first === 124 || first === 62) return this.block(from, parent)
    if (first === QUOTE || first === APOSTROPHE) {
      const close = quotedEnd(text, from, text.length)
      return this.rest(close, close <= end ? unquoted(text.slice(from, close)) : this.foldedQuoted(from, close, parent), parent)
    }
    if (first === 91 || first === 123) {
      const flow = readFlow(text, from)
      if (flow.end > end) this.endLine(flow.end)
      return this.rest(flow.end, flow.value, parent)
    }
    if (indicators.has(first) || (first === DASH && (from + 1 >= end || text.charCodeAt(from + 1) === SPACE || text.startsWith('---', from)))) throw notPlain
    const line = this.words(from)
    this.next()
    if (this.indent <= parent) return plainScalar(line)
    return parent < 0 ? refuse() : this.folded(line, parent)
  }

  /** What is left of a line behind a scalar: nothing, or a comment. */
  private rest<T extends Json>(at: number, value: T, parent: number): T {
    if (this.content(at) >= 0 || (at < this.end && this.text.charCodeAt(at) === HASH)) throw notPlain
    this.next()
    if (this.indent > parent) throw notPlain
    return value
  }

  /** A scalar in quotes over several lines; the line at hand is then its last. */
  private foldedQuoted(from: number, close: number, parent: number): string {
    const { text } = this
    const raw = text.slice(from, close)
    const [first = '', ...more] = raw.split('\n')
    const isDouble = text.charCodeAt(from) === QUOTE
    let value = first.trimEnd()
    let breaks = 0
    for (const line of more) {
      const words = line.trim()
      if (words === '') {
        breaks++
        continue
      }
      if (line.length - line.trimStart().length <= parent) throw notPlain
      value += breaks === 0 ? ' ' : (isDouble ? '\\n' : '\n').repeat(breaks)
      value += words
      breaks = 0
    }
    // A line break behind a backslash joins lines.
    if (parent < 0 || breaks > 0 || raw.includes('\t') || (isDouble && /\\ *$/m.test(raw))) throw notPlain
    this.endLine(close)
    return unquoted(value)
  }

  /** The line at hand ends where that of `at` does. */
  private endLine(at: number): void {
    const end = this.text.indexOf('\n', at)
    this.end = end < 0 ? this.text.length : end
    this.after = this.end + 1
  }

  /** The line at hand from `from` on, as part of a scalar without quotes. */
  private words(from: number): string {
    let line = this.text.slice(from, this.end)
    const comment = line.indexOf(' #')
    if (comment >= 0) line = line.slice(0, comment)
    if (line.includes(': ') || line.includes('\t')) throw notPlain
    line = line.trimEnd()
    if (line.endsWith(':')) throw notPlain
    return line
  }

  /** A scalar over several lines: a line break is a space, an empty line a line break. */
  private folded(first: string, parent: number): string {
    let value = first
    if (this.text.slice(this.text.lastIndexOf('\n', this.from), this.from).includes('#')) throw notPlain
    do {
      value += this.gap(this.from - this.indent)
      const line = this.words(this.from)
      if (/^(?:- |[-?:]$|[?:] )/.test(line) || line.length !== this.text.slice(this.from, this.end).trimEnd().length) throw notPlain
      value += line
      this.next()
    } while (this.indent > parent)
    return value
  }

  /** What stands between two lines of a scalar, looking back from the second. */
  private gap(start: number): string {
    const { text } = this
    let breaks = 0
    let at = start - 1
    for (;;) {
      const line = text.lastIndexOf('\n', at - 1) + 1
      const content = text.slice(line, at)
      if (content.trimStart() !== '') {
        // A comment ends the scalar.
        if (content.includes('#') && (content.trimStart().startsWith('#') || content.includes(' #'))) throw notPlain
        return breaks === 0 ? ' ' : '\n'.repeat(breaks)
      }
      breaks++
      at = line - 1
    }
  }

  /** `|`, `|-`, `|+`, and the same with `>`. */
  private block(from: number, parent: number): string {
    const { text } = this
    const head = header.exec(text.slice(from, this.end))
    if (head === null) throw notPlain
    const first = this.after
    let start = first
    let column = -1
    let end = first
    // Behind the last line with more than space.
    let filled = first
    for (; start < text.length; start = end + 1) {
      end = text.indexOf('\n', start)
      if (end < 0) end = text.length
      let at = start
      while (text.charCodeAt(at) === SPACE) at++
      if (at >= end) {
        if (column < 0 && at > start) throw notPlain
        // Longer than the indentation, it is text.
        if (column >= 0 && end - start > column) filled = Math.min(end + 1, text.length)
        continue
      }
      const indent = at - start
      if (column < 0) {
        if (indent <= parent) break
        if (text.charCodeAt(at) === TAB) throw notPlain
        column = indent
      } else if (indent < column) {
        if (indent > parent || text.charCodeAt(at) === TAB) throw notPlain
        break
      }
      filled = Math.min(end + 1, text.length)
    }
    if (column < 0) throw notPlain
    if (start > text.length) start = text.length
    this.after = start
    const lines = this.dedented(first, filled, column)
    const value = text.charCodeAt(from) === 62 ? foldedLines(lines) : lines
    const atEnd = start >= text.length
    this.next()
    if (this.indent > parent) throw notPlain
    if (head[1] === '-') return value.endsWith('\n') ? value.slice(0, -1) : value
    if (atEnd && !text.endsWith('\n')) return filled === text.length ? value : refuse()
    if (head[1] === '+') return value + this.dedented(filled, start, column)
    return value
  }

  /** Lines without their indentation; shorter ones are empty. */
  private dedented(from: number, to: number, column: number): string {
    const { text } = this
    let value = ''
    for (let start = from; start < to;) {
      let end = text.indexOf('\n', start)
      if (end < 0 || end >= to) end = to - 1
      if (end + 1 - start > column) value += text.slice(start + column, end + 1)
      else value += '\n'
      start = end + 1
    }
    return value
  }
}

/** Line breaks become spaces, and empty lines line breaks; where a line is indented more, other rules hold. */
function foldedLines(lines: string): string {
  if (/^[\n \t]|\n[ \t]/.test(lines)) throw notPlain
  const end = lines.endsWith('\n') ? lines.length - 1 : lines.length
  return lines.slice(0, end).replace(/\n+/g, (breaks) => (breaks.length === 1 ? ' ' : breaks.slice(1))) + lines.slice(end)
}

function refuse(): never {
  throw notPlain
}
