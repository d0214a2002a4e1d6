import type { Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'

/** How the text after `=` is read: `--set` guesses the type, `--set-string` keeps text, `--set-json` parses JSON, `--set-literal` takes all that follows as it is. */
export type SetMode = 'typed' | 'string' | 'json' | 'literal'

const maxIndex = 65_536

/**
 * Applies one `--set` argument (`a.b=1,c[0].d=x,e={p,q}`; a backslash escapes `,` `.` `=` `{` `}` `[`) to values, in place, as Helm reads it.
 * `key=null` removes the key's default. Throws CodedError `InvalidSet`.
 */
export function setValues(values: JsonObject, argument: string, mode: SetMode = 'typed'): void {
  let at = 0
  const fail = (message: string): CodedError => new CodedError({ code: 'InvalidSet', message: `failed parsing --set data: ${message}`, where: argument })

  /** Text up to an unescaped character of `ends`; leaves `at` on it. */
  const until = (ends: string): string => {
    let text = ''
    for (; at < argument.length && !ends.includes(argument[at] ?? ''); at++) {
      if (argument[at] === '\\' && mode !== 'literal') at++
      text += argument[at] ?? ''
    }
    return text
  }

  const index = (): number => {
    at++
    const text = until(']')
    const value = Number(text)
    if (argument[at] !== ']' || !/^\d+$/.test(text)) throw fail(`error parsing index: ${text} is not a number`)
    if (value > maxIndex) throw fail(`index of ${value} is greater than maximum supported index of ${maxIndex}`)
    at++
    return value
  }

  const list = (): Json[] => {
    at++
    const items: Json[] = []
    for (;;) {
      const text = until(',}')
      if (at >= argument.length) throw fail('list must terminate with \'}\'')
      if (text !== '' || argument[at] === ',' || items.length > 0) items.push(mode === 'string' ? text : typed(text))
      if (argument[at++] === '}') return items
    }
  }

  const value = (): Json => {
    if (mode === 'literal') {
      const text = argument.slice(at)
      at = argument.length
      return text
    }
    if (mode === 'json') {
      const found = jsonPrefix(argument.slice(at))
      if (found === undefined) throw new CodedError({ code: 'InvalidSet', message: `failed parsing --set-json data: ${argument.slice(at)} is not JSON`, where: argument })
      at += found.length
      return found.value
    }
    if (argument[at] === '{') return list()
    const text = until(',')
    return mode === 'string' ? text : typed(text)
  }

  /** Reads one path and puts its value; `container` is what the first step looks into. */
  const assign = (): void => {
    let container: JsonObject | Json[] = values
    let key: string | number = until('.[=,')
    if (key === '' || at >= argument.length || argument[at] === ',') throw fail(`key "${key}" has no value`)
    for (;;) {
      const next = argument[at]
      if (next === '=') {
        at++
        put(container, key, value())
        return
      }
      if (next === '.') {
        at++
        container = child(container, key, {})
        key = until('.[=,')
        if (key === '' || at >= argument.length) throw fail(`key "${key}" has no value`)
      } else if (next === '[') {
        container = child(container, key, [])
        key = index()
      } else throw fail(`key "${key}" has no value`)
    }
  }

  while (at < argument.length) {
    assign()
    if (argument[at] === ',') at++
  }
}

/** JSON up to the end or to a comma behind it. */
function jsonPrefix(text: string): { value: Json; length: number } | undefined {
  for (let end = text.length; end > 0;) {
    try {
      return { value: JSON.parse(text.slice(0, end)) as Json, length: end }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      end = text.lastIndexOf(',', end - 1)
    }
  }
  return undefined
}

function child(container: JsonObject | Json[], key: string | number, fresh: JsonObject | Json[]): JsonObject | Json[] {
  const found = Object.hasOwn(container, key) ? (container as Record<string | number, Json>)[key] : undefined
  if (typeof found === 'object' && found !== null && Array.isArray(found) === Array.isArray(fresh)) return found
  put(container, key, fresh)
  return fresh
}

function put(container: JsonObject | Json[], key: string | number, value: Json): void {
  if (Array.isArray(container)) while (container.length < Number(key)) container.push(null)
  Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true })
}

function typed(text: string): Json {
  if (text === 'true') return true
  if (text === 'false') return false
  if (text === 'null') return null
  // As Helm: a leading zero means text, so that `0123` stays what was typed.
  return /^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : text
}
