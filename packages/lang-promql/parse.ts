import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { CodedError } from '@idp/kit'
import type { At, Binary, Duration, Expr, Matching, Selector, Shift } from './ast.ts'
import { checkTypes } from './check-types.ts'
import { parseNumber } from './duration.ts'
import { metricName } from './labels.ts'
import { matcher, type Matcher, type MatchOperator } from './matcher.ts'
import { stringLiteral } from './string-literal.ts'

/** The longest query that is read, in characters. */
const longest = 100_000

/**
 * Reads a PromQL query. Throws CodedError `ParseError` with line and column, as Prometheus words it: `1:5: parse error: …`.
 * The grammar is upstream's editor grammar; that one binds `offset`, `@` and `[…]` looser than operators, so expressions are flattened and grouped again here.
 */
export function parsePromql(source: string): Expr {
  if (source.length > longest) throw new CodedError({ code: 'ParseError', message: `parse error: the query has ${source.length} characters; ${longest} are allowed` })
  const tree = parser.parse(source)
  const top = tree.topNode.firstChild
  if (top === null) throw fault(source, 0, 'no expression found in input')
  tree.iterate({ enter: (node) => { if (node.type.isError) throw fault(source, node.from, unexpected(source, node.from, node.to)) } })
  if (tree.length < source.length) throw fault(source, tree.length, unexpected(source, tree.length, source.length))
  const expr = new Reader(source).expression(top)
  checkTypes(expr, (message) => fault(source, 0, message))
  return expr
}

/** The matchers of `name{a="b"}`. Throws CodedError `ParseError` when the text is anything more. */
export function parseSelector(source: string): readonly Matcher[] {
  const expr = parsePromql(source)
  if (expr.type !== 'selector' || expr.range !== undefined || expr.offset !== undefined || expr.at !== undefined) throw fault(source, 0, 'expected a series selector')
  return expr.matchers
}

function unexpected(source: string, from: number, to: number): string {
  const text = source.slice(from, Math.max(to, from + 1)).trim()
  return text === '' ? 'unexpected end of input' : `unexpected ${JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)}`
}

function fault(source: string, at: number, message: string): CodedError {
  const before = source.slice(0, at)
  const line = before.split('\n').length
  return new CodedError({ code: 'ParseError', message: `${line}:${at - before.lastIndexOf('\n')}: parse error: ${message}` })
}

interface Operator { readonly op: string; readonly node: SyntaxNode; readonly bool: boolean; readonly matching: Matching; readonly fill: Binary['fill'] }
type Item = { readonly operand: Expr } | { readonly binary: Operator } | { readonly sign: '-' | '+' }

const powers: Readonly<Record<string, number>> = {
  or: 1, and: 2, unless: 2, '==': 3, '!=': 3, '<': 3, '<=': 3, '>': 3, '>=': 3, '</': 3, '>/': 3, '+': 4, '-': 4, '*': 5, '/': 5, '%': 5, atan2: 5, '^': 6,
}
const comparisons = new Set(['==', '!=', '<', '<=', '>', '>='])
const sets = new Set(['and', 'or', 'unless'])

class Reader {
  readonly source: string

  constructor(source: string) {
    this.source = source
  }

  expression(node: SyntaxNode): Expr {
    const items: Item[] = []
    this.flatten(node, items)
    return this.group(items, { next: 0 }, 0)
  }

  /** The operands and operators below a node in the order of the text. */
  private flatten(node: SyntaxNode, items: Item[]): void {
    switch (node.name) {
      case 'BinaryExpr': {
        const [left, right] = [node.firstChild, node.lastChild]
        if (left === null || right === null) throw this.fault(node, 'incomplete expression')
        this.flatten(left, items)
        items.push({ binary: this.operator(node) })
        this.flatten(right, items)
        return
      }
      case 'UnaryExpr': {
        items.push({ sign: this.text(this.child(node, 'UnaryOp')) === '-' ? '-' : '+' })
        this.flatten(node.lastChild ?? node, items)
        return
      }
      case 'NumberDurationLiteral': {
        const text = this.text(node)
        const signed = /^[+-]/.test(text)
        if (signed) items.push({ sign: text[0] === '-' ? '-' : '+' })
        items.push({ operand: { type: 'number', value: this.number(node, signed ? text.slice(1) : text) } })
        return
      }
      case 'OffsetExpr': case 'StepInvariantExpr': case 'MatrixSelector': case 'SubqueryExpr': case 'AnchoredExpr': case 'SmoothedExpr': {
        this.flatten(node.firstChild ?? node, items)
        const last = items.at(-1)
        if (last === undefined || !('operand' in last)) throw this.fault(node, 'nothing to apply it to')
        items[items.length - 1] = { operand: this.postfix(node, last.operand) }
        return
      }
      default:
        items.push({ operand: this.operand(node) })
    }
  }

