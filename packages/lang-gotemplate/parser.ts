import { GoError, ParseError } from './go-error.ts'
import { lex, type LexOptions } from './lexer.ts'
import { isEmptyTree, nodeText, type BranchNode, type ChainNode, type CommandNode, type FieldNode, type IdentifierNode, type ListNode, type Operand, type PipeNode, type Source, type Statement, type TemplateNode, type Tree, type VariableNode } from './node.ts'
import { readNumber } from './number-literal.ts'
import { quoteGo, unquoteGo } from './quote.ts'
import { token, type Token, type TokenKind } from './token.ts'

/** Deepest nesting of parentheses and of blocks. */
const maxDepth = 10_000

export interface ParseOptions extends LexOptions {
  /** Is there a function of this name? */
  readonly hasFunction: (name: string) => boolean
}

/**
 * Reads a template: its own body (last) and all that it defines, in the order they end.
 * Follows https://pkg.go.dev/text/template/parse; throws ParseError with Go's message.
 */
export function parseTemplate(name: string, text: string, options: ParseOptions): Tree[] {
  return new Parser({ name, text }, options).run()
}

interface End { readonly type: 'end' | 'else'; readonly pos: number; readonly before: '' | 'if' | 'with' }
type Parsed = Statement | End

/** The variables of the tree that is being read: names in scope, and how many slots there are. */
class Scope {
  names: { name: string; slot: number }[] = [{ name: '$', slot: 0 }]
  slots = 1
  declare(name: string): number {
    this.names.push({ name, slot: this.slots })
    return this.slots++
  }
  find(name: string): number | undefined {
    for (let i = this.names.length - 1; i >= 0; i--) if (this.names[i]?.name === name) return this.names[i]?.slot
    return undefined
  }
}

class Parser {
  private readonly source: Source
  private readonly options: ParseOptions
  private readonly tokens: Token[]
  private at = 0
  private scope = new Scope()
  private readonly trees: Tree[] = []
  private actionLine = 0
  private rangeDepth = 0
  private depth = 0
  private errorLine: number | undefined
  /** Variables whose pipelines are being read. */
  private readonly pending: VariableNode[] = []

  constructor(source: Source, options: ParseOptions) {
    this.source = source
    this.options = options
    this.tokens = lex(source.text, options)
  }

  run(): Tree[] {
    const nodes: Statement[] = []
    const pos = this.peek().pos
    while (this.peek().kind !== token.eof) {
      if (this.peek().kind === token.leftDelim && this.isDefine()) {
        this.definition()
        continue
      }
      const node = this.textOrAction()
      if (isEnd(node)) this.fail(`unexpected ${endText(node)}`)
      else nodes.push(node)
    }
    this.add({ name: this.source.name, source: this.source, root: { type: 'list', pos, source: this.source, nodes }, slots: this.scope.slots })
    return this.trees
  }

  // Tokens.

  private peek(): Token {
    return this.tokens[this.at] ?? this.last()
  }

  private last(): Token {
    return this.tokens[this.tokens.length - 1] ?? { kind: token.eof, text: 'EOF', pos: 0, line: 1 }
  }

  private next(): Token {
    const found = this.peek()
    if (this.at < this.tokens.length) this.at++
    this.errorLine = found.line
    return found
  }

  private nextNonSpace(): Token {
    let found = this.next()
    while (found.kind === token.space) found = this.next()
    return found
  }

  private peekNonSpace(): Token {
    while (this.peek().kind === token.space) this.at++
    return this.peek()
  }

  private isDefine(): boolean {
    let i = this.at + 1
    while (this.tokens[i]?.kind === token.space) i++
    return this.tokens[i]?.kind === token.define
  }

  private expect(kind: TokenKind, context: string): Token {
    const found = this.nextNonSpace()
    if (found.kind !== kind) this.unexpected(found, context)
    return found
  }

  // Errors.

  /** Go reports the line of the last token that was read. */
  private fail(message: string): never {
    throw new ParseError(this.source.name, this.errorLine ?? 1, message)
  }

