import { codePoints } from '../value/text.ts'

/** One thing wrong with an expression, at an offset (UTF-16) in its text. */
export interface CelIssue {
  readonly message: string
  readonly offset: number
}

/** Line (from 1) and column in code points (from 0) of an offset. */
export function positionOf(text: string, offset: number): { line: number; column: number; lineText: string } {
  const before = text.slice(0, offset)
  const start = before.lastIndexOf('\n') + 1
  const end = text.indexOf('\n', offset)
  let line = 1
  for (let i = before.indexOf('\n'); i >= 0; i = before.indexOf('\n', i + 1)) line++
  return { line, column: codePoints(before.slice(start)), lineText: text.slice(start, end < 0 ? undefined : end) }
}

/**
 * The report that cel-go prints: `ERROR: <input>:1:7: undeclared reference to 'x' (in container '')`, then the line and a caret under
 * the place. Several are in order of their place, one below the other.
 */
export function formatIssues(text: string, issues: readonly CelIssue[]): string {
  return [...issues].sort((a, b) => a.offset - b.offset).slice(0, 100).map((issue) => {
    const { line, column, lineText } = positionOf(text, issue.offset)
    const shown = lineText.replaceAll('\t', ' ')
    const dots = [...shown].slice(0, column).map((char) => char > '\u007f' ? '．' : '.').join('')
    const caret = ([...shown][column] ?? ' ') > '\u007f' ? '＾' : '^'
    return `ERROR: <input>:${line}:${column + 1}: ${issue.message}\n | ${shown}\n | ${dots}${caret}`
  }).join('\n')
}
