import { CodedError, type Random } from '@idp/kit'

const maxLength = 4096
const sets: Readonly<Record<string, string>> = { d: '0123456789', w: 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_', s: ' ' }

/** Text that matches a simple regular expression (literals, classes, groups, alternatives, `{n}`, `{n,m}`, `?`, `*`, `+`): Kyverno's `random('[a-z]{8}')`. Throws CodedError `InvalidPattern`. */
export function randomText(pattern: string, random: Random): string {
  let at = 0
  const pick = (count: number): number => (random(4).reduce((sum, byte) => sum * 256 + byte, 0) % count)
  const fail = (): CodedError => new CodedError({ code: 'InvalidPattern', message: `'${pattern}' is not a pattern that text can be made from`, where: pattern })

  function alternatives(depth: number): () => string {
    if (depth > 20) throw fail()
    const options = [sequence(depth)]
    while (pattern[at] === '|') {
      at++
      options.push(sequence(depth))
    }
    return () => options[pick(options.length)]?.() ?? ''
  }
  function sequence(depth: number): () => string {
    const parts: (() => string)[] = []
    while (at < pattern.length && pattern[at] !== ')' && pattern[at] !== '|') parts.push(repeated(atom(depth)))
    return () => parts.map((part) => part()).join('')
  }
  function atom(depth: number): () => string {
    const char = pattern[at++] ?? ''
    if (char === '(') {
      if (pattern.startsWith('?:', at)) at += 2
      const inner = alternatives(depth + 1)
      if (pattern[at++] !== ')') throw fail()
      return inner
    }
    if (char === '^' || char === '$') return () => ''
    const chars = char === '[' ? charClass() : char === '\\' ? sets[pattern[at] ?? ''] ?? pattern[at] ?? '' : char === '.' ? sets['w'] ?? '' : char
    if (char === '\\') at++
    if (chars === '') throw fail()
    return () => chars[pick(chars.length)] ?? ''
  }
  function charClass(): string {
    const negated = pattern[at] === '^'
    if (negated) at++
    let chars = ''
    while (pattern[at] !== ']') {
      let from = pattern[at++]
      if (from === undefined) throw fail()
      if (from === '\\') {
        const set = sets[pattern[at] ?? '']
        from = pattern[at++] ?? ''
        if (set !== undefined) {
          chars += set
          continue
        }
      }
      if (pattern[at] === '-' && pattern[at + 1] !== ']') {
        const to = pattern[at + 1] ?? ''
        at += 2
        for (let code = from.charCodeAt(0); code <= to.charCodeAt(0); code++) chars += String.fromCharCode(code)
      } else chars += from
    }
    at++
    return negated ? [...(sets['w'] ?? '')].filter((one) => !chars.includes(one)).join('') : chars
  }
  function repeated(one: () => string): () => string {
    const found = /^(?:\{(\d+)(?:(,)(\d*))?\}|([?*+]))/.exec(pattern.slice(at))
    if (found === null) return one
    at += found[0].length
    const [, low = '', comma, high = '', sign] = found
    const min = sign === undefined ? Number(low) : sign === '+' ? 1 : 0
    const max = sign === '?' ? 1 : sign !== undefined ? min + 9 : comma === undefined ? min : high === '' ? min + 9 : Number(high)
    if (max > maxLength || max < min) throw fail()
    return () => Array.from({ length: min + pick(max - min + 1) }, one).join('')
  }
  const make = alternatives(0)
  if (at < pattern.length) throw fail()
  return make().slice(0, maxLength)
}
