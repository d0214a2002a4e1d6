import type { SyntaxNode } from '@lezer/common'
import { parser } from '@grafana/lezer-logql'
import { CodedError } from '@idp/kit'
import { matcher, stringLiteral, type Matcher, type MatchOperator } from '@idp/lang-promql'
import type { Comparison, Grouping, LabelPredicate, LineMatch, LogqlExpr, LogQuery, MetricQuery, RangeAggregation, Stage, Unwrap } from './ast.ts'
import { parseBytes, parseSeconds } from './units.ts'

/** The longest query that is read, in characters. */
const longest = 100_000

/** Reads a LogQL query with Grafana's editor grammar. Throws CodedError `ParseError` with line and column, as Loki words it. */
export function parseLogql(source: string): LogqlExpr {
  if (source.length > longest) throw new CodedError({ code: 'ParseError', message: `parse error: the query has ${source.length} characters; ${longest} are allowed` })
  const tree = parser.parse(source)
  tree.iterate({ enter: (node) => { if (node.type.isError) throw fault(source, node.from, `syntax error: unexpected ${source.slice(node.from).trim() === '' ? '$end' : JSON.stringify(source.slice(node.from, Math.max(node.to, node.from + 12)).trim())}`) } })
  const top = tree.topNode.firstChild
  if (top === null) throw fault(source, 0, 'syntax error: unexpected $end')
  return new Reader(source).expr(top)
}

/** The query as one of logs. Throws CodedError `ParseError` when it is one of numbers. */
export function parseLogQuery(source: string): LogQuery {
  const expr = parseLogql(source)
  if (expr.type !== 'log') throw fault(source, 0, 'only log queries are supported here')
  return expr
}

function fault(source: string, at: number, message: string): CodedError {
  const before = source.slice(0, at)
  return new CodedError({ code: 'ParseError', message: `parse error at line ${before.split('\n').length}, col ${at - before.lastIndexOf('\n')}: ${message}` })
}

type Operator = Omit<Extract<MetricQuery, { type: 'binary' }>, 'type' | 'left' | 'right'>

const powers: Readonly<Record<string, number>> = { or: 1, and: 2, unless: 2, '==': 3, '!=': 3, '<': 3, '<=': 3, '>': 3, '>=': 3, '+': 4, '-': 4, '*': 5, '/': 5, '%': 5, '^': 6 }
const powerOf = ({ op }: Operator): number => powers[op] ?? 0

class Reader {
  readonly source: string

  constructor(source: string) {
    this.source = source
  }

  expr(node: SyntaxNode): LogqlExpr {
    switch (node.name) {
      case 'Expr': case 'MetricExpr': return this.inside(node)
      case 'LogExpr': return this.log(node)
      default: return this.metric(node)
    }
  }

  private inside(node: SyntaxNode): LogqlExpr {
    const [child] = this.children(node)
    if (child === undefined) throw this.fault(node, 'syntax error: empty expression')
    return this.expr(child)
  }

  private log(node: SyntaxNode): LogQuery {
    const inner = node.getChild('LogExpr')
    if (inner !== null) return this.log(inner)
    const pipeline = node.getChild('PipelineExpr')
    return { type: 'log', matchers: this.selector(this.child(node, 'Selector')), stages: pipeline === null ? [] : this.pipeline(pipeline) }
  }

  private selector(node: SyntaxNode): Matcher[] {
    const matchers = this.matchers(node)
    if (matchers.every(({ matches }) => matches(''))) throw this.fault(node, 'queries require at least one regexp or equality matcher that does not have an empty-compatible value')
    return matchers
  }

  private matchers(node: SyntaxNode): Matcher[] {
    return this.children(node).flatMap((child) => (child.name === 'Matcher' ? [this.matcher(child)] : child.name === 'Matchers' ? this.matchers(child) : []))
  }

  private matcher(node: SyntaxNode): Matcher {
    const [label, op, value] = this.children(node)
    if (label === undefined || op === undefined || value === undefined) throw this.fault(node, 'syntax error: incomplete matcher')
    return matcher(this.text(label), this.text(op) as MatchOperator, this.string(value))
  }

  private pipeline(node: SyntaxNode): Stage[] {
    return this.children(node).flatMap((child) => (child.name === 'PipelineExpr' ? this.pipeline(child) : this.stage(child)))
  }

