import { makeDouble } from '../value/value.ts'
import { tokenize, type Token } from './lexer.ts'
import { intLiteral, uintLiteral, unquoteBytes, unquoteString } from './literal.ts'
import { expandMacro, type MacroOptions } from './macro.ts'
import type { CallNode, CelNode, ConstNode, ListNode, MapNode, StructNode } from './node.ts'
import type { CelIssue } from './source.ts'

export interface ParseOptions extends MacroOptions {
  /** Longest text in code points. */
  readonly maxLength?: number
  /** Whether a.`b-c` is read; yes unless false. */
  readonly quotedNames?: boolean
  /** Deepest nesting. */
  readonly maxDepth?: number
}

const reserved = new Set(['as', 'break', 'const', 'continue', 'else', 'false', 'for', 'function', 'if', 'import', 'in', 'let', 'loop', 'package', 'namespace', 'null', 'return', 'true', 'var', 'void', 'while'])
const relations = new Set(['<', '<=', '>=', '>', '==', '!=', 'in'])
const operand = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"

/** Thrown inside the parser to leave it at the first syntax error. */
class Refused {}

/**
 * Parses an expression (https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax). What is wrong is added to `issues`;
 * undefined when there is no tree to go on with.
 */
export function parseCel(text: string, issues: CelIssue[], options: ParseOptions = {}): CelNode | undefined {
  const limit = options.maxLength ?? 100_000
  if (text.length > limit && [...text].length > limit) {
    issues.push({ message: `expression code point size exceeds limit: size: ${[...text].length}, limit ${limit}`, offset: 0 })
    return undefined
  }
  try {
    const node = new Parser(text, issues, options).whole()
    return issues.length > 0 ? undefined : node
  } catch (refused) {
    if (refused instanceof Refused) return undefined
    throw refused
  }
}

class Parser {
  private readonly tokens: Token[]
  private readonly issues: CelIssue[]
  private readonly options: ParseOptions
  private readonly maxDepth: number
  private at = 0
  /** What else than an operand may stand at the next token, for its message. */
  private mayFollow = ''
  private mayBeOptional = false
  private depth = 0

  constructor(text: string, issues: CelIssue[], options: ParseOptions) {
    this.tokens = tokenize(text, issues)
    this.issues = issues
    this.options = options
    this.maxDepth = options.maxDepth ?? 250
  }

  whole(): CelNode {
    const node = this.expression()
    if (this.token.kind !== 'end') this.refuse(`Syntax error: ${this.tokens[this.at + 1]?.kind === 'end' ? 'extraneous' : 'mismatched'} input '${this.token.text}' expecting <EOF>`, this.token.offset)
    return node
  }

  private get token(): Token {
    // The last token is `end`, and nothing steps past it.
    return this.tokens[this.at] as Token
  }

  private refuse(message: string, offset: number): never {
    this.issues.push({ message, offset })
    throw new Refused()
  }

  private is(sign: string): boolean {
    return this.token.kind === 'sign' && this.token.text === sign
  }

  private take(): Token {
    const { token } = this
    if (token.kind !== 'end') this.at++
    return token
  }

  private accept(sign: string): Token | undefined {
    return this.is(sign) ? this.take() : undefined
  }

  private expect(sign: string, others?: string): Token {
    if (!this.is(sign) && others === undefined && sign !== ':' && this.token.kind === 'end') this.refuse(`Syntax error: missing '${sign}' at '<EOF>'`, this.token.offset)
    if (!this.is(sign)) this.refuse(`Syntax error: mismatched input '${this.token.text}' expecting ${others ?? `'${sign}'`}`, this.token.offset)
    return this.take()
  }

  private expression(): CelNode {
    if (++this.depth > this.maxDepth) this.refuse(`expression recursion limit exceeded: ${this.maxDepth}`, this.token.offset)
    const condition = this.logical('||', '_||_', () => this.logical('&&', '_&&_', () => this.relation()))
    const mark = this.accept('?')
    let node = condition
    if (mark) {
      const yes = this.logical('||', '_||_', () => this.logical('&&', '_&&_', () => this.relation()))
      this.expect(':')
      node = call('_?_:_', mark.offset, [condition, yes, this.expression()])
    }
    this.depth--
    return node
  }

  /** A chain of one logical operator becomes a balanced tree, so that a long chain is not a deep one. */
  private logical(sign: string, name: string, next: () => CelNode): CelNode {
    const terms = [next()]
    const offsets: number[] = []
    for (let sep = this.accept(sign); sep; sep = this.accept(sign)) {
      offsets.push(sep.offset)
      terms.push(next())
    }
    return balance(name, terms, offsets, 0, offsets.length - 1)
  }

  private relation(): CelNode {
    let left = this.sum()
    let links = 0
    while ((this.token.kind === 'sign' || this.token.kind === 'ident') && relations.has(this.token.text)) {
      const { text, offset } = this.take()
      left = this.call(text === 'in' ? '@in' : `_${text}_`, offset, [left, this.sum()], ++links)
    }
    return left
  }

