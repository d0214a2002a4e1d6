/** Upper case becomes lower, lower case and title case become upper. */
export function swapcase(s: string): string {
  let out = ''
  for (const r of s) {
    if (/\p{Lu}|\p{Lt}/u.test(r)) out += toLower(r)
    else if (/\p{Ll}/u.test(r)) out += toUpper(r)
    else out += r
  }
  return out
}

const connectors = /[-_\s]/
const isUpper = (r: string) => /\p{Lu}/u.test(r)

/** Words joined with capitals: `http_server` is `HttpServer`. Connectors at the ends stay, and all but one of several inside. */
export function camelcase(s: string): string {
  const lead = /^[-_\s]*/.exec(s)?.[0] ?? ''
  // As the library has it, a text of nothing but connectors grows by its last one.
  if (lead.length === s.length) return s + s.slice(-1)
  const trail = /[-_\s]*$/.exec(s)?.[0] ?? ''
  const words = s.slice(lead.length, s.length - trail.length).split(/([-_\s]+)/)
  return lead + words.map((word, i) => (i % 2 === 1 ? word.slice(1) : pascal(word))).join('') + trail
}

/** First letter up; capitals that follow a capital at the start go down. */
function pascal(word: string): string {
  const [first = '', ...rest] = word
  let end = 0
  if (isUpper(first)) while (end < rest.length && isUpper(rest[end] ?? '')) end++
  return toUpper(first) + rest.slice(0, end).map(toLower).join('') + rest.slice(end).join('')
}

/** strings.ToUpper: one character for one. */
export function toUpper(s: string): string {
  // eslint-disable-next-line no-control-regex
  if (/^[\x00-\x7f]*$/.test(s)) return s.toUpperCase()
  return Array.from(s, (r) => {
    const upper = r.toUpperCase()
    return [...upper].length === 1 ? upper : r
  }).join('')
}

/** strings.ToLower: one character for one. */
export function toLower(s: string): string {
  // eslint-disable-next-line no-control-regex
  if (/^[\x00-\x7f]*$/.test(s)) return s.toLowerCase()
  return Array.from(s, (r) => [...r.toLowerCase()][0] ?? '').join('')
}

export function snakecase(s: string): string {
  return joinWords(s, '_')
}

export function kebabcase(s: string): string {
  return joinWords(s, '-')
}

type Class = 'upper' | 'lower' | 'digit' | 'connector' | 'other'

function classOf(r: string): Class {
  if (isUpper(r)) return 'upper'
  if (/\p{Nd}/u.test(r)) return 'digit'
  if (connectors.test(r)) return 'connector'
  return /\p{Ll}/u.test(r) ? 'lower' : 'other'
}

/** Lower-case words with a connector where the case rises, where an acronym ends, and before a number that has letters after it. */
function joinWords(s: string, connector: string): string {
  const runes = [...s]
  const classes = runes.map(classOf)
  let out = ''
  let beganWithDigit = false
  runes.forEach((r, i) => {
    const [before, here, after] = [classes[i - 1], classes[i], classes[i + 1]]
    const starts = before === undefined || before === 'connector'
    const rises = here === 'upper' && !starts && (before !== 'upper' || after === 'lower')
    const number = here === 'digit' && !starts && before !== 'digit' && !beganWithDigit && endsInLower(classes, i)
    if (here !== 'connector' && (rises || number)) out += connector
    if (starts || rises || number) beganWithDigit = here === 'digit'
    out += here === 'connector' ? connector : toLower(r)
  })
  return out
}

/** Is the run of digits at `i` followed by a small letter? */
function endsInLower(classes: readonly Class[], i: number): boolean {
  let end = i
  while (classes[end] === 'digit') end++
  return classes[end] === 'lower'
}