  private stage(node: SyntaxNode): Stage[] {
    const [first] = this.children(node).filter(({ name }) => name !== 'Pipe')
    if (first === undefined) throw this.fault(node, 'syntax error: empty stage')
    if (first.name === 'LineFilters') return this.lineFilters(first)
    return [this.pipe(first)]
  }

  private lineFilters(node: SyntaxNode): Stage[] {
    return this.children(node).flatMap((child) => (child.name === 'LineFilters' ? this.lineFilters(child) : [this.lineFilter(child)]))
  }

  private lineFilter(node: SyntaxNode): Stage {
    const op = this.text(this.child(node, 'Filter')) as LineMatch
    return { type: 'line', op, patterns: this.strings(node), ip: node.getChild('FilterOp') !== null }
  }

  private pipe(node: SyntaxNode): Stage {
    switch (node.name) {
      case 'LabelFilter': return { type: 'filter', predicate: this.predicate(node) }
      case 'LabelParser': {
        const [kind] = this.children(node)
        switch (kind?.name) {
          case 'Json': return { type: 'json', fields: [], strict: false, keepEmpty: false }
          case 'Logfmt': return { type: 'logfmt', fields: [], strict: false, keepEmpty: false }
          case 'Regexp': case 'Pattern': return { type: kind.name.toLowerCase() as 'regexp' | 'pattern', expression: this.strings(node)[0] ?? '' }
          default: return { type: 'unpack' }
        }
      }
      case 'JsonExpressionParser': return { type: 'json', fields: this.extractions(node), strict: false, keepEmpty: false }
      case 'LogfmtParser': case 'LogfmtExpressionParser': {
        const flags = this.text(node)
        return { type: 'logfmt', fields: this.extractions(node), strict: /--strict\b/.test(flags), keepEmpty: /--keep-empty\b/.test(flags) }
      }
      case 'LineFormatExpr': return { type: 'line_format', template: this.strings(node)[0] ?? '' }
      case 'LabelFormatExpr': return { type: 'label_format', labels: this.all(node, 'LabelFormatMatcher').map((one) => {
        const [to, , from] = this.children(one)
        if (to === undefined || from === undefined) throw this.fault(one, 'syntax error: incomplete label format')
        return from.name === 'String' ? { to: this.text(to), template: this.string(from) } : { to: this.text(to), from: this.text(from) }
      }) }
      case 'DropLabelsExpr': return { type: 'drop', labels: this.all(node, 'DropLabel').map((one) => this.labelOrMatcher(one)) }
      case 'KeepLabelsExpr': return { type: 'keep', labels: this.all(node, 'KeepLabel').map((one) => this.labelOrMatcher(one)) }
      case 'DecolorizeExpr': return { type: 'decolorize' }
      default: throw this.fault(node, `stage ${node.name} is not supported`)
    }
  }

  private labelOrMatcher(node: SyntaxNode): string | Matcher {
    const found = node.getChild('Matcher')
    return found === null ? this.text(node) : this.matcher(found)
  }

  private extractions(node: SyntaxNode): { label: string; path: string }[] {
    return this.all(node, 'LabelExtractionExpression').map((one) => {
      const [label, , path] = this.children(one)
      const name = label === undefined ? '' : this.text(label)
      return { label: name, path: path === undefined ? name : this.string(path) }
    })
  }

  private predicate(node: SyntaxNode): LabelPredicate {
    const parts = this.children(node)
    const filters = parts.filter(({ name }) => name === 'LabelFilter')
    if (filters.length === 2 && filters[0] !== undefined && filters[1] !== undefined) {
      return { type: parts.some(({ name }) => name === 'Or') ? 'or' : 'and', left: this.predicate(filters[0]), right: this.predicate(filters[1]) }
    }
    const [first] = parts
    if (first === undefined) throw this.fault(node, 'syntax error: empty filter')
    switch (first.name) {
      case 'LabelFilter': return this.predicate(first)
      case 'Matcher': return { type: 'text', matcher: this.matcher(first) }
      case 'IpLabelFilter': {
        const [label, op] = this.children(first)
        return { type: 'ip', label: label === undefined ? '' : this.text(label), negate: op !== undefined && this.text(op).startsWith('!'), range: this.strings(first)[0] ?? '' }
      }
      case 'NumberFilter': return this.comparison(first, 'number')
      case 'UnitFilter': {
        const inner = first.firstChild ?? first
        return this.comparison(inner, inner.name === 'DurationFilter' ? 'duration' : 'bytes')
      }
      default: throw this.fault(first, `filter ${first.name} is not supported`)
    }
  }