  private unexpected(found: Token, context: string): never {
    if (found.kind === token.error) {
      let extra = ''
      if (this.actionLine !== 0 && this.actionLine !== found.line) {
        extra = ` in action started at ${this.source.name}:${this.actionLine}`
        if (found.text.endsWith(' action')) extra = extra.slice(' in action'.length)
      }
      this.fail(found.text + extra)
    }
    this.fail(`unexpected ${tokenText(found)} in ${context}`)
  }

  private guarded<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      if (error instanceof GoError && !(error instanceof ParseError)) this.fail(error.message)
      throw error
    }
  }

  // Trees.

  private add(tree: Tree): void {
    const index = this.trees.findIndex((other) => other.name === tree.name)
    const before = this.trees[index]
    if (before === undefined) this.trees.push(tree)
    else if (isEmptyTree(before.root)) this.trees[index] = tree
    else if (!isEmptyTree(tree.root)) this.fail(`template: multiple definition of template ${quoteGo(tree.name)}`)
  }

  private definition(): void {
    this.next()
    this.nextNonSpace()
    const name = this.templateName(this.nextNonSpace(), 'define clause')
    this.expect(token.rightDelim, 'define clause')
    this.subTree(name, 'define clause')
  }

  /** A body with variables of its own, up to its `end`. */
  private subTree(name: string, context: string): void {
    const outer = this.scope
    const outerRange = this.rangeDepth
    this.scope = new Scope()
    this.rangeDepth = 0
    const { list, end } = this.itemList()
    if (end.type !== 'end') this.fail(`unexpected ${endText(end)} in ${context}`)
    this.add({ name, source: this.source, root: list, slots: this.scope.slots })
    this.scope = outer
    this.rangeDepth = outerRange
  }

  private templateName(found: Token, context: string): string {
    if (found.kind !== token.string && found.kind !== token.rawString) this.unexpected(found, context)
    return this.guarded(() => unquoteGo(found.text))
  }

  // Statements.

  private itemList(): { list: ListNode; end: End } {
    if (++this.depth > maxDepth) this.fail('max expression depth exceeded')
    const nodes: Statement[] = []
    const list: ListNode = { type: 'list', pos: this.peekNonSpace().pos, source: this.source, nodes }
    while (this.peekNonSpace().kind !== token.eof) {
      const node = this.textOrAction()
      if (isEnd(node)) {
        this.depth--
        return { list, end: node }
      }
      nodes.push(node)
    }
    this.errorLine = this.peek().line
    return this.fail('unexpected EOF')
  }

  private textOrAction(): Parsed {
    const found = this.nextNonSpace()
    if (found.kind === token.text) return { type: 'text', pos: found.pos, source: this.source, text: found.text }
    if (found.kind !== token.leftDelim) this.unexpected(found, 'input')
    this.actionLine = found.line
    const node = this.action()
    this.actionLine = 0
    return node
  }

  private action(): Parsed {
    const found = this.peekNonSpace()
    const control = this.control(found)
    if (control !== undefined) return control
    this.errorLine = found.line
    return { type: 'action', pos: found.pos, source: this.source, pipe: this.pipeline('command', token.rightDelim) }
  }

  private control(found: Token): Parsed | undefined {
    switch (found.kind) {
      case token.block: this.next(); return this.block()
      case token.break: this.next(); return this.jump('break', found)
      case token.continue: this.next(); return this.jump('continue', found)
      case token.else: this.next(); return this.elseControl()
      case token.end: this.next(); return { type: 'end', pos: this.expect(token.rightDelim, 'end').pos, before: '' }
      case token.if: this.next(); return this.branch('if')
      case token.range: this.next(); return this.branch('range')
      case token.with: this.next(); return this.branch('with')
      case token.template: this.next(); return this.template()
      default: return undefined
    }
  }

  private jump(type: 'break' | 'continue', found: Token): Statement {
    const next = this.nextNonSpace()
    if (next.kind !== token.rightDelim) this.unexpected(next, `{{${type}}}`)
    if (this.rangeDepth === 0) this.fail(`{{${type}}} outside {{range}}`)
    return { type, pos: found.pos, source: this.source }
  }

  private elseControl(): End {
    const next = this.peekNonSpace()
    this.errorLine = next.line
    if (next.kind === token.if) return { type: 'else', pos: next.pos, before: 'if' }
    if (next.kind === token.with) return { type: 'else', pos: next.pos, before: 'with' }
    return { type: 'else', pos: this.expect(token.rightDelim, 'else').pos, before: '' }
  }

  private branch(type: BranchNode['type']): BranchNode {
    const inScope = this.scope.names.length
    const pipe = this.pipeline(type, token.rightDelim)
    if (type === 'range') this.rangeDepth++
    const { list, end } = this.itemList()
    if (type === 'range') this.rangeDepth--
    const orElse = end.type === 'else' ? this.orElse(type, end) : undefined
    this.scope.names.length = inScope
    return { type, pos: pipe.pos, source: this.source, pipe, list, orElse }
  }

  private orElse(type: BranchNode['type'], end: End): ListNode {
    if (end.before !== '' && end.before === type) {
      this.nextNonSpace()
      return { type: 'list', pos: end.pos, source: this.source, nodes: [this.branch(type)] }
    }
    const { list, end: last } = this.itemList()
    if (last.type !== 'end') this.fail(`expected end; found ${endText(last)}`)
    return list
  }

  private block(): TemplateNode {
    const found = this.nextNonSpace()
    const name = this.templateName(found, 'block clause')
    const pipe = this.pipeline('block clause', token.rightDelim)
    this.subTree(name, 'block clause')
    return { type: 'template', pos: found.pos, source: this.source, name, pipe }
  }

  private template(): TemplateNode {
    const found = this.nextNonSpace()
    const name = this.templateName(found, 'template clause')
    let pipe: PipeNode | undefined
    if (this.peekNonSpace().kind === token.rightDelim) this.next()
    else pipe = this.pipeline('template clause', token.rightDelim)
    return { type: 'template', pos: found.pos, source: this.source, name, pipe }
  }

  // Expressions.

  private pipeline(context: string, end: TokenKind): PipeNode {
    const first = this.peekNonSpace()
    const declared: VariableNode[] = []
    const commands: CommandNode[] = []
    const assigns = this.declarations(context, declared)
    this.pending.push(...declared)
    for (;;) {
      const found = this.peekNonSpace()
      this.errorLine = found.line
      if (found.kind === end) {
        this.next()
        break
      }
      if (!startsCommand.has(found.kind)) this.unexpected(this.next(), context)
      commands.push(this.command())
    }
    this.checkPipeline(commands, context)
    this.pending.length -= declared.length
    this.declareAll(declared, assigns)
    return { type: 'pipe', pos: first.pos, source: this.source, assigns, declared, commands }
  }

  /** `$x :=`, `$x =`, `$i, $x :=`. Answers whether it assigns to what exists. */
  private declarations(context: string, declared: VariableNode[]): boolean {
    for (;;) {
      const name = this.peekNonSpace()
      if (name.kind !== token.variable) return false
      const mark = this.at
      this.next()
      const next = this.peekNonSpace()
      if (next.kind === token.assign || next.kind === token.declare) {
        this.nextNonSpace()
        declared.push({ type: 'variable', pos: name.pos, source: this.source, slot: -1, path: [name.text] })
        return next.kind === token.assign
      }
      if (next.kind !== token.char || next.text !== ',') {
        this.at = mark
        return false
      }
      this.nextNonSpace()
      if (context !== 'range' || declared.length > 0) {
        this.fail(`too many declarations in ${context}`)
      }
      const after = this.peekNonSpace().kind
      if (after !== token.variable && after !== token.rightDelim && after !== token.rightParen) this.fail('range can only initialize variables')
      declared.push({ type: 'variable', pos: name.pos, source: this.source, slot: -1, path: [name.text] })
    }
  }

  /** A name is known from the end of its pipeline on: `$x := f $x` reads the outer one. */
  private declareAll(declared: VariableNode[], assigns: boolean): void {
    declared.forEach((variable, i) => {
      const name = variable.path[0] ?? ''
      const known = this.scope.find(name)
      declared[i] = { ...variable, slot: assigns && known !== undefined ? known : this.scope.declare(name) }
    })
  }

  private checkPipeline(commands: CommandNode[], context: string): void {
    if (commands.length === 0) this.fail(`missing value for ${context}`)
    commands.forEach((command, i) => {
      const type = command.args[0]?.type
      if (i > 0 && (type === 'bool' || type === 'dot' || type === 'nil' || type === 'number' || type === 'string')) {
        this.fail(`non executable command in pipeline stage ${i + 1}`)
      }
    })
  }

  private command(): CommandNode {
    const pos = this.peekNonSpace().pos
    const args: Operand[] = []
    for (;;) {
      this.peekNonSpace()
      const operand = this.operand()
      if (operand !== undefined) args.push(operand)
      const found = this.next()
      if (found.kind === token.space) continue
      if (found.kind === token.rightDelim || found.kind === token.rightParen) this.at--
      else if (found.kind !== token.pipe) this.unexpected(found, 'operand')
      break
    }
    if (args.length === 0) this.fail('empty command')
    return { type: 'command', pos, source: this.source, args }
  }

  private operand(): Operand | undefined {
    const node = this.term()
    if (node === undefined || this.peek().kind !== token.field) return node
    const pos = this.peek().pos
    const path: string[] = []
    while (this.peek().kind === token.field) path.push(this.next().text.slice(1))
    switch (node.type) {
      case 'field': return { ...node, pos, path: [...node.path, ...path] } satisfies FieldNode
      case 'variable': return { ...node, pos, path: [...node.path, ...path] } satisfies VariableNode
      case 'bool': case 'string': case 'number': case 'nil': case 'dot':
        return this.fail(`unexpected . after term ${quoteGo(nodeText(node))}`)
      default: return { type: 'chain', pos, source: this.source, node, path } satisfies ChainNode
    }
  }

  private term(): Operand | undefined {
    const found = this.peekNonSpace()
    const { pos, text } = found
    const { source } = this
    this.errorLine = found.line
    switch (found.kind) {
      case token.identifier:
        this.at++
        if (!this.options.hasFunction(text)) this.fail(`function ${quoteGo(text)} not defined`)
        return { type: 'identifier', pos, source, name: text } satisfies IdentifierNode
      case token.dot: this.at++; return { type: 'dot', pos, source }
      case token.nil: this.at++; return { type: 'nil', pos, source }
      case token.variable: this.at++; return this.useVariable(found)
      case token.field: this.at++; return { type: 'field', pos, source, path: [text.slice(1)] }
      case token.bool: this.at++; return { type: 'bool', pos, source, value: text === 'true' }
      case token.charConstant: case token.complex: case token.number: {
        this.at++
        const kind = found.kind === token.charConstant ? 'character' : found.kind === token.complex ? 'complex' : 'number'
        return { type: 'number', pos, source, text, ...this.guarded(() => readNumber(text, kind)) }
      }
      case token.string: case token.rawString:
        this.at++
        return { type: 'string', pos, source, quoted: text, value: this.guarded(() => unquoteGo(text)) }
      case token.leftParen: this.at++; return this.parenthesized()
      default: return undefined
    }
  }

  private parenthesized(): Operand {
    if (++this.depth > maxDepth) this.fail('max expression depth exceeded')
    const pipe = this.pipeline('parenthesized pipeline', token.rightParen)
    this.depth--
    return pipe
  }

  private useVariable(found: Token): VariableNode {
    // One that is being declared here passes, and is a fault when it is read.
    const slot = this.scope.find(found.text) ?? (this.pending.some(({ path }) => path[0] === found.text) ? -1 : undefined)
    if (slot === undefined) return this.fail(`undefined variable ${quoteGo(found.text)}`)
    return { type: 'variable', pos: found.pos, source: this.source, slot, path: [found.text] }
  }
}

const startsCommand: ReadonlySet<TokenKind> = new Set<TokenKind>([
  token.bool, token.charConstant, token.complex, token.dot, token.field, token.identifier, token.number, token.nil, token.rawString,
  token.string, token.variable, token.leftParen,
])

function isEnd(node: Parsed): node is End {
  return node.type === 'end' || node.type === 'else'
}

function endText(end: End): string {
  return `{{${end.type}}}`
}

function tokenText(found: Token): string {
  if (found.kind === token.eof) return 'EOF'
  if (found.kind > token.keyword) return `<${found.text}>`
  const runes = [...found.text]
  return runes.length > 10 ? `${quoteGo(runes.slice(0, 10).join(''))}...` : quoteGo(found.text)
}
