import type { Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { parseEntityRef } from '../catalog/entity.ts'
import { isObject } from '../json-schema.ts'

export type Scope = Readonly<Record<string, Json | undefined>>
type Value = Json | undefined
type Node = (scope: Scope) => Value

const tokenPattern = /\s*(?:(\d+(?:\.\d+)?)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_$][\w$]*)|(===|!==|==|!=|<=|>=|\/\/|[-+*/%~<>|.,:()[\]{}]))/y

interface Token { readonly kind: 'number' | 'text' | 'name' | 'sign' | 'end'; readonly text: string }

function tokensOf(source: string): Token[] {
  const tokens: Token[] = []
  tokenPattern.lastIndex = 0
  while (tokenPattern.lastIndex < source.trimEnd().length) {
    const at = tokenPattern.lastIndex
    const match = tokenPattern.exec(source)
    if (match === null) throw failure(source, `unexpected ${JSON.stringify(source.slice(at).trim().slice(0, 12))}`)
    const [, number, text, name, sign] = match
    tokens.push(number !== undefined ? { kind: 'number', text: number } : text !== undefined ? { kind: 'text', text: text.slice(1, -1).replace(/\\(.)/g, (_, c: string) => ({ n: '\n', t: '\t', r: '\r' })[c] ?? c) } : name !== undefined ? { kind: 'name', text: name } : { kind: 'sign', text: sign ?? '' })
  }
  return [...tokens, { kind: 'end', text: '' }]
}

const failure = (source: string, message: string): CodedError => new CodedError({ code: 'InvalidTemplate', message: `template expression: ${message}`, where: source.trim().slice(0, 120) })

const deepest = 60