  private comparison(node: SyntaxNode, unit: 'number' | 'duration' | 'bytes'): LabelPredicate {
    const [label, op, literal] = this.children(node)
    if (label === undefined || op === undefined || literal === undefined) throw this.fault(node, 'syntax error: incomplete filter')
    const text = this.text(literal)
    const value = unit === 'number' ? Number(text) : unit === 'duration' ? parseSeconds(text) : parseBytes(text)
    if (value === undefined || Number.isNaN(value)) throw this.fault(literal, `cannot read ${JSON.stringify(text)}`)
    return { type: 'number', label: this.text(label), op: this.text(op) as Comparison, value, unit }
  }

  private metric(node: SyntaxNode): MetricQuery {
    switch (node.name) {
      case 'RangeAggregationExpr': return this.range(node)
      case 'VectorAggregationExpr': return this.aggregate(node)
      case 'BinOpExpr': return this.binary(node)
      case 'LiteralExpr': return { type: 'number', value: Number(this.text(node).replaceAll(' ', '')) }
      case 'VectorExpr': return { type: 'vector', value: Number(this.text(this.child(node, 'Number'))) }
      case 'LabelReplaceExpr': return { type: 'label_replace', of: this.inner(node), args: this.children(node).filter(({ name }) => name === 'String').map((one) => this.string(one)) }
      case 'ParenExpr': return this.inner(node)
      default: throw this.fault(node, `expression ${node.name} is not supported`)
    }
  }

  private inner(node: SyntaxNode): MetricQuery {
    return this.numbers(this.child(node, 'MetricExpr'))
  }

  private numbers(node: SyntaxNode): MetricQuery {
    const expr = this.expr(node)
    if (expr.type === 'log') throw this.fault(node, 'unexpected log query; a metric query is expected')
    return expr
  }

  private range(node: SyntaxNode): RangeAggregation {
    const of = this.child(node, 'LogRangeExpr')
    const unwrap = of.getChild('UnwrapExpr')
    const inner = of.getChild('LogExpr')
    const [pipeline, param, grouping] = [of.getChild('PipelineExpr'), node.getChild('Number'), node.getChild('Grouping')]
    const offset = of.getChild('OffsetExpr')
    const op = this.text(this.child(node, 'RangeOp'))
    const needsUnwrap = /^(sum|avg|min|max|first|last|stddev|stdvar|quantile)_over_time$|^rate_counter$/.test(op)
    if (needsUnwrap !== (unwrap !== null) && !(unwrap !== null && (op === 'rate' || op === 'absent_over_time'))) throw this.fault(node, needsUnwrap ? `invalid aggregation ${op} without unwrap` : `invalid aggregation ${op} with unwrap`)
    return {
      type: 'range', op, range: this.time(this.child(of, 'Range')), offset: offset === null ? 0 : this.time(offset),
      query: inner === null ? { type: 'log', matchers: this.selector(this.child(of, 'Selector')), stages: pipeline === null ? [] : this.pipeline(pipeline) } : this.log(inner),
      ...(unwrap === null ? {} : { unwrap: this.unwrap(unwrap) }), ...(param === null ? {} : { param: Number(this.text(param)) }), ...(grouping === null ? {} : { grouping: this.grouping(grouping) }),
    }
  }

  /** Milliseconds of the duration below a node. */
  private time(node: SyntaxNode): number {
    const found = this.all(node, 'Duration')[0]
    const seconds = found === undefined ? undefined : parseSeconds(this.text(found))
    if (seconds === undefined) throw this.fault(node, 'cannot read the duration')
    return seconds * 1000
  }

  private unwrap(node: SyntaxNode): Unwrap {
    const filters = this.all(node, 'LabelFilter', true).map((one): Stage => ({ type: 'filter', predicate: this.predicate(one) }))
    const [core] = [node, ...this.all(node, 'UnwrapExpr')].filter((one) => one.getChild('Unwrap') !== null)
    const label = core?.getChild('Identifier')
    const convert = core?.getChild('ConvOp')
    if (core === undefined || label === null || label === undefined) throw this.fault(node, 'syntax error: unwrap without label')
    const conversion = convert === null || convert === undefined ? 'number' : this.text(convert).startsWith('bytes') ? 'bytes' : 'duration'
    return { label: this.text(label), convert: conversion, filters }
  }

