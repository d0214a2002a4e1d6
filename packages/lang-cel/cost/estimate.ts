import type { CelType } from '../check/cel-type.ts'
import type { CelProgram } from '../compile-cel.ts'
import type { BindNode, CallNode, CelNode, ComprehensionNode, SelectNode } from '../syntax/node.ts'
import { codePoints } from '../value/text.ts'
import { functionCost } from './function-cost.ts'
import { fixed, type Size, times, union, unknownSize } from './size.ts'

/** The largest size of what a path leads to: a variable, then field names, `@items`, `@keys`, `@values`. Undefined when nothing is known. */
export type SizeOf = (path: readonly string[]) => number | undefined

/** What is known of a node's value and what it costs at most. */
export interface Estimated {
  readonly cost: number
  readonly size: Size | undefined
  readonly path: readonly string[] | undefined
  readonly type: CelType | undefined
  /** Of the keys and elements of a list or map that the expression itself made. */
  readonly entry?: { readonly key: Size; readonly value: Size } | undefined
}

interface Scope { readonly name: string; readonly known: Omit<Estimated, 'cost'>; readonly parent: Scope | undefined }

interface Context {
  readonly typeOf: (node: CelNode) => CelType
  readonly sizeOf: SizeOf
  readonly presenceTestCost: number
}

/** The most that an evaluation of a checked expression can cost, given how large its inputs can be. Infinity when nothing bounds it. */
export function estimateCost(program: CelProgram, sizeOf: SizeOf): { readonly max: number } {
  const { root, typeOf, presenceTestCost } = program
  return { max: estimate(root, undefined, { typeOf, sizeOf, presenceTestCost }).cost }
}

const scalars = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint'])

function isScalar(type: CelType | undefined): boolean {
  return type !== undefined && (scalars.has(type.kind) || (type.kind === 'optional' && isScalar(type.params[0])))
}

/** Adds what the path or the type says of the size, where the expression itself says nothing. */
function sized(known: Estimated, { sizeOf }: Context): Estimated {
  if (known.size) return known
  const max = known.path ? sizeOf(known.path) : undefined
  return { ...known, size: max !== undefined ? { min: 0, max } : isScalar(known.type) ? fixed(1) : undefined }
}

function estimate(node: CelNode, scope: Scope | undefined, context: Context): Estimated {
  const type = context.typeOf(node)
  const of = (child: CelNode, inner = scope) => estimate(child, inner, context)
  switch (node.kind) {
    case 'const': return { cost: 0, size: fixed(typeof node.value === 'string' ? codePoints(node.value) : node.value instanceof Uint8Array ? node.value.length : 1), path: undefined, type }
    case 'ident': {
      let at = scope
      while (at && at.name !== node.name) at = at.parent
      return sized(at ? { ...at.known, cost: 1, type } : { cost: 1, path: [node.name], size: undefined, type }, context)
    }
    case 'select': return node.resolved ? of(node.resolved) : estimateSelect(node, of(node.operand), context)
    case 'call': return estimateCall(node, scope, context)
    case 'list': {
      const items = node.items.map(({ value }) => of(value))
      const value = items.reduce<Size | undefined>((all, item) => union(all, item.size ?? unknownSize), undefined) ?? fixed(0)
      return { cost: 10 + sum(items), size: fixed(items.length), path: undefined, type, entry: { key: fixed(1), value } }
    }
    case 'map': {
      const keys = node.entries.map(({ key }) => of(key))
      const values = node.entries.map(({ value }) => of(value))
      const join = (parts: Estimated[]) => parts.reduce<Size | undefined>((all, part) => union(all, part.size ?? unknownSize), undefined) ?? fixed(0)
      return { cost: 30 + sum(keys) + sum(values), size: fixed(keys.length), path: undefined, type, entry: { key: join(keys), value: join(values) } }
    }
    case 'struct': return { cost: 40 + sum(node.fields.map(({ value }) => of(value))), size: undefined, path: undefined, type }
    case 'comprehension': return estimateComprehension(node, scope, context)
    case 'bind': return estimateBind(node, scope, context)
    case 'block': {
      let inner = scope
      let cost = 0
      node.values.forEach((value, i) => {
        const known = of(value, inner)
        cost += known.cost
        inner = { name: `@index${i}`, known, parent: inner }
      })
      const body = of(node.body, inner)
      return { ...body, cost: cost + body.cost }
    }
  }
}

const sum = (parts: readonly Estimated[]) => parts.reduce((total, { cost }) => total + cost, 0)

function estimateSelect(node: SelectNode, operand: Estimated, context: Context): Estimated {
  const type = context.typeOf(node)
  if (node.test) return sized({ cost: operand.cost + context.presenceTestCost, size: undefined, path: undefined, type }, context)
  const own = node.optional || operand.type?.kind === 'map' || operand.type?.kind === 'object' || operand.type?.kind === 'param' ? 1 : 0
  return sized({ cost: operand.cost + own, size: undefined, path: node.optional ? undefined : operand.path && [...operand.path, node.field], type }, context)
}