/** Reads a Nunjucks expression: literals, paths, operators, `a if b else c`, filters. What is not known here is refused by name. */
export function compileExpression(source: string): Node {
  const tokens = tokensOf(source)
  let at = 0
  let depth = 0
  const peek = (): Token => tokens[at] ?? { kind: 'end', text: '' }
  const isSign = (...signs: string[]): boolean => peek().kind === 'sign' && signs.includes(peek().text)
  const isWord = (...words: string[]): boolean => peek().kind === 'name' && words.includes(peek().text)
  const take = (): Token => { const token = peek(); at++; return token }
  const expect = (sign: string): void => { if (!isSign(sign)) throw failure(source, `expected ${sign}${peek().kind === 'end' ? ' before the end' : ` instead of ${peek().text}`}`); at++ }
  const word = (): string => { if (peek().kind !== 'name') throw failure(source, `expected a name instead of ${peek().text || 'the end'}`); return take().text }

  const whole = (): Node => {
    if (++depth > deepest) throw failure(source, 'nested too deep')
    const value = either()
    depth--
    if (!isWord('if')) return value
    at++
    const condition = either()
    if (!isWord('else')) return (s) => (truthy(condition(s)) ? value(s) : '')
    at++
    const other = whole()
    return (s) => (truthy(condition(s)) ? value(s) : other(s))
  }
  const either = (): Node => { let left = both(); while (isWord('or')) { at++; const [a, b] = [left, both()]; left = (s) => { const x = a(s); return truthy(x) ? x : b(s) } } return left }
  const both = (): Node => { let left = negated(); while (isWord('and')) { at++; const [a, b] = [left, negated()]; left = (s) => { const x = a(s); return truthy(x) ? b(s) : x } } return left }
  const negated = (): Node => { if (!isWord('not')) return compared(); at++; const value = negated(); return (s) => !truthy(value(s)) }
  const compared = (): Node => {
    let left = joined()
    for (;;) {
      if (isSign('==', '!=', '===', '!==', '<', '>', '<=', '>=')) {
        const sign = take().text
        const [a, b] = [left, joined()]
        left = (s) => compare(sign, a(s), b(s))
      } else if (isWord('in') || (isWord('not') && tokens[at + 1]?.text === 'in')) {
        const not = take().text === 'not'
        if (not) at++
        const [a, b] = [left, joined()]
        left = (s) => contains(b(s), a(s)) !== not
      } else if (isWord('is')) {
        at++
        const not = isWord('not')
        if (not) at++
        const test = word()
        if (test !== 'defined' && test !== 'undefined') throw failure(source, `the test '${test}' is not supported; defined and undefined are`)
        const a = left
        left = (s) => ((a(s) !== undefined) === (test === 'defined')) !== not
      } else return left
    }
  }
  const joined = (): Node => { let left = added(); while (isSign('~')) { at++; const [a, b] = [left, added()]; left = (s) => textOf(a(s)) + textOf(b(s)) } return left }
  const added = (): Node => {
    let left = multiplied()
    while (isSign('+', '-')) {
      const sign = take().text
      const [a, b] = [left, multiplied()]
      left = (s) => { const [x, y] = [a(s), b(s)]; return sign === '-' ? Number(x) - Number(y) : typeof x === 'number' && typeof y === 'number' ? x + y : textOf(x) + textOf(y) }
    }
    return left
  }
  const multiplied = (): Node => {
    let left = unary()
    while (isSign('*', '/', '//', '%')) {
      const sign = take().text
      const [a, b] = [left, unary()]
      left = (s) => { const [x, y] = [Number(a(s)), Number(b(s))]; return sign === '*' ? x * y : sign === '/' ? x / y : sign === '%' ? x % y : Math.floor(x / y) }
    }
    return left
  }
  const unary = (): Node => { if (!isSign('-')) return filtered(); at++; const value = unary(); return (s) => -Number(value(s)) }
  const filtered = (): Node => {
    let value = path()
    while (isSign('|')) {
      at++
      const name = word()
      const filter = Object.hasOwn(filters, name) ? filters[name] : undefined
      if (filter === undefined) throw failure(source, `the filter '${name}' is not supported; these are: ${Object.keys(filters).join(', ')}`)
      const given = isSign('(') ? list('(', ')') : []
      const input = value
      value = (s) => filter(input(s), ...given.map((one) => one(s)))
    }
    return value
  }
  const path = (): Node => {
    let value = primary()
    for (;;) {
      if (isSign('.')) { at++; const key = peek().kind === 'number' ? take().text : word(); const of = value; value = (s) => member(of(s), key) }
      else if (isSign('[')) { at++; const key = whole(); expect(']'); const of = value; value = (s) => member(of(s), key(s)) }
      else if (isSign('(')) throw failure(source, 'function calls are not supported')
      else return value
    }
  }
  const list = (open: string, close: string): Node[] => {
    expect(open)
    const found: Node[] = []
    while (!isSign(close)) { found.push(whole()); if (!isSign(close)) expect(',') }
    at++
    return found
  }
  const primary = (): Node => {
    const token = peek()
    if (token.kind === 'number') { at++; return () => Number(token.text) }
    if (token.kind === 'text') { at++; return () => token.text }
    if (isSign('(')) { at++; const inner = whole(); expect(')'); return inner }
    if (isSign('[')) { const items = list('[', ']'); return (s) => items.map((one) => one(s) ?? null) }
    if (isSign('{')) {
      at++
      const entries: [string, Node][] = []
      while (!isSign('}')) { const key = take().text; expect(':'); entries.push([key, whole()]); if (!isSign('}')) expect(',') }
      at++
      return (s) => Object.fromEntries(entries.map(([key, one]) => [key, one(s) ?? null]))
    }
    const name = word()
    const constants: Record<string, Value> = { true: true, false: false, null: null, none: null, undefined }
    if (Object.hasOwn(constants, name)) return () => constants[name]
    return (s) => (Object.hasOwn(s, name) ? s[name] : undefined)
  }
  const compiled = whole()
  if (peek().kind !== 'end') throw failure(source, `unexpected ${peek().text}`)
  return compiled
}

/** Nunjucks' notion of true is JavaScript's. */
export const truthy = (value: Value): boolean => Boolean(value)
export const textOf = (value: Value): string => (value === undefined || value === null ? '' : String(value))

