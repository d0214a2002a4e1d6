import { GoError } from './go-error.ts'

/** U+0041 'A', as Go's %#U prints a character. */
export function quoteRune(r: string): string {
  const code = r === '' ? 0xffffffff : r.codePointAt(0) ?? 0
  if (code === 0xffffffff) return 'U+FFFFFFFFFFFFFFFF'
  const hex = code.toString(16).toUpperCase().padStart(4, '0')
  return isPrintable(code) ? `U+${hex} '${String.fromCodePoint(code)}'` : `U+${hex}`
}

const printable = /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u

/** What Go's strconv.IsPrint says: letters, marks, numbers, punctuation, symbols and the ASCII space. */
export function isPrintable(code: number): boolean {
  if (code < 0x7f) return code >= 0x20
  return printable.test(String.fromCodePoint(code))
}

const plain = /^[ !#-[\]-~]*$/
const short: Readonly<Record<number, string>> = { 7: '\\a', 8: '\\b', 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r' }

/** Go's strconv.Quote. Bytes that are no UTF-8 (see go-string.ts) print as \x... */
export function quoteGo(text: string): string {
  if (plain.test(text)) return `"${text}"`
  let out = '"'
  for (const r of text) out += quotedRune(r, '"')
  return `${out}"`
}

/** Go's strconv.QuoteToASCII. */
export function quoteAscii(text: string): string {
  return quoteGo(text).replace(/[\u0080-\u{10ffff}]/gu, (r) => escapedCode(r.codePointAt(0) ?? 0))
}

/** Go's strconv.QuoteRune. */
export function quoteCharacter(code: number): string {
  return `'${quotedRune(String.fromCodePoint(code > 0x10ffff || code < 0 ? 0xfffd : code), '\'')}'`
}

function quotedRune(r: string, quote: string): string {
  const code = r.codePointAt(0) ?? 0
  if (r === quote || r === '\\') return `\\${r}`
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`
  if (isPrintable(code)) return r
  const known = short[code]
  if (known !== undefined) return known
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`
  return escapedCode(code)
}

function escapedCode(code: number): string {
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}

const escapes: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', '\'': '\'', '"': '"' }
const anEscape = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([\s\S]?))/g

/** Go's strconv.Unquote for strings in double quotes, back quotes and single quotes. Throws "invalid syntax". */
export function unquoteGo(quoted: string): string {
  const quote = quoted[0]
  const body = quoted.slice(1, -1)
  if (quote === '`') return body.replaceAll('\r', '')
  if (!body.includes('\\')) return body
  const bytes: string[] = []
  let last = 0
  for (const match of body.matchAll(anEscape)) {
    bytes.push(body.slice(last, match.index))
    last = match.index + match[0].length
    bytes.push(unescape(match, quote ?? '"'))
  }
  bytes.push(body.slice(last))
  return joinSplitBytes(bytes.join(''))
}

function unescape(match: RegExpMatchArray, quote: string): string {
  const [, hex2, hex4, hex8, octal, other] = match
  if (hex2 !== undefined) return rawByte(Number.parseInt(hex2, 16))
  if (octal !== undefined) {
    const value = Number.parseInt(octal, 8)
    if (value > 255) throw new GoError('invalid syntax')
    return rawByte(value)
  }
  const wide = hex4 ?? hex8
  if (wide !== undefined) {
    const code = Number.parseInt(wide, 16)
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw new GoError('invalid syntax')
    return String.fromCodePoint(code)
  }
  const known = other === undefined ? undefined : escapes[other]
  if (known === undefined || ((other === '"' || other === '\'') && other !== quote)) throw new GoError('invalid syntax')
  return known
}

function rawByte(value: number): string {
  return String.fromCharCode(value < 0x80 ? value : 0xdc00 + value)
}

const loose = new TextDecoder('utf-8', { ignoreBOM: true })

/** Escaped bytes that together are UTF-8 become the character they spell. */
function joinSplitBytes(text: string): string {
  return text.replace(/[\udc80-\udcff]+/gu, (run) => {
    const decoded = loose.decode(Uint8Array.from(run, (c) => c.charCodeAt(0) - 0xdc00))
    return decoded.includes('\ufffd') ? run : decoded
  })
}
