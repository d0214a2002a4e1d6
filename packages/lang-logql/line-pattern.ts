import { CodedError } from '@idp/kit'

/** Reads a pattern such as `<ip> - "<method> <_>"`: literals with captures between them. Throws CodedError `InvalidPattern`. */
export function compilePattern(pattern: string): (line: string) => readonly (readonly [name: string, value: string])[] | undefined {
  const parts = pattern.split(/(<[a-zA-Z_][a-zA-Z0-9_]*>)/).filter((part) => part !== '')
  const isCapture = (part: string): boolean => /^<[a-zA-Z_][a-zA-Z0-9_]*>$/.test(part)
  for (const [index, part] of parts.entries()) if (isCapture(part) && isCapture(parts[index + 1] ?? '')) throw new CodedError({ code: 'InvalidPattern', message: `invalid pattern: consecutive capture ${part}${parts[index + 1] ?? ''}` })
  return (line) => {
    const found: (readonly [string, string])[] = []
    let at = 0
    for (const [index, part] of parts.entries()) {
      if (!isCapture(part)) {
        const place = index === 0 ? (line.startsWith(part) ? 0 : -1) : line.indexOf(part, at)
        if (place < 0) return undefined
        at = place + part.length
        continue
      }
      const next = parts[index + 1]
      const end = next === undefined ? line.length : line.indexOf(next, at)
      if (end < 0) return undefined
      const name = part.slice(1, -1)
      if (name !== '_') found.push([name, line.slice(at, end)])
      at = end
    }
    return found
  }
}
