import { CodedError } from '@idp/kit'

const simple: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', '"': '"', "'": "'" }

/** The value of a Go-like string literal in double, single or back quotes. Throws CodedError `ParseError`. */
export function stringLiteral(source: string): string {
  const quote = source[0]
  if (source.length < 2 || source.at(-1) !== quote) throw new CodedError({ code: 'ParseError', message: 'unterminated quoted string' })
  const body = source.slice(1, -1)
  if (quote === '`') return body
  if (!body.includes('\\')) return body
  return body.replace(/\\(x[0-9a-fA-F]{2}|[0-7]{3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)/gsu, (whole, escape: string) => {
    const plain = simple[escape]
    if (plain !== undefined) return plain
    if (/^[xuU]/.test(escape) && escape.length > 1) return String.fromCodePoint(parseInt(escape.slice(1), 16))
    if (/^[0-7]{3}$/.test(escape)) return String.fromCodePoint(parseInt(escape, 8))
    throw new CodedError({ code: 'ParseError', message: `unknown escape sequence ${JSON.stringify(whole)} in ${source}` })
  })
}
