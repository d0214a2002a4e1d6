import { GoError } from '@idp/lang-gotemplate/core'

/**
 * A glob over paths: `*` within a folder, `**` across folders, `?`, `[a-z]`, `[!a]`, `{one,two}` and `\` to escape.
 * Throws GoError for what is none.
 */
export function globPattern(glob: string): RegExp {
  let out = ''
  let braces = 0
  for (let i = 0; i < glob.length; i++) {
    const c = glob[i] ?? ''
    if (c === '*') {
      const all = glob[i + 1] === '*'
      if (all) while (glob[i + 1] === '*') i++
      out += all ? '.*' : '[^/]*'
    } else if (c === '?') out += '[^/]'
    else if (c === '{') {
      braces++
      out += '(?:'
    } else if (c === '}' && braces > 0) {
      braces--
      out += ')'
    } else if (c === ',' && braces > 0) out += '|'
    else if (c === '[') {
      const end = glob.indexOf(']', i + 1)
      if (end < 0) throw new GoError(`unterminated class in ${glob}`)
      const body = glob.slice(i + 1, end)
      out += `[${body.startsWith('!') ? `^${quoteClass(body.slice(1))}` : quoteClass(body)}]`
      i = end
    } else if (c === '\\') out += quote(glob[++i] ?? '')
    else out += quote(c)
  }
  if (braces > 0) throw new GoError(`unterminated alternatives in ${glob}`)
  return new RegExp(`^${out}$`, 's')
}

function quote(c: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c
}

function quoteClass(body: string): string {
  return body.replace(/[\\\]^]/g, '\\$&')
}
