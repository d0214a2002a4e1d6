import { CodedError } from '@idp/kit'

export type HclToken =
  | { readonly type: 'word' | 'string' | 'number' | 'symbol'; readonly text: string; readonly line: number }
  | { readonly type: 'end'; readonly text: ''; readonly line: number }

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' }

/** Splits HCL 1 into tokens; comments (`#`, `//`, block) vanish. @throws CodedError `InvalidHcl` */
export function hclTokens(source: string, where: string): HclToken[] {
  const tokens: HclToken[] = []
  let at = 0
  let line = 1
  const fail = (message: string) => new CodedError({ code: 'InvalidHcl', message, where: `${where}:${line}` })
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(source)?.[0]
    if (found === undefined) return undefined
    at += found.length
    line += found.split('\n').length - 1
    return found
  }
  while (at < source.length) {
    if (take(/\s+/y) !== undefined || take(/(#|\/\/)[^\n]*/y) !== undefined) continue
    if (source.startsWith('/*', at)) {
      if (take(/\/\*[\s\S]*?\*\//y) === undefined) throw fail('a comment is not closed')
      continue
    }
    const start = line
    const heredoc = take(/<<-?[A-Za-z_]\w*\r?\n/y)
    if (heredoc !== undefined) {
      const mark = heredoc.replace(/^<<-?/, '').trim()
      const body = take(new RegExp(`[\\s\\S]*?^[ \\t]*${mark}[ \\t]*$`, 'my'))
      if (body === undefined) throw fail(`the text ${mark} is not closed`)
      const lines = body.split('\n').slice(0, -1)
      const indent = heredoc.startsWith('<<-') ? Math.min(...lines.filter((l) => l.trim() !== '').map((l) => l.length - l.trimStart().length)) : 0
      tokens.push({ type: 'string', text: lines.map((l) => `${l.slice(indent)}\n`).join(''), line: start })
      continue
    }
    const string = take(/"(?:[^"\\\n]|\\.)*"/y)
    if (string !== undefined) tokens.push({ type: 'string', text: string.slice(1, -1).replaceAll(/\\(u[0-9a-fA-F]{4}|.)/g, (whole, escape: string) => (escape.length === 5 ? String.fromCharCode(Number.parseInt(escape.slice(1), 16)) : escapes[escape] ?? whole)), line: start })
    else {
      const number = take(/-?(0x[0-9a-fA-F]+|\d+(\.\d+)?([eE][+-]?\d+)?)(?![\w.-])/y)
      const word = number ?? take(/[A-Za-z_*][\w.*-]*/y)
      const symbol = word ?? take(/[{}[\](),=:]/y)
      if (symbol === undefined) throw fail(source[at] === '"' ? 'literal not terminated' : `illegal character ${JSON.stringify(source[at])}`)
      tokens.push({ type: number !== undefined ? 'number' : word !== undefined ? 'word' : 'symbol', text: symbol, line: start })
    }
    if (tokens.length > 200_000) throw fail('the text is too long')
  }
  return [...tokens, { type: 'end', text: '', line }]
}