  private sum(): CelNode {
    let left = this.product()
    let links = 0
    while (this.is('+') || this.is('-')) {
      const { text, offset } = this.take()
      left = this.call(`_${text}_`, offset, [left, this.product()], ++links)
    }
    return left
  }

  private product(): CelNode {
    let left = this.unary()
    let links = 0
    while (this.is('*') || this.is('/') || this.is('%')) {
      const { text, offset } = this.take()
      left = this.call(`_${text}_`, offset, [left, this.unary()], ++links)
    }
    return left
  }

  /** A call of an operator; long chains of these are as deep as they are long, so they count against the limit too. */
  private call(name: string, offset: number, args: CelNode[], links: number): CelNode {
    this.limit(links)
    return call(name, offset, args)
  }

  private limit(links: number): void {
    if (links > this.maxDepth) this.refuse('max recursion depth exceeded', this.token.offset)
  }

  private unary(): CelNode {
    const sign = this.token
    if (sign.kind !== 'sign' || (sign.text !== '!' && sign.text !== '-')) return this.member()
    let count = 0
    while (this.is(sign.text)) {
      const next = this.tokens[this.at + 1]
      if (sign.text === '-' && count === 0 && (next?.kind === 'int' || next?.kind === 'float')) break
      this.take()
      count++
    }
    const inner = this.member()
    return count % 2 === 0 ? inner : call(sign.text === '!' ? '!_' : '-_', sign.offset, [inner])
  }

  private member(): CelNode {
    let node = this.primary()
    let links = 0
    for (;;) {
      this.limit(++links)
      const dot = this.accept('.')
      if (dot) {
        node = this.selection(node, dot)
        continue
      }
      const open = this.accept('[')
      if (!open) return node
      const optional = this.accept('?') !== undefined
      if (optional) this.needOptional(open.offset, '[?')
      else this.mayBeOptional = true
      const index = this.expression()
      this.expect(']')
      node = call(optional ? '_[?_]' : '_[_]', open.offset, [node, index])
    }
  }

  private selection(operandNode: CelNode, dot: Token): CelNode {
    const optional = this.accept('?') !== undefined
    if (optional) this.needOptional(dot.offset, '.?')
    const name = this.token
    if (name.kind === 'quotedIdent' && this.options.quotedNames === false) this.issues.push({ message: "unsupported syntax: '`'", offset: name.offset })
    if (name.kind !== 'ident' && name.kind !== 'quotedIdent') this.refuse(`Syntax error: no viable alternative at input '.${name.kind === 'end' ? '' : name.text}'`, name.offset)
    if (name.text === 'in' || name.text === 'true' || name.text === 'false' || name.text === 'null') this.refuse(`Syntax error: no viable alternative at input '.${name.text}'`, name.offset)
    this.take()
    const field = name.kind === 'quotedIdent' ? name.text.slice(1, -1) : name.text
    const open = !optional && name.kind === 'ident' ? this.accept('(') : undefined
    if (!open) return { kind: 'select', operand: operandNode, field, test: false, optional, offset: dot.offset }
    const args = this.args(')')
    return this.macroOr({ kind: 'call', name: field, target: operandNode, args, offset: open.offset })
  }

  private needOptional(offset: number, syntax: string): void {
    if (this.options.optionals === false) this.issues.push({ message: `unsupported syntax '${syntax}'`, offset })
  }

  private macroOr(node: CallNode): CelNode {
    return expandMacro(node, this.options, this.issues) ?? node
  }

  private args(close: string): CelNode[] {
    const args: CelNode[] = []
    if (this.accept(close)) return args
    this.mayFollow = `'${close}', `
    do args.push(this.expression())
    while (this.accept(','))
    this.expect(close, `{',', '${close}'}`)
    return args
  }

  private primary(): CelNode {
    const { token } = this
    const { offset } = token
    const expected = operand.replace("'.'", `${this.mayFollow}'.'`).replace("'true'", `${this.mayBeOptional ? "'?', " : ''}'true'`)
    this.mayFollow = ''
    this.mayBeOptional = false
    switch (token.kind) {
      case 'int': case 'float': case 'uint': case 'string': case 'bytes': return this.literal()
      case 'ident': return this.named(false)
      case 'sign': break
      default: return this.refuse(`Syntax error: mismatched input '${token.text}' expecting ${expected}`, offset)
    }
    if (token.text === '-') return this.literal()
    if (this.accept('(')) {
      const inner = this.expression()
      this.expect(')')
      return inner
    }
    if (this.accept('[')) return this.list(offset)
    if (this.accept('{')) return this.map(offset)
    if (this.accept('.')) return this.named(true)
    return this.refuse(`Syntax error: mismatched input '${token.text}' expecting ${expected}`, offset)
  }

