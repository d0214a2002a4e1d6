import type { Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { isObject } from '../json-schema.ts'
import { compileExpression, textOf, truthy, type Scope } from './expression.ts'

type Part = { readonly text: string } | { readonly expression: string } | { readonly tag: string; readonly rest: string }
const most = 5_000_000
const mostRounds = 10_000

/** `${{ … }}`, `{% … %}` and `{# … #}`, with `-` that eats white space beside it. */
function partsOf(source: string, trimBlocks: boolean): Part[] {
  const parts: Part[] = []
  const pattern = /\$\{\{(-?)([\s\S]*?)(-?)\}\}|\{%(-?)\s*(\w+)([\s\S]*?)(-?)%\}|\{#(-?)[\s\S]*?(-?)#\}/g
  let from = 0
  let eat = false
  const text = (to: number, cut: boolean): void => {
    let piece = source.slice(from, to)
    if (eat) piece = piece.trimStart()
    if (cut) piece = piece.trimEnd()
    if (piece !== '') parts.push({ text: piece })
  }
  for (let match = pattern.exec(source); match !== null; match = pattern.exec(source)) {
    const [whole, cutA, expression, eatA, cutB, tag, rest = '', eatB, cutC, eatC] = match
    text(match.index, [cutA, cutB, cutC].includes('-'))
    from = match.index + whole.length
    eat = [eatA, eatB, eatC].includes('-')
    if (tag === 'raw' || tag === 'verbatim') {
      const end = new RegExp(`\\{%-?\\s*end${tag}\\s*-?%\\}`, 'g')
      end.lastIndex = from
      const close = end.exec(source)
      if (close === null) throw wrong(`{% ${tag} %} has no end`)
      parts.push({ text: source.slice(from, close.index) })
      pattern.lastIndex = from = close.index + close[0].length
      eat = false
    } else if (tag !== undefined) parts.push({ tag, rest: rest.trim() })
    else if (expression !== undefined) parts.push({ expression })
    if (trimBlocks && tag !== undefined && source[from] === '\n') pattern.lastIndex = ++from
  }
  text(source.length, false)
  return parts
}

const wrong = (message: string): CodedError => new CodedError({ code: 'InvalidTemplate', message: `template: ${message}` })

/** Fills a text: expressions, `if`/`elif`/`else`, `for`, `set`, `raw`, comments. Other tags are refused by name. */
export function renderText(source: string, scope: Scope, { trimBlocks = false }: { readonly trimBlocks?: boolean } = {}): string {
  if (!source.includes('${{') && !source.includes('{%') && !source.includes('{#')) return source
  const parts = partsOf(source, trimBlocks)
  let at = 0
  let rounds = 0
  let size = 0
  const block = (names: Scope, run: boolean, ends: readonly string[]): { readonly out: string; readonly scope: Scope } => {
    let out = ''
    let here = names
    for (; at < parts.length; at++) {
      const part = parts[at] as Part
      if ('tag' in part) {
        if (ends.includes(part.tag)) return { out, scope: here }
        if (part.tag === 'if') out += condition(here, run, part.rest)
        else if (part.tag === 'for') out += loop(here, run, part.rest)
        else if (part.tag === 'set') {
          const [, name = '', value = ''] = /^(\w+)\s*=([\s\S]*)$/.exec(part.rest) ?? []
          if (name === '') throw wrong(`{% set ${part.rest} %}: only set name = value is supported`)
          if (run) here = { ...here, [name]: compileExpression(value)(here) }
        } else throw wrong(`the tag '${part.tag}' is not supported; if, for, set and raw are`)
      } else if (run) {
        const piece = 'text' in part ? part.text : textOf(compileExpression(part.expression)(here))
        if ((size += piece.length) > most) throw wrong(`the result is larger than ${most} characters`)
        out += piece
      }
    }
    if (ends.length > 0) throw wrong(`{% ${ends.at(-1)} %} is missing`)
    return { out, scope: here }
  }
  const tagHere = (): { readonly tag: string; readonly rest: string } => parts[at] as { tag: string; rest: string }
  const condition = (names: Scope, run: boolean, rest: string): string => {
    let done = !run
    let out = ''
    for (let test: string | undefined = rest; ;) {
      const take = !done && (test === undefined || truthy(compileExpression(test)(names)))
      done ||= take
      at++
      out += block(names, take, ['elif', 'elseif', 'else', 'endif']).out
      const { tag, rest: next } = tagHere()
      if (tag === 'endif') return out
      test = tag === 'else' ? undefined : next
    }
  }
  const loop = (names: Scope, run: boolean, rest: string): string => {
    const [, first = '', second, source_ = ''] = /^(\w+)(?:\s*,\s*(\w+))?\s+in\s+([\s\S]+)$/.exec(rest) ?? []
    if (first === '') throw wrong(`{% for ${rest} %} is not understood`)
    const over = run ? compileExpression(source_)(names) : []
    const items: Json[][] = Array.isArray(over) ? over.map((one) => [one]) : isObject(over) ? Object.entries(over).map(([key, value]) => (second === undefined ? [key] : [key, value])) : []
    const start = at + 1
    let out = ''
    const once = (scope_: Scope, on: boolean): void => { at = start; out += block(scope_, on, ['endfor', 'else']).out }
    for (const [index, item] of items.entries()) {
      if (++rounds > mostRounds) throw wrong(`more than ${mostRounds} rounds of loops`)
      const values: Json[] = second !== undefined && Array.isArray(over) && Array.isArray(item[0]) ? item[0] : item
      once({ ...names, [first]: values[0], ...(second === undefined ? {} : { [second]: values[1] }), loop: { index: index + 1, index0: index, first: index === 0, last: index === items.length - 1, length: items.length } }, true)
    }
    if (items.length === 0) once(names, false)
    if (tagHere().tag === 'else') { at++; out += block(names, run && items.length === 0, ['endfor']).out }
    return out
  }
  return block(scope, true, []).out
}

/**
 * Fills every text of a value. A text that is one expression alone keeps the expression's type; what is undefined leaves its object.
 */
export function renderValue(value: Json, scope: Scope): Json | undefined {
  if (Array.isArray(value)) return value.map((one) => renderValue(one, scope) ?? null)
  if (isObject(value)) return Object.fromEntries(Object.entries(value).flatMap(([key, one]): [string, Json][] => { const made = renderValue(one, scope); return made === undefined ? [] : [[renderText(key, scope), made]] })) as JsonObject
  if (typeof value !== 'string') return value
  const [, alone] = /^\s*\$\{\{((?:(?!\}\}|\$\{\{)[\s\S])*)\}\}\s*$/.exec(value) ?? []
  return alone === undefined ? renderText(value, scope) : compileExpression(alone.replace(/^-|-$/g, ''))(scope)
}
