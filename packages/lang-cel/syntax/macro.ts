import type { CallNode, CelNode, ComprehensionNode, MacroName } from './node.ts'
import type { CelIssue } from './source.ts'

export interface MacroOptions {
  /** `all(i, v, …)`, `transformList`, …: on unless false. */
  readonly twoVariables?: boolean
  /** `cel.bind`: on unless false. */
  readonly bind?: boolean
  /** `optMap`, `optFlatMap`, `?.`: on unless false. */
  readonly optionals?: boolean
  /** `list.sortBy(e, key)`: off unless true. */
  readonly sortBy?: boolean
  /** `cel.block` of optimised expressions: off unless true. */
  readonly block?: boolean
  /** No macro but what the grammar itself needs. */
  readonly noMacros?: boolean
}

const oneVariable: Readonly<Record<string, MacroName>> = { all: 'all', exists: 'exists', exists_one: 'existsOne', existsOne: 'existsOne', map: 'map', filter: 'filter' }
const twoVariables: Readonly<Record<string, MacroName>> = {
  all: 'all', exists: 'exists', existsOne: 'existsOne', exists_one: 'existsOne', transformList: 'transformList', transformMap: 'transformMap', transformMapEntry: 'transformMapEntry',
}

/** The node a macro call stands for; undefined when the call is no macro. */
export function expandMacro(node: CallNode, options: MacroOptions, issues: CelIssue[]): CelNode | undefined {
  if (options.noMacros) return undefined
  const { name, target, args, offset } = node
  if (!target) return name === 'has' && args.length === 1 ? hasMacro(args[0] as CelNode, offset, issues) : undefined
  if (target.kind === 'ident' && target.name === 'cel') {
    if (name === 'bind' && args.length === 3 && options.bind !== false) return bindMacro(node, issues)
    if (options.block) return blockMacro(node, issues)
  }
  if ((name === 'optMap' || name === 'optFlatMap') && args.length === 2 && options.optionals !== false) {
    const variable = simpleName(args[0], issues, `${name}() variable name must be a simple identifier`)
    return { kind: 'bind', name: variable, value: target, body: args[1] as CelNode, optional: name === 'optMap' ? 'map' : 'flatMap', offset }
  }
  return comprehension(node, options, issues)
}

function hasMacro(argument: CelNode, offset: number, issues: CelIssue[]): CelNode {
  if (argument.kind === 'select' && !argument.test && !argument.optional) return { ...argument, test: true, offset }
  issues.push({ message: 'invalid argument to has() macro', offset: argument.offset })
  return argument
}

function simpleName(argument: CelNode | undefined, issues: CelIssue[], message = 'argument must be a simple name'): string {
  if (argument?.kind === 'ident' && !argument.name.startsWith('.')) {
    if (argument.name === '__result__' || argument.name === '@result') issues.push({ message: 'iteration variable overwrites accumulator variable', offset: argument.offset })
    return argument.name
  }
  issues.push({ message, offset: argument?.offset ?? 0 })
  return '@invalid'
}

function bindMacro({ args, offset }: CallNode, issues: CelIssue[]): CelNode {
  return { kind: 'bind', name: simpleName(args[0], issues, 'cel.bind() variable names must be simple identifiers'), value: args[1] as CelNode, body: args[2] as CelNode, optional: undefined, offset }
}

function blockMacro({ name, args, offset }: CallNode, issues: CelIssue[]): CelNode | undefined {
  const number = (node: CelNode | undefined) => node?.kind === 'const' && typeof node.value === 'number' ? node.value : undefined
  if (name === 'block' && args.length === 2) {
    const [values, body] = args as [CelNode, CelNode]
    if (values.kind !== 'list') issues.push({ message: 'cel.block requires the first arg to be a list literal', offset: values.offset })
    return values.kind === 'list' ? { kind: 'block', values: values.items.map(({ value }) => value), body, offset } : undefined
  }
  if (name === 'index' && args.length === 1) return { kind: 'ident', name: `@index${number(args[0]) ?? 'invalid'}`, offset }
  if ((name === 'iterVar' || name === 'accuVar') && args.length === 2) return { kind: 'ident', name: `@${name === 'iterVar' ? 'it' : 'ac'}:${number(args[0]) ?? ''}:${number(args[1]) ?? ''}`, offset }
  return undefined
}

function comprehension({ name, target, args, offset }: CallNode, options: MacroOptions, issues: CelIssue[]): ComprehensionNode | undefined {
  const range = target as CelNode
  const last = args.at(-1) as CelNode
  const one = oneVariable[name]
  if (one && (args.length === 2 || (one === 'map' && args.length === 3))) {
    return { kind: 'comprehension', macro: one, range, first: simpleName(args[0], issues), second: undefined, condition: args.length === 3 ? args[1] : undefined, body: last, offset }
  }
  if (name === 'sortBy' && options.sortBy && args.length === 2) {
    return { kind: 'comprehension', macro: 'sortBy', range, first: simpleName(args[0], issues), second: undefined, condition: undefined, body: last, offset }
  }
  const two = twoVariables[name]
  if (!two || options.twoVariables === false) return undefined
  const transforms = two.startsWith('transform')
  if (args.length !== 3 && !(transforms && args.length === 4)) return undefined
  const first = simpleName(args[0], issues)
  const second = simpleName(args[1], issues)
  if (first === second && first !== '@invalid') issues.push({ message: `duplicate variable name: ${first}`, offset: args[1]?.offset ?? offset })
  return { kind: 'comprehension', macro: two, range, first, second, condition: args.length === 4 ? args[2] : undefined, body: last, offset }
}