  /** Groups by the strength of the operators: `^` binds from the right and stronger than a sign. */
  private group(items: readonly Item[], at: { next: number }, least: number): Expr {
    let left = this.signed(items, at)
    for (;;) {
      const item = items[at.next]
      if (item === undefined || !('binary' in item)) return left
      const power = powers[item.binary.op] ?? 0
      if (power < least) return left
      at.next++
      const right = this.group(items, at, item.binary.op === '^' ? power : power + 1)
      left = this.binary(item.binary, left, right)
    }
  }

  private signed(items: readonly Item[], at: { next: number }): Expr {
    const item = items[at.next++]
    if (item === undefined || 'binary' in item) throw fault(this.source, this.source.length, 'unexpected end of input')
    if ('operand' in item) return item.operand
    const of = this.group(items, at, 6)
    if (item.sign === '+') return of
    return of.type === 'number' ? { type: 'number', value: -of.value } : { type: 'negate', of }
  }

  private binary({ op, bool, matching, fill, node }: Operator, left: Expr, right: Expr): Expr {
    if (bool && !comparisons.has(op)) throw this.fault(node, 'bool modifier can only be used on comparison operators')
    if (sets.has(op)) {
      if (matching.group !== undefined) throw this.fault(node, `no grouping allowed for "${op}" operation`)
      if (fill.left !== undefined || fill.right !== undefined) throw this.fault(node, 'filling in missing series not allowed for set operators')
    }
    const twice = matching.on ? matching.include.find((label) => matching.labels.includes(label)) : undefined
    if (twice !== undefined) throw this.fault(node, `label "${twice}" must not occur in ON and GROUP clause at once`)
    return { type: 'binary', op, left, right, bool, matching, fill }
  }

  private operator(node: SyntaxNode): Operator {
    let op = ''
    let bool = false
    let matching: Matching = { on: false, labels: [], include: [] }
    let fill: Binary['fill'] = {}
    for (const child of this.children(node).slice(1, -1)) {
      if (child.name === 'BoolModifier') bool = true
      else if (child.name === 'MatchingModifierClause') matching = this.matching(child)
      else if (child.name === 'FillModifier') fill = this.fill(child)
      else op = this.text(child).toLowerCase()
    }
    return { op, node, bool, matching, fill }
  }

  private matching(node: SyntaxNode): Matching {
    const lists = node.getChildren('GroupingLabels').map((list) => this.labelNames(list))
    const group = node.getChild('GroupLeft') !== null ? 'left' : node.getChild('GroupRight') !== null ? 'right' : undefined
    return { on: node.getChild('On') !== null, labels: lists[0] ?? [], include: lists[1] ?? [], ...(group === undefined ? {} : { group }) }
  }

  private fill(node: SyntaxNode): Binary['fill'] {
    const value = (name: string): number | undefined => {
      const clause = node.getChild(name)
      const literal = clause === null ? null : clause.getChild('NumberDurationLiteral')
      return literal === null ? undefined : this.number(literal, this.text(literal))
    }
    const both = value('FillClause')
    const [left, right] = [both ?? value('FillLeftClause'), both ?? value('FillRightClause')]
    return { ...(left === undefined ? {} : { left }), ...(right === undefined ? {} : { right }) }
  }

