import { sprintV } from '../format.ts'
import { GoError, LimitError } from '../go-error.ts'
import { byteLength, byteSlice, bytesOf, isAscii } from '../go-string.ts'
import { quoteGo } from '../quote.ts'
import { fn, strings, typedMap, type GoFunction, type GoMap } from '../value.ts'
import { strslice, strval } from './conversion.ts'
import { camelcase, kebabcase, snakecase, swapcase, toLower, toUpper } from './letter-case.ts'

const longest = 64 * 1024 * 1024

/** Sprig's functions on strings. */
export const stringFunctions: readonly (readonly [string, GoFunction])[] = [
  ['trim', fn('string', trimSpace)],
  ['upper', fn('string', toUpper)],
  ['lower', fn('string', toLower)],
  ['title', fn('string', title)],
  ['untitle', fn('string', untitle)],
  ['substr', fn('int int string', substring)],
  ['trunc', fn('int string', trunc)],
  ['abbrev', fn('int string', (width: number, s: string) => abbreviate(s, 0, width))],
  ['abbrevboth', fn('int int string', (left: number, right: number, s: string) => (right < 4 || (left > 0 && right < 7) ? s : abbreviate(s, left, right)))],
  ['initials', fn('string', (s: string) => s.split(/\s+/).map((word) => [...word][0] ?? '').join(''))],
  ['repeat', fn('int string', repeat)],
  ['trimall', fn('string string', trimAll)],
  ['trimAll', fn('string string', trimAll)],
  ['trimSuffix', fn('string string', (suffix: string, s: string) => (suffix !== '' && s.endsWith(suffix) ? s.slice(0, -suffix.length) : s))],
  ['trimPrefix', fn('string string', (prefix: string, s: string) => (s.startsWith(prefix) ? s.slice(prefix.length) : s))],
  ['nospace', fn('string', deleteSpace)],
  ['swapcase', fn('string', swapcase)],
  ['snakecase', fn('string', snakecase)],
  ['camelcase', fn('string', camelcase)],
  ['kebabcase', fn('string', kebabcase)],
  ['wrap', fn('int string', (width: number, s: string) => wrap(s, width, '\n', false))],
  ['wrapWith', fn('int string string', (width: number, separator: string, s: string) => wrap(s, width, separator, true))],
  ['contains', fn('string string', (part: string, s: string) => s.includes(part))],
  ['hasPrefix', fn('string string', (prefix: string, s: string) => s.startsWith(prefix))],
  ['hasSuffix', fn('string string', (suffix: string, s: string) => s.endsWith(suffix))],
  ['quote', fn('...any', (...args: unknown[]) => args.filter(isSome).map((arg) => quoteGo(strval(arg))).join(' '))],
  ['squote', fn('...any', (...args: unknown[]) => args.filter(isSome).map((arg) => `'${sprintV(arg)}'`).join(' '))],
  ['cat', fn('...any', (...args: unknown[]) => args.filter(isSome).map(sprintV).join(' '))],
  ['indent', fn('int string', indent)],
  ['nindent', fn('int string', (spaces: number, s: string) => `\n${indent(spaces, s)}`)],
  ['replace', fn('string string string', (from: string, to: string, s: string) => replaceAll(s, from, to))],
  ['plural', fn('string string int', (one: string, many: string, count: number) => (count === 1 ? one : many))],
  ['toString', fn('any', strval)],
  ['toStrings', fn('any', (value: unknown) => strings(strslice(value)))],
  ['join', fn('string any', (separator: string, list: unknown) => strslice(list).join(separator))],
  ['split', fn('string string', (separator: string, s: string) => numbered(splitGo(s, separator)))],
  ['splitn', fn('string int string', (separator: string, n: number, s: string) => numbered(splitN(s, separator, n)))],
  ['splitList', fn('string string', (separator: string, s: string) => strings(splitGo(s, separator)))],
]

function isSome(value: unknown): boolean {
  return value !== null && value !== undefined
}

/** Works on bytes, each of which becomes a character, as the library behind Sprig does. */
function deleteSpace(s: string): string {
  if (isAscii(s)) return s.replace(/\s/g, '')
  return Array.from(bytesOf(s), (byte) => String.fromCharCode(byte)).join('').replace(/[\s\u0085]/g, '')
}

function trimSpace(s: string): string {
  return s.replace(/^[\s\u0085]+|[\s\u0085]+$/gu, (run) => run.replaceAll('\ufeff', '') === run ? '' : run)
}