  private literal(): CelNode {
    const { offset } = this.token
    const negative = this.accept('-') !== undefined
    const { kind, text } = this.take()
    const make = (literal: ConstNode['literal'], value: ConstNode['value'] | undefined): CelNode => {
      if (value === undefined) this.refuse(`invalid ${literal} literal`, offset)
      return { kind: 'const', literal, value, offset }
    }
    switch (kind) {
      case 'int': return make('int', intLiteral(text, negative))
      case 'uint': return make('uint', uintLiteral(text))
      case 'float': {
        const number = Number(text)
        return make('double', Number.isFinite(number) ? makeDouble(negative ? -number : number) : undefined)
      }
      case 'bytes': return make('bytes', unquoteBytes(text))
      default: return make('string', unquoteString(text))
    }
  }

  /** What begins with a name: a constant, a variable, a call, or a message. */
  private named(rooted: boolean): CelNode {
    const token = this.token
    const { text, offset } = token
    if (token.kind !== 'ident') this.refuse(`Syntax error: mismatched input '${text}' expecting IDENTIFIER`, offset)
    this.take()
    if (!rooted) {
      if (text === 'true' || text === 'false') return { kind: 'const', literal: 'bool', value: text === 'true', offset }
      if (text === 'null') return { kind: 'const', literal: 'null', value: null, offset }
    }
    if (text === 'in') this.refuse(`Syntax error: mismatched input 'in' expecting ${operand}`, offset)
    const struct = this.structName()
    if (struct !== undefined) return this.struct(`${rooted ? '.' : ''}${text}${struct.name}`, struct.open)
    if (reserved.has(text)) this.issues.push({ message: `reserved identifier: ${text}`, offset })
    const name = rooted ? `.${text}` : text
    const open = this.accept('(')
    if (!open) return { kind: 'ident', name, offset }
    return this.macroOr({ kind: 'call', name, target: undefined, args: this.args(')'), offset: open.offset })
  }

  /** Looks ahead for `.b.c{`; the tokens are taken only when the brace is there. */
  private structName(): { name: string; open: Token } | undefined {
    let at = this.at
    let name = ''
    for (;;) {
      const token = this.tokens[at]
      if (token?.kind !== 'sign') return undefined
      if (token.text === '{') {
        this.at = at + 1
        return { name, open: token }
      }
      const next = this.tokens[at + 1]
      if (token.text !== '.' || next?.kind !== 'ident') return undefined
      name += `.${next.text}`
      at += 2
    }
  }

  private optionalMark(): boolean {
    const mark = this.accept('?')
    if (mark) this.needOptional(mark.offset, '?')
    return mark !== undefined
  }

  private list(offset: number): ListNode {
    const items: ListNode['items'][number][] = []
    while (!this.is(']')) {
      if (items.length === 0 && this.accept(',')) break
      const optional = this.optionalMark()
      items.push({ value: this.expression(), optional })
      if (!this.accept(',')) break
    }
    this.expect(']', "{']', ','}")
    return { kind: 'list', items, offset }
  }

  private map(offset: number): MapNode {
    const entries: MapNode['entries'][number][] = []
    while (!this.is('}')) {
      if (entries.length === 0 && this.accept(',')) break
      const optional = this.optionalMark()
      const key = this.expression()
      const colon = this.expect(':')
      entries.push({ key, value: this.expression(), optional, offset: colon.offset })
      if (!this.accept(',')) break
    }
    this.expect('}', "{'}', ','}")
    return { kind: 'map', entries, offset }
  }

  private struct(name: string, open: Token): StructNode {
    const fields: StructNode['fields'][number][] = []
    while (!this.is('}')) {
      if (fields.length === 0 && this.accept(',')) break
      const optional = this.optionalMark()
      const field = this.take()
      if (field.kind === 'quotedIdent' && this.options.quotedNames === false) this.issues.push({ message: "unsupported syntax: '`'", offset: field.offset })
      if (field.kind !== 'ident' && field.kind !== 'quotedIdent') this.refuse(`Syntax error: mismatched input '${field.text}' expecting {'}', ',', IDENTIFIER}`, field.offset)
      const colon = this.expect(':')
      fields.push({ name: field.kind === 'quotedIdent' ? field.text.slice(1, -1) : field.text, value: this.expression(), optional, offset: colon.offset })
      if (!this.accept(',')) break
    }
    this.expect('}', "{'}', ','}")
    return { kind: 'struct', name, fields, offset: open.offset }
  }
}

function call(name: string, offset: number, args: CelNode[]): CallNode {
  return { kind: 'call', name, target: undefined, args, offset }
}

function balance(name: string, terms: readonly CelNode[], offsets: readonly number[], low: number, high: number): CelNode {
  if (low > high) return terms[low] as CelNode // one term more than operators
  const middle = Math.floor((low + high + 1) / 2)
  return call(name, offsets[middle] ?? 0, [balance(name, terms, offsets, low, middle - 1), balance(name, terms, offsets, middle + 1, high)])
}
