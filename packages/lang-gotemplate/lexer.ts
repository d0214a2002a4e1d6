import { quoteGo, quoteRune } from './quote.ts'
import { keywords, token, type Token, type TokenKind } from './token.ts'

const letterOrDigit = /[\p{L}\p{Nd}_]/u
const spaces = ' \t\r\n'

export interface LexOptions { readonly left?: string; readonly right?: string; readonly breakIsFunction?: boolean; readonly continueIsFunction?: boolean }

/**
 * Splits the text of a template into tokens, as https://pkg.go.dev/text/template describes them.
 * A lexical fault is the last token, of kind `error`; its text is Go's message.
 */
export function lex(input: string, options: LexOptions = {}): Token[] {
  return new Lexer(input, options).run()
}

class Lexer {
  private readonly input: string
  private readonly options: LexOptions
  private readonly left: string
  private readonly right: string
  private pos = 0
  private start = 0
  private line = 1
  private startLine = 1
  private counted = 0
  private parens = 0
  private failed = false
  private readonly tokens: Token[] = []

  constructor(input: string, options: LexOptions) {
    this.input = input
    this.options = options
    this.left = options.left || '{{'
    this.right = options.right || '}}'
  }

  run(): Token[] {
    while (!this.failed && this.text()) { /* one action a turn */ }
    return this.tokens
  }

  /** Brings the line number up to `pos`. */
  private count(pos: number): void {
    let at = this.input.indexOf('\n', this.counted)
    while (at >= 0 && at < pos) {
      this.line++
      at = this.input.indexOf('\n', at + 1)
    }
    if (pos > this.counted) this.counted = pos
  }

  private emit(kind: TokenKind): void {
    this.tokens.push({ kind, text: this.input.slice(this.start, this.pos), pos: this.start, line: this.startLine })
    this.skip()
  }

  /** Forgets the text up to the current position. */
  private skip(): void {
    this.count(this.pos)
    this.start = this.pos
    this.startLine = this.line
  }

  private fail(message: string): false {
    this.tokens.push({ kind: token.error, text: message, pos: this.start, line: this.startLine })
    this.failed = true
    return false
  }

  private peek(): string {
    const code = this.input.codePointAt(this.pos)
    return code === undefined ? '' : String.fromCodePoint(code)
  }

  private isTrimAfterLeft(at: number): boolean {
    return this.input[at] === '-' && isSpace(this.input[at + 1])
  }

  private isTrimBeforeRight(at: number): boolean {
    return isSpace(this.input[at]) && this.input[at + 1] === '-'
  }

  /** The right delimiter here: 'plain', 'trim', or ''. */
  private rightHere(at = this.pos): '' | 'plain' | 'trim' {
    if (this.isTrimBeforeRight(at) && this.input.startsWith(this.right, at + 2)) return 'trim'
    return this.input.startsWith(this.right, at) ? 'plain' : ''
  }

  /** Text up to the next action, and that action. False at the end. */
  private text(): boolean {
    const { input } = this
    const found = input.indexOf(this.left, this.pos)
    if (found < 0) {
      this.pos = input.length
      if (this.pos > this.start) this.emit(token.text)
      this.emit(token.eof)
      return false
    }
    let end = found
    const trims = this.isTrimAfterLeft(found + this.left.length)
    if (trims) while (end > this.start && isSpace(input[end - 1])) end--
    this.pos = end
    if (end > this.start) this.emit(token.text)
    this.pos = found
    this.skip()
    this.pos = found + this.left.length
    const after = trims ? 2 : 0
    if (input.startsWith('/*', this.pos + after)) return this.comment(after)
    this.emit(token.leftDelim)
    this.pos += after
    this.skip()
    this.parens = 0
    return this.action()
  }

  private comment(after: number): boolean {
    this.pos += after
    this.skip()
    const close = this.input.indexOf('*/', this.pos + 2)
    if (close < 0) return this.fail('unclosed comment')
    this.pos = close + 2
    const right = this.rightHere()
    if (right === '') return this.fail('comment ends before closing delimiter')
    this.pos += this.right.length + (right === 'trim' ? 2 : 0)
    if (right === 'trim') this.skipSpaces()
    this.skip()
    return true
  }

  private skipSpaces(): void {
    while (isSpace(this.input[this.pos])) this.pos++
  }

  /** The inside of an action up to and with its right delimiter. */
  private action(): boolean {
    for (;;) {
      const right = this.rightHere()
      if (right !== '') {
        if (this.parens > 0) return this.fail('unclosed left paren')
        return this.closeAction(right === 'trim')
      }
      if (!this.oneInside()) return false
    }
  }

  private closeAction(trims: boolean): boolean {
    if (trims) {
      this.pos += 2
      this.skip()
    }
    this.pos += this.right.length
    this.emit(token.rightDelim)
    if (trims) {
      this.skipSpaces()
      this.skip()
    }
    return true
  }

