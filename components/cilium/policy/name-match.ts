import type { NameMatch } from '../kinds/cilium.ts'

const allowed = /^[-a-zA-Z0-9_.*]+$/

/** `matchName` (exact) and `matchPattern` (`*` stands for characters of one label, `**.` in front for any number of labels, `*` alone for every name). Names end without a dot. */
export function compileNameMatch({ matchName, matchPattern }: NameMatch): (name: string) => boolean {
  if (matchName === undefined && matchPattern === undefined) throw new Error('either matchName or matchPattern must be specified')
  if (matchName !== undefined && matchPattern !== undefined) throw new Error('only one of matchName or matchPattern is allowed')
  if (matchName !== undefined) {
    const wanted = plain(matchName)
    if (!/^[-a-zA-Z0-9_.]+$/.test(matchName)) throw new Error(`Invalid characters in MatchName: ${JSON.stringify(matchName)}. Only 0-9, a-z, A-Z and . and - characters are allowed`)
    return (name) => plain(name) === wanted
  }
  const pattern = plain(matchPattern ?? '')
  if (!allowed.test(pattern)) throw new Error(`Invalid characters in MatchPattern: ${JSON.stringify(matchPattern)}. Only 0-9, a-z, A-Z and ., - and * characters are allowed`)
  if (pattern === '*') return () => true
  const deep = pattern.startsWith('**.')
  const body = (deep ? pattern.slice(3) : pattern).split('*').map((part) => part.replaceAll('.', '[.]')).join('[-a-z0-9_]*')
  const expression = new RegExp(`^${deep ? '(?:[-a-z0-9_]+[.])+' : ''}${body}$`)
  return (name) => expression.test(plain(name))
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
