import { CodedError } from '@idp/kit'

/** What a name stands for in an expression; undefined for an unknown one. */
export type Names = (path: string) => unknown

export interface EvaluateOptions {
  /** Words that name nothing are strings, as in `when: heads == tails`. */
  readonly bareWords?: boolean
}

const symbols = ['&&', '||', '==', '!=', '<=', '>=', '=~', '??', '<', '>', '!', '+', '-', '*', '/', '%', '(', ')', '[', ']', '{', '}', ',', '?', ':', '.', '|'] as const
type Token = { readonly type: 'value'; readonly value: unknown } | { readonly type: 'word' | 'symbol'; readonly text: string }

function tokensOf(source: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < source.length) {
    const rest = source.slice(at)
    const space = /^\s+/.exec(rest)
    if (space !== null) { at += space[0].length; continue }
    const string = /^(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|`([^`]*)`)/.exec(rest)
    if (string !== null) {
      tokens.push({ type: 'value', value: (string[1] ?? string[2] ?? string[3] ?? '').replaceAll(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : c)) })
      at += string[0].length
      continue
    }
    // A word may hold dashes (names of tasks and images do), a number may not be part of one.
    const number = /^\d+(?:\.\d+)?(?![\w.-])/.exec(rest)
    const word = number === null ? /^[\w$](?:[\w/-]|\.(?=\w)|:(?=\w)(?!:))*/.exec(rest) : null
    const symbol = symbols.find((one) => rest.startsWith(one))
    if (number !== null) tokens.push({ type: 'value', value: Number(number[0]) })
    else if (word !== null) tokens.push({ type: 'word', text: word[0] })
    else if (symbol !== undefined) tokens.push({ type: 'symbol', text: symbol })
    else throw invalid(source, `unexpected ${JSON.stringify(rest[0])}`)
    at += (number ?? word)?.[0].length ?? symbol?.length ?? 1
  }
  return tokens
}

const invalid = (source: string, why: string): CodedError => new CodedError({ code: 'InvalidExpression', message: `invalid expression: ${why}`, where: source })

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value) ?? '')
const functions: Readonly<Record<string, (...values: never[]) => unknown>> = {
  int: (value: unknown) => Math.trunc(Number(value)), asInt: (value: unknown) => Math.trunc(Number(value)), float: Number, asFloat: Number,
  string: textOf, toJson: (value: unknown) => JSON.stringify(value), toJSON: (value: unknown) => JSON.stringify(value), fromJson: (text: string) => JSON.parse(text) as unknown, fromJSON: (text: string) => JSON.parse(text) as unknown,
  len: (value: string | unknown[]) => value.length, upper: (text: string) => text.toUpperCase(), lower: (text: string) => text.toLowerCase(), trim: (text: string) => text.trim(),
  split: (text: string, by: string) => text.split(by), join: (list: unknown[], by = '') => list.map(textOf).join(by), keys: (value: object) => Object.keys(value), abs: Math.abs as never, min: Math.min as never, max: Math.max as never,
}

/** Numbers in texts compare as numbers, as govaluate has it after substitution. */
function compare(a: unknown, op: string, b: unknown): boolean {
  if (op === '==' || op === '!=') return (textOf(a) === textOf(b)) === (op === '==')
  const [x, y] = [Number(a), Number(b)]
  const [left, right] = Number.isNaN(x) || Number.isNaN(y) ? [textOf(a), textOf(b)] : [x, y]
  return op === '<' ? left < right : op === '<=' ? left <= right : op === '>' ? left > right : left >= right
}

const precedence: Readonly<Record<string, number>> = { '??': 1, '||': 2, or: 2, '&&': 3, and: 3, '==': 4, '!=': 4, '<': 4, '<=': 4, '>': 4, '>=': 4, '=~': 4, in: 4, matches: 4, contains: 4, startsWith: 4, endsWith: 4, '+': 5, '-': 5, '*': 6, '/': 6, '%': 6 }

/**
 * Evaluates what `when`, `depends`, `{{=…}}`, retry and success conditions are written in: the part of govaluate and expr-lang
 * without lambdas and pipes. Throws CodedError `InvalidExpression`.
 */
export function evaluate(source: string, names: Names, options: EvaluateOptions = {}): unknown {
  const tokens = tokensOf(source)
  let at = 0
  const peek = (): string | undefined => { const token = tokens[at]; return token === undefined || token.type === 'value' ? undefined : token.text }
  const take = (text: string): boolean => { if (tokens[at]?.type !== 'value' && peek() === text) { at++; return true } return false }
  const need = (text: string): void => { if (!take(text)) throw invalid(source, `${text} is missing`) }
  const list = (end: string): unknown[] => {
    const values: unknown[] = []
    while (!take(end)) { values.push(ternary()); if (!take(',') && peek() !== end) throw invalid(source, `${end} is missing`) }
    return values
  }
  function primary(): unknown {
    const token = tokens[at++]
    if (token === undefined) throw invalid(source, 'it ends too early')
    if (token.type === 'value') return token.value
    if (token.type === 'symbol') {
      if (token.text === '(') { const value = ternary(); if (take(',')) return [value, ...list(')')]; need(')'); return value }
      if (token.text === '[') return list(']')
      throw invalid(source, `unexpected ${token.text}`)
    }
    if (token.text === 'true' || token.text === 'false') return token.text === 'true'
    if (token.text === 'nil' || token.text === 'null') return null
    if (take('(')) {
      const call = Object.hasOwn(functions, token.text) ? functions[token.text] : undefined
      if (call === undefined) throw invalid(source, `there is no function ${token.text} here`)
      return call(...list(')') as never[])
    }
    return named(token.text)
  }
  function named(word: string): unknown {
    // `steps['a-b'].outputs.result`: brackets with a text are one more part of the name.
    let path = word
    for (;;) {
      const [key, close] = [tokens[at + 1], tokens[at + 2]]
      if (peek() === '[' && tokens[at]?.type === 'symbol' && key?.type === 'value' && typeof key.value === 'string' && close?.type === 'symbol' && close.text === ']') { path += `.${key.value}`; at += 3 }
      else if (peek() === '.' && tokens[at + 1]?.type === 'word') { path += `.${(tokens[at + 1] as { text: string }).text}`; at += 2 }
      else break
    }
    const value = names(path)
    if (value !== undefined) return value
    if (options.bareWords === true) return path
    throw invalid(source, `${path} is unknown`)
  }
  function unary(): unknown {
    if (take('!') || take('not')) return !truthy(unary())
    if (take('-')) return -Number(unary())
    let value = primary()
    while (take('[')) { const key = ternary(); need(']'); value = (value as Record<string, unknown> | undefined)?.[key as string] }
    return value
  }
  function binary(lowest: number): unknown {
    let left = unary()
    for (;;) {
      const op = peek()
      const level = op === undefined || !Object.hasOwn(precedence, op) ? undefined : precedence[op]
      if (op === undefined || level === undefined || level < lowest) return left
      at++
      left = apply(op, left, binary(level + 1))
    }
  }
  function ternary(): unknown {
    const condition = binary(1)
    if (!take('?')) return condition
    const yes = ternary()
    need(':')
    const no = ternary()
    return truthy(condition) ? yes : no
  }
  const value = ternary()
  if (at < tokens.length) throw invalid(source, `unexpected ${peek() ?? 'value'}`)
  return value
}

export const truthy = (value: unknown): boolean => value === true || value === 'true'

function apply(op: string, a: unknown, b: unknown): unknown {
  switch (op) {
    case '??': return a ?? b
    case '||': case 'or': return truthy(a) || truthy(b)
    case '&&': case 'and': return truthy(a) && truthy(b)
    case '=~': case 'matches': return new RegExp(textOf(b)).test(textOf(a))
    case 'in': return Array.isArray(b) ? b.some((one) => compare(a, '==', one)) : typeof b === 'object' && b !== null && Object.hasOwn(b, textOf(a))
    case 'contains': return textOf(a).includes(textOf(b))
    case 'startsWith': return textOf(a).startsWith(textOf(b))
    case 'endsWith': return textOf(a).endsWith(textOf(b))
    case '+': return typeof a === 'number' && typeof b === 'number' ? a + b : textOf(a) + textOf(b)
    case '-': return Number(a) - Number(b)
    case '*': return Number(a) * Number(b)
    case '/': return Number(a) / Number(b)
    case '%': return Number(a) % Number(b)
    default: return compare(a, op, b)
  }
}