// What strings.Title takes for the end of a word: ASCII but letters, digits and the underscore, and space.
function title(s: string): string {
  // eslint-disable-next-line no-control-regex
  return s.replace(/(^|[\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f\s\u0085])(\p{L})/gu, (_all, before: string, letter: string) => before + letter.toUpperCase())
}

/** goutils.Uncapitalize: the first letter of each word is lowered. */
function untitle(s: string): string {
  return s.replace(/(^|\s)(\S)/gu, (_all, before: string, letter: string) => before + letter.toLowerCase())
}

function bounds(from: number, to: number, length: number): void {
  if (to > length || to < 0) throw new GoError(`runtime error: slice bounds out of range [:${to}] with length ${length}`)
  if (from > to) throw new GoError(`runtime error: slice bounds out of range [${from}:${to}]`)
}

function substring(start: number, end: number, s: string): string {
  const length = byteLength(s)
  const from = start < 0 ? 0 : start
  const to = start >= 0 && (end < 0 || end > length) ? length : end
  bounds(from, to, length)
  return byteSlice(s, from, to)
}

function trunc(count: number, s: string): string {
  const length = byteLength(s)
  if (count < 0 && length + count > 0) return byteSlice(s, length + count, length)
  return count >= 0 && length > count ? byteSlice(s, 0, count) : s
}

function abbreviate(s: string, offset: number, width: number): string {
  const length = byteLength(s)
  if (width < 4 || (offset > 0 && width < 7) || length <= width) return length <= width || width < 4 ? s : ''
  let start = Math.min(offset, length)
  if (length - start < width - 3) start = length - (width - 3)
  if (start <= 4) return `${byteSlice(s, 0, width - 3)}...`
  if (start + width - 3 < length) return `...${abbreviate(byteSlice(s, start, length), 0, width - 3)}`
  return `...${byteSlice(s, length - (width - 3), length)}`
}

function repeat(count: number, s: string): string {
  if (count < 0) throw new GoError('strings: negative Repeat count')
  if (count * s.length > longest) throw new LimitError('output', `repeat makes a text of more than ${longest} characters`)
  return s.repeat(count)
}

function trimAll(cut: string, s: string): string {
  const set = new Set(cut)
  const runes = [...s]
  let from = 0
  let to = runes.length
  while (from < to && set.has(runes[from] ?? '')) from++
  while (to > from && set.has(runes[to - 1] ?? '')) to--
  return runes.slice(from, to).join('')
}

function indent(spaces: number, s: string): string {
  if (spaces < 0) throw new GoError('strings: negative Repeat count')
  const pad = repeat(spaces, ' ')
  return pad + s.replaceAll('\n', `\n${pad}`)
}

function replaceAll(s: string, from: string, to: string): string {
  return s.replaceAll(from, () => to)
}

function splitGo(s: string, separator: string): string[] {
  return separator === '' ? [...s] : s.split(separator)
}

function splitN(s: string, separator: string, n: number): string[] {
  if (n === 0) return []
  if (n < 0) return splitGo(s, separator)
  const parts: string[] = []
  let rest = s
  while (parts.length < n - 1) {
    const at = separator === '' ? [...rest][0]?.length ?? -1 : rest.indexOf(separator)
    if (at < 0 || (separator === '' && at >= rest.length)) break
    parts.push(rest.slice(0, at))
    rest = rest.slice(at + separator.length)
  }
  if (rest !== '' || separator !== '') parts.push(rest)
  return parts
}

function numbered(parts: string[]): GoMap {
  const map: GoMap = {}
  parts.forEach((part, i) => { map[`_${i}`] = part })
  return typedMap('map[string]string', map)
}

/** goutils.Wrap: breaks at spaces so that lines hold at most `width` characters. */
function wrap(s: string, width: number, newline: string, breaksWords: boolean): string {
  const size = Math.max(width, 1)
  const runes = [...s]
  let out = ''
  let offset = 0
  while (runes.length - offset > size) {
    if (runes[offset] === ' ') {
      offset++
      continue
    }
    const space = runes.lastIndexOf(' ', size + offset)
    if (space >= offset) {
      out += runes.slice(offset, space).join('') + newline
      offset = space + 1
    } else if (breaksWords) {
      out += runes.slice(offset, size + offset).join('') + newline
      offset += size
    } else {
      const after = runes.indexOf(' ', size + offset)
      if (after < 0) break
      out += runes.slice(offset, after).join('') + newline
      offset = after + 1
    }
  }
  return out + runes.slice(offset).join('')
}