function compare(sign: string, a: Value, b: Value): boolean {
  if (sign === '===' || sign === '!==') return (a === b) === (sign === '===')
  // eslint-disable-next-line eqeqeq -- Nunjucks' == is JavaScript's
  if (sign === '==' || sign === '!=') return (a === b || (typeof a !== typeof b && textOf(a) === textOf(b))) === (sign === '==')
  const [x, y] = [a as number, b as number]
  return sign === '<' ? x < y : sign === '>' ? x > y : sign === '<=' ? x <= y : x >= y
}

function contains(within: Value, one: Value): boolean {
  if (Array.isArray(within)) return within.includes(one as Json)
  if (typeof within === 'string') return within.includes(textOf(one))
  return isObject(within) && Object.hasOwn(within, textOf(one))
}

/** Own members only: templates reach no prototype and no function. */
function member(value: Value, key: Value): Value {
  if ((Array.isArray(value) || typeof value === 'string') && key === 'length') return value.length
  if (Array.isArray(value)) return value[Number(key)]
  return isObject(value) && Object.hasOwn(value, String(key)) ? value[String(key)] : undefined
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase()

const filters: Readonly<Record<string, (value: Value, ...args: Value[]) => Value>> = {
  lower: (v) => textOf(v).toLowerCase(), upper: (v) => textOf(v).toUpperCase(), trim: (v) => textOf(v).trim(), capitalize: (v) => capitalized(textOf(v)),
  title: (v) => textOf(v).split(' ').map(capitalized).join(' '), string: (v) => textOf(v), int: (v, other) => (Number.isNaN(parseInt(textOf(v), 10)) ? other ?? 0 : parseInt(textOf(v), 10)),
  default: (v, other, loose) => (v === undefined || (truthy(loose) && !truthy(v)) ? other : v), d: (v, other, loose) => (v === undefined || (truthy(loose) && !truthy(v)) ? other : v),
  replace: (v, from, to) => textOf(v).replaceAll(textOf(from), () => textOf(to)), join: (v, by) => (Array.isArray(v) ? v.map(textOf).join(textOf(by)) : textOf(v)), split: (v, by) => textOf(v).split(textOf(by)),
  length: (v) => (Array.isArray(v) || typeof v === 'string' ? v.length : isObject(v) ? Object.keys(v).length : 0), first: (v) => (Array.isArray(v) ? v[0] : textOf(v).charAt(0)), last: (v) => (Array.isArray(v) ? v.at(-1) : textOf(v).slice(-1)),
  reverse: (v) => (Array.isArray(v) ? [...v].reverse() : [...textOf(v)].reverse().join('')), sort: (v) => (Array.isArray(v) ? [...v].sort() : v), indent: (v, width) => textOf(v).replaceAll('\n', `\n${' '.repeat(Math.min(Number(width ?? 4), 80))}`),
  dump: (v, indent) => (v === undefined ? undefined : JSON.stringify(v, null, indent as number | string | undefined)), safe: (v) => v,
  parseRepoUrl: (v) => parseRepoUrl(textOf(v)), projectSlug: (v) => { const { owner, repo } = parseRepoUrl(textOf(v)); return `${textOf(owner)}/${textOf(repo)}` },
  parseEntityRef: (v, defaults) => ({ ...parseEntityRef(textOf(v), isObject(defaults) ? { ...(typeof defaults['defaultKind'] === 'string' ? { kind: defaults['defaultKind'] } : {}), ...(typeof defaults['defaultNamespace'] === 'string' ? { namespace: defaults['defaultNamespace'] } : {}) } : {}) }),
  pick: (v, key) => member(v, key),
}

/** Upstream's repository picker writes `host?owner=o&repo=r`. */
function parseRepoUrl(text: string): JsonObject {
  if (!URL.canParse(`https://${text}`)) throw new CodedError({ code: 'InvalidTemplate', message: `Invalid repo URL passed to publisher, got ${text}` })
  const url = new URL(`https://${text}`)
  return { host: url.host, ...Object.fromEntries(url.searchParams) }
}
