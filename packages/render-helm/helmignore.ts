/** Rules of a .helmignore file. */
export type IgnoreRules = (path: string, directory: boolean) => boolean

interface Rule { readonly negated: boolean; readonly directoryOnly: boolean; readonly nameOnly: boolean; readonly pattern: RegExp }

/** Reads .helmignore (https://helm.sh/docs/chart_template_guide/helm_ignore_file/); dot files in templates/ are always ignored. */
export function readIgnoreRules(text: string): IgnoreRules {
  const rules = [...text.replace(/^\ufeff/, '').split(/\r?\n/), 'templates/.?*'].flatMap((line) => readRule(line.trim()))
  return (path, directory) => {
    for (const rule of rules) {
      const subject = rule.nameOnly ? path.slice(path.lastIndexOf('/') + 1) : path
      const matches = rule.pattern.test(subject)
      if (rule.negated) {
        if ((rule.directoryOnly && !directory) || !matches) return true
      } else if (matches && (directory || !rule.directoryOnly)) return true
    }
    return false
  }
}

function readRule(line: string): Rule[] {
  if (line === '' || line.startsWith('#')) return []
  const negated = line.startsWith('!')
  let rule = negated ? line.slice(1) : line
  const directoryOnly = rule.endsWith('/')
  if (directoryOnly) rule = rule.slice(0, -1)
  const rooted = rule.startsWith('/')
  if (rooted) rule = rule.slice(1)
  return [{ negated, directoryOnly, nameOnly: !rooted && !rule.includes('/'), pattern: globOfPath(rule) }]
}

/** Go's filepath.Match as a regular expression. */
export function globOfPath(glob: string): RegExp {
  let out = ''
  for (let i = 0; i < glob.length; i++) {
    const c = glob[i] ?? ''
    if (c === '*') out += '[^/]*'
    else if (c === '?') out += '[^/]'
    else if (c === '\\' && i + 1 < glob.length) out += escape(glob[++i] ?? '')
    else if (c === '[') {
      const end = glob.indexOf(']', i + 2)
      if (end < 0) return /(?!)/
      out += `[${glob.slice(i + 1, end).replace(/\\/g, '\\\\')}]`
      i = end
    } else out += escape(c)
  }
  return new RegExp(`^${out}$`, 's')
}

function escape(c: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c
}