function estimateCall(node: CallNode, scope: Scope | undefined, context: Context): Estimated {
  const type = context.typeOf(node)
  const args = node.args.map((arg) => estimate(arg, scope, context))
  const [first, second, third] = args
  if (node.name === 'dyn' && first) return { ...first, cost: first.cost + 1, type }
  const target = node.target && estimate(node.target, scope, context)
  const argCost = sum(args)
  const before = target?.cost ?? 0
  switch (node.name) {
    case '_&&_': case '_||_': return { cost: argCost, size: fixed(1), path: undefined, type }
    case '_?_:_':
      if (first && second && third) {
        const size = union(second.size ?? unknownSize, third.size ?? unknownSize)
        return { cost: first.cost + Math.max(second.cost, third.cost), size, path: undefined, type, entry: joinEntries(second, third) }
      }
      break
    case '_[_]': case '_[?_]':
      if (first) {
        const path = first.path && [...first.path, first.type?.kind === 'map' ? '@values' : '@items']
        return sized({ cost: argCost + 1, size: first.entry?.value, path, type }, context)
      }
      break
  }
  const own = functionCost(node, target, args, context.sizeOf)
  const entry = node.name === '_+_' && first && second ? joinEntries(first, second) : undefined
  return sized({ cost: before + argCost + own.cost, size: own.size, path: undefined, type, entry }, context)
}

function joinEntries(a: Estimated, b: Estimated): Estimated['entry'] {
  if (!a.entry || !b.entry) return a.entry ?? b.entry
  return { key: union(a.entry.key, b.entry.key) ?? unknownSize, value: union(a.entry.value, b.entry.value) ?? unknownSize }
}

/** A macro costs what the fold costs that the reference implementation expands it to: see compile/comprehension.ts. */
function estimateComprehension(node: ComprehensionNode, scope: Scope | undefined, context: Context): Estimated {
  const type = context.typeOf(node)
  const range = estimate(node.range, scope, context)
  const isMap = range.type?.kind === 'map'
  const part = (step: string, size: Size | undefined): Omit<Estimated, 'cost'> => ({ path: range.path && [...range.path, step], size, type: undefined })
  const key = isMap ? part('@keys', range.entry?.key) : { path: undefined, size: fixed(1), type: undefined }
  const value = part(isMap ? '@values' : '@items', range.entry?.value)
  let inner: Scope = { name: node.first, known: node.second === undefined && !isMap ? value : key, parent: scope }
  if (node.second !== undefined) inner = { name: node.second, known: value, parent: inner }
  const condition = node.condition ? estimate(node.condition, inner, context).cost : 0
  const body = estimate(node.body, inner, context)
  const { once, step } = macroCosts(node, body.cost, condition)
  const count = range.size ?? unknownSize
  const made = node.macro === 'map' || node.macro === 'filter' || node.macro.startsWith('transform') || node.macro === 'sortBy'
  const item = node.macro === 'filter' || node.macro === 'sortBy' ? sized({ ...inner.known, cost: 0, type: range.type?.params[0] }, context).size : body.size
  return {
    cost: range.cost + once + times(count.max, step), size: made ? count : fixed(1), path: undefined, type,
    entry: made ? { key: key.size ?? unknownSize, value: item ?? unknownSize } : undefined,
  }
}

function macroCosts({ macro, condition: filter }: ComprehensionNode, body: number, condition: number): { once: number; step: number } {
  const kept = (step: number) => filter ? condition + Math.max(step, 1) : step
  switch (macro) {
    case 'all': return { once: 1, step: body + 3 }
    case 'exists': return { once: 1, step: body + 4 }
    case 'existsOne': return { once: 2, step: body + 2 }
    case 'filter': return { once: 11, step: body + 13 }
    case 'map': case 'transformList': return { once: 11, step: kept(body + 12) }
    case 'transformMap': return { once: 31, step: kept(body + 3) }
    case 'transformMapEntry': return { once: 31, step: kept(body + 2) }
    case 'sortBy': return { once: 22, step: body + 13 }
  }
}

function estimateBind(node: BindNode, scope: Scope | undefined, context: Context): Estimated {
  const value = estimate(node.value, scope, context)
  const type = context.typeOf(node)
  const body = estimate(node.body, { name: node.name, known: node.optional ? { ...value, type: value.type?.params[0] } : value, parent: scope }, context)
  if (!node.optional) return { ...body, cost: 10 + value.cost + body.cost }
  // target.hasValue() ? optional.of(cel.bind(name, target.value(), body)) : optional.none()
  const some = 10 + value.cost + 1 + body.cost + (node.optional === 'map' ? 1 : 0)
  return { ...body, type, cost: value.cost + 1 + Math.max(some, 1) }
}
