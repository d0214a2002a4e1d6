import { CelUint } from '../value/value.ts'

const simple: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', '?': '?', '"': '"', "'": "'", '`': '`' }

/** The text a string literal stands for; undefined where an escape is not one. */
export function unquoteString(literal: string): string | undefined {
  const { body, raw } = strip(literal)
  if (raw || !body.includes('\\')) return body.replaceAll(/\r\n?/g, '\n')
  let out = ''
  for (const piece of escapes(body)) {
    if (piece === undefined) return undefined
    if (typeof piece === 'string') out += piece
    else if (piece.code > 0x10ffff || (piece.code >= 0xd800 && piece.code <= 0xdfff)) return undefined
    else out += String.fromCodePoint(piece.code)
  }
  return out
}

/** The bytes that a bytes literal (with its `b`) stands for: text in UTF-8, `\x` and octal escapes as single bytes. */
export function unquoteBytes(literal: string): Uint8Array | undefined {
  const { body, raw } = strip(literal.slice(1))
  const encoder = new TextEncoder()
  if (raw || !body.includes('\\')) return encoder.encode(body)
  const out: number[] = []
  for (const piece of escapes(body)) {
    if (piece === undefined || (typeof piece !== 'string' && piece.unicode)) return undefined
    if (typeof piece === 'string') out.push(...encoder.encode(piece))
    else out.push(piece.code)
  }
  return Uint8Array.from(out)
}

function strip(literal: string): { body: string; raw: boolean } {
  const raw = /^[rR]/.test(literal)
  const quoted = raw ? literal.slice(1) : literal
  const width = quoted.startsWith('"""') || quoted.startsWith("'''") ? 3 : 1
  return { body: quoted.slice(width, quoted.length - width), raw }
}

/** Text between escapes, and code points of numeric escapes; undefined at an escape that is not one. */
function* escapes(body: string): Generator<string | { code: number; unicode: boolean } | undefined> {
  let start = 0
  for (let i = body.indexOf('\\'); i >= 0; i = body.indexOf('\\', start)) {
    if (i > start) yield body.slice(start, i)
    const letter = body[i + 1] ?? ''
    const plain = simple[letter]
    if (plain !== undefined) {
      yield plain
      start = i + 2
      continue
    }
    const width = letter === 'x' || letter === 'X' ? 2 : letter === 'u' ? 4 : letter === 'U' ? 8 : 0
    const digits = width > 0 ? body.slice(i + 2, i + 2 + width) : body.slice(i + 1, i + 4)
    if (width > 0 ? !(digits.length === width && /^[0-9a-fA-F]+$/.test(digits)) : !/^[0-3][0-7][0-7]$/.test(digits)) return yield undefined
    yield { code: Number.parseInt(digits, width > 0 ? 16 : 8), unicode: width > 2 }
    start = i + (width > 0 ? 2 + width : 4)
  }
  if (start < body.length) yield body.slice(start)
}

/** The int of a literal, its sign apart; undefined when it does not fit. */
export function intLiteral(text: string, negative: boolean): number | bigint | undefined {
  const magnitude = BigInt(text)
  const value = negative ? -magnitude : magnitude
  if (value > 2n ** 63n - 1n || value < -(2n ** 63n)) return undefined
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

export function uintLiteral(text: string): CelUint | undefined {
  const value = BigInt(text.slice(0, -1))
  return value > 2n ** 64n - 1n ? undefined : new CelUint(value)
}
