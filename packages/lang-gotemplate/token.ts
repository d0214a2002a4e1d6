/** Kinds of lexical tokens of a Go template. Keywords start at `keyword`. */
export const token = {
  error: 0, bool: 1, char: 2, charConstant: 3, comment: 4, complex: 5, assign: 6, declare: 7, eof: 8, field: 9, identifier: 10,
  leftDelim: 11, leftParen: 12, number: 13, pipe: 14, rawString: 15, rightDelim: 16, rightParen: 17, space: 18, string: 19, text: 20,
  variable: 21, keyword: 22, block: 23, break: 24, continue: 25, dot: 26, define: 27, else: 28, end: 29, if: 30, nil: 31, range: 32,
  template: 33, with: 34,
} as const
export type TokenKind = (typeof token)[keyof typeof token]

/** One token: its kind, its text, where it starts (UTF-16 index) and on which line (from 1). */
export interface Token { readonly kind: TokenKind; readonly text: string; readonly pos: number; readonly line: number }

/** The words that are not identifiers inside an action. */
export const keywords: Readonly<Record<string, TokenKind>> = Object.assign(Object.create(null) as Record<string, TokenKind>, {
  '.': token.dot, block: token.block, break: token.break, continue: token.continue, define: token.define, else: token.else, end: token.end,
  if: token.if, range: token.range, nil: token.nil, template: token.template, with: token.with,
})
