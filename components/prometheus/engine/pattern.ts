import { RE2JS } from 're2js'

/** What a group of a match holds, by number or name; empty when it has no part in the match or does not exist. */
export type PatternMatch = (group: number | string) => string

/** A regular expression of the configuration: RE2's syntax, matched against the whole text. */
export interface Pattern {
  matches(text: string): boolean
  match(text: string): PatternMatch | undefined
}

/** Rules of generated configurations repeat the same few expressions hundreds of times. */
const compiled = new Map<string, Pattern>()
const mostCompiled = 1000

/** Throws when the expression is not one of RE2's. */
export function compilePattern(regex: string): Pattern {
  const known = compiled.get(regex)
  if (known !== undefined) return known
  const pattern = regex === '(.*)' ? everything : isSimple(regex) ? native(regex) : re2(regex)
  if (compiled.size >= mostCompiled) compiled.clear()
  compiled.set(regex, pattern)
  return pattern
}

const everything: Pattern = { matches: () => true, match: (text) => (group) => (group === 0 || group === 1 ? text : '') }

const plain = /[\w:;@/ ,=~<>#%&'"!-]/
/** What may follow a backslash: the same in both. */
const escaped = /[.\\/+*?()[\]{}|^$dw]/
const set = /\[\^?[\w.:;@/ -]+\]/y

/**
 * True for an expression that means the same to the engine of the language and cannot take it long: characters, sets, a few groups, and
 * at most two repetitions, of one character each. Everything else is left to RE2.
 */
export function isSimple(regex: string): boolean {
  let [repeats, optional, groups] = [0, 0, 0]
  let last: 'one' | 'group' | 'nothing' = 'nothing'
  for (let i = 0; i < regex.length; i++) {
    const char = regex[i] ?? ''
    if (char === '*' || char === '+') {
      if (last !== 'one' || ++repeats > 2) return false
      last = 'nothing'
    } else if (char === '?') {
      if (last === 'nothing' || ++optional > 4) return false
      last = 'nothing'
    } else if (char === '(') {
      if (++groups > 4) return false
      if (regex.startsWith('?:', i + 1)) i += 2
      last = 'nothing'
    } else if (char === ')') last = 'group'
    else if (char === '|') last = 'nothing'
    else {
      set.lastIndex = i
      if (char === '[' && set.test(regex)) i = set.lastIndex - 1
      else if (char === '\\' && escaped.test(regex[i + 1] ?? '')) i++
      else if (char !== '.' && !plain.test(char)) return false
      last = 'one'
    }
  }
  return true
}

function native(regex: string): Pattern {
  const whole = new RegExp(`^(?:${regex})$`, 'su')
  return {
    matches: (text) => whole.test(text),
    match(text) {
      const found = whole.exec(text)
      return found === null ? undefined : (group) => (typeof group === 'number' ? found[group] ?? '' : '')
    },
  }
}

function re2(regex: string): Pattern {
  const pattern = RE2JS.compile(regex, RE2JS.DOTALL)
  return {
    matches: (text) => pattern.matches(text),
    match(text) {
      const found = pattern.matcher(text)
      if (!found.matches()) return undefined
      return (group) => (typeof group === 'number' ? (group <= found.groupCount() ? found.group(group) ?? '' : '') : found.group(group) ?? '')
    },
  }
}
