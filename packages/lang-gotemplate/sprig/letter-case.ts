/** Upper case becomes lower, lower case and title case become upper. */
export function swapcase(s: string): string {
  let out = ''
  for (const r of s) {
    if (/\p{Lu}|\p{Lt}/u.test(r)) out += r.toLowerCase()
    else if (/\p{Ll}/u.test(r)) out += r.toUpperCase()
    else out += r
  }
  return out
}

const connectors = /[-_\s]/

/** Words joined with capitals: `http_server` is `HttpServer`. Leading connectors stay. */
export function camelcase(s: string): string {
  const lead = /^[-_\s]*/.exec(s)?.[0] ?? ''
  let out = lead
  let upper = true
  const rest = s.slice(lead.length)
  for (let i = 0; i < rest.length; i++) {
    const r = rest[i] ?? ''
    if (connectors.test(r)) {
      if (i === rest.length - 1 || rest.slice(i).replace(/[-_\s]/g, '') === '') {
        out += rest.slice(i)
        break
      }
      upper = true
    } else {
      out += upper ? r.toUpperCase() : r
      upper = false
    }
  }
  return out
}

export function snakecase(s: string): string {
  return joinWords(s, '_')
}

export function kebabcase(s: string): string {
  return joinWords(s, '-')
}

type Class = 'upper' | 'lower' | 'digit' | 'connector' | 'other'

function classOf(r: string): Class {
  if (/\p{Lu}/u.test(r)) return 'upper'
  if (/\p{Nd}/u.test(r)) return 'digit'
  if (connectors.test(r)) return 'connector'
  return /\p{Ll}/u.test(r) ? 'lower' : 'other'
}

/** Lower-case words with a connector where the case rises, where digits meet letters, and where an acronym ends. */
function joinWords(s: string, connector: string): string {
  const runes = [...s]
  const classes = runes.map(classOf)
  let out = ''
  runes.forEach((r, i) => {
    const here = classes[i]
    const before = classes[i - 1]
    const after = classes[i + 1]
    if (here === 'connector') {
      out += connector
      return
    }
    const rises = here === 'upper' && (before === 'lower' || before === 'digit' || before === 'other' || (before === 'upper' && after === 'lower'))
    const meetsDigit = here === 'digit' && before === 'lower' && false
    if (before !== undefined && before !== 'connector' && (rises || meetsDigit)) out += connector
    out += r.toLowerCase()
  })
  return out
}
