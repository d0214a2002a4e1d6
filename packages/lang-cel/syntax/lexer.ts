import type { CelIssue } from './source.ts'

export type TokenKind = 'ident' | 'quotedIdent' | 'int' | 'uint' | 'float' | 'string' | 'bytes' | 'sign' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** The text as it is written. */
  readonly text: string
  readonly offset: number
}

const pattern = new RegExp([
  String.raw`(?<space>[\t\r\n\f ]+|//[^\n]*)`,
  String.raw`(?<bytes>[bB](?:[rR](?:"""[^]*?"""|'''[^]*?'''|"[^"\n\r]*"|'[^'\n\r]*')|"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|"(?:\\.|[^\\"\n\r])*"|'(?:\\.|[^\\'\n\r])*'))`,
  String.raw`(?<string>[rR](?:"""[^]*?"""|'''[^]*?'''|"[^"\n\r]*"|'[^'\n\r]*')|"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|"(?:\\.|[^\\"\n\r])*"|'(?:\\.|[^\\'\n\r])*')`,
  String.raw`(?<uint>(?:0x[0-9a-fA-F]+|[0-9]+)[uU])`,
  String.raw`(?<float>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)`,
  String.raw`(?<int>0x[0-9a-fA-F]+|[0-9]+)`,
  String.raw`(?<ident>[A-Za-z_][A-Za-z0-9_]*)`,
  '(?<quotedIdent>`[A-Za-z0-9_.\\-/ ]+`)',
  String.raw`(?<sign>==|!=|<=|>=|&&|\|\||[<>\[\]{}().,\-!?:+*/%])`,
].join('|'), 'y')

/** Splits an expression into its tokens, the last of kind `end`. Characters that begin no token are reported and skipped. */
export function tokenize(text: string, issues: CelIssue[]): Token[] {
  const tokens: Token[] = []
  let offset = 0
  while (offset < text.length) {
    pattern.lastIndex = offset
    const groups = pattern.exec(text)?.groups
    if (!groups) {
      const rest = text[offset] === '"' || text[offset] === "'" ? text.slice(offset) : String.fromCodePoint(text.codePointAt(offset) ?? 0)
      issues.push({ message: `Syntax error: token recognition error at: '${rest}'`, offset })
      offset += rest.length
      continue
    }
    for (const kind in groups) {
      const found = groups[kind]
      if (found === undefined) continue
      if (kind !== 'space') tokens.push({ kind: kind as TokenKind, text: found, offset })
      offset += found.length
      break
    }
  }
  tokens.push({ kind: 'end', text: '<EOF>', offset: text.length })
  return tokens
}