  private grouping(node: SyntaxNode): Grouping {
    return { labels: this.all(node, 'Identifier').map((one) => this.text(one)), without: node.getChild('Without') !== null }
  }

  private aggregate(node: SyntaxNode): MetricQuery {
    const [param, grouping] = [node.getChild('Number'), node.getChild('Grouping')]
    const op = this.text(this.child(node, 'VectorOp'))
    if ((op === 'topk' || op === 'bottomk') && param === null) throw this.fault(node, `parameter required for operation ${op}`)
    return { type: 'aggregate', op, of: this.inner(node), ...(param === null ? {} : { param: Number(this.text(param)) }), grouping: grouping === null ? { labels: [], without: false } : this.grouping(grouping) }
  }

  /** The grammar takes operators from left to right; they are grouped by their strength here, `^` from the right. */
  private binary(node: SyntaxNode): MetricQuery {
    const operands: MetricQuery[] = []
    const operators: Operator[] = []
    const flatten = (part: SyntaxNode): void => {
      const [only, ...more] = this.children(part)
      if ((part.name === 'Expr' || part.name === 'MetricExpr') && only !== undefined && more.length === 0) return flatten(only)
      if (part.name !== 'BinOpExpr') { operands.push(this.metric(part)); return }
      const [left, op, right] = [only, more[0], more.at(-1)]
      if (left === undefined || op === undefined || right === undefined) throw this.fault(part, 'syntax error: incomplete expression')
      flatten(left)
      operators.push(this.operator(op, part.getChild('BinOpModifier')))
      flatten(right)
    }
    flatten(node)
    let at = 0
    const group = (least: number): MetricQuery => {
      let left = operands[at]
      for (let operator = operators[at]; operator !== undefined && powerOf(operator) >= least; operator = operators[at]) {
        at++
        const right = group(operator.op === '^' ? powerOf(operator) : powerOf(operator) + 1)
        if (left !== undefined) left = { type: 'binary', ...operator, left, right }
      }
      if (left === undefined) throw this.fault(node, 'syntax error: incomplete expression')
      return left
    }
    return group(0)
  }

  private operator(op: SyntaxNode, modifier: SyntaxNode | null): Operator {
    const matching = modifier?.getChild('OnOrIgnoringModifier') ?? null
    const names = (list: SyntaxNode | undefined): string[] => (list === undefined ? [] : this.all(list, 'LabelName').map((one) => this.text(one)))
    const lists = modifier === null ? [] : this.all(modifier, 'GroupingLabels')
    const has = (name: string): boolean => modifier !== null && this.all(modifier, name).length > 0
    const group = has('GroupLeft') ? 'left' : has('GroupRight') ? 'right' : undefined
    return { op: this.text(op), bool: has('Bool') || has('BoolModifier'), on: matching !== null && matching.getChild('On') !== null, labels: names(lists[0]), include: names(lists[1]), ...(group === undefined ? {} : { group }) }
  }

  /** All descendants of a name, in the order of the text; `outermost`: not those inside one of the same name. */
  private all(node: SyntaxNode, name: string, outermost = false): SyntaxNode[] {
    return this.children(node).flatMap((child) => (child.name === name ? [child, ...(outermost ? [] : this.all(child, name))] : this.all(child, name, outermost)))
  }

  private strings(node: SyntaxNode): string[] {
    return this.all(node, 'String').map((one) => this.string(one))
  }

  private string(node: SyntaxNode): string {
    return stringLiteral(this.text(node))
  }

  private children(node: SyntaxNode): SyntaxNode[] {
    const found: SyntaxNode[] = []
    for (let child = node.firstChild; child !== null; child = child.nextSibling) if (child.name !== 'LineComment') found.push(child)
    return found
  }

  private child(node: SyntaxNode, name: string): SyntaxNode {
    const found = node.getChild(name)
    if (found === null) throw this.fault(node, `syntax error: ${name} is missing`)
    return found
  }

  private text({ from, to }: SyntaxNode): string {
    return this.source.slice(from, to)
  }

  private fault(node: SyntaxNode, message: string): CodedError {
    return fault(this.source, node.from, message)
  }
}