  private operand(node: SyntaxNode): Expr {
    switch (node.name) {
      case 'ParenExpr': return { type: 'paren', of: this.expression(this.children(node)[0] ?? node) }
      case 'StringLiteral': return { type: 'string', value: stringLiteral(this.text(node)) }
      case 'VectorSelector': return this.selector(node)
      case 'FunctionCall': return { type: 'call', name: this.text(this.child(node, 'FunctionIdentifier')), args: this.args(node) }
      case 'AggregateExpr': return this.aggregate(node)
      default: throw this.fault(node, `unexpected ${node.name}`)
    }
  }

  private args(node: SyntaxNode): Expr[] {
    return this.children(this.child(node, 'FunctionCallBody')).map((child) => this.expression(child))
  }

  private aggregate(node: SyntaxNode): Expr {
    const op = this.text(this.child(node, 'AggregateOp')).toLowerCase()
    const modifier = node.getChild('AggregateModifier')
    const args = this.args(node)
    const wanted = parameterised.has(op) ? 2 : 1
    if (args.length !== wanted) throw this.fault(node, `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`)
    const [first, second] = args as [Expr, Expr?]
    return {
      type: 'aggregate', op, of: second ?? first, ...(second === undefined ? {} : { param: first }),
      labels: modifier === null ? [] : this.labelNames(this.child(modifier, 'GroupingLabels')), without: modifier !== null && modifier.getChild('Without') !== null,
    }
  }

  private selector(node: SyntaxNode): Selector {
    const identifier = node.getChild('Identifier')
    const matchers: Matcher[] = []
    const named = identifier === null ? undefined : this.text(identifier)
    for (const child of this.children(node.getChild('LabelMatchers') ?? undefined)) {
      const name = child.getChild('QuotedLabelName') ?? (child.name === 'QuotedLabelName' ? child : null)
      if (child.name === 'QuotedLabelName') {
        if (named !== undefined || matchers.some(({ label }) => label === metricName)) throw this.fault(child, `metric name must not be set twice: "${named ?? ''}" or ${this.text(child)}`)
        matchers.unshift(matcher(metricName, '=', this.quoted(child)))
        continue
      }
      const label = name === null ? this.text(this.child(child, 'LabelName')) : this.quoted(name)
      const value = this.children(child).at(-1)
      matchers.push(matcher(label, this.text(this.child(child, 'MatchOp')) as MatchOperator, value === undefined ? '' : stringLiteral(this.text(value))))
      if (label === metricName && named !== undefined) throw this.fault(child, `metric name must not be set twice: "${named}" or "${matchers.at(-1)?.value ?? ''}"`)
    }
    if (named !== undefined) matchers.unshift(matcher(metricName, '=', named))
    if (matchers.every(({ matches }) => matches(''))) throw this.fault(node, 'vector selector must contain at least one non-empty matcher')
    return { type: 'selector', matchers }
  }

  private postfix(node: SyntaxNode, of: Expr): Expr {
    const durations = [...node.getChildren('DurationExpr'), ...node.getChildren('OffsetDurationExpr')].map((child) => this.duration(child))
    const [first, second] = durations
    switch (node.name) {
      case 'MatrixSelector':
        if (of.type !== 'selector' || of.range !== undefined) throw this.fault(node, 'ranges only allowed for vector selectors')
        if (of.offset !== undefined || of.at !== undefined) throw this.fault(node, `no ${of.offset === undefined ? '@' : 'offset'} modifiers allowed before range`)
        return { ...of, range: first ?? (() => 0) }
      case 'SubqueryExpr': return { type: 'subquery', of, range: first ?? (() => 0), ...(second === undefined ? {} : { step: second }) }
      case 'OffsetExpr': return this.shifted(node, of, { offset: first ?? (() => 0) })
      case 'StepInvariantExpr': return this.shifted(node, of, { at: this.at(node) })
      default:
        if (of.type !== 'selector') throw this.fault(node, `${node.name === 'AnchoredExpr' ? 'anchored' : 'smoothed'} modifier must be preceded by an instant or range selector`)
        return { ...of, bounds: node.name === 'AnchoredExpr' ? 'anchored' : 'smoothed' }
    }
  }

