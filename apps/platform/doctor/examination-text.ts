import type { Problem } from './diagnose.ts'
import type { AreaVerdict } from './examine.ts'

/** How many of those that hang on one cause are named. */
const named = 5

/** `✓ nodes  3 of 3` a line. */
export function areaLines(areas: readonly AreaVerdict[]): readonly string[] {
  const width = Math.max(0, ...areas.map(({ area }) => area.length))
  return areas.map(({ area, well, total, healthy }) => `${healthy ? '✓' : '✗'} ${area.padEnd(width)}  ${well === total ? `${total} well` : `${well} of ${total} well`}`)
}

/** The chain, one step deeper a line, and the remedy. */
export function problemLines({ chain, remedy, also }: Problem): readonly string[] {
  const lines = chain.flatMap(({ subject, says }, depth) => {
    const [first = '', ...rest] = says.split('\n')
    const indent = '  '.repeat(depth)
    return [depth === 0 ? `✗ ${subject} ${first}` : `${indent}← ${subject} ${first}`, ...rest.map((line) => `${indent}    ${line}`)]
  })
  const more = also.length > named ? `, and ${also.length - named} more` : ''
  return [...lines, `  → ${remedy}`, ...(also.length === 0 ? [] : [`  for the same cause: ${also.slice(0, named).join(', ')}${more}`])]
}
