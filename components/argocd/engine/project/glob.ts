const compiled = new Map<string, RegExp>()

/**
 * Shell-like patterns as Argo CD uses them: `*`, `**`, `?`, `[a-z]`, `{a,b}`.
 * @param separator when given, `*` and `?` do not cross it and `**` does
 */
export function globMatches(pattern: string, text: string, separator = ''): boolean {
  const key = `${separator}\0${pattern}`
  let expression = compiled.get(key)
  if (expression === undefined) {
    expression = new RegExp(`^${translate(pattern, separator)}$`, 's')
    if (compiled.size > 2_000) compiled.clear()
    compiled.set(key, expression)
  }
  return expression.test(text)
}

function translate(pattern: string, separator: string): string {
  const one = separator === '' ? '.' : `[^${separator === '/' ? '/' : `\\${separator}`}]`
  let out = ''
  let braces = 0
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern.charAt(i)
    if (c === '*') {
      const double = pattern[i + 1] === '*'
      if (double) i++
      out += double ? '.*' : `${one}*`
    } else if (c === '?') out += one
    else if (c === '{') { out += '(?:'; braces++ }
    else if (c === '}' && braces > 0) { out += ')'; braces-- }
    else if (c === ',' && braces > 0) out += '|'
    else if (c === '[') {
      const end = pattern.indexOf(']', i + 2)
      if (end < 0) { out += '\\['; continue }
      const body = pattern.slice(i + 1, end).replace(/\\/g, '\\\\').replace(/^!/, '^')
      out += `[${body}]`
      i = end
    } else if (c === '\\' && i + 1 < pattern.length) out += escape(pattern.charAt(++i))
    else out += escape(c)
  }
  return out + ')'.repeat(braces)
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}
