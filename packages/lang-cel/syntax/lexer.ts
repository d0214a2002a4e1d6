import type { CelIssue } from './source.ts'

export type TokenKind = 'ident' | 'quotedIdent' | 'int' | 'uint' | 'float' | 'string' | 'bytes' | 'sign' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** The text as it is written. */
  readonly text: string
  readonly offset: number
}

const text = (prefix: string) => new RegExp(String.raw`${prefix}(?:[rR](?:"""[^]*?"""|\'\'\'[^]*?\'\'\'|"[^"\n\r]*"|'[^'\n\r]*')|"""(?:\\[^]|[^\\])*?"""|\'\'\'(?:\\[^]|[^\\])*?\'\'\'|"(?:\\.|[^\\"\n\r])*"|'(?:\\.|[^\\'\n\r])*')`.replaceAll(String.raw`\'`, "'"), 'y')
const stringPattern = text('')
const bytesPattern = text('[bB]')
const numberPattern = /(0x[0-9a-fA-F]+|[0-9]+)[uU]|([0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)|0x[0-9a-fA-F]+|[0-9]+/y
const quotedPattern = /`[A-Za-z0-9_.\-/ ]+`/y
const signs = new Set(['==', '!=', '<=', '>=', '&&', '||', '<', '>', '[', ']', '{', '}', '(', ')', '.', ',', '-', '!', '?', ':', '+', '*', '/', '%'])

const isDigit = (code: number) => code >= 48 && code <= 57
const isLetter = (code: number) => (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95

/** Splits an expression into its tokens, the last of kind `end`. Characters that begin no token are reported and skipped. */
export function tokenize(source: string, issues: CelIssue[]): Token[] {
  const tokens: Token[] = []
  let offset = 0
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = offset
    return pattern.exec(source)
  }
  const push = (kind: TokenKind, found: string) => {
    tokens.push({ kind, text: found, offset })
    offset += found.length
  }
  while (offset < source.length) {
    const code = source.charCodeAt(offset)
    if (code === 32 || (code >= 9 && code <= 13 && code !== 11)) offset++
    else if (code === 47 && source.charCodeAt(offset + 1) === 47) offset = (source.indexOf('\n', offset) + 1 || source.length + 1) - 1
    else if (isLetter(code)) {
      const literal = textPrefix.has(source[offset] ?? '') ? match(code === 98 || code === 66 ? bytesPattern : stringPattern) : null
      if (literal) push(code === 98 || code === 66 ? 'bytes' : 'string', literal[0])
      else push('ident', source.slice(offset, nameEnd(source, offset)))
    } else if (isDigit(code) || (code === 46 && isDigit(source.charCodeAt(offset + 1)))) {
      const number = match(numberPattern)
      if (number) push(number[1] === undefined ? number[2] === undefined ? 'int' : 'float' : 'uint', number[0])
    } else if (code === 34 || code === 39) {
      const literal = match(stringPattern)
      if (literal) push('string', literal[0])
      else refuse(source.slice(offset))
    } else if (code === 96) {
      const quoted = match(quotedPattern)
      if (quoted) push('quotedIdent', quoted[0])
      else refuse('`')
    } else {
      const two = source.slice(offset, offset + 2)
      const sign = signs.has(two) ? two : two[0] ?? ''
      if (signs.has(sign)) push('sign', sign)
      else refuse(String.fromCodePoint(source.codePointAt(offset) ?? 0))
    }
  }
  tokens.push({ kind: 'end', text: '<EOF>', offset: source.length })
  return tokens

  function refuse(rest: string): void {
    issues.push({ message: `Syntax error: token recognition error at: '${rest}'`, offset })
    offset += rest.length
  }
}

const textPrefix = new Set(['b', 'B', 'r', 'R'])

function nameEnd(source: string, start: number): number {
  let end = start + 1
  for (let code = source.charCodeAt(end); isLetter(code) || isDigit(code); code = source.charCodeAt(end)) end++
  return end
}