  private shifted(node: SyntaxNode, of: Expr, shift: Shift): Expr {
    if (of.type !== 'selector' && of.type !== 'subquery') {
      throw this.fault(node, `${shift.at === undefined ? 'offset' : '@'} modifier must be preceded by an instant vector selector or range vector selector or a subquery`)
    }
    if (shift.at !== undefined && of.at !== undefined) throw this.fault(node, '@ <timestamp> may not be set multiple times')
    if (shift.offset !== undefined && of.offset !== undefined) throw this.fault(node, 'offset may not be set multiple times')
    return { ...of, ...shift }
  }

  private at(node: SyntaxNode): At {
    const preprocessor = node.getChild('AtModifierPreprocessors')
    if (preprocessor !== null) return { at: preprocessor.getChild('AtEnd') === null ? 'start' : 'end' }
    const literal = this.child(node, 'NumberDurationLiteral')
    const seconds = this.number(literal, this.text(literal))
    if (!Number.isFinite(seconds) || Math.abs(seconds) > 9e12) throw this.fault(literal, `timestamp out of bounds for @ modifier: ${seconds}`)
    return { at: Math.round(seconds * 1000) }
  }

  /** A duration expression as a function of the query's times; constants are computed once. */
  private duration(node: SyntaxNode): Duration {
    const parts = this.children(node)
    const names = parts.map((part) => part.name)
    const at = (index: number): Duration => this.duration(parts[index] ?? node)
    if (node.name === 'NumberDurationLiteralInDurationContext') {
      const ms = Math.round(this.number(node, this.text(node)) * 1000)
      return () => ms
    }
    if (names[0] === 'DurationStep') return ({ step }) => step
    if (names[0] === 'DurationRange') return ({ start, end }) => end - start
    if (names[0] === 'DurationMinOf' || names[0] === 'DurationMaxOf') {
      const [a, b, pick] = [at(1), at(2), names[0] === 'DurationMinOf' ? Math.min : Math.max]
      return (times) => pick(a(times), b(times))
    }
    if (names[0] === 'UnaryOp') {
      const [of, sign] = [at(1), this.text(parts[0] ?? node) === '-' ? -1 : 1]
      return (times) => sign * of(times)
    }
    if (parts.length === 3) {
      const [a, b, op] = [at(0), at(2), this.text(parts[1] ?? node)]
      return (times) => durationOperation(op, a(times) / 1000, b(times) / 1000) * 1000
    }
    return at(0)
  }

  private labelNames(node: SyntaxNode): string[] {
    return this.children(node).map((child) => (child.name === 'QuotedLabelName' ? this.quoted(child) : this.text(child)))
  }

  private quoted(node: SyntaxNode): string {
    return stringLiteral(this.text(this.child(node, 'StringLiteral')))
  }

  private number(node: SyntaxNode, text: string): number {
    const value = parseNumber(text)
    if (value === undefined) throw this.fault(node, `bad number or duration syntax: ${JSON.stringify(text)}`)
    return value
  }

  private child(node: SyntaxNode, name: string): SyntaxNode {
    const found = node.getChild(name)
    if (found === null) throw this.fault(node, `incomplete ${node.name}`)
    return found
  }

  private children(node: SyntaxNode | undefined): SyntaxNode[] {
    const found: SyntaxNode[] = []
    for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) if (child.name !== 'LineComment') found.push(child)
    return found
  }

  private text({ from, to }: SyntaxNode): string {
    return this.source.slice(from, to)
  }

  private fault(node: SyntaxNode, message: string): CodedError {
    return fault(this.source, node.from, message)
  }
}

/** Aggregations that take a parameter first. */
const parameterised = new Set(['topk', 'bottomk', 'count_values', 'quantile', 'limitk', 'limit_ratio'])

function durationOperation(op: string, a: number, b: number): number {
  if ((op === '/' || op === '%') && b === 0) throw new CodedError({ code: 'ParseError', message: op === '/' ? 'division by zero' : 'modulo by zero' })
  switch (op) {
    case '+': return a + b
    case '-': return a - b
    case '*': return a * b
    case '/': return a / b
    case '%': return a % b
    default: return a ** b
  }
}
