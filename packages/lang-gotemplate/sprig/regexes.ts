import { RE2JS, RE2JSSyntaxException } from 're2js'
import { GoError } from '../go-error.ts'
import { strings, emptySlice, fn, type GoFunction, type GoSlice } from '../value.ts'

const cache = new Map<string, RE2JS | GoError>()
const mostCached = 1_000

/** A compiled expression, or Go's error. Compiled ones are kept. */
function compile(pattern: string): RE2JS {
  let found = cache.get(pattern)
  if (found === undefined) {
    if (cache.size >= mostCached) cache.clear()
    try {
      found = RE2JS.compile(pattern)
    } catch (error) {
      if (!(error instanceof RE2JSSyntaxException)) throw error
      found = new GoError(`error parsing regexp: ${error.message.replace(/^error parsing regexp: /, '')}`)
    }
    cache.set(pattern, found)
  }
  if (found instanceof GoError) throw found
  return found
}

/** Go's MustCompile panics with more words. */
function mustCompile(pattern: string): RE2JS {
  try {
    return compile(pattern)
  } catch (error) {
    if (error instanceof GoError) throw new GoError(`regexp: Compile(\`${pattern}\`): ${error.message}`)
    throw error
  }
}

interface Match { readonly start: number; readonly end: number }

/** All matches as Go's FindAll finds them: an empty match may not touch the one before. */
function matches(regex: RE2JS, text: string, most: number): { matches: Match[]; groups: (string | undefined)[][] } {
  const found: Match[] = []
  const groups: (string | undefined)[][] = []
  const matcher = regex.matcher(text)
  let last = -1
  while ((most < 0 || found.length < most) && matcher.find()) {
    const start = matcher.start()
    const end = matcher.end()
    if (start === end && start === last) continue
    found.push({ start, end })
    groups.push(Array.from({ length: matcher.groupCount() + 1 }, (_, i) => matcher.group(i) ?? undefined))
    last = end
  }
  return { matches: found, groups }
}

function findAll(regex: RE2JS, text: string, n: number): GoSlice {
  if (n === 0) return emptySlice('[]string')
  const found = matches(regex, text, n).matches.map(({ start, end }) => text.slice(start, end))
  return found.length === 0 ? emptySlice('[]string') : strings(found)
}

function find(regex: RE2JS, text: string): string {
  const matcher = regex.matcher(text)
  return matcher.find() ? matcher.group(0) ?? '' : ''
}

function replace(regex: RE2JS, text: string, with_: (groups: (string | undefined)[]) => string): string {
  const { matches: found, groups } = matches(regex, text, -1)
  let out = ''
  let last = 0
  found.forEach(({ start, end }, i) => {
    out += text.slice(last, start) + with_(groups[i] ?? [])
    last = end
  })
  return out + text.slice(last)
}

/** `$1`, `${1}`, `$name`, `${name}`, `$$` in a replacement. */
function expand(template: string, groups: readonly (string | undefined)[], names: Readonly<Record<string, number>>): string {
  return template.replace(/\$(\$|\w+|\{\w+\})/g, (_all, name: string) => {
    if (name === '$') return '$'
    const bare = name.replace(/[{}]/g, '')
    const index = /^\d+$/.test(bare) ? Number(bare) : names[bare]
    return index === undefined ? '' : groups[index] ?? ''
  })
}

function replaceAll(regex: RE2JS, text: string, replacement: string): string {
  const names = regex.namedGroups() as Record<string, number>
  return replace(regex, text, (groups) => (replacement.includes('$') ? expand(replacement, groups, names) : replacement))
}

function split(regex: RE2JS, text: string, n: number): GoSlice {
  if (n === 0) return emptySlice('[]string')
  const source = regex.pattern()
  if (source.length > 0 && text === '') return strings([''])
  const parts: string[] = []
  let begin = 0
  let end = 0
  for (const match of matches(regex, text, n).matches) {
    if (n > 0 && parts.length === n - 1) break
    end = match.start
    if (match.end !== 0) parts.push(text.slice(begin, end))
    begin = match.end
  }
  if (end !== text.length) parts.push(text.slice(begin))
  return strings(parts)
}

function matchString(pattern: string, text: string): boolean {
  return compile(pattern).matcher(text).find()
}

function orFalse(pattern: string, text: string): boolean {
  try {
    return matchString(pattern, text)
  } catch (error) {
    if (error instanceof GoError) return false
    throw error
  }
}

/** Sprig's functions on regular expressions, in RE2's dialect. */
export const regexFunctions: readonly (readonly [string, GoFunction])[] = [
  ['regexMatch', fn('string string', orFalse)],
  ['mustRegexMatch', fn('string string', matchString)],
  ['regexQuoteMeta', fn('string', (s: string) => s.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&'))],
  ...pair('FindAll', 'string string int', (regex, text: string, n: number) => findAll(regex, text, n)),
  ...pair('Find', 'string string', (regex, text: string) => find(regex, text)),
  ...pair('ReplaceAll', 'string string string', (regex, text: string, replacement: string) => replaceAll(regex, text, replacement)),
  ...pair('ReplaceAllLiteral', 'string string string', (regex, text: string, replacement: string) => replace(regex, text, () => replacement)),
  ...pair('Split', 'string string int', (regex, text: string, n: number) => split(regex, text, n)),
]

function pair<A extends unknown[]>(name: string, signature: string, run: (regex: RE2JS, ...args: A) => unknown): [string, GoFunction][] {
  return [
    [`regex${name}`, fn(signature, (pattern: string, ...args: A) => run(mustCompile(pattern), ...args))],
    [`mustRegex${name}`, fn(signature, (pattern: string, ...args: A) => run(compile(pattern), ...args))],
  ]
}