  private oneInside(): boolean {
    const r = this.peek()
    if (r === '') return this.fail('unclosed action')
    if (isSpace(r)) return this.space()
    const simple = single[r]
    this.pos += r.length
    if (simple !== undefined) {
      this.emit(simple)
      return true
    }
    switch (r) {
      case ':':
        if (this.input[this.pos] !== '=') return this.fail('expected :=')
        this.pos++
        this.emit(token.declare)
        return true
      case '"': return this.quoted('"', token.string, 'unterminated quoted string')
      case '\'': return this.quoted('\'', token.charConstant, 'unterminated character constant')
      case '`': return this.rawString()
      case '$': return this.fieldOrVariable(token.variable)
      case '(':
        this.parens++
        this.emit(token.leftParen)
        return true
      case ')':
        if (--this.parens < 0) return this.fail('unexpected right paren')
        this.emit(token.rightParen)
        return true
    }
    if (r === '.' && !isDigit(this.input[this.pos])) return this.pos < this.input.length ? this.fieldOrVariable(token.field) : this.number()
    if (r === '.' || r === '+' || r === '-' || isDigit(r)) return this.number()
    if (letterOrDigit.test(r)) return this.identifier()
    if (r >= ' ' && r <= '~') {
      this.emit(token.char)
      return true
    }
    return this.fail(`unrecognized character in action: ${quoteRune(r)}`)
  }

  private space(): boolean {
    this.skipSpaces()
    const last = this.pos - 1
    if (this.isTrimBeforeRight(last) && this.input.startsWith(this.right, last + 2)) {
      this.pos = last
      if (this.pos === this.start) return true
    }
    this.emit(token.space)
    return true
  }

  private identifier(): boolean {
    this.pos = this.start
    this.absorbWord()
    const word = this.input.slice(this.start, this.pos)
    if (!this.atTerminator()) return this.fail(`bad character ${quoteRune(this.peek())}`)
    const keyword = keywords[word]
    const isFunction = (keyword === token.break && this.options.breakIsFunction) || (keyword === token.continue && this.options.continueIsFunction)
    if (keyword !== undefined && !isFunction) this.emit(keyword)
    else if (word === 'true' || word === 'false') this.emit(token.bool)
    else this.emit(token.identifier)
    return true
  }

  private absorbWord(): void {
    for (let r = this.peek(); r !== '' && letterOrDigit.test(r); r = this.peek()) this.pos += r.length
  }

  private fieldOrVariable(kind: TokenKind): boolean {
    if (this.atTerminator()) {
      this.emit(kind === token.variable ? token.variable : token.dot)
      return true
    }
    this.absorbWord()
    if (!this.atTerminator()) return this.fail(`bad character ${quoteRune(this.peek())}`)
    this.emit(kind)
    return true
  }

  private atTerminator(): boolean {
    const r = this.input[this.pos]
    return r === undefined || isSpace(r) || '.,|:)('.includes(r) || this.input.startsWith(this.right, this.pos)
  }

  private quoted(quote: string, kind: TokenKind, unterminated: string): boolean {
    for (;;) {
      const r = this.input[this.pos++]
      if (r === quote) break
      if (r === undefined || r === '\n') return this.fail(unterminated)
      if (r === '\\') {
        const next = this.input[this.pos++]
        if (next === undefined || next === '\n') return this.fail(unterminated)
      }
    }
    this.emit(kind)
    return true
  }

  private rawString(): boolean {
    const close = this.input.indexOf('`', this.pos)
    if (close < 0) return this.fail('unterminated raw quoted string')
    this.pos = close + 1
    this.emit(token.rawString)
    return true
  }

  private number(): boolean {
    this.pos = this.start
    const bad = () => this.fail(`bad number syntax: ${quoteGo(this.input.slice(this.start, this.pos))}`)
    if (!this.scanNumber()) return bad()
    const sign = this.input[this.pos]
    if (sign === '+' || sign === '-') {
      if (!this.scanNumber() || this.input[this.pos - 1] !== 'i') return bad()
      this.emit(token.complex)
      return true
    }
    this.emit(token.number)
    return true
  }

  private accept(valid: string): boolean {
    const r = this.input[this.pos]
    if (r === undefined || !valid.includes(r)) return false
    this.pos++
    return true
  }

  private acceptRun(valid: string): void {
    while (this.accept(valid)) { /* absorb */ }
  }

  private scanNumber(): boolean {
    this.accept('+-')
    let digits = '0123456789_'
    if (this.accept('0')) {
      if (this.accept('xX')) digits = '0123456789abcdefABCDEF_'
      else if (this.accept('oO')) digits = '01234567_'
      else if (this.accept('bB')) digits = '01_'
    }
    this.acceptRun(digits)
    if (this.accept('.')) this.acceptRun(digits)
    const exponent = digits.length === 11 ? 'eE' : digits.length === 23 ? 'pP' : ''
    if (exponent !== '' && this.accept(exponent)) {
      this.accept('+-')
      this.acceptRun('0123456789_')
    }
    this.accept('i')
    const next = this.peek()
    if (next !== '' && letterOrDigit.test(next)) {
      this.pos += next.length
      return false
    }
    return true
  }
}

const single: Readonly<Record<string, TokenKind>> = Object.assign(Object.create(null) as Record<string, TokenKind>, { '=': token.assign, '|': token.pipe })

function isSpace(r: string | undefined): boolean {
  return r !== undefined && r !== '' && spaces.includes(r)
}

function isDigit(r: string | undefined): boolean {
  return r !== undefined && r >= '0' && r <= '9'
}
